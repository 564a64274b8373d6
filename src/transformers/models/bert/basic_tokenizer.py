"""BERT's two tokenization steps as plain Python, for those who call them one by one.

:class:`~transformers.BertTokenizer` does the same in the engine, and much faster.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping

#: The blocks of CJK ideographs, each of which is a word: first and last code point. Kana and Hangul are not among them.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class BasicTokenizer:
    """Splits a text into words and punctuation characters.

    Args:
        do_lower_case: Whether words are lower-cased.
        never_split: Words that are left as they are.
        tokenize_chinese_chars: Whether each CJK ideograph is a word.
        strip_accents: Whether accents are removed; by default if words are lower-cased.
        do_split_on_punc: Whether each punctuation character is a word.
    """

    def __init__(
        self,
        do_lower_case: bool = True,
        never_split: Collection[str] | None = None,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        do_split_on_punc: bool = True,
    ) -> None:
        self.do_lower_case = do_lower_case
        self.never_split = set(never_split or ())
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = strip_accents
        self.do_split_on_punc = do_split_on_punc

    def tokenize(self, text: str, never_split: Collection[str] | None = None) -> list[str]:
        """The words of a text.

        Args:
            text: The text.
            never_split: More words that are left as they are.
        """
        kept = self.never_split.union(never_split or ())
        cleaned = text.translate(_CLEANED)
        if self.tokenize_chinese_chars:
            cleaned = cleaned.translate(_IDEOGRAPHS_APART)
        words = self._normalized(cleaned).split()
        return [part for word in words for part in ([word] if word in kept else self._split(self._folded(word)))]

    def _normalized(self, text: str) -> str:
        """The text with letters and their accents as one character, where there is one."""
        return unicodedata.normalize("NFC", text)

    def _folded(self, word: str) -> str:
        """A word in lower case and without accents, as far as is wanted."""
        if self.do_lower_case:
            word = word.lower()
        if self.strip_accents or (self.do_lower_case and self.strip_accents is None):
            word = unicodedata.normalize("NFD", word).translate(_WITHOUT_MARKS)
        return word

    def _split(self, folded: str) -> list[str]:
        return (folded.translate(_PUNCTUATION_APART) if self.do_split_on_punc else folded).split()


class WordpieceTokenizer:
    """Splits words into the longest pieces that the vocabulary has, from left to right.

    Args:
        vocab: The vocabulary; pieces that continue a word start with ``##``.
        unk_token: What stands for a word that cannot be split into pieces.
        max_input_chars_per_word: Longer words are not tried.
    """

    def __init__(self, vocab: Mapping[str, int], unk_token: str, max_input_chars_per_word: int = 100) -> None:
        self.vocab = vocab
        self.unk_token = unk_token
        self.max_input_chars_per_word = max_input_chars_per_word

    def tokenize(self, text: str) -> list[str]:
        """The pieces of all words of a text, which are separated by white space."""
        return [piece for word in text.split() for piece in self._pieces(word) or [self.unk_token]]

    def _pieces(self, word: str) -> list[str]:
        """The pieces; none if the word is too long, or has a part that no piece begins."""
        if len(word) > self.max_input_chars_per_word:
            return []
        pieces: list[str] = []
        start, prefix = 0, ""
        while start < len(word):
            for end in range(len(word), start, -1):
                if (piece := prefix + word[start:end]) in self.vocab:
                    break
            else:
                return []
            pieces.append(piece)
            start, prefix = end, "##"
        return pieces


class _CharacterTable(dict[int, str]):
    """What :meth:`str.translate` makes of each character, found out when a text first has it."""

    def __init__(self, replacement: Callable[[str], str]) -> None:
        super().__init__()
        self._replacement = replacement

    def __missing__(self, code: int) -> str:
        self[code] = replacement = self._replacement(chr(code))
        return replacement


def _cleaned(character: str) -> str:
    """Nothing if the character cannot be seen; every white space is a space."""
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    return "" if character == "\ufffd" or category.startswith("C") else character


def _without_mark(character: str) -> str:
    return "" if unicodedata.category(character) == "Mn" else character


def _ideograph_apart(character: str) -> str:
    is_ideograph = any(first <= ord(character) <= last for first, last in IDEOGRAPHS)
    return f" {character} " if is_ideograph else character


def _punctuation_apart(character: str) -> str:
    """Punctuation is category P, and everything in ASCII that is neither letter, digit nor white space."""
    visible_ascii = "!" <= character <= "~" and not character.isalnum()
    is_punctuation = visible_ascii or unicodedata.category(character).startswith("P")
    return f" {character} " if is_punctuation else character


_CLEANED = _CharacterTable(_cleaned)
_WITHOUT_MARKS = _CharacterTable(_without_mark)
_IDEOGRAPHS_APART = _CharacterTable(_ideograph_apart)
_PUNCTUATION_APART = _CharacterTable(_punctuation_apart)

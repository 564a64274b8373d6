"""BERT's two tokenization steps as plain Python, for those who call them one by one.

:class:`~transformers.BertTokenizer` does the same in the engine, and much faster.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping

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
        cleaned = "".join(_cleaned(text))
        if self.tokenize_chinese_chars:
            cleaned = "".join(f" {character} " if _is_ideograph(character) else character for character in cleaned)
        words = self._normalized(cleaned).split()
        return [part for word in words for part in ([word] if word in kept else self._split(word))]

    def _normalized(self, text: str) -> str:
        """The text with letters and their accents as one character, where there is one."""
        return unicodedata.normalize("NFC", text)

    def _split(self, word: str) -> list[str]:
        if self.do_lower_case:
            word = word.lower()
        if self.strip_accents or (self.do_lower_case and self.strip_accents is None):
            word = "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
        if not self.do_split_on_punc:
            return word.split()
        return "".join(f" {character} " if _is_punctuation(character) else character for character in word).split()


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
        return [piece for word in text.split() for piece in self._pieces(word)]

    def _pieces(self, word: str) -> Iterable[str]:
        if len(word) > self.max_input_chars_per_word:
            return [self.unk_token]
        pieces, start = [], 0
        while start < len(word):
            end = next((end for end in range(len(word), start, -1) if _piece(word, start, end) in self.vocab), None)
            if end is None:
                return [self.unk_token]
            pieces.append(_piece(word, start, end))
            start = end
        return pieces


def _piece(word: str, start: int, end: int) -> str:
    return word[start:end] if start == 0 else f"##{word[start:end]}"


def _cleaned(text: str) -> Iterator[str]:
    """The characters of a text without those that cannot be seen; every white space is a space."""
    for character in text:
        if character in "\t\n\r" or unicodedata.category(character) == "Zs":
            yield " "
        elif character != "\ufffd" and not unicodedata.category(character).startswith("C"):
            yield character


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in IDEOGRAPHS)


def _is_punctuation(character: str) -> bool:
    """Category P, and everything in ASCII that is neither letter, digit nor white space."""
    visible_ascii = "!" <= character <= "~" and not character.isalnum()
    return visible_ascii or unicodedata.category(character).startswith("P")

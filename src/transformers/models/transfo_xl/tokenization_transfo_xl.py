"""Transformer-XL's tokenizer: every word has a number.

There are two settings: as the Hub (the default), and as the original (``original_tokenization``), which a conversion
writes. They differ in

============================  ==========================================  ==========================================
what                          as the original                             as the Hub
============================  ==========================================  ==========================================
special tokens in a text      ordinary words                              recognised
words                         what stands between white space: texts are  those of Moses; hyphens, commas and points
                              expected to have been split                 in words become ``@-@``, ``@,@``, ``@.@``
decoding                      words with spaces between them              as Moses puts words together again
============================  ==========================================  ==========================================

The vocabulary is saved as ``vocab.json``. Pickles of the older library and of the original are read, never executed,
and never written.
"""

from __future__ import annotations

import functools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tokenizers import AddedToken

from ..._files import write_text
from ...hub import HubOptions, find_file
from ...tokenization_files import file_name, read_text
from ...tokenization_padding import EncodingOptions
from ...tokenization_prepared import Pieces, PreparedTokenizer, Word
from ...tokenization_special_tokens import ADDITIONAL, ROLES, special_token
from ...tokenization_texts import Text
from .vocabulary import WordVocabulary

if TYPE_CHECKING:
    from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

__all__ = ["TransfoXLTokenizer", "TransfoXLTokenizerFast"]

StrPath = str | os.PathLike[str]

#: Names that the vocabulary had on the Hub, the newer first.
_OLDER_FILES = ("vocab.pkl", "vocab.bin")

_UNKNOWN, _OTHER_UNKNOWN = "<unk>", "<UNK>"
_SENTENCE_MARK = "<S>"
_IN_NUMBERS = re.compile(r"(?<=\d)([,.])(?=\d)")
_MARKED_IN_NUMBERS = re.compile(r" @([,.])@ ")


class TransfoXLTokenizer(PreparedTokenizer):
    """Text to the numbers of its words; no special tokens are added.

    Calls accept ``add_eos=True``, which puts ``<eos>`` behind a text, and ``add_double_eos=True``, which puts ``<S>``
    around it. A tokenizer without a vocabulary gets one with :meth:`count_file` and :meth:`build_vocab`.

    Args:
        special: Words that have the first numbers in a vocabulary that is built.
        min_freq: How often another word has to occur.
        max_size: How many other words there may be.
        lower_case: Whether texts are lower-cased.
        delimiter: What stands between words: None for white space, an empty text if every character is a word.
        vocab_file: A text file whose words, the first of each line, are the vocabulary.
        pretrained_vocab_file: ``vocab.json``, ``vocab.pkl`` or ``vocab.bin`` of the Hub, or the ``cache.pkl`` of a
            data set; what it says of the arguments above counts where they are not given.
        never_split: Words that Moses leaves whole.
        unk_token: Stands for unknown words; ``<UNK>`` if the vocabulary has that one only.
        eos_token: Ends a text.
        additional_special_tokens: Further special tokens.
        language: The language of the texts, for Moses.
        original_tokenization: Whether texts are treated exactly as by the original code, see the module.
        **settings: See :class:`~transformers.PreTrainedTokenizerBase`.
    """

    vocab_files_names = {"pretrained_vocab_file": "vocab.json"}  # noqa: RUF012
    original_vocab_files = {"pretrained_vocab_file": "cache.pkl"}  # noqa: RUF012
    text_options = frozenset({"add_eos", "add_double_eos"})
    joins_words_by_context = True
    model_input_names = ["input_ids"]  # noqa: RUF012

    def __init__(
        self,
        special: Sequence[str] | None = None,
        min_freq: int | None = None,
        max_size: int | None = None,
        lower_case: bool | None = None,
        delimiter: str | None = None,
        vocab_file: StrPath | None = None,
        pretrained_vocab_file: StrPath | None = None,
        never_split: Sequence[str] | None = None,
        unk_token: str | AddedToken = _UNKNOWN,
        eos_token: str | AddedToken = "<eos>",
        additional_special_tokens: Sequence[str | AddedToken] = ("<formula>",),
        language: str = "en",
        **settings: Any,
    ) -> None:
        vocabulary = WordVocabulary() if pretrained_vocab_file is None else WordVocabulary.read(pretrained_vocab_file)
        chosen = {"special": special and list(special), "min_freq": min_freq, "max_size": max_size,
                  "lower_case": lower_case, "delimiter": delimiter,
                  "vocab_file": vocab_file and os.fspath(vocab_file)}  # fmt: skip
        for name, value in chosen.items():
            if value is not None:
                setattr(vocabulary, name, value)
        if vocab_file is not None:
            vocabulary.build()
        self.vocabulary = vocabulary
        self.never_split = None if never_split is None else list(never_split)
        self.language = language
        super().__init__(
            tokenizer_object=vocabulary.engine(),
            unk_token=unk_token,
            eos_token=eos_token,
            additional_special_tokens=additional_special_tokens,
            never_split=self.never_split,
            language=language,
            **settings,
        )

    def _register_special_tokens(self) -> None:
        known = self._engine.token_to_id
        if self.unk_token is not None and known(self.unk_token) is None and known(_OTHER_UNKNOWN) is not None:
            self._special_tokens["unk_token"] = special_token(_OTHER_UNKNOWN)
        if self.original_tokenization:
            self.additional_special_tokens = [
                token for token in self._additional_special_tokens if known(token.content) is not None
            ]
        super()._register_special_tokens()

    # The vocabulary

    @property
    def lower_case(self) -> bool:
        """Whether texts are lower-cased."""
        return self.vocabulary.lower_case

    @property
    def idx2sym(self) -> list[str]:
        """The words in the order of their numbers."""
        return self.vocabulary.idx2sym

    @property
    def sym2idx(self) -> dict[str, int]:
        """Word -> number."""
        return self.vocabulary.numbers()

    @property
    def counter(self) -> Counter[str]:
        """Word -> how often it was counted."""
        return self.vocabulary.counter

    def count_file(self, path: StrPath, add_eos: bool = False) -> list[list[str]]:
        """Counts the words of a text file for :meth:`build_vocab`; returns those of each line.

        Args:
            path: The file.
            add_eos: Whether ``<eos>`` ends each line.
        """
        sentences = [self.tokenize(line, add_eos=add_eos) for line in lines_of(path)]  # type: ignore[call-arg]
        self.count_sents(sentences)
        return sentences

    def count_sents(self, sents: Iterable[Sequence[str]]) -> None:
        """Counts the words of sentences for :meth:`build_vocab`."""
        for sentence in sents:
            self.vocabulary.counter.update(sentence)

    def encode_file(self, path: StrPath, add_eos: bool = True, add_double_eos: bool = False) -> list[int]:
        """The numbers of all words of a text file, one line after the other.

        Args:
            path: The file.
            add_eos: Whether ``<eos>`` ends each line.
            add_double_eos: Whether ``<S>`` stands around each line instead.
        """
        lines = lines_of(path)
        if not lines:
            return []
        rows = self(lines, add_eos=add_eos, add_double_eos=add_double_eos, verbose=False)["input_ids"]  # type: ignore[call-arg]
        return [number for row in rows for number in row]

    def build_vocab(self) -> None:
        """Makes the vocabulary of the words of ``vocab_file``, or of those that were counted."""
        self.vocabulary.build()
        self._engine = self.vocabulary.engine()
        self._set_special_tokens({role: self.init_kwargs.get(role) for role in ROLES})
        self.additional_special_tokens = self.init_kwargs[ADDITIONAL]
        self._register_special_tokens()

    # Texts

    def _words(self, text: Text, options: EncodingOptions) -> list[Word]:
        words = super()._words(text, options)
        asked = cast("Mapping[str, Any]", options)
        if asked.get("add_double_eos"):
            return [(None, [_SENTENCE_MARK]), *words, (None, [_SENTENCE_MARK])]
        return [*words, (None, [self.eos_token or "<eos>"])] if asked.get("add_eos") else words

    def _split(self, text: str, options: EncodingOptions) -> Iterator[Pieces]:
        line = text.strip()
        if self.lower_case:
            line = line.lower()
        if self.vocabulary.delimiter == "":
            words: Iterable[str] = line
        elif self.original_tokenization:
            words = line.split(self.vocabulary.delimiter)
        else:
            protected = [re.escape(word) for word in self.never_split or ()]
            words = moses_words(line, self.language, protected)
        return ([word] for word in words)

    def _decode_rows(self, rows: list[list[int]], skip_special_tokens: bool) -> list[str]:
        return [self.convert_tokens_to_string(self.convert_ids_to_tokens(row, skip_special_tokens)) for row in rows]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of words."""
        return " ".join(tokens) if self.original_tokenization else moses_text(tokens, self.language)

    # Files

    @classmethod
    def _find_files(cls, source: StrPath, options: HubOptions) -> dict[str, str]:
        for name in _OLDER_FILES if not Path(source).is_file() else ():
            older = find_file(source, name, options)
            if older is not None and find_file(source, cls.vocab_files_names["pretrained_vocab_file"], options) is None:
                return {"pretrained_vocab_file": str(older)}
        return super()._find_files(source, options)

    def save_vocabulary(self, save_directory: StrPath, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Writes ``vocab.json``, without added tokens; returns its path."""
        path = Path(save_directory) / file_name(filename_prefix, self.vocab_files_names["pretrained_vocab_file"])
        write_text(path, self.vocabulary.to_json())
        return (str(path),)


TransfoXLTokenizerFast = TransfoXLTokenizer


def lines_of(path: StrPath) -> list[str]:
    """The lines of a text file."""
    text = read_text(path)
    return text.removesuffix("\n").split("\n") if text else []


@functools.cache
def _sacremoses(language: str) -> tuple[MosesPunctNormalizer, MosesTokenizer, MosesDetokenizer]:
    from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

    return MosesPunctNormalizer(language), MosesTokenizer(language), MosesDetokenizer(language)


def moses_words(text: str, language: str, protected: Sequence[str]) -> list[str]:
    """The words of a text as Moses splits them, with marks where hyphens, commas and points joined them.

    Args:
        text: The text.
        language: Its language.
        protected: Patterns of what stays whole.
    """
    normalizer, tokenizer, _ = _sacremoses(language)
    words = tokenizer.tokenize(
        normalizer.normalize(text), aggressive_dash_splits=True, escape=False, protected_patterns=protected
    )
    return _IN_NUMBERS.sub(r" @\1@ ", " ".join(words)).split()


def moses_text(words: Sequence[str], language: str) -> str:
    """The text that Moses splits into these words, as far as they show it."""
    joined = _sacremoses(language)[2].detokenize(list(words))
    return _MARKED_IN_NUMBERS.sub(r"\1", joined).strip()

"""XLM's tokenizer: the Moses scripts by language, then byte pairs in which ``</w>`` ends a word.

There are two settings: as the Hub (the default), and as the original (``original_tokenization``), which a conversion
writes. They differ in

==============================  ===========================================  ==========================================
what                            as the original                              as the Hub
==============================  ===========================================  ==========================================
special tokens in a text        ordinary characters                          recognised
around a text                   ``</s> A </s>``, pairs                       ``<s> A </s>``, pairs
                                ``</s> A </s> </s> B </s>``                  ``<s> A </s> B </s>``
token types                     not returned: the model would add them       returned
                                to its input
words                           as by the scripts of August 2019             as by sacremoses
what cannot be printed          becomes a space                              is dropped
``‘``, ``‚``, full-width ``１``  become ``"``                                 become ``'``, ``'``, ``1``
==============================  ===========================================  ==========================================

The original segments Chinese with a Java program; here both settings use jieba.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

from tokenizers import AddedToken, Tokenizer, models

from ..._files import write_text
from ...errors import UserError
from ...tokenization_bpe import Merge, read_token_ids
from ...tokenization_files import as_json, file_name, read_text
from ...tokenization_padding import EncodingOptions
from ...tokenization_prepared import Pieces, PreparedTokenizer
from ...tokenization_special_tokens import InputTemplate
from .words import HubRules, OriginalRules, lowercase_and_remove_accents, words_of

__all__ = ["XLMTokenizer", "XLMTokenizerFast"]

logger = logging.getLogger(__name__)

StrPath = str | os.PathLike[str]

_SPECIAL = tuple(f"<special{number}>" for number in range(10))
#: The words that every dictionary begins with.
SPECIAL_WORDS = ("<s>", "</s>", "<pad>", "<unk>", *_SPECIAL)

_END_OF_WORD = "</w>"
_CONTINUED = "@@"
_UNKNOWN = "<unk>"


class XLMTokenizer(PreparedTokenizer):
    """Text to byte-pair ids. Calls take the language of their texts as ``lang``, by default ``"en"``.

    With ``bypass_tokenizer=True`` a text is words with spaces between them, in the case and with the accents that they
    are to have, and is only cut into byte pairs.

    Args:
        vocab_file: ``vocab.json``, or the ``vocab`` of fastBPE.
        merges_file: ``merges.txt``, or the ``codes`` of fastBPE.
        unk_token: Stands for what the vocabulary lacks.
        bos_token: Starts an input on the Hub.
        sep_token: Ends each text.
        pad_token: Fills rows up.
        cls_token: Starts each text in the original.
        mask_token: Stands for what is to be predicted.
        additional_special_tokens: Further special tokens.
        lang2id: Language -> its number for the model.
        id2lang: The reverse.
        do_lowercase_and_remove_accent: Whether the model knows texts in lower case and without accents only.
        vocabulary: Token -> id, instead of ``vocab_file``.
        original_tokenization: Whether texts are treated exactly as by the original code, see the module.
        **settings: See :class:`~transformers.PreTrainedTokenizerBase`.
    """

    vocab_files_names = {"vocab_file": "vocab.json", "merges_file": "merges.txt"}  # noqa: RUF012
    original_vocab_files = {"vocab_file": "vocab", "merges_file": "codes"}  # noqa: RUF012
    text_options = frozenset({"lang", "bypass_tokenizer"})
    input_template = InputTemplate("bos A sep", "bos A sep B:1 sep:1")

    def __init__(
        self,
        vocab_file: StrPath | None = None,
        merges_file: StrPath | None = None,
        unk_token: str | AddedToken = _UNKNOWN,
        bos_token: str | AddedToken = "<s>",
        sep_token: str | AddedToken = "</s>",
        pad_token: str | AddedToken = "<pad>",
        cls_token: str | AddedToken = "</s>",
        mask_token: str | AddedToken = "<special1>",
        additional_special_tokens: Sequence[str | AddedToken] = _SPECIAL,
        lang2id: Mapping[str, int] | None = None,
        id2lang: Mapping[int | str, str] | None = None,
        do_lowercase_and_remove_accent: bool = True,
        *,
        vocabulary: Mapping[str, int] | None = None,
        original_tokenization: bool = False,
        **settings: Any,
    ) -> None:
        if vocabulary is None and vocab_file is not None:
            vocabulary = read_vocabulary(vocab_file)
        if vocabulary is None or merges_file is None:
            found = {"vocab_file": vocabulary, "merges_file": merges_file}
            absent = [name for name, value in found.items() if value is None]
            raise UserError(f"{type(self).__name__} needs {' and '.join(absent)}.")
        self._merges = read_codes(merges_file)
        self._byte_pairs = byte_pair_model(self._merges)
        self.do_lowercase_and_remove_accent = do_lowercase_and_remove_accent
        self.lang2id = None if lang2id is None else dict(lang2id)
        self.id2lang = None if id2lang is None else {int(number): name for number, name in id2lang.items()}
        if original_tokenization:
            self.input_template = InputTemplate("cls A sep", "cls A sep cls:1 B:1 sep:1")
            self.model_input_names = ["input_ids", "attention_mask"]
        unknown = str(getattr(unk_token, "content", unk_token))
        super().__init__(
            tokenizer_object=Tokenizer(models.WordLevel(dict(vocabulary), unk_token=unknown)),
            original_tokenization=original_tokenization,
            unk_token=unk_token,
            bos_token=bos_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            additional_special_tokens=additional_special_tokens,
            lang2id=self.lang2id,
            id2lang=self.id2lang,
            do_lowercase_and_remove_accent=do_lowercase_and_remove_accent,
            **settings,
        )

    @property
    def do_lower_case(self) -> bool:
        """Whether texts are lower-cased."""
        return self.do_lowercase_and_remove_accent

    def _split(self, text: str, options: EncodingOptions) -> Iterator[Pieces]:
        asked = cast("Mapping[str, Any]", options)
        for word in self._words_in(text, asked.get("lang") or "en", bypass=asked.get("bypass_tokenizer", False)):
            yield cut(word, self._byte_pairs)

    def _words_in(self, text: str, language: str, *, bypass: bool) -> list[str]:
        if self.lang2id and language not in self.lang2id:
            _warn_of_language(language, tuple(self.lang2id))
        if bypass:
            return text.split()
        words = words_of(text, language, OriginalRules() if self.original_tokenization else HubRules())
        return lowercase_and_remove_accents(" ".join(words)).split() if self.do_lowercase_and_remove_accent else words

    def _decode_rows(self, rows: list[list[int]], skip_special_tokens: bool) -> list[str]:
        return [self.convert_tokens_to_string(self.convert_ids_to_tokens(row, skip_special_tokens)) for row in rows]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of tokens."""
        return "".join(tokens).replace(_END_OF_WORD, " ").strip()

    def save_vocabulary(self, save_directory: StrPath, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Writes ``vocab.json`` and ``merges.txt``, without added tokens; returns their paths."""
        texts = {
            "vocab_file": as_json(self._engine.get_vocab(with_added_tokens=False)),
            "merges_file": "".join(f"{left} {right}\n" for left, right in self._merges),
        }
        paths = [Path(save_directory) / file_name(filename_prefix, self.vocab_files_names[name]) for name in texts]
        for path, text in zip(paths, texts.values(), strict=True):
            write_text(path, text)
        return tuple(map(str, paths))

    @classmethod
    def from_original(
        cls,
        files: Mapping[str, StrPath],
        *,
        words: Sequence[str] | None = None,
        do_lowercase_and_remove_accent: bool | None = None,
        **settings: Any,
    ) -> Self:
        """The tokenizer of an original release, which treats texts exactly as the original code.

        Args:
            files: ``merges_file`` -> path of the ``codes``; ``vocab_file`` -> path of the ``vocab`` of fastBPE, if
                ``words`` are not given.
            words: The words of the checkpoint's dictionary, in the order of their ids.
            do_lowercase_and_remove_accent: By default whether no word has capitals or accents.
            **settings: Such as ``lang2id`` and ``id2lang``.
        """
        if words is None:
            words = read_words(files["vocab_file"])
        if do_lowercase_and_remove_accent is None:
            do_lowercase_and_remove_accent = first_with_capitals_or_accents(words) is None
        return cls(
            merges_file=files["merges_file"],
            vocabulary=vocabulary_of_words(words),
            do_lowercase_and_remove_accent=do_lowercase_and_remove_accent,
            original_tokenization=True,
            **settings,
        )


XLMTokenizerFast = XLMTokenizer


@functools.cache
def _warn_of_language(language: str, known: tuple[str, ...]) -> None:
    logger.warning("The model was not trained on the language %s, but on %s.", language, ", ".join(known))


def read_words(path: StrPath) -> list[str]:
    """The words of a dictionary in the order of their ids: the special ones, then those of fastBPE's ``vocab`` file.

    As in the original, lines that do not hold a word and its count, and words that are repeated, are left out.
    """
    lines = [line.split() for line in read_text(path).split("\n") if "\u2028" not in line]
    return list(dict.fromkeys((*SPECIAL_WORDS, *(line[0] for line in lines if len(line) == 2))))


def read_vocabulary(path: StrPath) -> dict[str, int]:
    """Token -> id, of ``vocab.json`` or of the ``vocab`` of fastBPE."""
    return read_token_ids(path) if Path(path).suffix == ".json" else vocabulary_of_words(read_words(path))


def vocabulary_of_words(words: Sequence[str]) -> dict[str, int]:
    """Token -> id, as the ecosystem spells them, for the words of a dictionary in the order of their ids.

    fastBPE marks a piece that goes on with ``@@``; the ecosystem marks one that does not with ``</w>``.

    Raises:
        UserError: Two words would be the same token.
    """
    vocabulary: dict[str, int] = {}
    for number, word in enumerate(words):
        token = word if number < len(SPECIAL_WORDS) else _token_of(word)
        if token in vocabulary:
            raise UserError(f"Words {vocabulary[token]} and {number} of the dictionary are the same token, {token!r}.")
        vocabulary[token] = number
    return vocabulary


def words_of_vocabulary(vocabulary: Mapping[str, int]) -> list[str]:
    """The words of a dictionary in the order of their ids, for what :func:`vocabulary_of_words` makes of them.

    Raises:
        UserError: The ids are not those from 0 on.
    """
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    if [vocabulary[token] for token in tokens] != list(range(len(tokens))):
        raise UserError(f"The ids of the vocabulary are not those from 0 to {len(tokens) - 1}, each of them once.")
    return [token if number < len(SPECIAL_WORDS) else _word_of(token) for number, token in enumerate(tokens)]


def _word_of(token: str) -> str:
    ended = token.endswith(_END_OF_WORD)
    return token.removesuffix(_END_OF_WORD) if ended else f"{token}{_CONTINUED}"


def _token_of(word: str) -> str:
    continued = word.endswith(_CONTINUED) and word != _CONTINUED
    return word.removesuffix(_CONTINUED) if continued else f"{word}{_END_OF_WORD}"


def first_with_capitals_or_accents(words: Sequence[str]) -> str | None:
    """The first word that a text in lower case and without accents does not have."""
    ordinary = words[len(SPECIAL_WORDS) :]
    return next((word for word in ordinary if lowercase_and_remove_accents(word) != word), None)


def read_codes(path: StrPath) -> list[Merge]:
    """The merges of fastBPE's ``codes``: two symbols in each line, and perhaps a count; there is no header.

    Raises:
        MissingFileError: There is no such file.
        UserError: A line does not hold two symbols.
    """
    lines = [(number, line.split()) for number, line in enumerate(read_text(path).split("\n"), start=1) if line]
    wrong = [f"line {number}: {' '.join(line)!r}" for number, line in lines if len(line) not in (2, 3)]
    if wrong:
        raise UserError(f"{os.fspath(path)} should have two symbols and a count in each line:", wrong[:5])
    return [(line[0], line[1]) for _, line in lines]


def byte_pair_model(merges: Sequence[Merge]) -> models.BPE:
    """What cuts words into the pieces that merges make, whether or not a vocabulary has them."""
    symbols = dict.fromkeys((_UNKNOWN, *(symbol for left, right in merges for symbol in (left, right, left + right))))
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    return models.BPE(numbers, list(merges), unk_token=_UNKNOWN, end_of_word_suffix=_END_OF_WORD)


def cut(word: str, byte_pairs: models.BPE) -> list[str]:
    """The pieces of a word; characters that are in no merge are pieces, too."""
    written = word.encode()  # the model counts bytes
    ends = [token.offsets[1] for token in byte_pairs.tokenize(word)]
    starts = [0, *ends[:-1]]
    return [
        written[start:end].decode() + (_END_OF_WORD if end == len(written) else "")
        for start, end in zip(starts, ends, strict=True)
    ]

"""The base of the tokenizers with a SentencePiece model, and what ALBERT's and XLNet's have in common.

Where a folder has both ``spiece.model`` and ``tokenizer.json``, the former counts. It is the original, and every
setting can still be chosen. ``tokenizer.json`` is for programs that know the engine only.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from tokenizers import AddedToken, Encoding, Tokenizer, normalizers

from ._files import replacing
from .errors import UserError
from .tokenization_files import TOKENIZER, file_name, load_engine, missing_vocabulary
from .tokenization_normalizers import lower_case, plain_spaces, strip_accents
from .tokenization_padding import EncodingOptions, Truncation
from .tokenization_sentencepiece import SPACE, SentencePieceModel, read_model_file
from .tokenization_special_tokens import special_token
from .tokenization_utils import PreTrainedTokenizerFast

#: Finds a comma after a digit. The comma comes first, as `re` finds what a pattern begins with fast.
_COMMA_AFTER_DIGIT = re.compile(r",(?<=[0-9],)").search
#: What numbers with commas lose of their scores in the engine's own file.
_LOWERED = 100.0


class SentencePieceTokenizer(PreTrainedTokenizerFast):
    """A tokenizer with a SentencePiece model.

    Args:
        build: Makes the engine from the model.
        vocab_file: ``spiece.model``.
        tokenizer_object: An engine, instead of the model.
        tokenizer_file: A ``tokenizer.json``, which counts if there is no model.
        original_tokenization: Whether special tokens in a text are ordinary text.
        **settings: See :class:`~transformers.PreTrainedTokenizerBase`.
    """

    vocab_files_names: ClassVar[Mapping[str, str]] = {"vocab_file": "spiece.model", "tokenizer_file": TOKENIZER}

    def __init__(
        self,
        build: Callable[[SentencePieceModel], Tokenizer],
        vocab_file: str | os.PathLike[str] | None,
        *,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        original_tokenization: bool = False,
        **settings: Any,
    ) -> None:
        self._model_file = None if vocab_file is None else read_model_file(vocab_file)
        engine = tokenizer_object
        if engine is None and self._model_file is not None:
            engine = build(SentencePieceModel.parse(self._model_file, os.fspath(vocab_file or "")))
        elif engine is None and tokenizer_file is not None:
            engine = load_engine(tokenizer_file)
            self._require_same_rules(engine, original=original_tokenization, unknown=settings["unk_token"])
        if engine is None:
            raise missing_vocabulary(type(self).__name__, ["vocab_file"])
        super().__init__(tokenizer_object=engine, original_tokenization=original_tokenization, **settings)

    def _require_same_rules(self, engine: Tokenizer, *, original: bool, unknown: str | AddedToken) -> None:
        """Refuses an engine that was made for the other of the two ways to treat texts."""
        special = {token.content for token in engine.get_added_tokens_decoder().values()}
        if original == (special_token(unknown).content in special):
            wanted = "the original" if original else "the Hub"
            raise UserError(
                f"{TOKENIZER} does not treat texts as {wanted} does.",
                advice=f"Give vocab_file too ({self.vocab_files_names['vocab_file']}), from which all settings can be "
                f"made, or original_tokenization={not original}.",
            )

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Writes the SentencePiece model as it was read; nothing, if the tokenizer was made of its engine alone."""
        if self._model_file is None:
            return ()
        path = Path(save_directory) / file_name(filename_prefix, self.vocab_files_names["vocab_file"])
        with replacing(path) as temporary:
            temporary.write_bytes(self._model_file)
        return (str(path),)


class NumberSplittingTokenizer(SentencePieceTokenizer):
    """A tokenizer that splits numbers from the commas behind them, as ALBERT's and XLNet's.

    A piece that ends in a digit and a comma is taken apart after the segmentation: what stands before the comma is
    segmented anew, by itself, and the comma becomes a piece. As ``tokenizer.json`` cannot say this, such pieces have
    scores in it so low that they are not taken, as in the Hub's files; for nearly all texts that gives the same.
    """

    #: Whether the original leaves the space that SentencePiece puts before what it segments anew, even within a word.
    _original_adds_spaces: ClassVar[bool] = False

    @functools.cached_property
    def _numbers(self) -> dict[int, str]:
        """Id -> piece that is taken apart."""
        vocabulary = self._engine.get_vocab(with_added_tokens=False)
        return {number: piece for piece, number in vocabulary.items() if _is_number_with_comma(piece)}

    @functools.cached_property
    def _segmented(self) -> dict[str, list[str]]:
        """Piece -> what it is taken apart into before its comma, for those that were met."""
        return {}

    def _run_engine(self, items: list[Any], truncation: Truncation, options: EncodingOptions) -> list[Encoding]:
        rows = super()._run_engine(items, truncation, options)
        concerned = [place for place, row in enumerate(rows) if self._has_number(items[place], row)]
        long = []
        for place in concerned:
            split = self._split_numbers(rows[place])
            if rows[place].overflowing or (truncation and len(split) > (truncation.max_length or 0)):
                long.append(place)
            rows[place] = split
        if long:
            again = self._split_before_truncation([items[place] for place in long], truncation, options)
            for place, row in zip(long, again, strict=True):
                rows[place] = row
        return rows

    def _has_number(self, item: Any, row: Encoding) -> bool:
        if not self._numbers or (isinstance(item, str) and self._keeps_ascii and _has_no_number(item)):
            return False
        return any(not self._numbers.keys().isdisjoint(part.ids) for part in (row, *row.overflowing))

    @functools.cached_property
    def _keeps_ascii(self) -> bool:
        """Whether no printable character of ASCII becomes a digit or a comma that was none before."""
        signs, normalizer = set("0123456789,"), self._engine.normalizer
        others = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in signs]
        return normalizer is None or all(signs.isdisjoint(normalizer.normalize_str(other)) for other in others)

    def _split_before_truncation(
        self, items: list[Any], truncation: Truncation, options: EncodingOptions
    ) -> list[Encoding]:
        """Encodes texts with numbers and commas apart that are too long then."""
        inputs = [item if isinstance(item, tuple) else (item,) for item in items]
        encoded = super()._run_engine(
            [text for item in inputs for text in item],
            dataclasses.replace(truncation, max_length=None),
            {**options, "add_special_tokens": False},
        )
        split = iter([self._split_numbers(encoding) for encoding in encoded])
        self._limit_engine(items, truncation, options)
        add_special_tokens = options.get("add_special_tokens", True)
        return [
            self._engine.post_process(next(split), _second(next(split)) if len(item) == 2 else None, add_special_tokens)
            for item in inputs
        ]

    def _split_numbers(self, encoding: Encoding) -> Encoding:
        """The encoding with numbers and commas apart, and without what was cut off."""
        columns = {name: getattr(encoding, attribute) for name, attribute in _COLUMNS.items()}
        ids, offsets = encoding.ids, encoding.offsets
        for place in reversed([place for place, number in enumerate(ids) if number in self._numbers]):
            parts = self._parts(self._numbers[ids[place]], offsets[place])
            for name, values in columns.items():
                values[place : place + 1] = [part.get(name, values[place]) for part in parts]
        return _encoding_of(columns)

    def _parts(self, piece: str, offsets: tuple[int, int]) -> list[dict[str, Any]]:
        """The pieces of a number and its comma, with their places in the text, of which each letter has one."""
        start, end = offsets
        parts = []
        for token in reversed([*self._segmented_anew(piece), ","]):
            begin = max(start, end - len(token.removeprefix(SPACE)))
            parts.append({"ids": self._id_of(token), "tokens": token, "offsets": (begin, end)})
            end = begin
        return parts[::-1]

    def _segmented_anew(self, piece: str) -> list[str]:
        if piece not in self._segmented:
            tokens = list(self._engine.encode(piece[:-1].replace(SPACE, ""), add_special_tokens=False).tokens)
            if not piece.startswith(SPACE) and not (self.original_tokenization and self._original_adds_spaces):
                tokens[0] = tokens[0].removeprefix(SPACE)
            self._segmented[piece] = [token for token in tokens if token]
        return self._segmented[piece]

    def _engine_to_save(self) -> Tokenizer:
        if self._model_file is None or not self._numbers:
            return self._engine
        state = json.loads(self._engine.to_str())
        vocabulary = state["model"]["vocab"]
        for number, piece in self._numbers.items():
            vocabulary[number] = [piece, vocabulary[number][1] - _LOWERED]
        return Tokenizer.from_str(json.dumps(state))

    @classmethod
    def from_original(
        cls, files: Mapping[str, str | os.PathLike[str]], *, do_lower_case: bool | None = None, **settings: Any
    ) -> Self:
        """The tokenizer of an original release, which treats texts exactly as the original code.

        Args:
            files: ``vocab_file`` -> path of the SentencePiece model.
            do_lower_case: Whether texts are lower-cased; by default whether the model has no upper-case letters.
            **settings: Such as ``model_max_length``.
        """
        if do_lower_case is None:
            do_lower_case = _first_with_capitals(files) is None
        return super().from_original(files, do_lower_case=do_lower_case, **settings)

    @classmethod
    def original_assumptions(cls, files: Mapping[str, str | os.PathLike[str]]) -> tuple[str, ...]:
        """What :meth:`from_original` assumes, with the reasons, for a report."""
        piece = _first_with_capitals(files)
        name = Path(files["vocab_file"]).name
        if piece is None:
            return (f"do_lower_case = true (no piece of {name} has upper-case letters)",)
        return (f"do_lower_case = false ({name} has pieces with upper-case letters, such as {piece!r})",)


def prepare_text(
    *, remove_space: bool, replace_quotes: bool, keep_accents: bool, do_lower_case: bool
) -> list[normalizers.Normalizer]:
    """What ALBERT and XLNet do to a text before SentencePiece sees it.

    Args:
        remove_space: Whether all white space counts as spaces, of which SentencePiece leaves single ones.
        replace_quotes: Whether two backticks or apostrophes become a quotation mark.
        keep_accents: Whether accents stay; otherwise all characters are replaced by simpler ones (NFKD), too.
        do_lower_case: Whether the text is lower-cased.
    """
    return [
        *([plain_spaces()] if remove_space else []),
        *([normalizers.Replace(quotes, '"') for quotes in ("``", "''")] if replace_quotes else []),
        *([] if keep_accents else strip_accents()),
        *(lower_case() if do_lower_case else []),
    ]


def mask_token_of(token: str | AddedToken) -> AddedToken:
    """A mask token, which stands for a word with the space before it."""
    return token if isinstance(token, AddedToken) else AddedToken(token, lstrip=True, normalized=False, special=True)


#: The columns of an encoding as the engine saves them, and the attributes that they are. The last is saved otherwise.
_COLUMNS = {
    **{name: name for name in ("ids", "type_ids", "tokens", "offsets", "special_tokens_mask", "attention_mask")},
    "words": "word_ids",
    "sequences": "sequence_ids",
}


def _encoding_of(columns: Mapping[str, list[Any]]) -> Encoding:
    """An encoding from its columns; the engine itself makes them of texts only."""
    state = {**columns, "overflowing": [], "sequence_ranges": _ranges(columns["sequences"])}
    del state["sequences"]
    encoding = Encoding()
    encoding.__setstate__(json.dumps(state).encode())
    return encoding


def _ranges(sequences: list[int | None]) -> dict[int, dict[str, int]]:
    """Text of a pair -> where its tokens start and end."""
    return {
        number: {"start": sequences.index(number), "end": len(sequences) - sequences[::-1].index(number)}
        for number in (0, 1)
        if number in sequences
    }


def _second(encoding: Encoding) -> Encoding:
    """The encoding of a text as that of the second of a pair."""
    columns = {name: getattr(encoding, attribute) for name, attribute in _COLUMNS.items()}
    return _encoding_of({**columns, "sequences": [1] * len(encoding)})


def _has_no_number(text: str) -> bool:
    """Whether a text surely has no number with a comma behind it: only of plain characters one can be sure."""
    return text.isascii() and text.isprintable() and not _COMMA_AFTER_DIGIT(text)


def _is_number_with_comma(piece: str) -> bool:
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def _first_with_capitals(files: Mapping[str, str | os.PathLike[str]]) -> str | None:
    """The first piece of a model that lower-cased text does not give."""
    path = files["vocab_file"]
    pieces = SentencePieceModel.parse(read_model_file(path), os.fspath(path)).in_texts
    return next((piece for piece in pieces if piece.lower() != piece), None)

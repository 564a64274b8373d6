r"""SentencePiece models as engines: a ``.model`` file is read once, and SentencePiece itself is not needed.

The families of this library have unigram models. The engine does what SentencePiece does, in its order:

1. The table of the model replaces characters. The engine looks whole graphemes up in it, and goes wrong where one
   consists of several characters. So marks are first cut off their letters, and then put together with them again.
   This is exact for all text in a normal form and for all text without marks; marks in an unusual order (a mark above
   before one below) may be put together where the table does not.
2. White space: none at the ends, single spaces, one in front. Spaces become ``▁``.
3. The segmentation with the largest sum of scores. Pieces that no text gives (control symbols, the unknown piece,
   bytes) are ordinary letters there. The engine knows no such pieces, so what looks like one is cut apart, where no
   piece of the model would join it.

SentencePiece sums scores in single precision, the engine in double. Where two segmentations agree in all digits of
single precision, either may be taken.
"""

# ruff: noqa: RUF009 (the calls declare fields, as those of `dataclasses.field` do)

from __future__ import annotations

import functools
import os
import re
import struct
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from .checkpoints import protobuf as pb
from .checkpoints.damage import FormatError
from .checkpoints.varint import ReadBuffer
from .errors import MissingFileError, UserError
from .tokenization_normalizers import character_class

SPACE = "▁"

_UNIGRAM = 1
_KINDS = {1: "unigram", 2: "BPE", 3: "word", 4: "character"}
_NORMAL, _UNKNOWN, _USER_DEFINED = 1, 2, 4
#: What a piece of the user's scores in SentencePiece, so that it is always taken.
_SCORE_OF_USER_DEFINED = -0.1

#: A grapheme by itself, which the table drops.
_CUT = "\x01"
#: Keeps what stands before it and behind it apart. It is no character, so no text and no table has it.
_BARRIER = "\ufdd0"
_SPACES_AT_START = r"\A +"
_OTHER_EXTRA_SPACES = r" +\z|(?<= ) +"
_SCRIPTS_WITH_COMPOSITION = (range(0xC0, 0x3100), range(0x11000, 0x11A00))


@dataclass(slots=True)
class _Piece:
    """``SentencePiece`` of ``sentencepiece_model.proto``; the score is the bits of a float."""

    piece: str = pb.string(1)
    score: int = pb.fixed32(2)
    type: int = pb.int64(3, default=_NORMAL)


@dataclass(slots=True)
class _TrainerSpec:
    """``TrainerSpec``, as far as it matters after training."""

    model_type: int = pb.int64(3, default=_UNIGRAM)
    treat_whitespace_as_suffix: int = pb.int64(24)
    byte_fallback: int = pb.int64(35)


@dataclass(slots=True)
class _NormalizerSpec:
    """``NormalizerSpec``."""

    precompiled_charsmap: list[ReadBuffer] = pb.byte_strings(2)
    add_dummy_prefix: int = pb.int64(3, default=1)
    remove_extra_whitespaces: int = pb.int64(4, default=1)


@dataclass(slots=True)
class _ModelProto:
    """``ModelProto``."""

    pieces: list[_Piece] = pb.messages(1, _Piece)
    trainer: _TrainerSpec = pb.message(2, _TrainerSpec)
    normalizer: _NormalizerSpec = pb.message(3, _NormalizerSpec)


@dataclass(frozen=True)
class SentencePieceModel:
    """What a ``.model`` file of SentencePiece says.

    Attributes:
        pieces: The pieces in the order of their ids.
        scores: Their scores, as the segmentation counts them.
        hidden: The pieces that no text gives.
        unknown_id: The id of what is in no piece.
        byte_fallback: Whether unknown characters become the pieces of their bytes.
        charsmap: The compiled table of what characters are replaced by; empty if there is none.
        add_dummy_prefix: Whether a text gets a space in front.
        remove_extra_whitespaces: Whether only single spaces are kept, and none at the ends.
    """

    pieces: Sequence[str]
    scores: Sequence[float]
    hidden: frozenset[str]
    unknown_id: int
    byte_fallback: bool
    charsmap: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool

    @classmethod
    def parse(cls, data: bytes, name: str) -> Self:
        """Understands the bytes of a file; ``name`` is its name for error messages.

        Raises:
            UserError: It is no SentencePiece model, or one of a kind that no family here has.
        """
        try:
            regular, rest = _regular_pieces(data)
            proto = pb.decode(_ModelProto, data[rest:])
        except FormatError as error:
            raise UserError(f"{name} is no SentencePiece model: {error}.") from error
        rows = regular + [(piece.piece, _float(piece.score), piece.type) for piece in proto.pieces]
        unknown = [number for number, (_, _, kind) in enumerate(rows) if kind == _UNKNOWN]
        if len(unknown) != 1:
            raise UserError(f"{name} is no SentencePiece model: it has {len(unknown)} unknown pieces instead of one.")
        if proto.trainer.model_type != _UNIGRAM or proto.trainer.treat_whitespace_as_suffix:
            kind = _KINDS.get(proto.trainer.model_type, "unknown")
            where = "behind" if proto.trainer.treat_whitespace_as_suffix else "before"
            raise UserError(
                f"{name} is a SentencePiece model of the kind {kind}, with spaces {where} words; it has to be "
                "unigram, with spaces before words."
            )
        return cls(
            pieces=[piece for piece, _, _ in rows],
            scores=[_SCORE_OF_USER_DEFINED if kind == _USER_DEFINED else score for _, score, kind in rows],
            hidden=frozenset(piece for piece, _, kind in rows if kind not in (_NORMAL, _USER_DEFINED)),
            unknown_id=unknown[0],
            byte_fallback=bool(proto.trainer.byte_fallback),
            charsmap=b"".join(map(bytes, proto.normalizer.precompiled_charsmap[-1:])),
            add_dummy_prefix=bool(proto.normalizer.add_dummy_prefix),
            remove_extra_whitespaces=bool(proto.normalizer.remove_extra_whitespaces),
        )

    @functools.cached_property
    def in_texts(self) -> list[str]:
        """The pieces that texts give."""
        return [piece for piece in self.pieces if piece not in self.hidden]


def read_model_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a ``.model`` file.

    Raises:
        MissingFileError: There is no such file.
    """
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise MissingFileError(f"The SentencePiece model {os.fspath(path)} does not exist.") from None


def _regular_pieces(data: bytes) -> tuple[list[tuple[str, float, int]], int]:
    """The pieces at the start of a file, and where they end. They are all there is but a few hundred bytes.

    A file has tens of thousands of them, all written in one way: tag and size, tag and size of the text, the text, tag
    and score, perhaps tag and kind. The general reader takes five times as long, and has the rest.
    """
    rows = []
    position = 0
    score_at = struct.Struct("<f").unpack_from
    while (start := position + 4) < len(data) and data[position] == 0x0A and data[position + 2] == 0x0A:
        size, length = data[position + 1], data[position + 3]
        score, end = start + length, position + 2 + size
        kind = end - 2 if size == length + 9 else None
        regular = size < 0x80 and end <= len(data) and size in (length + 7, length + 9) and data[score] == 0x15
        if not regular or (kind is not None and data[kind] != 0x18):
            break
        try:
            text = str(data[start:score], "utf-8")
        except UnicodeDecodeError:
            break
        rows.append((text, score_at(data, score + 1)[0], _NORMAL if kind is None else data[kind + 1]))
        position = end
    return rows, position


def _float(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def unigram_engine(
    model: SentencePieceModel,
    *,
    prepare: Sequence[normalizers.Normalizer] = (),
    split: Sequence[pre_tokenizers.PreTokenizer] = (),
    more_pieces: Sequence[str] = (),
    space_in_front: str = "always",
) -> Tokenizer:
    """An engine that gives the pieces of SentencePiece.

    Args:
        model: The model.
        prepare: What is done to a text before.
        split: Where a text is cut apart when spaces are ``▁`` already.
        more_pieces: Pieces that follow those of the model; ``split`` has to give them.
        space_in_front: ``"always"`` or, if a text has special tokens in it, before the ``"first"`` part of it only.
    """
    vocabulary = [*zip(model.pieces, model.scores, strict=True), *((piece, 0.0) for piece in more_pieces)]
    engine = Tokenizer(models.Unigram(vocabulary, model.unknown_id, model.byte_fallback))
    steps = [*prepare, *_table(model.charsmap)]
    if model.remove_extra_whitespaces:
        # With "first", a space at the start stays, because it is one to begin a word behind a special token.
        extra = _OTHER_EXTRA_SPACES if space_in_front == "first" else f"{_SPACES_AT_START}|{_OTHER_EXTRA_SPACES}"
        steps.append(normalizers.Replace(Regex(extra), ""))
    if steps:
        engine.normalizer = normalizers.Sequence(steps)
    scheme = space_in_front if model.add_dummy_prefix else "never"
    # Words are segmented one by one, which is faster, if that cannot make a difference.
    by_words = SPACE in model.in_texts and not any(SPACE in piece[1:] for piece in model.in_texts)
    metaspace = pre_tokenizers.Metaspace(SPACE, prepend_scheme=scheme, split=by_words)
    engine.pre_tokenizer = pre_tokenizers.Sequence([metaspace, *split, *_apart(model)])
    decoder = decoders.Metaspace(SPACE, prepend_scheme=scheme, split=by_words)
    engine.decoder = decoders.Sequence([decoders.ByteFallback(), decoder]) if model.byte_fallback else decoder
    return engine


def _table(charsmap: bytes) -> list[normalizers.Normalizer]:
    """What replaces characters by the table of a model."""
    if not charsmap:
        return []
    table = normalizers.Precompiled(charsmap)
    if table.normalize_str(f"e\u0301 a{_CUT}b") != "é ab":  # it does not clean and compose: graphemes do no harm
        return [table]
    between, barrier = _composition()
    return [
        normalizers.Replace(Regex(barrier), _BARRIER),
        normalizers.Replace(Regex(between), _CUT),
        table,
        normalizers.NFC(),
        normalizers.Replace(_BARRIER, ""),
    ]


@functools.cache
def _composition() -> tuple[str, str]:
    """Where a mark follows, and where it must stay by itself, because NFC would do more than a table.

    A table composes the sequences that make up one character. It does not order marks, and adds none to a letter that
    is composed already.
    """
    composed, marks = [], set()
    for code in (code for script in _SCRIPTS_WITH_COMPOSITION for code in script):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.is_normalized("NFC", chr(code)):
            composed.append(code)
            marks.add(int(parts[1], 16))
    combining = character_class(sorted(marks))
    between = rf"(?<!\A)(?=[{combining}\x{{200C}}\x{{200D}}\x{{FF9E}}\x{{FF9F}}])"
    barrier = rf"(?<!\A)(?=[\p{{M}}&&[^{combining}]])|(?<={character_class(composed)})(?={combining})"
    return between, barrier


def _apart(model: SentencePieceModel) -> list[pre_tokenizers.PreTokenizer]:
    """Cuts what looks like a hidden piece."""
    tails: dict[str, list[str]] = {}
    joined = "\n".join(model.in_texts)
    for piece in sorted(model.hidden):
        if len(piece) > 1:
            place = _place_to_cut(piece, joined, set(model.in_texts))
            tails.setdefault(re.escape(piece[:place]), []).append(re.escape(piece[place:]))
    heads = "|".join(f"{head}(?={'|'.join(rest)})" for head, rest in tails.items())
    return [pre_tokenizers.Split(Regex(heads), "merged_with_previous")] if heads else []


def _place_to_cut(piece: str, pieces: str, known: set[str]) -> int:
    """Between which letters no piece and no run of unknown letters can stand; if there are none, behind the first."""
    for place in range(1, len(piece)):
        left, right = piece[place - 1], piece[place]
        if left + right not in pieces and (left in known or right in known):
            return place
    return 1

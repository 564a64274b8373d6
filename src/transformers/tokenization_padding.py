"""How long the rows of a batch become: the options of a call, and padding and cutting of lists of ids.

Texts are cut and padded by the engine; the functions on lists here are for ids that exist already.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol, TypedDict, TypeVar

from .errors import UserError

logger = logging.getLogger(__name__)

#: A ``model_max_length`` above this says that no limit is known.
NO_LIMIT = int(1e20)

Side = Literal["left", "right"]


class PaddingStrategy(StrEnum):
    """What ``padding`` accepts, besides True (longest) and False."""

    LONGEST = "longest"
    MAX_LENGTH = "max_length"
    DO_NOT_PAD = "do_not_pad"


class TruncationStrategy(StrEnum):
    """What ``truncation`` accepts, besides True (longest first) and False."""

    LONGEST_FIRST = "longest_first"
    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    DO_NOT_TRUNCATE = "do_not_truncate"


class EncodingOptions(TypedDict, total=False):
    """The options of every method that encodes.

    Attributes:
        add_special_tokens: Whether the special tokens of the model are put around the texts (default: yes).
        padding: True or ``"longest"``: to the longest row; ``"max_length"``: to ``max_length``; False: not at all.
        truncation: True or ``"longest_first"``: tokens are removed from the longer text of a pair first;
            ``"only_first"``, ``"only_second"``: from that text only; False: nothing is cut.
        max_length: The limit, in tokens, special ones included; by default the model's.
        stride: How many tokens an overflowing row repeats of the one before it.
        is_split_into_words: Whether a text is given as a list of words.
        pad_to_multiple_of: Rounds the padded length up.
        padding_side: ``"left"`` or ``"right"``, instead of the tokenizer's.
        return_tensors: ``"pt"`` or ``"np"``; lists by default.
        return_token_type_ids: Whether to return them; by default if the model uses them.
        return_attention_mask: Whether to return it; by default if the model uses it.
        return_overflowing_tokens: Whether what is cut off becomes rows of its own, with
            ``overflow_to_sample_mapping`` (from ids: whether it is returned as ``overflowing_tokens``).
        return_special_tokens_mask: Whether to return 1 for special tokens and 0 for others.
        return_offsets_mapping: Whether to return the characters ``(start, end)`` of each token.
        return_length: Whether to return the number of tokens of each row.
        verbose: Whether to warn of what looks like a mistake (default: yes).
        pad_to_max_length: The older way to say ``padding="max_length"``.
        truncation_strategy: The older name of ``truncation``.
    """

    add_special_tokens: bool
    padding: bool | str
    truncation: bool | str | None
    max_length: int | None
    stride: int
    is_split_into_words: bool
    pad_to_multiple_of: int | None
    padding_side: Side | None
    return_tensors: str | None
    return_token_type_ids: bool | None
    return_attention_mask: bool | None
    return_overflowing_tokens: bool
    return_special_tokens_mask: bool
    return_offsets_mapping: bool
    return_length: bool
    verbose: bool
    pad_to_max_length: bool
    truncation_strategy: str


class LengthDefaults(Protocol):
    """What a tokenizer contributes to the length of a row."""

    padding_side: Side
    truncation_side: Side
    model_max_length: int


@dataclass(frozen=True, slots=True)
class Padding:
    """How rows are padded.

    Attributes:
        strategy: To which length.
        max_length: That length for ``MAX_LENGTH``; None if there is no limit, and then nothing is padded to it.
        multiple: Rounds the length up, if given.
        side: Where the padding goes.
    """

    strategy: PaddingStrategy
    max_length: int | None
    multiple: int | None
    side: Side

    def __bool__(self) -> bool:
        if self.strategy is PaddingStrategy.MAX_LENGTH:
            return self.max_length is not None
        return self.strategy is PaddingStrategy.LONGEST

    def length(self, longest: int) -> int:
        """The padded length of a batch whose longest row is given; longer rows stay as they are."""
        wanted = longest if self.max_length is None or self.strategy is PaddingStrategy.LONGEST else self.max_length
        return wanted + -wanted % self.multiple if self.multiple else wanted


@dataclass(frozen=True, slots=True)
class Truncation:
    """How rows are cut.

    Attributes:
        strategy: From which text tokens are removed.
        max_length: Number of tokens that a row may have, special ones included; None if there is no limit.
        stride: How many tokens an overflowing row repeats of the one before it.
        side: Which end is cut off.
    """

    strategy: TruncationStrategy
    max_length: int | None
    stride: int
    side: Side

    def __bool__(self) -> bool:
        return self.strategy is not TruncationStrategy.DO_NOT_TRUNCATE and self.max_length is not None

    def require_within(self, longest: int) -> None:
        """Checks that no row is longer than it may be, which happens where a text has no room beside the other.

        Raises:
            UserError: One is.
        """
        if self and self.max_length is not None and longest > self.max_length:
            raise UserError(
                f"max_length={self.max_length} is too short to split these texts: one of them has no room at all."
            )

    def require_room(self, special_tokens: int) -> None:
        """Checks that something is left beside the special tokens, and that the stride fits into it.

        Raises:
            UserError: It does not.
        """
        if self.max_length is None or not self:
            return
        room = self.max_length - special_tokens
        if room < 0:
            raise UserError(
                f"max_length={self.max_length} is too short: {special_tokens} special tokens are added to each row."
            )
        if self.stride and self.stride >= room:
            raise UserError(
                f"stride={self.stride} is too long: with max_length={self.max_length} and {special_tokens} special "
                f"tokens, a row holds {room} tokens of the text, and the stride must be less."
            )


def length_options(options: EncodingOptions, tokenizer: LengthDefaults) -> tuple[Padding, Truncation]:
    """What ``padding``, ``truncation`` and ``max_length`` mean together.

    Raises:
        UserError: A strategy is not known, or the options contradict each other.
    """
    warn = logger.warning if options.get("verbose", True) else logger.debug
    max_length = options.get("max_length")
    strategy = padding_strategy(options.get("padding", False))
    cut = options.get("truncation", options.get("truncation_strategy"))
    if max_length is not None and strategy is PaddingStrategy.DO_NOT_PAD and cut is None:
        warn("max_length is given without truncation: truncation=True is assumed.")
        cut = True
    if strategy is PaddingStrategy.DO_NOT_PAD and options.get("pad_to_max_length"):
        strategy = PaddingStrategy.MAX_LENGTH
    if max_length is None and tokenizer.model_max_length <= NO_LIMIT:
        max_length = tokenizer.model_max_length
    padding = Padding(
        strategy,
        max_length,
        options.get("pad_to_multiple_of"),
        require_side("padding_side", options.get("padding_side") or tokenizer.padding_side),
    )
    truncation = Truncation(truncation_strategy(cut), max_length, options.get("stride", 0), tokenizer.truncation_side)
    if max_length is None and (cut or strategy is PaddingStrategy.MAX_LENGTH):
        warn("No max_length is given and the model has none: texts are neither cut nor padded to it.")
    if padding and truncation and padding.multiple and max_length and max_length % padding.multiple:
        raise UserError(f"max_length={max_length} is not a multiple of pad_to_multiple_of={padding.multiple}.")
    return padding, truncation


_Strategy = TypeVar("_Strategy", PaddingStrategy, TruncationStrategy)


def padding_strategy(value: bool | str | None) -> PaddingStrategy:
    """The strategy that a value of ``padding`` means.

    Raises:
        UserError: It means none.
    """
    if isinstance(value, bool) or value is None:
        return PaddingStrategy.LONGEST if value else PaddingStrategy.DO_NOT_PAD
    return _strategy(PaddingStrategy, "padding", value)


def truncation_strategy(value: bool | str | None) -> TruncationStrategy:
    """The strategy that a value of ``truncation`` means.

    Raises:
        UserError: It means none.
    """
    if isinstance(value, bool) or value is None:
        return TruncationStrategy.LONGEST_FIRST if value else TruncationStrategy.DO_NOT_TRUNCATE
    return _strategy(TruncationStrategy, "truncation", value)


def _strategy(kind: type[_Strategy], option: str, value: str) -> _Strategy:
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(repr(strategy.value) for strategy in kind)
        raise UserError(f"{option}={value!r} is not known; it can be True, False, {choices}.") from None


def require_side(name: str, value: str) -> Side:
    """The value of ``padding_side`` or ``truncation_side``.

    Raises:
        UserError: It is neither left nor right.
    """
    if value == "left":
        return "left"
    if value == "right":
        return "right"
    raise UserError(f"{name}={value!r} is not known; it can be 'left' or 'right'.")


def pad_row(row: Sequence[Any], length: int, value: int, side: Side) -> list[Any]:
    """A row with as many values added as it lacks to a length."""
    padding = [value] * (length - len(row))
    return [*padding, *row] if side == "left" else [*row, *padding]


def truncate_ids(
    ids: Sequence[int],
    pair_ids: Sequence[int] | None,
    count: int,
    truncation: Truncation,
) -> tuple[list[int], list[int] | None, list[int]]:
    """Removes ``count`` ids from one or two texts.

    Returns:
        What is left of both, and what was cut off together with ``stride`` ids before it. When ids are removed from
        both texts, the overflow is empty: it would not be one text.

    Raises:
        UserError: The text that may be cut is too short.
    """
    first, second = list(ids), None if pair_ids is None else list(pair_ids)
    if count <= 0 or truncation.strategy is TruncationStrategy.DO_NOT_TRUNCATE:
        return first, second, []
    if truncation.strategy is TruncationStrategy.LONGEST_FIRST and second is not None:
        keep_first, keep_second = _longest_first(len(first), len(second), count)
        return _keep(first, keep_first, truncation.side), _keep(second, keep_second, truncation.side), []
    cut_second = truncation.strategy is TruncationStrategy.ONLY_SECOND
    text = second if cut_second else first
    if text is None or len(text) <= count:
        raise UserError(
            f"{count} tokens have to be removed, but the {'second' if cut_second else 'first'} text has "
            f"{len(text or ())}: it cannot be cut to the limit with truncation={truncation.strategy.value!r}."
        )
    kept = _keep(text, len(text) - count, truncation.side)
    overflow = _keep(text, min(len(text), count + truncation.stride), "left" if truncation.side == "right" else "right")
    return (first, kept, overflow) if cut_second else (kept, second, overflow)


def _longest_first(first: int, second: int, count: int) -> tuple[int, int]:
    """The lengths that remain when one token after the other is taken from the longer text (a tie: the second)."""
    total = max(first + second - count, 0)
    shorter = min(first, second)
    if total >= 2 * shorter:
        return (total - shorter, shorter) if first > second else (shorter, total - shorter)
    return total - total // 2, total // 2


def _keep(ids: list[int], length: int, cut_side: Side) -> list[int]:
    return ids[:length] if cut_side == "right" else ids[len(ids) - length :]


def batch_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows as dictionaries -> one dictionary of lists.

    Raises:
        UserError: The rows do not have the same names.
    """
    names = list(rows[0])
    for number, row in enumerate(rows):
        if set(row) != set(names):
            raise UserError(f"The rows to pad differ: row 0 has {', '.join(names)}, row {number} has {', '.join(row)}.")
    return {name: [row[name] for row in rows] for name in names}

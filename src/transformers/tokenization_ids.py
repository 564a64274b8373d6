"""Inputs of a model from ids that exist already: special tokens, cutting, padding."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from .errors import UserError
from .tokenization_encoding import BatchEncoding
from .tokenization_padding import (
    EncodingOptions,
    Padding,
    Side,
    Truncation,
    batch_of_rows,
    length_options,
    pad_row,
    require_side,
    truncate_ids,
)
from .tokenization_padding import (
    truncation_strategy as strategy_of,
)
from .tokenization_special_tokens import InputTemplate
from .tokenization_vocabulary import Vocabulary

logger = logging.getLogger(__name__)


class IdsToInputs(Vocabulary):
    """The part of a tokenizer that works on ids instead of text, in Python."""

    input_template: InputTemplate = InputTemplate("A", "A B:1")
    model_input_names: list[str]
    model_max_length: int
    padding_side: Side
    truncation_side: Side
    pad_token_type_id: int
    _warned_of_length: bool

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """The ids of one or two texts with the special tokens around them."""
        return self.input_template.build(token_ids_0, token_ids_1, self._require_id)

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """The token types of what :meth:`build_inputs_with_special_tokens` returns."""
        return self.input_template.token_types(token_ids_0, token_ids_1)

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 for special tokens, 0 for others.

        Args:
            token_ids_0: The ids of a text.
            token_ids_1: The ids of a second text.
            already_has_special_tokens: Whether the first argument is a complete input; otherwise the mask is that of
                what :meth:`build_inputs_with_special_tokens` returns.
        """
        if already_has_special_tokens:
            special = set(self.all_special_ids)
            return [int(number in special) for number in token_ids_0]
        return self.input_template.special_tokens_mask(token_ids_0, token_ids_1)

    def truncate_sequences(
        self,
        ids: Sequence[int],
        pair_ids: Sequence[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: bool | str = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """Removes ids from one or two texts.

        Returns:
            What is left of both, and what was cut off (together with ``stride`` ids before it). When ids are removed
            from both texts, the overflow is empty.

        Raises:
            UserError: The text that may be cut is too short.
        """
        strategy = strategy_of(truncation_strategy)
        side = require_side("truncation_side", self.truncation_side)
        return truncate_ids(ids, pair_ids, num_tokens_to_remove, Truncation(strategy, None, stride, side))

    def prepare_for_model(
        self,
        ids: Sequence[int],
        pair_ids: Sequence[int] | None = None,
        prepend_batch_axis: bool = False,
        **options: Unpack[EncodingOptions],
    ) -> BatchEncoding:
        """The inputs of a model for the ids of a text or pair.

        Args:
            ids: The ids of the text, without special tokens.
            pair_ids: The ids of the second text.
            prepend_batch_axis: Whether tensors are to be a batch of one.
            **options: See :class:`~transformers.tokenization_padding.EncodingOptions`. Overflowing ids are returned as
                ``overflowing_tokens``, with ``num_truncated_tokens``.
        """
        padding, truncation = length_options(options, self)
        add_special_tokens = options.get("add_special_tokens", True)
        template = self.input_template if add_special_tokens else IdsToInputs.input_template
        special = len(template.token_types((), None if pair_ids is None else ()))
        truncation.require_room(special)
        total = len(ids) + len(pair_ids or ()) + special
        excess = total - truncation.max_length if truncation and truncation.max_length is not None else 0
        first, second, overflow = truncate_ids(ids, pair_ids, excess, truncation)
        row: dict[str, Any] = {self.model_input_names[0]: template.build(first, second, self._require_id)}
        if _wanted("token_type_ids", options.get("return_token_type_ids"), self.model_input_names):
            row["token_type_ids"] = template.token_types(first, second)
        if options.get("return_special_tokens_mask"):
            row["special_tokens_mask"] = template.special_tokens_mask(first, second)
        if options.get("return_overflowing_tokens"):
            row |= {"overflowing_tokens": overflow, "num_truncated_tokens": max(excess, 0)}
        if options.get("max_length") is None and options.get("verbose", True):
            self._warn_of_length(total - max(excess, 0))
        rows = self._pad_rows(
            {name: [value] for name, value in row.items()}, padding, options.get("return_attention_mask")
        )
        if options.get("return_length"):
            rows["length"] = [len(rows[self.model_input_names[0]][0])]
        data = {name: values[0] for name, values in rows.items()}
        return BatchEncoding(data, None, options.get("return_tensors"), prepend_batch_axis)

    def pad(
        self,
        encoded_inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: Side | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Makes the rows of a batch equally long.

        Args:
            encoded_inputs: The inputs of one text or of a batch, or a list of the inputs of single texts; lists, arrays
                or tensors. Ids, attention mask, token types and special-tokens mask are padded, the rest is kept.
            padding: See :class:`~transformers.tokenization_padding.EncodingOptions`, as for what follows.
            max_length: The length for ``padding="max_length"``.
            pad_to_multiple_of: Rounds the length up.
            padding_side: Where the padding goes.
            return_attention_mask: Whether to add the attention mask if it is not there.
            return_tensors: ``"pt"`` or ``"np"``; by default what was given.
            verbose: Whether to warn of what looks like a mistake.

        Raises:
            UserError: There are no ids, the rows do not fit together, or there is no padding token.
        """
        columns = batch_of_rows(encoded_inputs) if not isinstance(encoded_inputs, Mapping) else dict(encoded_inputs)
        name = self.model_input_names[0]
        if name not in columns:
            raise UserError(f"The inputs to pad have no {name}, only {', '.join(columns) or 'nothing'}.")
        return_tensors = return_tensors or _kind_of(columns[name])
        columns = {column: _plain(values) for column, values in columns.items()}
        one = not columns[name] or not isinstance(columns[name][0], list)
        if one:
            columns = {column: [values] for column, values in columns.items()}
        lengths, _ = length_options(
            EncodingOptions(
                padding=padding,
                max_length=max_length,
                pad_to_multiple_of=pad_to_multiple_of,
                padding_side=padding_side,
                truncation=False,
                verbose=verbose,
            ),
            self,
        )
        padded = self._pad_rows(columns, lengths, return_attention_mask)
        return BatchEncoding(
            {column: rows[0] for column, rows in padded.items()} if one else padded, tensor_type=return_tensors
        )

    def _pad_rows(
        self, columns: dict[str, list[Any]], padding: Padding, return_attention_mask: bool | None
    ) -> dict[str, list[Any]]:
        name = self.model_input_names[0]
        rows = columns[name]
        unequal = {column: len(values) for column, values in columns.items() if len(values) != len(rows)}
        if unequal:
            raise UserError(
                f"The inputs to pad differ in the number of rows: {name} has {len(rows)},",
                [f"{column} has {count}" for column, count in unequal.items()],
            )
        columns = dict(columns)
        if _wanted("attention_mask", return_attention_mask, self.model_input_names):
            columns.setdefault("attention_mask", [[1] * len(row) for row in rows])
        if not padding or not any(rows):
            return columns
        values = {
            name: self._require_pad_id(),
            "attention_mask": 0,
            "token_type_ids": self.pad_token_type_id,
            "special_tokens_mask": 1,
        }
        length = padding.length(max(map(len, rows)))
        for column in values.keys() & columns.keys():
            columns[column] = [pad_row(row, length, values[column], padding.side) for row in columns[column]]
        return columns

    def _warn_of_length(self, length: int) -> None:
        if length > self.model_max_length and not self._warned_of_length:
            self._warned_of_length = True
            logger.warning(
                "An input of %d tokens is longer than the %d that the model can take; truncation=True cuts it.",
                length,
                self.model_max_length,
            )

    def _require_id(self, role: str) -> int:
        number = getattr(self, f"{role}_id")
        if number is None:
            raise UserError(f"{type(self).__name__} has no {role}, or the vocabulary does not hold it.")
        return int(number)

    def _require_pad_id(self) -> int:
        if self.pad_token_id is None:
            raise UserError(
                f"{type(self).__name__} has no padding token.",
                advice="Take another token for it (tokenizer.pad_token = tokenizer.eos_token), or add one with "
                "tokenizer.add_special_tokens({'pad_token': '[PAD]'}) and resize the model's embeddings.",
            )
        return self.pad_token_id


def _wanted(name: str, asked: bool | None, model_input_names: Sequence[str]) -> bool:
    return name in model_input_names if asked is None else asked


def _kind_of(values: Any) -> str | None:
    """The ``return_tensors`` that gives what was given."""
    first = values[0] if isinstance(values, list | tuple) and values else values
    return {"torch": "pt", "numpy": "np"}.get(type(first).__module__.partition(".")[0])


def _plain(values: Any) -> Any:
    """Tensors and arrays as lists."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return [_plain(value) for value in values] if isinstance(values, list | tuple) else values

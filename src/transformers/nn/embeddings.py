"""Embedding tables looked up by ids and positions, with errors that name the id."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from ..errors import UserError
from .dropout import Dropout
from .padding import EVERYTHING, Layout


class Table(Protocol):
    """What ids are looked up in: an ``nn.Embedding``, or what a family has in its place."""

    @property
    def num_embeddings(self) -> int:
        """The number of ids."""

    def __call__(self, ids: Tensor, /) -> Any:
        """``[...]`` -> ``[..., size]``; raises an IndexError for an id that is too large or negative."""


def look_up(table: Table, ids: Tensor, what: str) -> Tensor:
    """The rows of a table, ``[..., size]``.

    On a CPU an id outside the table is reported by name; nothing is checked beforehand, so it costs nothing.

    Args:
        table: The embeddings.
        ids: Integers below ``table.num_embeddings``.
        what: The name of the argument that the ids came from, for the message.

    Raises:
        UserError: An id is negative or not below the number of rows.
    """
    try:
        return table(ids)  # type: ignore[no-any-return]
    except IndexError as error:
        raise UserError(
            f"{what} holds {int(ids.min())} to {int(ids.max())}, its embeddings are 0 to {table.num_embeddings - 1}.",
            advice="Use the model's own tokenizer; after adding tokens: model.resize_token_embeddings(len(tokenizer)).",
        ) from error


def embed_words(
    table: Table, input_ids: Tensor | None, inputs_embeds: Tensor | None, *, argument_prefix: str = ""
) -> Tensor:
    """The input of a model, ``[batch, time, size]``, which is given either as ids or as embeddings.

    Args:
        table: The word embeddings.
        input_ids: ``[batch, time]``, or None.
        inputs_embeds: ``[batch, time, size]``, or None.
        argument_prefix: What the model's arguments have in front of these names, for messages.

    Raises:
        UserError: Both or neither are given, they have other axes, or an id is outside the table.
    """
    ids, embeds = f"{argument_prefix}input_ids", f"{argument_prefix}inputs_embeds"
    if input_ids is not None and inputs_embeds is None:
        _check_axes(ids, input_ids, "[batch, time]")
        return look_up(table, input_ids, ids)
    if inputs_embeds is not None and input_ids is None:
        _check_axes(embeds, inputs_embeds, "[batch, time, size]")
        return inputs_embeds
    given = f"Neither {ids} nor {embeds} is" if input_ids is None else f"Both {ids} and {embeds} are"
    raise UserError(f"{given} given.", advice="Give one of them.")


def check_length(length: int, table: nn.Embedding, past: int = 0) -> None:
    """Refuses inputs for which the table of positions is too short.

    Raises:
        UserError: Position ``past + length - 1`` is not in the table.
    """
    if past + length > table.num_embeddings:
        seen = f"{past} positions in past_key_values and {length} new ones" if past else f"{length} tokens"
        raise UserError(
            f"{seen}: the model has position embeddings for {table.num_embeddings}.",
            advice="Truncate the input (tokenizer(..., truncation=True)) or split it.",
        )


class SummedEmbeddings(nn.Module):
    """LayerNorm(word + segment + position), then dropout: the input of BERT and ALBERT.

    Args:
        vocab_size: Rows of the word table.
        size: Width of the three tables.
        positions: Rows of the position table: the longest sequence.
        segments: Rows of the segment ("token type") table.
        layer_norm_eps: Epsilon of the layer norm.
        dropout: Dropout of the result.
        padding_id: The id of padding, whose embedding gets no gradient.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        size: int,
        positions: int,
        segments: int,
        layer_norm_eps: float,
        dropout: float,
        padding_id: int | None = None,
    ) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, size, padding_idx=padding_id)
        self.position_embeddings = nn.Embedding(positions, size)
        self.token_type_embeddings = nn.Embedding(segments, size)
        self.LayerNorm = nn.LayerNorm(size, eps=layer_norm_eps)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past: int = 0,
        layout: Layout = EVERYTHING,
    ) -> Tensor:
        """Embeds a batch.

        Args:
            input_ids: ``[batch, time]``, unless ``inputs_embeds`` are given.
            token_type_ids: ``[batch, time]`` segments; all 0 if None.
            position_ids: ``[batch or 1, time]``; if None they count from ``past`` on, also over padding.
            inputs_embeds: ``[batch, time, size]`` in the place of word embeddings.
            past: Positions that were seen in earlier calls.
            layout: Which positions are wanted.

        Returns:
            ``[batch, time, size]``, packed as the layout says.

        Raises:
            UserError: The sequence is longer than the table of positions, or an id is outside its table.
        """
        word = embed_words(self.word_embeddings, input_ids, inputs_embeds)
        if token_type_ids is None:
            segment = self.token_type_embeddings.weight[0]
        else:
            segment = look_up(self.token_type_embeddings, token_type_ids, "token_type_ids")
        if position_ids is None:
            length = word.shape[1]
            check_length(length, self.position_embeddings, past)
            position = self.position_embeddings.weight[past : past + length]
        else:
            position = look_up(self.position_embeddings, position_ids, "position_ids")
        normed: Tensor = self.LayerNorm(layout.pack(word + segment + position))
        dropped: Tensor = self.dropout(normed)
        return dropped


def _check_axes(name: str, given: Tensor, wanted: str) -> None:
    if given.ndim != wanted.count(",") + 1:
        raise UserError(f"{name} has shape {list(given.shape)}.", advice=f"It must be {wanted}.")

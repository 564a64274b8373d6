"""Vocabularies of another size: word embeddings and the layer that scores words, resized together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from .errors import UserError
from .modeling_loading import shared_slots

if TYPE_CHECKING:
    from .modeling_utils import PreTrainedModel


def resize_embeddings(model: PreTrainedModel, new_num_tokens: int | None, pad_to_multiple_of: int | None) -> int:
    """Resizes the word embeddings of a model, and its output layer with its bias, tied or not.

    Args:
        model: The model.
        new_num_tokens: The new size of the vocabulary; the present one if None.
        pad_to_multiple_of: Rounds it up.

    Returns:
        The size of the vocabulary.

    Raises:
        UserError: If the model has no word embeddings of the usual kind.
    """
    words, head = model.get_input_embeddings(), model.get_output_embeddings()
    if not isinstance(words, nn.Embedding) or not isinstance(head, nn.Linear | None):
        raise UserError(f"{type(model).__name__} cannot resize its vocabulary.")
    size = vocabulary_size(words.num_embeddings, new_num_tokens, pad_to_multiple_of)
    resize_tables(model, words, head, size)
    return size


def vocabulary_size(present: int, new_num_tokens: int | None, pad_to_multiple_of: int | None) -> int:
    """The size that is asked for.

    Raises:
        UserError: If it is below 1.
    """
    size = present if new_num_tokens is None else new_num_tokens
    if pad_to_multiple_of is not None:
        size = -(-size // pad_to_multiple_of) * pad_to_multiple_of
    if size < 1:
        raise UserError(f"A vocabulary cannot have {size} words.")
    return size


@torch.no_grad()
def resize_tables(model: PreTrainedModel, words: nn.Embedding, head: nn.Linear | None, size: int) -> None:
    """Gives a table of word embeddings, and the layer that scores its words, another number of rows.

    Args:
        model: The model that they are part of.
        words: The table.
        head: The layer, whose weight may be that of the table.
        size: The number of rows.
    """
    if head is not None:
        _resize(model, head, nn.Linear(head.in_features, size, bias=head.bias is not None), keep=words.weight)
        head.out_features = size
    _resize(model, words, nn.Embedding(size, words.embedding_dim))
    words.num_embeddings = size


def _resize(model: PreTrainedModel, layer: nn.Module, fresh: nn.Module, keep: torch.Tensor | None = None) -> None:
    """Gives the parameters of a layer the sizes of a fresh one, wherever else in the model they are used.

    Args:
        model: The model.
        layer: The layer.
        fresh: A layer of the same kind; it provides the new rows.
        keep: A parameter that is left alone.
    """
    model._init_weights(fresh)
    for name, old in layer.named_parameters():
        if old is keep:
            continue
        new = nn.Parameter(fresh.get_parameter(name).to(old), requires_grad=old.requires_grad)
        common = min(len(old), len(new))
        new[:common] = old[:common]
        for group in shared_slots(model):
            if group[0].tensor is old:
                for slot in group:
                    slot.put(new)

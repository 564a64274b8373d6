"""The modules of the task heads: what turns hidden states into the features and logits of a task."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import UserError
from .activations import activation
from .dropout import Dropout

SUMMARY_TYPES = ("last", "first", "mean", "cls_index")


class Pooler(nn.Module):
    """tanh(W h_0 + b): the state of the first token, made ready for a classifier (BERT).

    Args:
        size: Width of the hidden states.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, size)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, size]`` -> ``[batch, size]``."""
        return torch.tanh(self.dense(hidden[:, 0]))


class PredictionTransform(nn.Module):
    """LayerNorm(act(W h + b)): what stands before the output matrix of a masked-word head.

    Args:
        size: Width of the hidden states.
        output_size: Width of the word embeddings.
        hidden_act: Name of the activation.
        layer_norm_eps: Epsilon of the layer norm.
    """

    def __init__(self, size: int, output_size: int, hidden_act: str | None, layer_norm_eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(size, output_size)
        self.act = activation(hidden_act)
        self.LayerNorm = nn.LayerNorm(output_size, eps=layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[..., size]`` -> ``[..., output_size]``."""
        normed: Tensor = self.LayerNorm(self.act(self.dense(hidden)))
        return normed


class MaskedWordHead(nn.Module):
    """LayerNorm(act(h W + b)) Eᵀ + bias: the masked-word scores of BERT.

    The family ties ``decoder.weight`` to the word embeddings E and ``decoder.bias`` to ``bias``.

    Args:
        size: Width of the hidden states and of the word embeddings.
        vocab_size: Number of words.
        hidden_act: Name of the activation.
        layer_norm_eps: Epsilon of the layer norm.
    """

    def __init__(self, size: int, vocab_size: int, hidden_act: str | None, layer_norm_eps: float) -> None:
        super().__init__()
        self.transform = PredictionTransform(size, size, hidden_act, layer_norm_eps)
        self.decoder = nn.Linear(size, vocab_size)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """``[..., size]`` -> ``[..., vocab_size]``."""
        return self.decoder(self.transform(hidden))  # type: ignore[no-any-return]


class SequenceSummary(nn.Module):
    """dropout(act(W dropout(h_s) + b)): one vector for each sequence, from the state at s or the mean of all states.

    The single head that GPT, GPT-2, XLM and XLNet share.

    Args:
        size: Width of the hidden states.
        kind: Which state: "last", "first", "mean" (over all positions, padding included) or "cls_index" (positions
            given in the call).
        output_size: Width of the result; None for no linear layer.
        hidden_act: Name of the activation, or None.
        first_dropout: Dropout before the linear layer.
        last_dropout: Dropout after the activation.

    Raises:
        UserError: ``kind`` is something else.
    """

    def __init__(
        self,
        size: int,
        kind: str = "last",
        *,
        output_size: int | None = None,
        hidden_act: str | None = None,
        first_dropout: float = 0.0,
        last_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kind not in SUMMARY_TYPES:
            raise UserError(
                f"summary_type {kind!r} in the configuration is not one that can be computed",
                advice=f"Known: {', '.join(SUMMARY_TYPES)}.",
            )
        self.kind = kind
        self.summary = nn.Identity() if output_size is None else nn.Linear(size, output_size)
        self.activation = activation(hidden_act)
        self.first_dropout = Dropout(first_dropout)
        self.last_dropout = Dropout(last_dropout)

    def forward(self, hidden: Tensor, cls_index: Tensor | None = None) -> Tensor:
        """Summarises sequences.

        Args:
            hidden: ``[..., time, size]``.
            cls_index: ``[...]`` positions for the kind "cls_index"; the last position if None.

        Returns:
            ``[..., output_size]``.
        """
        chosen = self.activation(self.summary(self.first_dropout(self._choose(hidden, cls_index))))
        summary: Tensor = self.last_dropout(chosen)
        return summary

    def _choose(self, hidden: Tensor, cls_index: Tensor | None) -> Tensor:
        if self.kind == "mean":
            return hidden.mean(-2)
        if self.kind == "first":
            return hidden[..., 0, :]
        if self.kind == "cls_index" and cls_index is not None:
            return at_positions(hidden, cls_index.reshape(hidden.shape[:-2]))
        return hidden[..., -1, :]


def at_positions(hidden: Tensor, positions: Tensor) -> Tensor:
    """The states at one position of each sequence: ``[..., time, size]`` and ``[...]`` -> ``[..., size]``."""
    index = positions[..., None, None].expand(*positions.shape, 1, hidden.shape[-1])
    return hidden.gather(-2, index).squeeze(-2)


def last_real_position(real: Tensor) -> Tensor:
    """The last position of each row that is real, -1 + time if none is.

    Args:
        real: ``[batch, time]``, true (or 1) for real tokens, wherever the padding stands.

    Returns:
        ``[batch]`` indices.
    """
    behind = real.bool().flip(-1).int().argmax(-1)
    return real.shape[-1] - 1 - behind

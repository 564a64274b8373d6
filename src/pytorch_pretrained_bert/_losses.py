"""The losses of the older heads, for which labels of -1 count for nothing, as those of -100 do today."""

from __future__ import annotations

from torch import Tensor

from transformers.nn import losses


def token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over all positions whose label is not -1.

    Args:
        logits: ``[..., classes]``.
        labels: Class indices; as many as there are rows of logits.
    """
    return losses.token_loss(logits, labels.masked_fill(labels == -1, losses.IGNORED))


def next_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The :func:`token_loss` where position i predicts label i + 1.

    Args:
        logits: ``[..., time, vocabulary]``.
        labels: ``[..., time]``.
    """
    return token_loss(logits[..., :-1, :], labels[..., 1:])

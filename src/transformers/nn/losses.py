"""The losses of the task heads. Labels of -100 count for nothing; losses are taken in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor

from ..errors import UserError

#: Positions with this label are left out of a loss.
IGNORED = -100

PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")


def token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over all positions whose label is not -100.

    Args:
        logits: ``[..., classes]``.
        labels: Class indices, of the shape of ``logits`` without the last axis.
    """
    return F.cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORED)


def next_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The :func:`token_loss` of a causal language model: position i predicts label i + 1.

    Args:
        logits: ``[batch, time, vocabulary]``.
        labels: ``[batch, time]``, mostly the input ids themselves.
    """
    return token_loss(logits[:, :-1], labels[:, 1:])


def problem_type(num_labels: int, labels: Tensor) -> str:
    """What the labels of a sequence classifier are, where its configuration does not say.

    One label means regression; several mean one class for each row if the labels are integers, else one
    probability for each label.
    """
    if num_labels == 1:
        return "regression"
    integers = not labels.is_floating_point() and labels.dtype != torch.bool
    return "single_label_classification" if integers else "multi_label_classification"


def classification_loss(logits: Tensor, labels: Tensor, problem: str | None = None) -> Tensor:
    """The loss of a sequence classifier.

    Args:
        logits: ``[batch, labels]``.
        labels: ``[batch]`` class indices; for regression ``[batch]`` or ``[batch, labels]`` values; for several labels
            at a time ``[batch, labels]`` of zeros and ones.
        problem: "regression" (mean squared error), "single_label_classification" (cross-entropy) or
            "multi_label_classification" (binary cross-entropy); None chooses by :func:`problem_type`.

    Raises:
        UserError: ``problem`` is something else.
    """
    problem = problem or problem_type(logits.shape[-1], labels)
    if problem == "regression":
        return F.mse_loss(logits.float(), labels.float().view_as(logits))
    if problem == "single_label_classification":
        return token_loss(logits, labels)
    if problem == "multi_label_classification":
        return F.binary_cross_entropy_with_logits(logits.float(), labels.float())
    raise UserError(
        f"unknown problem_type {problem!r} in the configuration", advice=f"Known: {', '.join(PROBLEM_TYPES)}."
    )


def span_loss(start_logits: Tensor, end_logits: Tensor, start_positions: Tensor, end_positions: Tensor) -> Tensor:
    """Mean of the cross-entropies of a span's two ends. Positions beyond the input (a cut-off answer) are left out.

    Args:
        start_logits: ``[batch, time]``.
        end_logits: ``[batch, time]``.
        start_positions: ``[batch]`` or ``[batch, 1]``.
        end_positions: The same for the last token of the answer.
    """
    return (_position_loss(start_logits, start_positions) + _position_loss(end_logits, end_positions)) / 2


def _position_loss(logits: Tensor, positions: Tensor) -> Tensor:
    """Cross-entropy over the time axis. Positions behind the end are left out, negative ones count as 0."""
    beyond = logits.shape[1]
    return F.cross_entropy(logits.float(), positions.view(-1).clamp(0, beyond), ignore_index=beyond)

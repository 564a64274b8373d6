"""The question answering head of XLNet (Yang et al., 2019), which XLM has, too: beams of spans, and "no answer".

The end of an answer is scored given its start: in training the true one, else each of the best few.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor, nn

from .heads import at_positions
from .losses import span_loss

#: What a forbidden position scores, as far as the data type reaches.
FORBIDDEN = -1e30


class StartLogits(nn.Module):
    """W h + b: how well the answer starts at each position.

    Args:
        size: Width of the hidden states.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[..., size]`` -> ``[...]``."""
        return self.dense(hidden).squeeze(-1)  # type: ignore[no-any-return]


class EndLogits(nn.Module):
    """w LayerNorm(tanh(W [h, h_start] + b)) + c: how well an answer that starts at a given position ends at each.

    Args:
        size: Width of the hidden states.
        layer_norm_eps: Epsilon of the layer norm.
    """

    def __init__(self, size: int, layer_norm_eps: float) -> None:
        super().__init__()
        self.dense_0 = nn.Linear(2 * size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=layer_norm_eps)
        self.dense_1 = nn.Linear(size, 1)

    def forward(self, hidden: Tensor, start: Tensor) -> Tensor:
        """Scores the ends of answers.

        Args:
            hidden: ``[batch, time, size]``.
            start: ``[batch, starts, size]``, the states of the first tokens.

        Returns:
            ``[batch, starts, time]``.
        """
        # W [h, h_start] is the sum of two products, each of which is needed once only.
        of_hidden, of_start = self.dense_0.weight.chunk(2, dim=-1)
        features = F.linear(hidden, of_hidden)[:, None] + F.linear(start, of_start, self.dense_0.bias)[:, :, None]
        return self.dense_1(self.LayerNorm(torch.tanh(features))).squeeze(-1)  # type: ignore[no-any-return]


class AnswerClass(nn.Module):
    """w tanh(W [h_start, h_cls] + b): how sure it is that there is no answer.

    Args:
        size: Width of the hidden states.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense_0 = nn.Linear(2 * size, size)
        self.dense_1 = nn.Linear(size, 1, bias=False)

    def forward(self, start: Tensor, cls: Tensor) -> Tensor:
        """The states ``[batch, size]`` of an answer's start and of the classification token -> ``[batch]``."""
        return self.dense_1(torch.tanh(self.dense_0(torch.cat([start, cls], dim=-1)))).squeeze(-1)  # type: ignore[no-any-return]


class SpanHead(Protocol):
    """Whatever has the three modules: in XLNet the model itself, in XLM :class:`SpanBeamHead`."""

    start_logits: StartLogits
    end_logits: EndLogits
    answer_class: AnswerClass


class SpanBeamHead(nn.Module):
    """The three modules, under one name.

    Args:
        size: Width of the hidden states.
        layer_norm_eps: Epsilon of the layer norm.
    """

    def __init__(self, size: int, layer_norm_eps: float) -> None:
        super().__init__()
        self.start_logits = StartLogits(size)
        self.end_logits = EndLogits(size, layer_norm_eps)
        self.answer_class = AnswerClass(size)


class SpanBeams(NamedTuple):
    """The best spans. The ecosystem's names: the scores are probabilities, whatever their names say.

    The ends stand end by end: entry ``j * starts + i`` is the j-th best end for the i-th best start.

    Attributes:
        start_top_log_probs: ``[batch, starts]`` probabilities of the best starts, falling.
        start_top_index: ``[batch, starts]`` their positions.
        end_top_log_probs: ``[batch, ends * starts]`` probabilities of the best ends given a start.
        end_top_index: ``[batch, ends * starts]`` their positions.
        cls_logits: ``[batch]`` scores of "there is no answer".
    """

    start_top_log_probs: Tensor
    start_top_index: Tensor
    end_top_log_probs: Tensor
    end_top_index: Tensor
    cls_logits: Tensor


def search_spans(
    head: SpanHead,
    hidden: Tensor,
    *,
    starts: int,
    ends: int,
    cls_index: Tensor | None = None,
    p_mask: Tensor | None = None,
) -> SpanBeams:
    """The best starts, and for each the best ends.

    Args:
        head: The modules.
        hidden: ``[batch, time, size]``.
        starts: How many starts; all positions if there are fewer.
        ends: How many ends for each.
        cls_index: ``[batch]`` positions of the classification token; the last one if None.
        p_mask: ``[batch, time]``, 1 for positions that cannot be part of an answer.
    """
    time = hidden.shape[1]
    probabilities = _softmax(_forbid(head.start_logits(hidden), p_mask))
    start_top, start_index = probabilities.topk(min(starts, time), dim=-1)
    start_states = hidden.gather(1, start_index[..., None].expand(-1, -1, hidden.shape[-1]))
    end_mask = None if p_mask is None else p_mask[:, None]
    end_top, end_index = _softmax(_forbid(head.end_logits(hidden, start_states), end_mask)).topk(
        min(ends, time), dim=-1
    )
    expected_start = (probabilities[:, None] @ hidden).squeeze(1)
    return SpanBeams(
        start_top,
        start_index,
        end_top.transpose(1, 2).flatten(1),
        end_index.transpose(1, 2).flatten(1),
        head.answer_class(expected_start, _cls_state(hidden, cls_index)),
    )


def span_beam_loss(
    head: SpanHead,
    hidden: Tensor,
    start_positions: Tensor,
    end_positions: Tensor,
    *,
    cls_index: Tensor | None = None,
    is_impossible: Tensor | None = None,
    p_mask: Tensor | None = None,
) -> Tensor:
    """Mean of the cross-entropies of the answer's two ends, the second given the first.

    Half of the binary cross-entropy of "there is no answer" is added if both ``cls_index`` and ``is_impossible`` are
    given.

    Args:
        head: The modules.
        hidden: ``[batch, time, size]``.
        start_positions: ``[batch]``, or ``[batch, 1]`` as the others, too.
        end_positions: ``[batch]``.
        cls_index: ``[batch]`` positions of the classification token.
        is_impossible: ``[batch]``, 1 where there is no answer.
        p_mask: ``[batch, time]``, 1 for positions that cannot be part of an answer.
    """
    start = at_positions(hidden, start_positions.view(-1).clamp(0, hidden.shape[1] - 1))
    start_scores = _forbid(head.start_logits(hidden), p_mask)
    end_scores = _forbid(head.end_logits(hidden, start[:, None]).squeeze(1), p_mask)
    loss = span_loss(start_scores, end_scores, start_positions, end_positions)
    if cls_index is None or is_impossible is None:
        return loss
    scores = head.answer_class(start, _cls_state(hidden, cls_index))
    return loss + F.binary_cross_entropy_with_logits(scores.float(), is_impossible.view(-1).float()) / 2


def _forbid(scores: Tensor, p_mask: Tensor | None) -> Tensor:
    """Scores · (1 - p) + FORBIDDEN · p."""
    if p_mask is None:
        return scores
    mask = p_mask.to(scores.dtype)
    return scores * (1 - mask) + mask * max(FORBIDDEN, torch.finfo(scores.dtype).min)


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1, dtype=torch.float32).to(scores.dtype)


def _cls_state(hidden: Tensor, cls_index: Tensor | None) -> Tensor:
    return hidden[:, -1] if cls_index is None else at_positions(hidden, cls_index.view(-1))

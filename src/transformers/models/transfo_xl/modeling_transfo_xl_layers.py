"""The layers of Transformer-XL: attention by relative positions (Dai et al., 2019, §3.3), and what follows it.

With u and v the biases ``r_w_bias`` and ``r_r_bias``, query i and key j, mem positions in the memory and R_d the
projected code of the distance d,

    score(i, j) = ((q_i + u) · k_j + (q_i + v) · R_{mem + i - j}) / sqrt(d_head)

Shapes: batch, time (the positions of a segment), mem (those of the memory), keys = mem + time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...nn.attention import attention, merge_heads, split_heads
from ...nn.dropout import Dropout
from ...nn.relative_distances import relative_shift, sinusoids
from .configuration_transfo_xl import TransfoXLConfig


class PositionalEmbedding(nn.Module):
    """The code of each distance: sines, then cosines.

    Files of this family store the frequencies. They are computed all the same, because a stored copy takes part in
    changes of the data type, which distances of more than a few hundred do not bear.

    Args:
        size: Width of the codes, even.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("inv_freq", torch.zeros(size // 2))

    def forward(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        """``[keys]`` -> ``[keys, size]``."""
        return sinusoids(distances, self.size).to(dtype)


@dataclass(frozen=True)
class SegmentInputs:
    """What the attentions of all layers are given beside the hidden states.

    Attributes:
        codes: ``[distances, d_model]``, the codes of the distances keys, …, 1, 0.
        hidden_keys: ``[time, keys]``, true where a query does not see a key.
        need_weights: Whether the attention weights are wanted.
    """

    codes: Tensor
    hidden_keys: Tensor
    need_weights: bool


class RelativeAttention(nn.Module):
    """LayerNorm(x + attention(x) O); see the module's docstring.

    Args:
        config: The hyper-parameters.
        r_w_bias: The bias u, ``[heads, d_head]``, if all layers share it.
        r_r_bias: The bias v.
    """

    def __init__(self, config: TransfoXLConfig, r_w_bias: nn.Parameter | None, r_r_bias: nn.Parameter | None) -> None:
        super().__init__()
        self.heads, self.scale, self.dropatt = config.n_head, config.d_head**-0.5, config.dropatt
        width = config.n_head * config.d_head
        self.qkv_net = nn.Linear(config.d_model, 3 * width, bias=False)
        self.r_net = nn.Linear(config.d_model, width, bias=False)
        self.o_net = nn.Linear(width, config.d_model, bias=False)
        self.drop = Dropout(config.dropout)
        self.layer_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.r_w_bias = query_bias(config) if r_w_bias is None else r_w_bias
        self.r_r_bias = query_bias(config) if r_r_bias is None else r_r_bias

    def forward(
        self, hidden: Tensor, memory: Tensor | None, inputs: SegmentInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, d_model]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        query, key, value = self._project(hidden, memory)
        codes = split_heads(self.r_net(inputs.codes)[None], self.heads)
        by_distance = (query + self.r_r_bias[:, None].to(query.dtype)) @ codes.transpose(-1, -2)
        by_position = relative_shift(by_distance, key.shape[-2]) * self.scale
        context, weights = attention(
            query + self.r_w_bias[:, None].to(query.dtype),
            key,
            value,
            by_position.masked_fill(inputs.hidden_keys, torch.finfo(by_position.dtype).min),
            scale=self.scale,
            dropout=self.dropatt if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )
        return self.layer_norm(hidden + self.drop(self.o_net(merge_heads(context)))), weights

    def _project(self, hidden: Tensor, memory: Tensor | None) -> Sequence[Tensor]:
        """Queries of the segment, keys and values of the memory and the segment, ``[batch, heads, …, d_head]``."""
        seen = hidden if memory is None else torch.cat([memory, hidden], dim=1)
        projected = (
            nn.functional.linear(source, weight)
            for source, weight in zip((hidden, seen, seen), self.qkv_net.weight.chunk(3), strict=True)
        )
        return [split_heads(part, self.heads) for part in projected]


def query_bias(config: TransfoXLConfig) -> nn.Parameter:
    """A bias of all queries, ``[heads, d_head]``."""
    return nn.Parameter(torch.zeros(config.n_head, config.d_head))


class PositionwiseFF(nn.Module):
    """LayerNorm(x + relu(x W + b) W' + b').

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__()
        self.CoreNet = nn.Sequential(
            nn.Linear(config.d_model, config.d_inner),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(config.d_inner, config.d_model),
            Dropout(config.dropout),
        )
        self.layer_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> the same."""
        normed: Tensor = self.layer_norm(hidden + self.CoreNet(hidden))
        return normed


class DecoderLayer(nn.Module):
    """Attention, then the feed-forward layer.

    Args:
        config: The hyper-parameters.
        r_w_bias: See :class:`RelativeAttention`.
        r_r_bias: See :class:`RelativeAttention`.
    """

    def __init__(self, config: TransfoXLConfig, r_w_bias: nn.Parameter | None, r_r_bias: nn.Parameter | None) -> None:
        super().__init__()
        self.dec_attn = RelativeAttention(config, r_w_bias, r_r_bias)
        self.pos_ff = PositionwiseFF(config)

    def forward(
        self, hidden: Tensor, memory: Tensor | None, inputs: SegmentInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The new states, and the attention weights if they are wanted."""
        hidden, weights = self.dec_attn(hidden, memory, inputs, head_mask)
        return self.pos_ff(hidden), weights

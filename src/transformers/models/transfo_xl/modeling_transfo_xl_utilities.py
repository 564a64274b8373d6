"""Word vectors and softmax for large vocabularies, cut into clusters (Grave et al., 2017; Baevski and Auli, 2019).

Words are numbered by falling frequency and cut into clusters 0, 1, …, K. Cluster k has vectors of width
``d_embed // div_val ** k``, so that rare words have fewer parameters; a projection brings each cluster to the width of
the model. The softmax first chooses among the words of cluster 0 and the K other clusters, then within a cluster:

    log p(word of cluster 0) = log softmax(head)[word]
    log p(word of cluster k) = log softmax(head)[n_0 + k - 1] + log softmax(cluster k)[word]

With ``div_val`` 1 there is one table of word vectors, of which the clusters are ranges of rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor, nn

from ...nn.losses import IGNORED


def _widths(d_embed: int, div_val: int, clusters: int) -> list[int]:
    return [d_embed // div_val**cluster for cluster in range(clusters)]


def _sizes(n_token: int, cutoffs: Sequence[int]) -> list[int]:
    return [end - start for start, end in itertools.pairwise([0, *cutoffs, n_token])]


class AdaptiveEmbedding(nn.Module):
    """sqrt(d_proj) · (vector of the word) · (projection of its cluster).

    Args:
        n_token: Number of words.
        d_embed: Width of the vectors of cluster 0.
        d_proj: Width of the result.
        cutoffs: The first word of each cluster but the first one.
        div_val: By how much the vectors of each cluster are narrower than those of the one before.
    """

    def __init__(self, n_token: int, d_embed: int, d_proj: int, cutoffs: Sequence[int], div_val: int = 1) -> None:
        super().__init__()
        self.scale = d_proj**0.5
        sizes = _sizes(n_token, cutoffs) if div_val != 1 else [n_token]
        widths = _widths(d_embed, div_val, len(sizes))
        self.emb_layers = nn.ModuleList(itertools.starmap(nn.Embedding, zip(sizes, widths, strict=True)))
        projected = div_val != 1 or d_proj != d_embed
        self.emb_projs = nn.ParameterList(torch.zeros(d_proj, width) for width in widths if projected)

    @property
    def num_embeddings(self) -> int:
        """Number of words."""
        return sum(self._rows())

    def _rows(self) -> list[int]:
        return [cast("nn.Embedding", table).weight.shape[0] for table in self.emb_layers]

    def forward(self, ids: Tensor) -> Tensor:
        """Looks words up. Each word is looked up in every cluster, so that no shape depends on which words there are.

        Args:
            ids: ``[batch, time]``.

        Returns:
            ``[batch, time, d_proj]``.

        Raises:
            IndexError: A word is outside of the vocabulary.
        """
        *ends, _ = itertools.accumulate(self._rows())
        embedded = self._cluster(0, ids.clamp(max=ends[0] - 1) if ends else ids)
        for cluster, start in enumerate(ends, start=1):
            below_next = ids.clamp(max=ends[cluster] - 1) if cluster < len(ends) else ids
            vectors = self._cluster(cluster, (below_next - start).clamp(min=0))
            embedded = torch.where((ids >= start)[..., None], vectors, embedded)
        scaled: Tensor = embedded * self.scale
        return scaled

    def _cluster(self, cluster: int, rows: Tensor) -> Tensor:
        vectors: Tensor = self.emb_layers[cluster](rows)
        if not len(self.emb_projs):
            return vectors
        projected: Tensor = F.linear(vectors, self.emb_projs[cluster])
        return projected


class ProjectedAdaptiveLogSoftmax(nn.Module):
    """The logarithms of the words' probabilities, given hidden states.

    Args:
        n_token: Number of words.
        d_embed: Width of the word vectors of cluster 0.
        d_proj: Width of the hidden states.
        cutoffs: The first word of each cluster but the first one; without any, this is a plain softmax.
        div_val: By how much the word vectors of each cluster are narrower than those of the one before.
    """

    def __init__(self, n_token: int, d_embed: int, d_proj: int, cutoffs: Sequence[int], div_val: int = 1) -> None:
        super().__init__()
        self.cutoffs = tuple(cutoffs)
        clusters = len(cutoffs) + 1
        if cutoffs:
            self.cluster_weight = nn.Parameter(torch.zeros(len(cutoffs), d_embed))
            self.cluster_bias = nn.Parameter(torch.zeros(len(cutoffs)))
        widths = _widths(d_embed, div_val, clusters)
        sizes = _sizes(n_token, cutoffs) if div_val != 1 else [n_token]
        self.out_layers = nn.ModuleList(nn.Linear(width, size) for width, size in zip(widths, sizes, strict=False))
        projected = div_val != 1 or d_proj != d_embed
        self.out_projs = nn.ParameterList(torch.zeros(d_proj, width) for width in widths if projected)

    def log_prob(self, hidden: Tensor) -> Tensor:
        """``[..., d_proj]`` -> ``[..., n_token]``, the logarithms of all probabilities."""
        head = self._log_softmax(hidden, 0)
        words = head.shape[-1] - len(self.cutoffs)
        tails = [
            head[..., words + cluster - 1, None] + self._log_softmax(hidden, cluster)
            for cluster in range(1, len(self.cutoffs) + 1)
        ]
        return torch.cat([head[..., :words], *tails], dim=-1).to(hidden.dtype)

    def forward(self, hidden: Tensor, labels: Tensor | None = None) -> Tensor:
        """The losses of next words, or the logarithms of all probabilities.

        Only the clusters that a label is in are computed for its position.

        Args:
            hidden: ``[batch, time, d_proj]``.
            labels: ``[batch, time]`` words; position i predicts label i + 1, and -100 counts for nothing.

        Returns:
            Without labels ``[batch, time, n_token]``, see :meth:`log_prob`; with labels ``[batch, time - 1]`` in
            float32, minus the logarithm of the probability of each next word, in their order.
        """
        return self.log_prob(hidden) if labels is None else self.losses(hidden[:, :-1], labels[:, 1:])

    def losses(self, hidden: Tensor, words: Tensor) -> Tensor:
        """Minus the logarithms of the probabilities of given words, in float32; 0 for those that are -100.

        Args:
            hidden: ``[..., d_proj]``.
            words: ``[...]``, a word for each of the states.

        Returns:
            ``[...]``.
        """
        return self._losses(hidden.flatten(0, -2), words.flatten()).view(words.shape)

    def _losses(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """``[positions, d_proj]`` and ``[positions]`` -> ``[positions]``."""
        words = labels.masked_fill(labels == IGNORED, 0)
        head = self._log_softmax(hidden, 0)
        bounds = torch.tensor(self.cutoffs, dtype=words.dtype, device=words.device)
        clusters = torch.bucketize(words, bounds, right=True)
        column = torch.where(clusters == 0, words, head.shape[-1] - len(self.cutoffs) + clusters - 1)
        likelihood = head.gather(1, column[:, None])[:, 0]
        for cluster, start in enumerate(self.cutoffs, start=1):
            here = (clusters == cluster).nonzero()[:, 0]
            tail = self._log_softmax(hidden[here], cluster).gather(1, (words[here] - start)[:, None])[:, 0]
            likelihood = likelihood.index_add(0, here, tail)
        return torch.where(labels == IGNORED, 0.0, -likelihood)

    def _log_softmax(self, hidden: Tensor, cluster: int) -> Tensor:
        """``[..., words of the cluster]``, in float32; behind those of cluster 0 stand the other clusters."""
        projected = hidden @ self.out_projs[cluster] if len(self.out_projs) else hidden
        weight, bias = self._table(cluster)
        scores = F.linear(projected, weight, bias)
        if cluster == 0 and self.cutoffs:
            scores = torch.cat([scores, F.linear(projected, self.cluster_weight, self.cluster_bias)], dim=-1)
        return F.log_softmax(scores, dim=-1, dtype=torch.float32)

    def _table(self, cluster: int) -> tuple[Tensor, Tensor]:
        """The word vectors of a cluster and their biases."""
        single = len(self.out_layers) == 1
        layer = cast("nn.Linear", self.out_layers[0 if single else cluster])
        if not single:
            return layer.weight, layer.bias
        start, end = [0, *self.cutoffs, len(layer.weight)][cluster : cluster + 2]
        return layer.weight[start:end], layer.bias[start:end]

"""What the variables of an original Transformer-XL checkpoint show about the clusters of its vocabulary.

Each cluster has a table of its own, or (``div_val`` 1) there is one table for all. The word vectors of a cluster have a
projection, unless they are as wide as the model. The softmax of cluster 0 has a projection of its own where the word
vectors have one; those of the others have either all their own or none: then they use that of the word vectors.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from ...checkpoints import Variable
from ...conversion.family import Implied

Variables = Mapping[str, Variable]

EMBED, SOFTMAX = "transformer/adaptive_embed", "transformer/adaptive_softmax"

#: The words of cluster k, if each has a table of its own, and the table of all words otherwise.
CLUSTER_TABLE, ONE_TABLE = f"{EMBED}/cutoff_{{k}}/lookup_table", f"{EMBED}/lookup_table"


@dataclass(frozen=True)
class Clusters:
    """What there is for each cluster.

    Attributes:
        one_table: Whether all words are in one table.
        has_softmax: Whether the checkpoint has more than the decoder.
        sizes: Numbers of words.
        widths: Widths of the word vectors.
        hidden: Width of the hidden states.
        projected: Whether a variable projects the word vectors.
        own: Whether the softmax has a projection of its own.
        rows: Numbers of rows of the tables.
        choices: How many clusters the softmax of cluster 0 can choose.
    """

    one_table: bool
    has_softmax: bool
    sizes: Sequence[int]
    widths: Sequence[int]
    hidden: int
    projected: Sequence[bool]
    own: Sequence[bool]
    rows: Sequence[int]
    choices: int

    @classmethod
    def of(cls, variables: Variables) -> Self:
        """Looks at the variables; those with other axes than they must have are passed over."""
        one_table = ONE_TABLE in variables
        tables = _shapes([ONE_TABLE], variables, 2) if one_table else _shapes(_numbered(CLUSTER_TABLE), variables, 2)
        biases = _shapes(_numbered(f"{SOFTMAX}/cutoff_{{k}}/b"), variables, 1)
        rows = [shape[0] for shape in tables]
        sizes = [shape[0] for shape in biases] if one_table and biases else rows
        widths = [shape[1] for shape in tables]
        numbers = range(len(sizes))
        hidden = _shapes(["transformer/layer_0/rel_attn/qkv/kernel"], variables, 2)
        choices = _shapes([f"{SOFTMAX}/cutoff_0/cluster_b"], variables, 1)
        return cls(
            one_table=one_table,
            has_softmax=any(name.startswith(f"{SOFTMAX}/") for name in variables),
            sizes=sizes,
            widths=widths * len(sizes) if one_table else widths,
            hidden=hidden[0][0] if hidden else 0,
            projected=[_embedding_projection(k, one_table=one_table) in variables for k in numbers],
            own=[f"{SOFTMAX}/cutoff_{k}/proj" in variables for k in numbers],
            rows=rows,
            choices=choices[0][0] if choices else 0,
        )

    @property
    def tied_projections(self) -> list[bool]:
        """For each cluster, whether the softmax has the projection of the word vectors, be it only the identity."""
        exists = [not self.one_table or projected for projected in self.projected]
        return [there and not own for there, own in zip(exists, self.own, strict=True)]

    def wrong_ties(self, given: Sequence[bool]) -> Iterator[str]:
        """Where ``tie_projs`` in a configuration says something else, and it matters."""
        if not self.has_softmax:
            return
        if len(given) != len(self.sizes):
            yield f"tie_projs   {list(given)} is not about the {len(self.sizes)} clusters of the checkpoint"
            return
        for cluster, (said, tied) in enumerate(zip(given, self.tied_projections, strict=True)):
            if len(self.sizes) > 1 and said != tied and (self.own[cluster] or self.projected[cluster]):
                there = "is not there" if tied else "is there"
                yield f"tie_projs   {said} for cluster {cluster}, but {_softmax_projection(cluster)} {there}"

    @property
    def narrowings(self) -> range:
        """What ``div_val`` may have been: several values if widths were rounded down, none if nothing fits."""
        first, *others = self.widths
        possible = range(2, first + 1)
        low, high = 0, len(possible)
        for cluster, width in enumerate(others, start=1):
            falling = partial(_minus_quotient, first, cluster)
            low = max(low, bisect_left(possible, -width, key=falling))
            high = min(high, bisect_right(possible, -width, key=falling))
        return possible[low:high]

    def problems(self) -> Iterator[str]:
        """Variables that are missing or contradict each other."""
        if self.has_softmax and self.choices != len(self.sizes) - 1:
            bias = f"{SOFTMAX}/cutoff_{len(self.sizes)}/b"
            found = f"{bias} is missing" if self.choices >= len(self.sizes) else f"there are {len(self.sizes) - 1}"
            yield f"{SOFTMAX}/cutoff_0/cluster_b chooses among {self.choices} further clusters, but {found}"
        elif self.one_table and sum(self.sizes) != sum(self.rows):
            yield f"{SOFTMAX}/cutoff_…/b have {sum(self.sizes)} words, {ONE_TABLE} has {sum(self.rows)}"
        if not self.one_table and not self.narrowings:
            yield f"the widths of the tables, {list(self.widths)}, are not {self.widths[0]} divided again and again"
        yield from (f"{name} is missing" for name in dict.fromkeys(self._missing_projections()))

    def _missing_projections(self) -> Iterator[str]:
        """Projections that have to be there. Without clusters the softmax has that of the word vectors."""
        clustered = self.has_softmax and len(self.sizes) > 1
        for cluster, (projected, own) in enumerate(zip(self.projected, self.own, strict=True)):
            if not projected and (own or self.widths[cluster] != self.hidden):
                yield _embedding_projection(cluster, one_table=self.one_table)
            if clustered and projected and not own and (cluster == 0 or any(self.own[1:])):
                yield _softmax_projection(cluster)


def _minus_quotient(width: int, cluster: int, div_val: int) -> int:
    quotient: int = width // div_val**cluster
    return -quotient


def _softmax_projection(cluster: int) -> str:
    return f"{SOFTMAX}/cutoff_{cluster}/proj"


def _embedding_projection(cluster: int, *, one_table: bool) -> str:
    return f"{EMBED}/proj_W" if one_table else f"{EMBED}/cutoff_{cluster}/proj_W"


def _numbered(name: str) -> Iterator[str]:
    return (name.format(k=k) for k in itertools.count())


def _shapes(names: Iterable[str], variables: Variables, axes: int) -> list[tuple[int, ...]]:
    """Those of the first names that are variables with so many axes."""

    def fits(name: str) -> bool:
        return name in variables and len(variables[name].shape) == axes

    return [variables[name].shape for name in itertools.takewhile(fits, names)]


# What they say about fields of the configuration


def vocabulary(variables: Variables) -> Implied | None:
    """The size of the vocabulary."""
    found = Clusters.of(variables)
    words = sum(found.rows)
    return Implied(words, f"the checkpoint has {words} words") if words else None


def cutoffs(variables: Variables) -> Implied | None:
    """Where the clusters begin; without a softmax, one table does not tell."""
    found = Clusters.of(variables)
    if not found.sizes or (found.one_table and not found.has_softmax):
        return None
    sizes = list(found.sizes)
    return Implied(list(itertools.accumulate(sizes))[:-1], f"the clusters of the checkpoint have {sizes} words")


def width(variables: Variables) -> Implied | None:
    """The width of the word vectors, or of those of cluster 0."""
    found = Clusters.of(variables)
    name = ONE_TABLE if found.one_table else CLUSTER_TABLE.format(k=0)
    return Implied(found.widths[0], f"{name} is {list(variables[name].shape)}") if found.widths else None


def narrowing(variables: Variables) -> Implied | None:
    """By how much the word vectors of each cluster are narrower than those of the one before."""
    found = Clusters.of(variables)
    if found.one_table:
        return Implied(1, "the checkpoint has one table for all words")
    if not found.widths:
        return None
    fitting = found.narrowings
    evidence = f"the tables have widths {list(found.widths)}"
    return Implied(fitting[0] if fitting else 2, evidence, fitting.__contains__ if len(fitting) > 1 else None)


def sharing(variables: Variables) -> Implied | None:
    """Whether the softmax has the projections of the word vectors, for all clusters but the first."""
    found = Clusters.of(variables)
    if not found.has_softmax:
        return None
    for cluster in range(1, len(found.sizes)):
        if found.own[cluster]:
            return Implied(False, f"the checkpoint has {_softmax_projection(cluster)}")
        if found.projected[cluster]:
            return Implied(True, f"the checkpoint has no {_softmax_projection(cluster)}")
    return None


def projection_of_same_width(variables: Variables) -> Implied | None:
    """Whether word vectors that are as wide as the model are projected all the same."""
    found = Clusters.of(variables)
    for cluster, projected in enumerate(found.projected):
        if not found.one_table and found.widths[cluster] == found.hidden:
            name = _embedding_projection(cluster, one_table=False)
            return Implied(projected, f"the checkpoint has {name if projected else f'no {name}'}")
    return None

"""A head that the checkpoint lacks, wholly or in part, and that ``--init_missing`` asks for all the same.

Stand-ins take the place of the variables that are missing, so that all that depends on which variables there are, the
configuration included, is as for a checkpoint with that head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..checkpoints import Variable
from .configs import ConfigSource
from .family import Architecture
from .layout import Layout, Placed, VariableTable
from .operations import Shape
from .rules import Choice, Rules

#: A head for more labels is a slip of the finger: its configuration alone, which names each, would take 60 MB.
_MOST_LABELS = 1_000_000

#: From rules to their layout, mappings of the user included.
Place = Callable[[Rules, VariableTable], Layout]


@dataclass(frozen=True)
class LabelCount:
    """How many labels a head has that does not show it.

    Attributes:
        count: Their number, if anything says it.
        problems: What is wrong with that.
    """

    count: int | None
    problems: Sequence[str] = ()

    @classmethod
    def said(cls, configs: Sequence[ConfigSource]) -> LabelCount:
        """The number that configurations and flags agree on."""
        counts = {source.name: count for source in configs for count in said_labels(source).values()}
        possible = range(1, _MOST_LABELS + 1)
        if none := [name for name, count in counts.items() if not isinstance(count, int) or count not in possible]:
            limits = f"there is 1 or more, and at most {_MOST_LABELS:,}"
            return cls(None, [f"num_labels   {name} says {counts[name]}, {limits}" for name in none])
        if len(set(counts.values())) > 1:
            differing = ", ".join(f"{name} says {count}" for name, count in counts.items())
            return cls(None, [f"num_labels   {differing}"])
        return cls(next(iter(counts.values()), None))


def said_labels(source: ConfigSource) -> dict[str, Any]:
    """What a source says the number of labels is, by the field that does; a number, if the user is right."""
    names = source.fields.get("id2label")
    counts = {
        "num_labels": source.fields.get("num_labels"),
        "id2label": len(names) if isinstance(names, dict) else None,
    }
    return {field: count for field, count in counts.items() if count is not None}


def begin_head(
    encoder: Rules,
    architecture: Architecture,
    base: frozenset[str],
    variables: VariableTable,
    place: Place,
    labels: int | None,
) -> tuple[Layout, frozenset[str]]:
    """Completes a head by stand-ins for what it lacks.

    Args:
        encoder: The rules of the base model.
        architecture: The class.
        base: Variables of the base model, which cannot be new.
        variables: The variables of the checkpoint.
        place: Places rules on variables.
        labels: The number of labels, if it is known.

    Returns:
        The rules, placed on the variables and the stand-ins, and the names of these.
    """
    rules = encoder + architecture.head
    layout = place(rules, variables)
    if _sources(architecture.head, layout.variables, base).isdisjoint(layout.variables):
        architecture = replace(architecture, head=_usual(architecture.head))
        rules = encoder + architecture.head
        layout = place(rules, variables)
    sizes = {**layout.sizes, **({} if labels is None else {architecture.labels: labels})}
    new = _stand_ins(layout, _sources(architecture.head, layout.variables, base), sizes)
    return place(rules, variables.extended(new)), frozenset(new)


def _sources(head: Rules, variables: VariableTable, base: frozenset[str]) -> frozenset[str]:
    return Layout.of(head, variables).sources - base


def _usual(rules: Rules) -> Rules:
    """The rules of a head that is new as a whole: what usually belongs to it is there."""
    chosen: list[Rules] = [_usual(rule.then) if isinstance(rule, Choice) and rule.usual else (rule,) for rule in rules]
    return tuple(rule for group in chosen for rule in group)


def _stand_ins(layout: Layout, head: frozenset[str], sizes: Mapping[str, int]) -> dict[str, Variable]:
    """The variables that are missing, as far as their shapes are known. They are in no checkpoint."""
    missing = head & set(layout.missing)
    return {
        source: Variable(source, shape, "float32")
        for placed in layout.placed
        if missing.issuperset(placed.sources)
        for source, shape in zip(placed.sources, _shapes(placed, sizes), strict=True)
        if shape is not None
    }


def _shapes(placed: Placed, sizes: Mapping[str, int]) -> list[Shape | None]:
    shapes = [symbolic.sizes(sizes) for symbolic in placed.shapes]
    return [None if None in shape else tuple(size for size in shape if size is not None) for shape in shapes]

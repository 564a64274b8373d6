"""How a family's rules lie over the variables of a checkpoint: scopes, indices, sizes."""

from __future__ import annotations

import copy
import itertools
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..checkpoints import Variable
from ..errors import UserError
from .family import Family
from .rules import Choice, Rule, Rules, TensorRule, TiedRule
from .shapes import Dimension, SymbolicShape, solve_sizes
from .templates import LONGEST_INDEX, Template, Values, expand_values


class ConversionError(UserError):
    """A checkpoint cannot be converted as asked; the message lists every reason that is known."""


class VariableTable(Mapping[str, Variable]):
    """The variables of a checkpoint under the names that a family knows them by.

    A model that was built inside another scope, such as ``module/`` of TensorFlow Hub, has that scope in front of its
    variables, but not in front of a head that was added outside.

    Args:
        variables: The variables as the checkpoint names them.
        family: The family, whose anchor shows the outer scope: what stands before it.
        same_values: Tells, from their names in the checkpoint, whether two variables hold the same values.

    Raises:
        ConversionError: If the anchor is found in several scopes, or two variables have the same name in the end.
    """

    def __init__(
        self,
        variables: Mapping[str, Variable],
        family: Family,
        same_values: Callable[[str, str], bool] = lambda *_: False,
    ) -> None:
        known = family.canonical_names(variables) if family.canonical_names else {}
        self._spelled = {canonical: name for name, canonical in known.items()}
        self._new_prefix, self._old_prefix = _renamed_prefix(known)
        named = {known.get(name, name): variable for name, variable in variables.items()}
        anchor = family.anchor
        scopes = [name[: -len(anchor)] for name in named if name == anchor or name.endswith(f"/{anchor}")]
        if len(scopes) > 1:
            raise ConversionError(
                "The checkpoint holds several models:",
                [f"{scope}{anchor}" for scope in scopes],
                f"Choose one: leave the others out, as with --skip '{max(scopes)}*'.",
            )
        self.sparse_indices = frozenset(family.sparse_indices)
        self._same_values = same_values
        self.is_of_family = bool(scopes)
        self.scope = scopes[0] if scopes else ""
        self._variables = {name.removeprefix(self.scope): variable for name, variable in named.items()}
        if len(self._variables) != len(variables):
            doubled = [name for name in named if f"{self.scope}{name}" in named]
            raise ConversionError(f"Variables stand both inside and outside of the scope {self.scope}:", doubled)

    def __getitem__(self, name: str) -> Variable:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def renamed(self, names: Mapping[str, str]) -> VariableTable:
        """The same variables, some of them under other names."""
        table = copy.copy(self)
        table._variables = {names.get(name, name): variable for name, variable in self._variables.items()}
        return table

    def extended(self, further: Mapping[str, Variable]) -> VariableTable:
        """The same variables and further ones, which are in no checkpoint."""
        table = copy.copy(self)
        table._variables = {**self._variables, **further}
        return table

    def repeats(self, name: str, original: str) -> bool:
        """Whether a variable is there and holds the values of another one, to the bit."""
        both = name in self and original in self
        return both and self._same_values(self[name].name, self[original].name)

    def stored_name(self, name: str) -> str:
        """The name in the checkpoint of a variable that may not even be there."""
        scoped = f"{self.scope}{name}"
        if name in self._variables:
            return self._variables[name].name
        if scoped in self._spelled or not scoped.startswith(self._new_prefix):
            return self._spelled.get(scoped, scoped)
        return self._old_prefix + scoped.removeprefix(self._new_prefix)


def _renamed_prefix(known: Mapping[str, str]) -> tuple[str, str]:
    """The prefix of a family's names, and the one that it replaces in all of them; both empty if there are several."""
    prefixes = set()
    for name, canonical in known.items():
        from_the_end = zip(reversed(name), reversed(canonical), strict=False)
        common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], from_the_end))
        prefixes.add((canonical[: len(canonical) - common], name[: len(name) - common]))
    return prefixes.pop() if len(prefixes) == 1 else ("", "")


@dataclass(frozen=True)
class Placed:
    """A tensor rule for certain values of its placeholders.

    Attributes:
        rule: The rule.
        values: The values of its placeholders.
        sources: The variables that it reads, under the family's names.
        shapes: Their shapes in symbols.
        target: The key that it makes.
    """

    rule: TensorRule
    values: Values
    sources: tuple[str, ...]
    shapes: tuple[SymbolicShape, ...]
    target: str

    @classmethod
    def at(cls, rule: TensorRule, values: Values, counts: Mapping[str, int]) -> Placed:
        """Places a rule; an index of a source that the target does not have runs through all its values."""
        reads = [
            (source, {**values, **gathered})
            for source in rule.sources
            for gathered in expand_values(source.name.indices - rule.target.indices, {}, counts)
        ]
        return cls(
            rule,
            values,
            tuple(source.name.fill(each) for source, each in reads),
            tuple(source.symbolic_shape(each) for source, each in reads),
            rule.target.fill(values),
        )


@dataclass(frozen=True)
class Layout:
    """The rules of a table, placed on the variables that are there.

    Attributes:
        rules: The table.
        variables: The variables of the checkpoint.
        counts: Index -> how far it runs.
        mapped: Key -> the rule in the place of the table's, where a user's variable lies in another way.
    """

    rules: Rules
    variables: VariableTable
    counts: Mapping[str, int] = field(default_factory=dict)
    mapped: Mapping[str, Placed] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Rules, variables: VariableTable) -> Layout:
        """Places a table: what variables there are makes the choices and sets how far the indices run."""
        chosen = tuple(_choose(rules, variables))
        return cls(chosen, variables, _count_indices(chosen, variables))

    @classmethod
    def of_all_branches(cls, rules: Rules, variables: VariableTable) -> Layout:
        """Places a table with both sides of every choice."""
        tensors = tuple(_tensor_rules(rules))
        return cls(tensors, variables, _count_indices(tensors, variables))

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """All tensor rules with all values of their placeholders, layer by layer."""
        tensors = (rule for rule in self.rules if not isinstance(rule, TiedRule))
        groups = itertools.groupby(tensors, key=_target_indices)
        placed = [placed for indices, group in groups for placed in self._place(sorted(indices), tuple(group))]
        return tuple(self.mapped.get(each.target, each) for each in self._without_holes(placed))

    def _without_holes(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """The rules but those for values of a sparse index at which there is no variable, though there is at others."""
        there: dict[str, set[int | str]] = {}
        for each in placed:
            if any(source in self.variables for source in each.sources):
                for index in each.values.keys() & self.variables.sparse_indices:
                    there.setdefault(index, set()).add(each.values[index])
        return [
            each
            for each in placed
            if all(each.values[index] in found for index, found in there.items() if index in each.values)
        ]

    def _place(self, indices: list[str], rules: Rules) -> Iterator[Placed]:
        for outer in expand_values(indices, {}, self.counts):
            for rule in self._decided(rules, outer):
                if isinstance(rule, TensorRule):
                    words = dict(rule.target.words)
                    for inner in expand_values(words, words, {}):
                        yield Placed.at(rule, outer | inner, self.counts)

    def _decided(self, rules: Rules, values: Values) -> Iterator[Rule]:
        """The rules, the choices among them made for certain values of their indices."""
        for rule in rules:
            if isinstance(rule, Choice):
                yield from rule.then if rule.present.fill(values) in self.variables else rule.otherwise
            else:
                yield rule

    @cached_property
    def tied(self) -> dict[str, str]:
        """Keys that are other names of a parameter -> that parameter's key."""
        return {
            rule.target.fill(values): rule.original.fill(values)
            for undecided in self.rules
            if not isinstance(undecided, TensorRule)
            for values in expand_values(_target_indices(undecided), {}, self.counts)
            for rule in self._decided((undecided,), values)
            if isinstance(rule, TiedRule)
        }

    @cached_property
    def copies(self) -> frozenset[str]:
        """Variables that hold the values of a parameter once more, for a key that is tied to it."""
        return frozenset(rule.copy for rule in self.rules if isinstance(rule, TiedRule) and rule.copy)

    @cached_property
    def sources(self) -> frozenset[str]:
        """All variables that the rules read, whether they are there or not."""
        return frozenset(source for placed in self.placed for source in placed.sources)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Variables that the rules read and that are not there, in the order of the table."""
        wanted = dict.fromkeys(source for placed in self.placed for source in placed.sources)
        return tuple(source for source in wanted if source not in self.variables)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The sizes of the symbols, as the shapes of the variables have them, and the counts of the indices."""
        found = solve_sizes(
            (symbolic, self.variables[source].shape)
            for placed in self.placed
            for source, symbolic in zip(placed.sources, placed.shapes, strict=True)
            if source in self.variables
        )
        return {**found, **self.counts}

    def witness(self, symbol: str) -> str | None:
        """The first variable whose shape shows the size of a symbol by itself."""
        for placed in self.placed:
            for source, symbolic in zip(placed.sources, placed.shapes, strict=True):
                shown = any(dimension == Dimension(1, (symbol,)) for dimension in symbolic.dimensions)
                if shown and source in self.variables:
                    return source
        return None


def _all_indices(rule: TensorRule) -> frozenset[str]:
    return rule.target.indices.union(*(source.name.indices for source in rule.sources))


def _target_indices(rule: Rule) -> frozenset[str]:
    return rule.present.indices if isinstance(rule, Choice) else rule.target.indices


def _choose(rules: Rules, variables: VariableTable) -> Iterator[Rule]:
    """The rules, but for choices that are made for each value of their indices."""
    for rule in rules:
        if isinstance(rule, Choice) and not rule.for_each:
            present = any(
                rule.present.match(name) is not None and not (rule.unlike and variables.repeats(name, rule.unlike))
                for name in variables
            )
            yield from _choose(rule.then if present else rule.otherwise, variables)
        else:
            yield rule


def _count_indices(rules: Rules, variables: Iterable[str]) -> dict[str, int]:
    """How far each index runs: one more than the largest at which a variable matches a rule."""
    names = sorted(variables)
    tensors = list(_tensor_rules(rules))
    sources = [source.name for rule in tensors for source in rule.sources]
    counts = dict.fromkeys((index for rule in tensors for index in _all_indices(rule)), 0)
    for head, templates in itertools.groupby(sorted(sources, key=_head), key=_head):
        candidates = [name for name in names if name.startswith(head)]
        for template in templates:
            for index, count in _counts_of(template, candidates, counts, len(names)).items():
                counts[index] = max(counts[index], count)
    return counts


def _tensor_rules(rules: Rules) -> Iterator[TensorRule]:
    """Those among the rules, on both sides of choices."""
    for rule in rules:
        if isinstance(rule, Choice):
            yield from _tensor_rules(rule.then + rule.otherwise)
        elif isinstance(rule, TensorRule):
            yield rule


def _head(template: Template) -> str:
    """What a name has before the first placeholder."""
    return template.text.partition("{")[0]


def _counts_of(template: Template, names: Iterable[str], counts: Mapping[str, int], most: int) -> dict[str, int]:
    """The counts that names show, at most as many as there are variables: a larger number in a name is no index."""
    found = dict(counts)
    if not template.indices:
        return {}
    for name in names:
        if not _may_raise(name[len(_head(template)) :], [found[index] for index in template.indices]):
            continue
        for index, value in (template.match(name) or {}).items():
            if index in found and isinstance(value, int) and value < most:
                found[index] = max(found[index], value + 1)
    return found


def _may_raise(rest: str, counts: Sequence[int]) -> bool:
    """Whether matching could show a larger count: saves matching every variable of every layer against every rule."""
    digits = "".join(itertools.takewhile(string.digits.__contains__, rest))
    if not digits or len(counts) > 1:  # a small first index may come with a large second one
        return True
    return len(digits) <= LONGEST_INDEX and int(digits) >= counts[0]

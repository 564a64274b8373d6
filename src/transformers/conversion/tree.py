"""The variables of a checkpoint as a tree that a person can read: equal layers are written once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..checkpoints import Variable
from .numbered_names import write_numbers


@dataclass
class _Scope:
    """What stands below a part of a name."""

    scopes: dict[str, _Scope] = field(default_factory=dict)
    variable: Variable | None = None

    def signature(self) -> object:
        """Equal for scopes that hold the same names, shapes and types."""
        own = (self.variable.shape, self.variable.dtype) if self.variable else None
        return own, tuple((name, scope.signature()) for name, scope in sorted(self.scopes.items()))


def tree_lines(variables: Iterable[Variable]) -> Iterator[str]:
    """The tree, a line for each scope and variable.

    Scopes whose names differ in one number only and that hold the same are one line: ``layer_{0..11}``.
    """
    root = _Scope()
    for variable in variables:
        scope = root
        for part in variable.name.split("/"):
            scope = scope.scopes.setdefault(part, _Scope())
        scope.variable = variable
    yield from _lines(root, 0)


def _lines(scope: _Scope, depth: int) -> Iterator[str]:
    for name, inner in _folded(scope):
        while inner.variable is None and len(inner.scopes) == 1:  # a scope with a single entry shares its line
            ((below, inner),) = inner.scopes.items()
            name = f"{name}/{below}"
        shape = "" if inner.variable is None else f"  {inner.variable.dtype} {list(inner.variable.shape)}"
        yield f"{'  ' * depth}{name}{shape}"
        yield from _lines(inner, depth + 1)


def _folded(scope: _Scope) -> Iterator[tuple[str, _Scope]]:
    """The entries of a scope in natural order, runs of equal ones under a common name."""
    named = sorted(scope.scopes.items(), key=lambda entry: _natural(entry[0]))
    described = [(name, inner, inner.signature()) for name, inner in named]
    for _, group in itertools.groupby(described, key=lambda entry: (_stem(entry[0]), entry[2])):
        members = list(group)
        yield _common_name([name for name, _, _ in members]), members[0][1]


_NUMBER = re.compile(r"\d+")


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts ``layer_10`` behind ``layer_9``."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part[:18]), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _stem(name: str) -> str:
    """The name without its last number."""
    numbers = list(_NUMBER.finditer(name))
    return name if not numbers else f"{name[: numbers[-1].start()]}{{}}{name[numbers[-1].end() :]}"


def _common_name(names: Sequence[str]) -> str:
    """The one name of names that differ in their last numbers."""
    numbers = [_NUMBER.findall(name)[-1] for name in names if len(names) > 1]
    return _stem(names[0]).replace("{}", write_numbers(numbers)) if numbers else names[0]

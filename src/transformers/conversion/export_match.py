"""The rules of a model class, read backwards: which parameters the original's variables are restored from.

The original's variables follow from the configuration, as in the original's code. What the rules decide by the
variables of a checkpoint, the family decides here by the configuration and the parameters that are stored.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import Variable
from ..configuration_utils import PretrainedConfig
from ..modeling_keys import match_keys
from .export_config import further_fields, require_way_back
from .family import Family
from .layout import ConversionError, Layout, Placed, VariableTable
from .numbered_names import fold_names
from .operations import Constant, Operation, Shape, ShapeError, Share
from .pieces import Array, cast, same_bits
from .plan import FLOATING
from .rules import Choice, Rules, TensorRule, TiedRule
from .stored_model import StoredModel
from .way_back import WayBack

#: The data type of the variables: that of all original codes.
DTYPE = "float32"


#: By how much values of narrow types may differ if they were rounded in different ways.
_ROUNDING = {"float16": 2**-10, "bfloat16": 2**-7}


class Match:
    """The rules of a model class, held against the tensors that are stored.

    Args:
        family: The family.
        model: What is stored.
        config: Its configuration.
        architecture: The class.

    Attributes:
        architecture: The class.
        config: The configuration.
        folder: Where the model is stored.
    """

    def __init__(self, family: Family, model: StoredModel, config: Any, architecture: str) -> None:
        self.family, self.model, self.config, self.architecture = family, model, config, architecture
        self.folder: Path = model.folder
        self._way_back = require_way_back(family)
        self._head = family.architectures[architecture]
        rules = family.rules(architecture)
        self.sizes = _sizes(family, self._head.labels, config, self._way_back)
        every = Layout(tuple(_all_branches(rules)), VariableTable({}, family), self.sizes)
        wanted = {placed.target for placed in every.placed} | every.tied.keys()
        prefix = family.base_prefix.rstrip(".")
        self._stored, self._unexpected = match_keys(model.tensors, wanted, prefix, self._way_back.buffers)
        self._layout = self._place(rules)
        self._settled = _settled(family, config, self.sizes)

    def _place(self, rules: Rules) -> Layout:
        """The rules that hold for this model."""
        there = {name: Variable(name, (), DTYPE) for name in self._way_back.present(self)}
        chosen = Layout.of(rules, VariableTable(there, self.family))
        return Layout(chosen.rules, chosen.variables, self.sizes)

    # What a family is told, see :class:`~transformers.conversion.way_back.ExportedModel`

    def has(self, key: str) -> bool:
        return key in self._stored

    def is_zero(self, pattern: str) -> bool:
        names = [name for key, name in self._stored.items() if fnmatch.fnmatchcase(key, pattern)]
        return not any(np.any(self.model.tensor(name)) for name in names)

    def is_identity(self, key: str) -> bool:
        if key not in self._stored:
            return True
        values = self._values(key)
        return same_bits(values, np.eye(*values.shape, dtype=values.dtype))

    @property
    def further_fields(self) -> Mapping[str, Any]:
        return further_fields(self.family, self.config, self.architecture)

    # What an export is made of

    def stored_name(self, key: str) -> str:
        """The name of a parameter in the weight file."""
        return self._stored[key]

    def operation(self, placed: Placed) -> tuple[Operation, tuple[Shape, ...]]:
        """What makes a parameter, and the shapes of the variables that it makes it from."""
        shapes = tuple(
            tuple(size for size in symbolic.sizes(self.sizes) if size is not None) for symbolic in placed.shapes
        )
        return placed.rule.make_operation(placed.values, self._settled), shapes

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """The rules of parameters that are stored."""
        return tuple(placed for placed in self._placed if placed.target in self._stored)

    @cached_property
    def _placed(self) -> tuple[Placed, ...]:
        """The rules, but those for values of a sparse index of which nothing is stored."""
        present = {
            (index, placed.values[index])
            for placed in self._layout.placed
            for index in placed.values.keys() & set(self.family.sparse_indices)
            if placed.target in self._stored
        }
        return tuple(
            placed
            for placed in self._layout.placed
            if all(
                (index, placed.values[index]) in present
                for index in placed.values.keys() & set(self.family.sparse_indices)
            )
        )

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """Parameters that the original implies, and has no variables for."""
        return tuple(placed.target for placed in self._placed if not placed.sources)

    @cached_property
    def copies(self) -> dict[str, str]:
        """Variables that hold the values of another one once more -> the other."""
        sources = {placed.target: placed.sources for placed in self.placed}
        tied = (rule for rule in self._layout.rules if isinstance(rule, TiedRule) and rule.copy)
        originals = {rule.copy: sources.get(rule.original.text, ()) for rule in tied}
        return {copy: source for copy, found in originals.items() for source in found}

    @cached_property
    def unused(self) -> tuple[Placed, ...]:
        """The rules of variables that the original builds all the same."""
        zeros = self._way_back.zeros
        layout = Layout(() if zeros is None else zeros(self), VariableTable({}, self.family), self.sizes)
        return tuple(
            placed
            for placed in layout.placed
            if all(any(rule.matches(source) for rule in self._head.unused) for source in placed.sources)
        )

    # What speaks against it

    @cached_property
    def problems(self) -> list[str]:
        """What is missing, left over, or of another shape or value than the original could have."""
        known = {placed.target for placed in self._placed} | self._layout.tied.keys()
        left_over = [self._stored[key] for key in self._stored.keys() - known]
        return [
            *(
                f"{name} {'has' if count == 1 else 'have'} no place in the original's {self.architecture}"
                for name, count in fold_names([*self._unexpected, *left_over])
            ),
            *(f"{name} {'is' if count == 1 else 'are'} not stored" for name, count in fold_names(self._missing())),
            *(wrong for placed in self.placed for wrong in self._wrong_values(placed)),
            *self._untied(),
        ]

    def _missing(self) -> Iterable[str]:
        """Parameters without which a variable cannot be restored."""
        held = Counter(source for placed in self.placed for source in placed.sources)
        for placed in self._placed:
            elsewhere = isinstance(placed.rule.operation, Share) and all(held[source] for source in placed.sources)
            if placed.sources and placed.target not in self._stored and not elsewhere:
                yield placed.target

    def _wrong_values(self, placed: Placed) -> Iterator[str]:
        name = self._stored[placed.target]
        found = self.model.tensors[name]
        operation, shapes = self.operation(placed)
        try:
            shape = operation.target_shape(shapes)
        except ShapeError as error:
            yield f"{name}: {error}"
            return
        if found.dtype not in FLOATING:
            yield f"{name} holds {found.dtype}, not floating-point numbers"
        elif found.shape != shape:
            yield f"{name} is {list(found.shape)}, the configuration says {list(shape)}"
        elif isinstance(operation, Constant) and not self._holds(placed.target, operation):
            yield f"{name} is not what the original, which has no variable for it, implies: {operation}"

    def _holds(self, key: str, constant: Constant) -> bool:
        """Whether a parameter is a constant; other programs may have rounded it in another way."""
        values, dtype = self._values(key), self.model.tensors[self._stored[key]].dtype
        expected = cast(cast(constant.forward([]), DTYPE, dtype), dtype, DTYPE)
        if constant.is_computed:
            return np.allclose(values, expected, rtol=_ROUNDING.get(dtype, 1e-6), atol=0)
        return same_bits(values, expected)

    def _values(self, key: str) -> Array:
        name = self._stored[key]
        return cast(self.model.tensor(name), self.model.tensors[name].dtype, DTYPE)

    def _untied(self) -> Iterator[str]:
        for key, original in self._layout.tied.items():
            if key in self._stored and original in self._stored:
                one, other = self._stored[key], self._stored[original]
                if one != other and not self.model.repeats(one, other):
                    yield f"{one} differs from {other}, which is the same variable in the original"


def choose_match(family: Family, model: StoredModel, config: PretrainedConfig, asked: str | None) -> Match:
    """The rules of the class that is asked for, or of the one that all tensors have a place in.

    Args:
        family: The family.
        model: What is stored.
        config: Its configuration.
        asked: The class that is asked for, or None.

    Raises:
        ConversionError: If the original has no such class.
    """
    declared = declared_class(config)
    names = [asked] if asked else [declared, *family.architectures]
    known = [name for name in dict.fromkeys(names) if name is not None and name in family.architectures]
    if not known:
        raise _no_counterpart(family, asked)
    matches: list[Match] = []
    for name in known:
        matches.append(Match(family, model, config, name))
        if not matches[-1].problems:
            return matches[-1]
    if declared not in family.architectures and not asked:
        raise _no_counterpart(family, declared)
    return matches[0]


def declared_class(config: PretrainedConfig) -> str | None:
    """The class that a configuration names."""
    return config.architectures[0] if config.architectures else None


def _no_counterpart(family: Family, name: str | None) -> ConversionError:
    return ConversionError(
        f"The original {family.title} has no counterpart of {name}.",
        [f"there are {', '.join(sorted(family.architectures))}"],
    )


def _sizes(family: Family, labels: str, config: Any, way_back: WayBack) -> dict[str, int]:
    sizes = {field.size: getattr(config, field.name) for field in family.fields if field.size}
    further = {} if way_back.sizes is None else way_back.sizes(config)
    return {**sizes, **further, **({labels: config.num_labels} if labels else {})}


def _settled(family: Family, config: Any, sizes: Mapping[str, int]) -> dict[str, Any]:
    """What operations may depend on: the original's defaults where our configuration has no such field."""
    fields = {
        field.name: field.default if field.conversion_only else getattr(config, field.name, None)
        for field in family.fields
    }
    return {**fields, **sizes}


def _all_branches(rules: Rules) -> Iterator[TensorRule | TiedRule]:
    for rule in rules:
        if isinstance(rule, Choice):
            yield from _all_branches(rule.then + rule.otherwise)
        else:
            yield rule

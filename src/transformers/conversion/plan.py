"""The plan of a conversion: where every tensor of the model comes from and why a variable is not used.

Every error that can be known is raised here, all of them at once, before any output exists.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import CheckpointReader
from ..checkpoints.base import ITEM_SIZES
from ..configuration_utils import PretrainedConfig
from .family import Family
from .initialisation import NEWLY_INITIALIZED
from .layout import ConversionError, Layout, Placed, VariableTable
from .numbered_names import fold_names
from .operations import Operation, Shape, ShapeError
from .pieces import widens
from .rules import SkipRule
from .suggestions import Suggestion, advice_lines, describe_unknown, suggest
from .survey import PlanRequest, Survey, survey


@dataclass(frozen=True)
class PlanRow:
    """One tensor of the output.

    Attributes:
        target: Its key in the state dict.
        sources: The variables that it comes from, as the checkpoint names them.
        operation: What is done to them.
        shape: Its shape.
        dtype: Its data type.
    """

    target: str
    sources: tuple[str, ...]
    operation: Operation
    shape: Shape
    dtype: str

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return math.prod(self.shape) * ITEM_SIZES[self.dtype]


@dataclass(frozen=True)
class Skipped:
    """A variable that is not used.

    Attributes:
        name: Its name in the checkpoint.
        reason: Why.
        nbytes: Its size.
    """

    name: str
    reason: str
    nbytes: int


@dataclass(frozen=True)
class ConversionPlan:
    """All that will be done, decided before a byte is written.

    Attributes:
        family: The family.
        architecture: The model class that the output is for.
        config: The arguments of its configuration.
        rows: The tensors of the output, in the order in which they are written.
        tied: Keys that are other names of a parameter and not stored -> that parameter's key.
        skipped: The variables that are not used.
        assumed: What was assumed about the configuration, and why.
        inputs: The configuration files that the user named.
        newly_initialized: The tensors that no variable holds, though a variable of the original would.
    """

    family: Family
    architecture: str
    config: Mapping[str, Any]
    rows: tuple[PlanRow, ...]
    tied: Mapping[str, str]
    skipped: tuple[Skipped, ...]
    assumed: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    newly_initialized: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors."""
        return sum(row.nbytes for row in self.rows)

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(math.prod(row.shape) for row in self.rows)

    @staticmethod
    def rounds(row: PlanRow, checkpoint: CheckpointReader) -> bool:
        """Whether the values of a row cannot be turned back to the bit."""
        dtypes = (checkpoint.variables[source].dtype for source in row.sources)
        return not (row.operation.exact and all(widens(dtype, row.dtype) for dtype in dtypes))

    @property
    def skipped_by_reason(self) -> dict[str, list[Skipped]]:
        """The unused variables, gathered by the reason."""
        gathered: dict[str, list[Skipped]] = defaultdict(list)
        for skipped in self.skipped:
            gathered[skipped.reason].append(skipped)
        return dict(gathered)


def make_plan(family: Family, checkpoint: CheckpointReader, request: PlanRequest) -> ConversionPlan:
    """Decides everything about a conversion.

    Raises:
        ConversionError: With every problem that there is.
    """
    if request.dtype not in FLOATING:
        raise ConversionError(
            f"{request.dtype} is no data type of weights.", advice=f"There are {', '.join(FLOATING)}."
        )
    seen = survey(family, checkpoint, request)
    name = seen.architecture
    strip = "" if name != family.base_model else family.base_prefix
    rows = _Rows(family, seen, strip, request.dtype)
    leftover = _Leftovers(family, seen, request)
    problems = [*seen.config.problems, *rows.problems, *leftover.problems]
    if problems:
        raise ConversionError(
            f"This checkpoint cannot be converted to {name}:",
            align(problems),
            " ".join(_advice(family, request, seen, leftover)),
        )
    return ConversionPlan(
        family=family,
        architecture=name,
        config={
            **written_fields(family, seen.config.fields),
            "architectures": [name],
            "dtype": request.dtype,
            **({NEWLY_INITIALIZED: rows.new} if rows.new else {}),
        },
        rows=tuple(rows.rows),
        tied={key.removeprefix(strip): original.removeprefix(strip) for key, original in seen.layout.tied.items()},
        skipped=tuple(leftover.skipped),
        assumed=(*seen.notes, *seen.config.assumptions),
        newly_initialized=tuple(rows.new),
        inputs=tuple(source.path for source in request.configs if source.path is not None),
    )


def written_fields(family: Family, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that the operations have used up."""
    used_up = {field.name for field in family.fields if field.conversion_only}
    return {name: value for name, value in fields.items() if name not in used_up}


# -------------------------------------------------------------------------------------------------------------- rows


class _Rows:
    """The rows of the plan, and what is wrong with the shapes of their sources."""

    def __init__(self, family: Family, seen: Survey, strip: str, dtype: str) -> None:
        layout = self.layout = seen.layout
        self._family, self._new_sources = family, seen.new
        self.new: list[str] = []
        self._fields = seen.config.fields
        self.settled = {**seen.config.fields, **layout.sizes}
        self.is_settled = not seen.config.problems
        self.problems = _each(map(layout.variables.stored_name, layout.missing), "missing")
        self.rows: list[PlanRow] = []
        missing = set(layout.missing)
        for placed in layout.placed:
            new = not seen.new.isdisjoint(placed.sources)
            fixed = isinstance(placed.rule.operation, Operation) and not new  # others need a faultless configuration
            if missing.isdisjoint(placed.sources) and self._shapes_fit(placed) and (fixed or self.is_settled):
                self._add(placed, strip, dtype)
        if not self.problems and self.is_settled:
            self.problems += _gaps(self.rows, layout)

    def _shapes_fit(self, placed: Placed) -> bool:
        variables, sizes = self.layout.variables, self.layout.sizes
        wrong = [
            f"{variables[source].name} is {list(variables[source].shape)}, "
            f"expected {symbolic.describe(sizes)} = {symbolic}"
            for source, symbolic in zip(placed.sources, placed.shapes, strict=True)
            if not symbolic.fits(variables[source].shape, sizes)
        ]
        strings = [
            f"{variables[source].name} holds {variables[source].dtype}, not floating-point numbers"
            for source in placed.sources
            if variables[source].dtype not in FLOATING
        ]
        self.problems += wrong + strings
        return not wrong and not strings

    def _add(self, placed: Placed, strip: str, dtype: str) -> None:
        variables = self.layout.variables
        try:
            operation = placed.rule.make_operation(placed.values, self.settled)
            shape = operation.target_shape([variables[source].shape for source in placed.sources])
        except ShapeError as error:
            self.problems.append(f"{', '.join(placed.sources) or placed.target}: {error}")
            return
        target = placed.target.removeprefix(strip)
        stored = tuple(variables[source].name for source in placed.sources)
        if placed.sources and self._new_sources.issuperset(placed.sources):
            self.new.append(target)
            stored, operation = (), self._family.initial(target, shape, self._config)
        self.rows.append(PlanRow(target, stored, operation, shape, dtype))

    @cached_property
    def _config(self) -> PretrainedConfig:
        return self._family.config_class(**written_fields(self._family, self._fields))


#: The data types that weights can have.
FLOATING = ("float16", "bfloat16", "float32", "float64")


def _gaps(rows: Iterable[PlanRow], layout: Layout) -> list[str]:
    """Variables of which a part ends up nowhere."""
    shapes = {variable.name: variable.shape for variable in layout.variables.values()}
    covered: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        sources = [shapes[source] for source in row.sources]
        for part in row.operation.restore(_hollow(row.shape), sources):
            first = part.region[0] if part.region else slice(0, 1)
            covered[row.sources[part.source]].append(first.indices(sources[part.source][0] if part.region else 1)[:2])
    return [
        f"{name}: rows {gap[0]} to {gap[1] - 1} are not used"
        for name, ranges in covered.items()
        for gap in _uncovered(ranges, shapes[name][0] if shapes[name] else 1)
    ]


def _hollow(shape: Shape) -> np.ndarray[Any, Any]:
    """An array of any shape that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


def _uncovered(ranges: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    gaps, reached = [], 0
    for start, stop in sorted(ranges):
        if start > reached:
            gaps.append((reached, start))
        reached = max(reached, stop)
    return [*gaps, (reached, length)] if reached < length else gaps


# --------------------------------------------------------------------------------------------------------- leftovers


class _Leftovers:
    """What happens to the variables that no rule reads: each is skipped for a reason, or unknown."""

    def __init__(self, family: Family, seen: Survey, request: PlanRequest) -> None:
        self.skipped = [Skipped(each.name, "left out with --skip", each.nbytes) for each in seen.left_out]
        self.unknown: list[str] = []
        self.problems: list[str] = []
        variables, layout = seen.variables, seen.layout
        other_heads = _other_heads(family, variables, seen.architecture, was_asked_for=request.architecture is not None)
        architecture = family.architectures[seen.architecture]
        rules = (*family.skipped, *architecture.unused)
        for variable_name in variables:
            if variable_name in layout.sources:
                continue
            variable = variables[variable_name]
            names = {variable_name, variable.name}
            reason = _reason(rules, names) or _copied(layout, variable_name)
            refused = None if reason else _reason(architecture.refused, names)
            reason = reason or (None if refused else other_heads.get(variable_name))
            if reason is not None:
                self.skipped.append(Skipped(variable.name, reason, variable.nbytes))
            elif refused is not None:
                self.problems.append(f"{variable.name} {refused}")
            else:
                self.unknown.append(variable.name)
        wanted = [variables.stored_name(source) for source in layout.missing]
        self.suggestions = _suggestions(family, seen, request, self.unknown)
        self.problems += _describe_unknown(self.unknown, wanted, self.suggestions)


def _reason(rules: Iterable[SkipRule], names: Iterable[str]) -> str | None:
    """Why a variable of these names is left out, if any of the rules is about it."""
    return next((rule.reason for rule in rules for name in names if rule.matches(name)), None)


def _copied(layout: Layout, name: str) -> str | None:
    return (
        "the same values, to the bit, as those of the parameter that it is tied to" if name in layout.copies else None
    )


def _other_heads(family: Family, variables: VariableTable, chosen: str, *, was_asked_for: bool) -> dict[str, str]:
    """The variables of heads that are there in full but do not belong to the chosen class.

    If nobody has asked for that class, a head that cannot be detected is not left out: it could be what is wanted.
    """
    reasons: dict[str, str] = {}
    for name, architecture in family.architectures.items():
        head = Layout.of(architecture.head, variables)
        known = architecture.detected or was_asked_for
        if name != chosen and known and head.sources and not head.missing:
            for source in head.sources | head.copies:
                reasons.setdefault(source, f"head of {name}, which {chosen} does not have")
    return reasons


def _suggestions(family: Family, seen: Survey, request: PlanRequest, unknown: Sequence[str]) -> list[Suggestion]:
    """What unknown variables could be: parameters of the chosen class, or of any if nobody has asked for that one."""
    if not unknown:
        return []
    of_class = suggest(family, seen.variables, unknown, [seen.architecture])
    if request.architecture is not None or any(each.complete for each in of_class):
        return of_class
    return suggest(family, seen.variables, unknown, family.architectures)


def _describe_unknown(names: Sequence[str], wanted: Sequence[str], suggestions: Sequence[Suggestion]) -> list[str]:
    described = dict(describe_unknown(names, wanted, suggestions))
    close = [f"{name} is not known ({what})" for name, what in described.items() if what]
    return close + _each((name for name, what in described.items() if not what), "not known")


def _each(names: Iterable[str], what: str) -> list[str]:
    """``… is missing`` for each name, those that differ in a number only together."""
    return [f"{name} {'is' if count == 1 else 'are'} {what}" for name, count in fold_names(names)]


def _advice(family: Family, request: PlanRequest, seen: Survey, leftover: _Leftovers) -> Iterator[str]:
    yield "Nothing was written."
    if any(" says " in problem for problem in seen.config.problems):
        yield (
            "Give the configuration that belongs to this checkpoint, or leave --config out to infer all that the "
            "tensors show."
        )
    if any(problem.startswith("finetuning_task ") for problem in seen.config.problems):
        yield "Name the task that it was fine-tuned for with --finetuning_task_name, or none."
    if leftover.unknown and not leftover.suggestions and request.architecture is None:
        yield "If they are weights of a head, name its class with --architecture."
    if not request.init_missing and not seen.head.isdisjoint(seen.layout.missing):
        yield "What is missing of a head is initialised if --init_missing asks for it."
    if leftover.unknown:
        yield "Leave out variables that are not weights with --skip 'PATTERN'."
    if request.architecture is None and (fitting := _fitting(family, seen) or _named(family, seen, leftover.unknown)):
        yield f"There is all that {' or '.join(fitting)} needs: name the class with --architecture."
    chosen = request.architecture or seen.architecture
    yield from advice_lines(leftover.suggestions, chosen)


def _fitting(family: Family, seen: Survey) -> list[str]:
    """The classes whose heads are there in full and read all that the chosen class's head finds, if that lacks some."""
    found = seen.head & seen.variables.keys()
    heads = {name: Layout.of(architecture.head, seen.variables) for name, architecture in family.architectures.items()}
    lacking = found and heads[seen.architecture].missing
    return [name for name, head in heads.items() if lacking and found <= head.sources and not head.missing]


def _named(family: Family, seen: Survey, unknown: Sequence[str]) -> list[str]:
    """The classes whose heads are there in full under the family's own names, some of which are not known elsewhere."""
    heads = {name: Layout.of(architecture.head, seen.variables) for name, architecture in family.architectures.items()}
    return [
        name
        for name, head in heads.items()
        if not head.missing and not {seen.variables[source].name for source in head.sources}.isdisjoint(unknown)
    ]


def align(problems: Sequence[str]) -> list[str]:
    """Pads what stands before the first run of three spaces, so that field names form a column."""
    parts = [problem.split("   ", 1) for problem in problems]
    width = max((len(part[0]) for part in parts if len(part) == 2), default=0)
    return [f"{part[0]:<{width}}   {part[1]}" if len(part) == 2 else part[0] for part in parts]

"""Variables under names of the user's own: ``--map VARIABLE=PARAMETER``, or layer by layer, ``--map SCOPE=MODULE``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..checkpoints import Variable
from .layout import ConversionError, Layout, Placed
from .operations import Copy, Operation, Transpose
from .rules import Source, TensorRule
from .shapes import Dimension, SymbolicShape
from .templates import Template

#: Last parts of names that tell how a matrix lies: TensorFlow's dense layers multiply from the right, heads that the
#: originals build by hand from the left.
_BY_NAME: Mapping[str, Operation] = {"kernel": Transpose(), "output_weights": Copy()}

#: How a user says it where neither the name nor the shape does.
_BY_USER: Mapping[str, Operation] = {"copy": Copy(), "transpose": Transpose()}


def resolve_maps(layout: Layout, maps: Sequence[str]) -> dict[str, Placed]:
    """The rules that a user's mappings put in the place of the family's, by the parameter that they make.

    Args:
        layout: The family's rules, placed on the checkpoint.
        maps: Each ``NAME=PARAMETER`` or ``NAME=PARAMETER:transpose`` (or ``:copy``), with a variable or a scope.

    Raises:
        ConversionError: With everything that is wrong with them.
    """
    parameters = {placed.target: placed for placed in layout.placed}
    resolved: dict[str, Placed] = {}
    problems: list[str] = []
    for text in maps:
        name, separator, goal = text.partition("=")
        parameter, _, said = goal.partition(":")
        if not (separator and name and parameter) or (said and said not in _BY_USER):
            problems.append(
                f"{text} is not of the form VARIABLE=PARAMETER, with :transpose or :copy behind it if needed"
            )
            continue
        try:
            for variable, target in _pairs(name, parameter, layout, parameters):
                resolved[target] = _place(variable, parameters[target], layout, _BY_USER.get(said))
        except _MapError as error:
            problems.append(f"{text}: {error}")
    if problems:
        raise ConversionError("These mappings cannot be followed:", problems)
    return resolved


class _MapError(Exception):
    """What is wrong with one mapping."""


def _pairs(
    name: str, parameter: str, layout: Layout, parameters: Mapping[str, Placed]
) -> Iterator[tuple[Variable, str]]:
    """The variables and the parameters that a mapping means."""
    stored = {variable.name: variable for variable in layout.variables.values()}
    variable = stored.get(name) or layout.variables.get(name)
    if variable is not None:
        if parameter not in parameters:
            raise _MapError(_unknown("parameter", parameter, parameters))
        yield variable, parameter
        return
    inside = [variable for known, variable in stored.items() if known.rpartition("/")[0] == name]
    if not inside:
        raise _MapError(_unknown("variable or scope", name, stored))
    wanted = [target for target in parameters if target.rpartition(".")[0] == parameter]
    if not wanted:
        raise _MapError(_unknown("module", parameter, {target.rpartition(".")[0] for target in parameters}))
    for target in wanted:
        axes = len(parameters[target].shapes[0].dimensions)
        candidates = [variable for variable in inside if len(variable.shape) == axes]
        fitting = [variable for variable in candidates if _fits(variable, parameters[target], layout)]
        for variable in fitting if len(candidates) > 1 else candidates:
            yield variable, target


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"there is no {kind} {name}" + (f" (did you mean {close[0]}?)" if close else "")


def _place(variable: Variable, known: Placed, layout: Layout, said: Operation | None) -> Placed:
    """The rule that makes a parameter from the user's variable."""
    dimensions = _target_dimensions(known)
    if dimensions is None or len(dimensions) != 2:
        operation, shape = known.rule.make_operation(known.values, layout.sizes), known.shapes[0]
    else:
        operation = said or _orientation(variable, SymbolicShape(dimensions), layout)
        shape = SymbolicShape(dimensions if isinstance(operation, Copy) else dimensions[::-1])
    name = next(name for name, listed in layout.variables.items() if listed is variable)
    rule = TensorRule((Source(Template(_literal(name)), ""),), Template(_literal(known.target)), operation)
    return Placed(rule, {}, (name,), (shape,), known.target)


def _target_dimensions(known: Placed) -> tuple[Dimension, ...] | None:
    """The axes of a parameter, if its rule copies or transposes one variable."""
    if isinstance(known.rule.operation, Transpose):
        return known.shapes[0].dimensions[::-1]
    return known.shapes[0].dimensions if isinstance(known.rule.operation, Copy) else None


def _orientation(variable: Variable, target: SymbolicShape, layout: Layout) -> Operation:
    named = _BY_NAME.get(variable.name.rpartition("/")[2])
    if named is not None:
        return named
    fitting: list[Operation] = []
    if target.fits(variable.shape, layout.sizes):
        fitting.append(Copy())
    if target.fits(variable.shape[::-1], layout.sizes):
        fitting.append(Transpose())
    if not fitting:
        raise _MapError(f"{list(variable.shape)} does not fit {target.describe(layout.sizes)} = {target}")
    if len(fitting) > 1:
        raise _MapError(f"{list(variable.shape)} fits both ways: put :transpose or :copy behind the parameter")
    return fitting[0]


def _literal(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def suggest_maps(layout: Layout, unknown: Iterable[str]) -> list[str]:
    """The ``--map`` arguments that give unknown variables to parameters that lack theirs, where the shapes fit."""
    missing = set(layout.missing)
    stored = {variable.name: variable for variable in layout.variables.values()}
    candidates = [stored[name] for name in unknown]
    suggestions = []
    for placed in layout.placed:
        if missing.isdisjoint(placed.sources) or len(placed.sources) != 1:
            continue
        fitting = [variable.name for variable in candidates if _fits(variable, placed, layout)]
        best = difflib.get_close_matches(placed.sources[0], fitting, n=1, cutoff=0.0)
        suggestions += [f"--map {name}={placed.target}" for name in best]
    return suggestions


def _fits(variable: Variable, placed: Placed, layout: Layout) -> bool:
    try:
        return _place(variable, placed, layout, None).shapes[0].fits(variable.shape, layout.sizes)
    except _MapError:
        return False

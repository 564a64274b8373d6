"""Variables under names of the user's own: ``--map VARIABLE=PARAMETER``, or layer by layer, ``--map SCOPE=MODULE``.

A mapping says which of the family's variables one of another name is. From there on it is that variable, in the rules
and in all that depends on which variables there are; only how a matrix lies may be different.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..checkpoints import Variable
from .layout import ConversionError, Layout, Placed, VariableTable
from .operations import Chain, Copy, DropAxis, Operation, Shape, Transpose
from .rules import Rules, Source, TensorRule
from .shapes import Dimension, SymbolicShape
from .templates import Template

#: Ends of names that tell how a matrix lies: TensorFlow's dense layers multiply from the right; heads that the
#: originals build by hand, and PyTorch's layers, from the left.
_BY_NAME: Mapping[str, Operation] = {"/kernel": Transpose(), "/output_weights": Copy(), ".weight": Copy()}

#: How a user says it where neither the name nor the shape does.
_BY_USER: Mapping[str, Operation] = {"copy": Copy(), "transpose": Transpose()}

#: What the documentation of converter files calls the scope of whatever head a checkpoint has.
STAND_IN = "tf_output_layer_name"

#: How much of a misspelled module has to be right.
_NEARLY = 0.85


@dataclass(frozen=True)
class ResolvedMaps:
    """What mappings mean for a checkpoint.

    Attributes:
        names: The name of a variable -> the one that the family has for it.
        operations: Parameter -> what makes it, where its matrix lies in another way than the family's.
        notes: What was not said in so many words, for the report.
    """

    names: Mapping[str, str]
    operations: Mapping[str, Operation]
    notes: Sequence[str] = ()

    def apply(self, rules: Rules, variables: VariableTable) -> Layout:
        """The family's rules, placed on the variables under the family's names."""
        layout = Layout.of(rules, variables.renamed(self.names))
        turned = {
            placed.target: _turned(placed, self.operations[placed.target])
            for placed in layout.placed
            if placed.target in self.operations
        }
        return replace(layout, mapped=turned)


def resolve_maps(
    rules: Rules,
    variables: VariableTable,
    maps: Sequence[str],
    file_maps: Sequence[str] = (),
    is_skipped: Callable[[str], bool] = lambda _: False,
    advice: str = "",
) -> ResolvedMaps:
    """Finds out which variables and parameters a user's mappings mean.

    Args:
        rules: The family's rules for the model class.
        variables: The variables of the checkpoint.
        maps: Each ``NAME=PARAMETER`` or ``NAME=PARAMETER:transpose`` (or ``:copy``), with a variable or a scope.
        file_maps: The same from a converter file: a module's name may be nearly right there, and the scope be the
            :data:`STAND_IN` of the documentation.
        is_skipped: Tells variables that are no weights.
        advice: What to do if they cannot be followed.

    Raises:
        ConversionError: With everything that is wrong with them.
    """
    if not maps and not file_maps:
        return ResolvedMaps({}, {})
    resolver = _Resolver(rules, variables, is_skipped)
    for text in maps:
        resolver.add(text, nearly=False)
    for text in file_maps:
        resolver.add(text, nearly=True)
    if resolver.problems:
        raise ConversionError("These mappings cannot be followed:", resolver.problems, advice)
    return ResolvedMaps(resolver.names, resolver.operations, resolver.notes)


class _MapError(Exception):
    """What is wrong with one mapping."""


class _AmbiguousError(_MapError):
    """A matrix could lie either way."""


@dataclass(frozen=True)
class _Map:
    """``NAME=GOAL`` or ``NAME=GOAL:transpose``, taken apart."""

    name: str
    goal: str
    said: Operation | None

    @classmethod
    def parse(cls, text: str) -> _Map:
        name, separator, goal = text.partition("=")
        parameter, _, said = goal.partition(":")
        if not (separator and name and parameter) or (said and said not in _BY_USER):
            raise _MapError("is not of the form VARIABLE=PARAMETER, with :transpose or :copy behind it if needed")
        return cls(name.rstrip("/"), parameter, _BY_USER.get(said))


class _Resolver:
    """Follows mappings one by one, and gathers what is wrong with them."""

    def __init__(self, rules: Rules, variables: VariableTable, is_skipped: Callable[[str], bool]) -> None:
        self.names: dict[str, str] = {}
        self.operations: dict[str, Operation] = {}
        self.notes: list[str] = []
        self.problems: list[str] = []
        self._layout = Layout.of(rules, variables)
        self._variables = variables
        self._is_skipped = is_skipped
        self._parameters = find_parameters(rules, self._layout)
        self._stored = {variable.name: variable for variable in variables.values()}
        self._said: dict[str, str] = {}

    def add(self, text: str, *, nearly: bool) -> None:
        """Follows a mapping."""
        try:
            asked = _Map.parse(text)
            pairs = self._pairs(self._corrected(asked) if nearly else asked)
            matrices = [target for _, target in pairs if _is_matrix(self._parameters[target])]
            if asked.said is not None and not matrices:
                raise _MapError(f"{asked.goal} is no matrix that could be copied or transposed")
            for variable, target in pairs:
                self._assign(text, variable, self._parameters[target], asked.said if target in matrices else None)
        except _MapError as error:
            separator = " " if str(error).startswith("is ") else ": "
            self.problems.append(f"{text}{separator}{error}")

    def _assign(self, text: str, variable: Variable, placed: Placed, said: Operation | None) -> None:
        name = next(name for name, listed in self._variables.items() if listed is variable)
        (source,) = placed.sources
        for taken, what in ((placed.target, placed.target), (name, variable.name)):
            if self._said.setdefault(taken, text) != text:
                raise _MapError(f"{what} is mapped by {self._said[taken]}, too")
        if source in self._variables and source != name:
            theirs = self._variables[source].name
            raise _MapError(f"{placed.target} comes from {theirs}: leave that out with --skip '{theirs}'")
        operation = _operation(variable, placed, self._layout.sizes, said)
        self.names[name] = source
        if operation is not None:
            self.operations[placed.target] = operation

    # What is meant

    def _pairs(self, asked: _Map) -> list[tuple[Variable, str]]:
        """The variables and the parameters that a mapping means."""
        variable = self._stored.get(asked.name) or self._variables.get(asked.name)
        if variable is not None:
            if asked.goal not in self._parameters:
                raise _MapError(_unknown("parameter", asked.goal, self._parameters))
            return [(variable, asked.goal)]
        inside = self._inside(asked.name)
        if not inside:
            scopes = {scope_of(name) for name in self._stored}
            raise _MapError(_unknown("variable or scope", asked.name, scopes | self._stored.keys()))
        wanted = self._of_module(asked.goal)
        if not wanted:
            raise _MapError(_unknown("module", asked.goal, self._modules()))
        pairs = [(variable, target) for target in wanted for variable in self._candidates(asked.name, inside, target)]
        for variable, target in pairs:
            others = [other for each, other in pairs if each is variable and other != target]
            if others:
                raise _MapError(f"{variable.name} could be {target} or {others[0]}: map {asked.name} one by one")
        return pairs

    def _inside(self, scope: str) -> list[Variable]:
        return [variable for name, variable in self._stored.items() if scope_of(name) == scope]

    def _of_module(self, module: str) -> list[str]:
        return [target for target in self._parameters if target.rpartition(".")[0] == module]

    def _modules(self) -> set[str]:
        return {target.rpartition(".")[0] for target in self._parameters}

    def _candidates(self, scope: str, inside: Sequence[Variable], target: str) -> list[Variable]:
        """The variable of a scope that a parameter comes from: the only one with as many axes, or that fits."""
        placed = self._parameters[target]
        of_rank = [each for each in inside if len(_matrix_shape(each)) == len(_matrix_axes(placed))]
        fitting = of_rank if len(of_rank) < 2 else [each for each in of_rank if fits(each, placed, self._layout)]
        fitting = same_part(fitting, placed)
        if len(fitting) > 1:
            names = ", ".join(each.name for each in fitting)
            raise _MapError(f"{target} could be any of {names}: map the variables of {scope} one by one")
        return fitting

    # What a converter file may leave open

    def _corrected(self, asked: _Map) -> _Map:
        """The same with the right name of the module, and with the scope that the documentation's word stands for."""
        is_variable = asked.name in self._stored or asked.name in self._variables
        known = set(self._parameters) if is_variable else self._modules()
        if asked.goal not in known:
            near = difflib.get_close_matches(asked.goal, sorted(known), n=2, cutoff=_NEARLY)
            if len(near) == 1:
                self.notes.append(f"{asked.goal} = {near[0]} (the only name that is nearly the same)")
                asked = replace(asked, goal=near[0])
        if asked.name == STAND_IN and not is_variable and not self._inside(STAND_IN):
            asked = replace(asked, name=self._scope_for(asked.goal))
        return asked

    def _scope_for(self, module: str) -> str:
        """The scope of the head, wherever it is."""
        wanted = [self._parameters[target] for target in self._of_module(module)]
        if not wanted:
            raise _MapError(_unknown("module", module, self._modules()))
        own = {scope_of(source) for placed in wanted for source in placed.sources if source in self._variables}
        scopes = own or {scope_of(name) for name in self._strangers() if self._suffices(scope_of(name), wanted)}
        if len(scopes) != 1:
            found = f"it could be {' or '.join(sorted(scopes))}" if scopes else "none has variables that fit"
            raise _MapError(f"the checkpoint has no such scope, and {found}: write the scope of your head there")
        (scope,) = scopes
        self.notes.append(f"{STAND_IN} = {scope or 'the top level'} (the scope whose variables fit {module})")
        return scope

    def _strangers(self) -> Iterator[str]:
        """Variables that nothing accounts for, as the checkpoint spells them."""
        for name, variable in self._variables.items():
            if name not in self._layout.sources and not self._is_skipped(name) and not self._is_skipped(variable.name):
                yield variable.name

    def _suffices(self, scope: str, wanted: Sequence[Placed]) -> bool:
        inside = self._inside(scope)
        return all(any(could_be(variable, placed, self._layout) for variable in inside) for placed in wanted)


def find_parameters(rules: Rules, layout: Layout) -> dict[str, Placed]:
    """The parameters that come from one variable each, whichever way the choices among the rules go.

    Args:
        rules: The rules with their choices.
        layout: The same, the choices made for a checkpoint; what holds there comes first.
    """
    every = [*layout.placed, *Layout.of_all_branches(rules, layout.variables).placed]
    found: dict[str, Placed] = {}
    for placed in every:
        if len(placed.sources) == 1:
            found.setdefault(placed.target, placed)
    return found


def scope_of(name: str) -> str:
    """What stands before the last part of a name, of TensorFlow (``a/b/kernel``) or of PyTorch (``a/b.weight``)."""
    return re.split(r"[/.](?=[^/.]*$)", name, maxsplit=1)[0] if re.search(r"[/.]", name) else ""


def same_part(variables: list[Variable], placed: Placed) -> list[Variable]:
    """Of several variables those that are called like the family's in their last part, if there are such."""
    (source,) = placed.sources
    same = [each for each in variables if _last_part(each.name) == _last_part(source)]
    return same if len(variables) > 1 and same else variables


def _last_part(name: str) -> str:
    return re.split(r"[/.]", name)[-1]


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"there is no {kind} {name}" + (f" (did you mean {close[0]}?)" if close else "")


# ------------------------------------------------------------------------------------------------------- how it lies


def _matrix_shape(variable: Variable) -> Shape:
    """The shape, but for the width of a convolution of width 1, which is a dense layer in another guise."""
    return variable.shape[1:] if _is_convolution(variable) else variable.shape


def _is_convolution(variable: Variable) -> bool:
    return len(variable.shape) == 3 and variable.shape[0] == 1


def _matrix_axes(placed: Placed) -> tuple[Dimension, ...]:
    """The axes of a parameter, if it is a variable as it is or transposed, or else those of that variable."""
    dimensions = placed.shapes[0].dimensions
    return dimensions[::-1] if isinstance(placed.rule.operation, Transpose) else dimensions


def _is_matrix(placed: Placed) -> bool:
    """Whether a parameter is a matrix that may lie in either way."""
    return isinstance(placed.rule.operation, Copy | Transpose) and len(placed.shapes[0].dimensions) == 2


def _operation(
    variable: Variable, placed: Placed, sizes: Mapping[str, int], said: Operation | None
) -> Operation | None:
    """What makes a parameter from the user's variable, or None if that is what the family's rule says."""
    if not _is_matrix(placed):
        return None
    operation = said or _orientation(variable, placed, sizes)
    if _is_convolution(variable):
        return Chain((DropAxis(0), operation)) if isinstance(operation, Transpose) else DropAxis(0)
    return operation


def _orientation(variable: Variable, placed: Placed, sizes: Mapping[str, int]) -> Operation:
    if _is_convolution(variable):
        return Transpose()
    named = [operation for end, operation in _BY_NAME.items() if f"/{variable.name}".endswith(end)]
    if named:
        return named[0]
    target = SymbolicShape(_matrix_axes(placed))
    fitting: list[Operation] = []
    if target.fits(variable.shape, sizes):
        fitting.append(Copy())
    if target.fits(variable.shape[::-1], sizes):
        fitting.append(Transpose())
    if not fitting:
        raise _MapError(f"{list(variable.shape)} does not fit {target.describe(sizes)} = {target}")
    if len(fitting) > 1:
        raise _AmbiguousError(f"{list(variable.shape)} fits both ways: put :transpose or :copy behind the name")
    return fitting[0]


def _turned(placed: Placed, operation: Operation) -> Placed:
    """A rule with another operation, which reads a variable of another shape."""
    axes, (name,) = _matrix_axes(placed), placed.sources
    transposes = isinstance(operation, Transpose | Chain)
    width = (Dimension(1, ()),) if isinstance(operation, Chain | DropAxis) else ()
    shape = SymbolicShape((*width, *(axes[::-1] if transposes else axes)))
    rule = TensorRule((Source(Template(_literal(name)), ""),), Template(_literal(placed.target)), operation)
    return Placed(rule, {}, (name,), (shape,), placed.target)


def _literal(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def fits(variable: Variable, placed: Placed, layout: Layout) -> bool:
    """Whether a parameter could come from a variable, as far as shapes and names tell."""
    try:
        operation = _operation(variable, placed, layout.sizes, None)
    except _MapError:
        return False
    shape = placed.shapes[0] if operation is None else _turned(placed, operation).shapes[0]
    return shape.fits(variable.shape, layout.sizes)


def fits_both_ways(variable: Variable, placed: Placed, layout: Layout) -> bool:
    """Whether neither the name nor the shape of a matrix tells how it lies."""
    try:
        _operation(variable, placed, layout.sizes, None)
    except _AmbiguousError:
        return True
    except _MapError:
        return False
    return False


def could_be(variable: Variable, placed: Placed, layout: Layout) -> bool:
    """Whether a parameter could come from a variable, in a way that may be for the user to say."""
    return fits(variable, placed, layout) or fits_both_ways(variable, placed, layout)

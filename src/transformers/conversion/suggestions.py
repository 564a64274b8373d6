"""What variables of unknown names could be, in the words of the command line."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..checkpoints import Variable
from .family import Family
from .layout import Layout, Placed, VariableTable
from .mapping import could_be, find_parameters, fits_both_ways, same_part, scope_of

#: How many model classes are proposed.
_MOST_CLASSES = 4


@dataclass(frozen=True)
class Suggestion:
    """A model class, and which of its parameters unknown variables could be.

    Attributes:
        architecture: The class.
        maps: Variable -> parameter, with ``:transpose`` behind it where the shape does not tell how a matrix lies.
        complete: Whether the head then lacks nothing.
    """

    architecture: str
    maps: Mapping[str, str]
    complete: bool

    def flags(self, *, with_class: bool) -> str:
        """The flags to try."""
        named = [f"--architecture {self.architecture}"] if with_class else []
        return " ".join([*named, *(f"--map {shlex.quote(f'{name}={goal}')}" for name, goal in self.maps.items())])

    @property
    def open_questions(self) -> list[str]:
        """The variables of which only the user knows how they lie."""
        return [name for name, goal in self.maps.items() if goal.endswith(_TRANSPOSED)]


_TRANSPOSED = ":transpose"


def suggest(
    family: Family, variables: VariableTable, unknown: Sequence[str], architectures: Iterable[str]
) -> list[Suggestion]:
    """The classes that have parameters for variables of unknown names, the likeliest first.

    Args:
        family: The family.
        variables: The variables of the checkpoint.
        unknown: Those that nothing accounts for, as the checkpoint spells them.
        architectures: The classes to consider.
    """
    found = [_suggest_for(family, name, variables, unknown) for name in architectures]
    best = max((_rank(each) for each in found), default=None)
    return [each for each in found if each.maps and _rank(each) == best][:_MOST_CLASSES]


def _rank(suggestion: Suggestion) -> tuple[bool, int]:
    return suggestion.complete, len(suggestion.maps)


def _suggest_for(family: Family, name: str, variables: VariableTable, unknown: Sequence[str]) -> Suggestion:
    rules = family.rules(name)
    layout = Layout.of(rules, variables)
    missing, made = set(layout.missing), {placed.target for placed in layout.placed}
    wanted = [placed for placed in layout.placed if len(placed.sources) == 1 and placed.sources[0] in missing]
    wanted += [placed for target, placed in find_parameters(rules, layout).items() if target not in made]
    stored = {variable.name: variable for variable in variables.values()}
    candidates = [stored[each] for each in unknown if each in stored]
    chosen = _by_scope(wanted, candidates, layout)
    rest = [placed for placed in wanted if placed.target not in chosen]
    taken = {variable.name for variable in chosen.values()}
    chosen |= _one_by_one(rest, [each for each in candidates if each.name not in taken], layout)
    maps = {
        chosen[placed.target].name: placed.target + _how(chosen[placed.target], placed, layout)
        for placed in wanted
        if placed.target in chosen
    }
    mapped = {placed.sources[0] for placed in wanted if placed.target in chosen}
    return Suggestion(name, maps, complete=missing <= mapped)


def _how(variable: Variable, placed: Placed, layout: Layout) -> str:
    return _TRANSPOSED if fits_both_ways(variable, placed, layout) else ""


def _by_scope(wanted: Sequence[Placed], candidates: Sequence[Variable], layout: Layout) -> dict[str, Variable]:
    """Parameter -> variable for modules, all of whose parameters some scope has one variable for each."""
    scopes: dict[str, list[Variable]] = {}
    for variable in candidates:
        scopes.setdefault(scope_of(variable.name), []).append(variable)
    modules: dict[str, list[Placed]] = {}
    for placed in wanted:
        modules.setdefault(placed.target.rpartition(".")[0], []).append(placed)
    pairs = [
        (_likeness(scope, module), scope, module, matched)
        for module, parts in modules.items()
        for scope, inside in scopes.items()
        if (matched := _matched(parts, inside, layout))
    ]
    chosen: dict[str, Variable] = {}
    used: set[str] = set()
    for _, scope, module, matched in sorted(pairs, key=lambda pair: -pair[0]):
        if not used & {f"scope {scope}", f"module {module}"}:
            used |= {f"scope {scope}", f"module {module}"}
            chosen |= matched
    return chosen


def _matched(parts: Sequence[Placed], inside: Sequence[Variable], layout: Layout) -> dict[str, Variable]:
    """A variable of a scope for each parameter of a module, or nothing if that is not clear for one of them."""
    matched = {}
    for placed in parts:
        fitting = same_part([variable for variable in inside if could_be(variable, placed, layout)], placed)
        if len(fitting) != 1:
            return {}
        matched[placed.target] = fitting[0]
    return matched if len({variable.name for variable in matched.values()}) == len(parts) else {}


def _one_by_one(wanted: Sequence[Placed], candidates: Sequence[Variable], layout: Layout) -> dict[str, Variable]:
    """Parameter -> variable, the most similar names first."""
    pairs = [
        (_likeness(variable.name, placed.target), placed.target, variable)
        for placed in wanted
        for variable in candidates
        if could_be(variable, placed, layout)
    ]
    chosen: dict[str, Variable] = {}
    used: set[str] = set()
    for _, target, variable in sorted(pairs, key=lambda pair: -pair[0]):
        if target not in chosen and variable.name not in used:
            used.add(variable.name)
            chosen[target] = variable
    return {target: variable for target, variable in chosen.items() if not _lacks_matrix(target, wanted, chosen)}


def _lacks_matrix(target: str, wanted: Sequence[Placed], chosen: Mapping[str, Variable]) -> bool:
    """Whether the module of a parameter has a matrix for which there is nothing: a vector alone fits too easily."""
    module = target.rpartition(".")[0]
    return any(
        len(placed.shapes[0].dimensions) > 1 and placed.target not in chosen
        for placed in wanted
        if placed.target.rpartition(".")[0] == module
    )


def _likeness(name: str, target: str) -> float:
    return difflib.SequenceMatcher(None, name.replace("/", "."), target).ratio()


def describe_unknown(
    names: Sequence[str], wanted: Sequence[str], suggestions: Sequence[Suggestion]
) -> Iterator[tuple[str, str]]:
    """Each variable of an unknown name and what it is closest to; nothing where there is no such thing.

    Args:
        names: The variables.
        wanted: Variables that are missing.
        suggestions: What the others could be.
    """
    for name in names:
        targets = dict.fromkeys(each.maps[name].removesuffix(_TRANSPOSED) for each in suggestions if name in each.maps)
        close = difflib.get_close_matches(name, wanted, n=1, cutoff=0.8)
        if targets:
            yield name, f"closest is {' or '.join(targets)}"
        elif close:
            yield name, f"instead of {close[0]}?"
        else:
            yield name, ""


def advice_lines(suggestions: Sequence[Suggestion], chosen: str) -> Iterator[str]:
    """What to try, one line for each class; the class that is chosen anyway is not named."""
    if questions := dict.fromkeys(name for each in suggestions for name in each.open_questions):
        yield (
            f"{', '.join(questions)} {'fits' if len(questions) == 1 else 'fit'} both ways: :transpose is for a layer "
            "that multiplies from the right, as TensorFlow's do, :copy for one that lies as PyTorch's."
        )
    if suggestions:
        lines = [each.flags(with_class=each.architecture != chosen) for each in suggestions]
        yield "\n".join(["Variables under names of your own are mapped with:", *(f"  {line}" for line in lines)])

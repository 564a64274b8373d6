"""The way back: from a stored model to the variables of an original checkpoint, by the same rules read backwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..checkpoints import Variable
from ..configuration_utils import PretrainedConfig
from .export_config import flag_notes, inexpressible, label_note, new_parameters_note, original_fields, require_way_back
from .export_match import DTYPE, Match, choose_match, declared_class
from .exported_variable import ExportedVariable, Origin
from .family import Family
from .layout import ConversionError
from .stored_model import StoredModel
from .way_back import Contents, WayBack


@dataclass(frozen=True)
class ExportPlan:
    """All that will be written.

    Attributes:
        family: The family.
        match: The rules of the model class, and what they are held against.
        variables: The variables.
        config_text: The original's configuration file; empty if it has none.
        files: Further files: name -> content.
        notes: What the original's files do not say, and what was assumed.
    """

    family: Family
    match: Match
    variables: tuple[ExportedVariable, ...]
    config_text: str
    files: Contents
    notes: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of all variables."""
        return sum(each.variable.nbytes for each in self.variables)

    @property
    def work(self) -> int:
        """The bytes that are written, and then read back."""
        return self.nbytes + sum(each.variable.nbytes for each in self.variables if not each.repeats)

    @property
    def parameters(self) -> int:
        """The number of values in them."""
        return sum(each.variable.size for each in self.variables)

    @property
    def zeros(self) -> list[str]:
        """Variables that the original builds though the class does not use them."""
        return sorted(each.variable.name for each in self.variables if not each.origins)


def plan_export(
    family: Family, model: StoredModel, config: PretrainedConfig, architecture: str | None = None
) -> ExportPlan:
    """Decides everything about an export.

    Args:
        family: The family.
        model: The model.
        config: Its configuration.
        architecture: The model class; by default the one of the configuration, or another if that one does not have a
            place for all that is stored.

    Raises:
        ConversionError: With every problem that there is.
    """
    way_back = require_way_back(family)
    match = choose_match(family, model, config, architecture)
    fields, problems = original_fields(family, config, match.architecture)
    problems += [*inexpressible(way_back, config), *(way_back.check(match) if way_back.check else []), *match.problems]
    variables: tuple[ExportedVariable, ...] = ()
    if not match.problems:
        variables = (*_assemble(match, way_back), *_stand_ins(match))
        problems += _disagreements(variables)
    if problems:
        raise ConversionError(
            f"{model.path} cannot become a checkpoint of the original {family.title}:",
            problems,
            "Nothing was written.",
        )
    return ExportPlan(
        family=family,
        match=match,
        variables=variables,
        config_text=way_back.write_config(fields) if way_back.config_file else "",
        files=way_back.files(match) if way_back.files else {},
        notes=(
            *_class_notes(way_back, config, match.architecture),
            *flag_notes(way_back, config),
            *label_note(config),
            *new_parameters_note(config),
            *way_back.notes(match),
        ),
    )


def _assemble(match: Match, way_back: WayBack) -> Iterator[ExportedVariable]:
    """The variables that the parameters are made from."""
    origins: dict[str, list[Origin]] = defaultdict(list)
    for placed in match.placed:
        operation, shapes = match.operation(placed)
        for index, source in enumerate(placed.sources):
            origins[source].append(Origin(match.stored_name(placed.target), operation, shapes, index))
    copies = {copy: origins[source] for copy, source in match.copies.items()}
    for name, found in {**origins, **copies}.items():
        original = _original_name(name, match.config, way_back)
        variable = Variable(original, found[0].shapes[found[0].index], DTYPE)
        repeats = _original_name(match.copies[name], match.config, way_back) if name in copies else ""
        yield ExportedVariable(variable, tuple(found), match.model, repeats)


def _original_name(name: str, config: Any, way_back: WayBack) -> str:
    return way_back.original_name(name, config) if way_back.original_name else name


def _stand_ins(match: Match) -> Iterator[ExportedVariable]:
    """Variables that the original's code asks for, though they have no effect on what the class computes."""
    for placed in match.unused:
        _, shapes = match.operation(placed)
        for name, shape in zip(placed.sources, shapes, strict=True):
            yield ExportedVariable(Variable(name, shape, DTYPE), (), match.model)


def _disagreements(variables: Iterable[ExportedVariable]) -> Collection[str]:
    """What several parameters hold differently though it is the same in the original."""
    return [problem for each in variables for problem in each.disagreements()]


def _class_notes(way_back: WayBack, config: PretrainedConfig, architecture: str) -> Iterator[str]:
    declared = declared_class(config)
    if declared not in (None, architecture):
        yield f"{architecture} in place of {declared}: it has a place for all that is stored"
    if way_back.classes and architecture not in way_back.classes:
        yield f"the original has no {architecture}: its programs know nothing of the variables of that head"

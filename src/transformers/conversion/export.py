"""The way back: from a stored model to the variables of an original checkpoint, by the same rules read backwards.

The original's variables follow from the configuration, as in the original's code. What the rules decide by the
variables of a checkpoint, the family decides here by the configuration and the parameters that are stored.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..checkpoints import Variable
from ..configuration_utils import PretrainedConfig
from ..errors import UserError
from ..modeling_keys import match_keys
from .configs import show_value
from .family import ConfigField, Family, WayBack
from .layout import ConversionError, Layout, Placed, VariableTable
from .numbered_names import fold_names
from .operations import Operation, Shape, ShapeError, Share
from .pieces import Array, cast, same_bits, widens
from .plan import FLOATING
from .rules import Choice, Rules, TensorRule, TiedRule
from .stored_model import StoredModel

#: The data type of the variables: that of all original codes.
DTYPE = "float32"


@dataclass(frozen=True)
class _Piece:
    """A parameter that (a part of) a variable is restored from.

    Attributes:
        stored: Its name in the weight file.
        operation: What made it from the variable, and others perhaps.
        shapes: The shapes of all of these.
        index: Which of them the variable is.
    """

    stored: str
    operation: Operation
    shapes: tuple[Shape, ...]
    index: int


@dataclass(frozen=True)
class ExportedVariable:
    """A variable of the original.

    Attributes:
        variable: Its name, shape and type.
        pieces: What it is restored from; it is zero if there are none.
        model: Where that is.
    """

    variable: Variable
    pieces: tuple[_Piece, ...]
    model: StoredModel

    @property
    def is_shared(self) -> bool:
        """Whether several parameters hold its values, which have to agree."""
        return len(self.pieces) > 1 and isinstance(self.pieces[0].operation, Share)

    def rounds(self) -> bool:
        """Whether its values are not those that are stored, to the bit."""
        dtypes = (self.model.tensors[piece.stored].dtype for piece in self.pieces)
        return not all(piece.operation.exact for piece in self.pieces) or not all(
            widens(dtype, DTYPE) for dtype in dtypes
        )

    def values(self) -> Array:
        """Its values.

        Raises:
            ConversionError: If parameters that hold the same part of it disagree.
        """
        result = np.zeros(self.variable.shape, np.dtype("<f4"))
        done = np.zeros(self.variable.shape[:1] or (1,), bool)
        for piece in self.pieces:
            for region, values in self._parts(piece):
                rows = region[0] if region else slice(None)
                if not done[rows].any():
                    result[region] = values
                elif not same_bits(np.asarray(result[region]), np.asarray(values)):
                    first = self.pieces[0].stored
                    raise ConversionError(
                        f"{self.variable.name} cannot have the values of {first} and of {piece.stored} at once."
                    )
                done[rows] = True
        self.model.release()
        return result

    def _parts(self, piece: _Piece) -> Iterator[tuple[tuple[slice, ...], Array]]:
        tensor = cast(self.model.tensor(piece.stored), self.model.tensors[piece.stored].dtype, DTYPE)
        for part in piece.operation.restore(tensor, piece.shapes):
            if part.source == piece.index:
                yield part.region, part.values


@dataclass(frozen=True)
class ExportPlan:
    """All that will be written.

    Attributes:
        family: The family.
        architecture: The model class.
        variables: The variables, in the order of their names, or in that of an original that has no names.
        config_text: The original's configuration file.
        zeros: Variables that the original builds though the class does not use them.
        constants: Parameters that the original implies, and has no variables for.
        notes: What the original's files do not say, and what was assumed.
    """

    family: Family
    architecture: str
    variables: tuple[ExportedVariable, ...]
    config_text: str
    zeros: tuple[str, ...]
    constants: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of all variables."""
        return sum(each.variable.nbytes for each in self.variables)

    @property
    def parameters(self) -> int:
        """The number of values in them."""
        return sum(each.variable.size for each in self.variables)


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
    match = _choose_match(family, way_back, model, config, architecture)
    fields, problems = _original_fields(family, way_back, config)
    problems += [*_inexpressible(way_back, config), *(way_back.check(match) if way_back.check else [])]
    problems += match.problems
    variables: tuple[ExportedVariable, ...] = ()
    if not match.problems:
        variables = (*_assemble(match), *_stand_ins(match))
        problems += _disagreements(variables)
    if problems:
        raise ConversionError(
            f"{model.path} cannot become a checkpoint of the original {family.title}:",
            problems,
            "Nothing was written.",
        )
    return ExportPlan(
        family=family,
        architecture=match.architecture,
        variables=_ordered(variables, way_back),
        config_text=way_back.write_config(fields),
        zeros=tuple(each.variable.name for each in variables if not each.pieces),
        constants=tuple(placed.target for placed in match.placed if not placed.sources),
        notes=(*_class_note(config, match.architecture), *_flag_notes(way_back, config), *_label_note(config)),
    )


def require_way_back(family: Family) -> WayBack:
    """The family's declaration.

    Raises:
        ConversionError: If it has none.
    """
    if family.way_back is None:
        raise ConversionError(f"Models of {family.title} cannot be exported to the original format yet.")
    return family.way_back


# ---------------------------------------------------------------------------------------------------------- parameters


class _Match:
    """The rules of a model class, held against the tensors that are stored.

    Attributes:
        architecture: The class.
        config: The configuration.
    """

    def __init__(self, family: Family, way_back: WayBack, model: StoredModel, config: Any, architecture: str) -> None:
        self.family, self.model, self.config, self.architecture = family, model, config, architecture
        self._way_back = way_back
        self._head = family.architectures[architecture]
        rules = family.encoder + self._head.head
        self.sizes = _sizes(family, self._head.labels, config)
        every = Layout(tuple(_all_branches(rules)), VariableTable({}, family), self.sizes)
        wanted = {placed.target for placed in every.placed} | every.tied.keys()
        prefix = family.base_prefix.rstrip(".")
        self._stored, self._unexpected = match_keys(model.tensors, wanted, prefix, way_back.buffers)
        self._layout = self._place(rules)
        self._settled = _settled(family, config, self.sizes)

    def _place(self, rules: Rules) -> Layout:
        """The rules that hold for this model."""
        there = {name: Variable(name, (), DTYPE) for name, decide in self._way_back.present.items() if decide(self)}
        chosen = Layout.of(rules, VariableTable(there, self.family))
        return Layout(chosen.rules, chosen.variables, self.sizes)

    def has(self, key: str) -> bool:
        return key in self._stored

    def is_zero(self, pattern: str) -> bool:
        names = [name for key, name in self._stored.items() if fnmatch.fnmatchcase(key, pattern)]
        return not any(np.any(self.model.tensor(name)) for name in names)

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
    def unused(self) -> tuple[Placed, ...]:
        """The rules of variables that the original builds all the same."""
        zeros = self._way_back.zeros
        layout = Layout(() if zeros is None else zeros(self), VariableTable({}, self.family), self.sizes)
        return tuple(
            placed
            for placed in layout.placed
            if all(any(rule.matches(source) for rule in self._head.unused) for source in placed.sources)
        )

    @cached_property
    def problems(self) -> list[str]:
        """What is missing, left over, or of another shape or value than the original could have."""
        known = {placed.target for placed in self.placed} | self._layout.tied.keys()
        left_over = [self._stored[key] for key in self._stored.keys() - known]
        missing = [placed.target for placed in self.placed if placed.target not in self._stored]
        return [
            *(
                f"{name} {'has' if count == 1 else 'have'} no place in the original's {self.architecture}"
                for name, count in fold_names([*self._unexpected, *left_over])
            ),
            *(f"{name} {'is' if count == 1 else 'are'} not stored" for name, count in fold_names(missing)),
            *(wrong for placed in self.placed if placed.target in self._stored for wrong in self._wrong_values(placed)),
            *self._untied(),
        ]

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
        elif not shapes and not same_bits(cast(self.model.tensor(name), found.dtype, DTYPE), operation.forward([])):
            yield f"{name} is not what the original, which has no variable for it, implies: {operation}"

    def _untied(self) -> Iterator[str]:
        for key, original in self._layout.tied.items():
            if key in self._stored and original in self._stored:
                one, other = self._stored[key], self._stored[original]
                if one != other and not same_bits(self.model.tensor(one), self.model.tensor(other)):
                    yield f"{one} differs from {other}, which is the same variable in the original"


def _sizes(family: Family, labels: str, config: Any) -> dict[str, int]:
    sizes = {field.size: getattr(config, field.name) for field in family.fields if field.size}
    return {**sizes, **({labels: config.num_labels} if labels else {})}


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


def _declared(config: PretrainedConfig) -> str | None:
    return config.architectures[0] if config.architectures else None


def _choose_match(
    family: Family, way_back: WayBack, model: StoredModel, config: PretrainedConfig, asked: str | None
) -> _Match:
    """The rules of the class that is asked for, or of the one that all tensors have a place in."""
    declared = _declared(config)
    names = [asked] if asked else [declared, *family.architectures]
    known = [name for name in dict.fromkeys(names) if name is not None and name in family.architectures]
    if not known:
        raise ConversionError(
            f"The original {family.title} has no {asked}.", [f"there are {', '.join(sorted(family.architectures))}"]
        )
    matches = [_Match(family, way_back, model, config, known[0])]
    for name in known[1:]:
        if not matches[-1].problems:
            return matches[-1]
        matches.append(_Match(family, way_back, model, config, name))
    fitting = next((match for match in matches if not match.problems), None)
    if fitting is None and declared not in family.architectures and not asked:
        raise ConversionError(
            f"The original {family.title} has no counterpart of {declared}.",
            [f"there are {', '.join(sorted(family.architectures))}"],
        )
    return fitting or matches[0]


# ----------------------------------------------------------------------------------------------------------- variables


def _ordered(variables: Collection[ExportedVariable], way_back: WayBack) -> tuple[ExportedVariable, ...]:
    by_name = {each.variable.name: each for each in variables}
    names = way_back.order(by_name) if way_back.order else sorted(by_name, key=str.encode)
    return tuple(by_name[name] for name in names)


def _assemble(match: _Match) -> Iterator[ExportedVariable]:
    """The variables that the parameters are made from."""
    pieces: dict[str, list[_Piece]] = defaultdict(list)
    for placed in match.placed:
        operation, shapes = match.operation(placed)
        for index, source in enumerate(placed.sources):
            pieces[source].append(_Piece(match.stored_name(placed.target), operation, shapes, index))
    rename = require_way_back(match.family).original_name
    for name, found in pieces.items():
        shape = found[0].shapes[found[0].index]
        original = rename(name, match.config) if rename else name
        yield ExportedVariable(Variable(original, shape, DTYPE), tuple(found), match.model)


def _stand_ins(match: _Match) -> Iterator[ExportedVariable]:
    """Variables that the original's code asks for, though they have no effect on what the class computes."""
    for placed in match.unused:
        _, shapes = match.operation(placed)
        for name, shape in zip(placed.sources, shapes, strict=True):
            yield ExportedVariable(Variable(name, shape, DTYPE), (), match.model)


def _disagreements(variables: Iterable[ExportedVariable]) -> list[str]:
    problems = []
    for each in variables:
        if each.is_shared:
            try:
                each.values()
            except ConversionError as error:
                problems.append(error.headline)
    return problems


# ------------------------------------------------------------------------------------------------------- configuration


def _original_fields(family: Family, way_back: WayBack, config: Any) -> tuple[dict[str, Any], list[str]]:
    """The fields of the original's file in its words, and those that it has no words for."""
    fields: dict[str, Any] = {}
    problems = []
    for wanted in family.fields:
        if wanted.name in way_back.config_fields:
            try:
                fields[wanted.spelling] = _original_word(wanted, getattr(config, wanted.name))
            except ValueError as error:
                problems.append(str(error))
    if way_back.keeps_unknown:
        fields |= _unknown_fields(family, config)
    return fields, problems


def _original_word(wanted: ConfigField, value: Any) -> Any:
    """The word that means a value.

    Raises:
        ValueError: If there is none.
    """
    if wanted.translate is None:
        return value
    meanings = {word: wanted.translate(word) for word in wanted.words}
    for word, meaning in meanings.items():
        if meaning == value:
            return word
    known = ", ".join(show_value(meaning) for meaning in meanings.values())
    raise ValueError(f"{wanted.name} is {show_value(value)}, the original can express {known}")


def _unknown_fields(family: Family, config: PretrainedConfig) -> dict[str, Any]:
    """Fields that no configuration class knows, such as those that a conversion kept."""
    known = {*family.config_class().to_dict(), *(field.name for field in family.fields)}
    known |= {"transformers_version", "add_pooling_layer", "dtype", "torch_dtype"}
    return {name: value for name, value in config.to_dict().items() if name not in known}


def _inexpressible(way_back: WayBack, config: Any) -> list[str]:
    return [
        f"{name} is {show_value(getattr(config, name))}, the original only has {' or '.join(map(show_value, allowed))}"
        for name, allowed in way_back.fixed.items()
        if getattr(config, name) not in allowed
    ]


def _class_note(config: PretrainedConfig, architecture: str) -> list[str]:
    declared = _declared(config)
    if declared in (None, architecture):
        return []
    return [f"{architecture} in place of {declared}: it has a place for all that is stored"]


def _flag_notes(way_back: WayBack, config: Any) -> list[str]:
    """Settings that the original's scripts have to be given."""
    return [
        f"{name} = {show_value(getattr(config, name))} is not in {way_back.config_file}: the original has a flag for it"
        for name, default in way_back.flags.items()
        if getattr(config, name) != default
    ]


def _label_note(config: PretrainedConfig) -> list[str]:
    if all(label == f"LABEL_{index}" for index, label in config.id2label.items()):
        return []
    return [f"the names of labels are in no file of the original: {', '.join(config.id2label.values())}"]


def load_config(family: Family, model: StoredModel) -> PretrainedConfig:
    """The configuration of a stored model.

    Raises:
        ConversionError: If it is one of another family, or none.
    """
    said = model.config.get("model_type", family.model_type)
    if said != family.model_type:
        raise ConversionError(f'{model.folder} holds a model of type "{said}", not of {family.title}.')
    try:
        config: PretrainedConfig = family.config_class(**model.config)
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        raise ConversionError(
            f"{model.folder}: the configuration does not make a {family.title} model: {error}"
        ) from error
    return config

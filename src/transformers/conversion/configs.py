"""Our configuration from the original's, from the tensors, and from what is known of released models.

Nothing is guessed silently: what a file says is held against the tensors, what no file says follows from the tensors or
is listed as assumed, and what cannot be known is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._files import read_json_object
from ..configuration_utils import PretrainedConfig
from ..errors import UserError
from .family import REQUIRED, UNKNOWN_TO_THE_ORIGINAL, ConfigField, Family, Implied
from .layout import ConversionError, Layout


@dataclass(frozen=True)
class ConfigSource:
    """What a configuration file, or the command line, says.

    Attributes:
        name: What to call it in messages.
        fields: Its content.
        literal: Whether its words mean what they mean in the ecosystem (it has ``model_type`` or ``architectures``);
            in any other file they mean what they mean in the original.
        asked: Whether the user asks for what it says, so that it must have an effect; a file may say more than that.
        path: The file, if the user named it: it must never be replaced.
    """

    name: str
    fields: Mapping[str, Any]
    literal: bool = False
    asked: bool = False
    path: Path | None = field(default=None, compare=False)

    @classmethod
    def read(cls, path: Path, family: Family) -> ConfigSource:
        """Reads a file in the way that the family declares for its name, as JSON by default.

        Raises:
            ConversionError: If it cannot be read.
        """
        try:
            fields = _reader(family, path)(path)
        except (OSError, UserError, RecursionError) as error:
            raise ConversionError(
                f"The configuration cannot be read: {_reason(error, path)}",
                advice="Give the configuration file of this checkpoint, or leave --config out to infer what can be.",
            ) from error
        return cls(path.name, fields, "model_type" in fields or "architectures" in fields)

    def spelling(self, wanted: ConfigField, aliases: Mapping[str, str]) -> str | None:
        """How this source spells a field, or None if it does not have it."""
        ours = [wanted.name, *aliases_of(wanted, aliases)]
        spellings = ours if self.literal else [wanted.spelling, *ours]
        return next((spelling for spelling in spellings if spelling in self.fields), None)

    def value(self, wanted: ConfigField, spelling: str) -> Any:
        """The value of a field in our words.

        Raises:
            ValueError: If it is not a value of that field.
        """
        value = self.fields[spelling]
        if not _is_kind(value, wanted):
            raise ValueError(f"{show_value(value)} is not {_expected(wanted)}")
        if not self.literal and wanted.translate is not None:
            return wanted.translate(value)
        return value


def _reader(family: Family, path: Path) -> Callable[[Path], dict[str, Any]]:
    """By the name of the file, or else by its suffix; JSON is read as JSON."""
    of_kind = (read for name, read in family.config_files.items() if Path(name).suffix == path.suffix != ".json")
    return family.config_files.get(path.name) or next(of_kind, read_json_object)


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, RecursionError):
        return f"{path} is nested too deeply."
    if isinstance(error, OSError) and error.strerror:
        return f"{path}: {error.strerror}."
    return str(error) if path.name in str(error) else f"{path.name}: {error}"


def aliases_of(wanted: ConfigField, aliases: Mapping[str, str]) -> list[str]:
    """The other names that the ecosystem has for a field."""
    return [alias for alias, name in aliases.items() if name == wanted.name]


@dataclass
class ConfigResult:
    """The configuration's fields and how they were found.

    Attributes:
        fields: The arguments of the configuration class.
        assumed: Field -> why its value was assumed.
        problems: Everything that is wrong, one line each.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def assumptions(self) -> list[str]:
        """The assumed fields with values and reasons, for the report."""
        return [f"{name} = {show_value(self.fields[name])} ({why})" for name, why in self.assumed.items()]


def settle_config(family: Family, sources: Sequence[ConfigSource], layout: Layout) -> ConfigResult:
    """The fields of the configuration for a checkpoint.

    Args:
        family: The family.
        sources: What the user gave and what stands beside the checkpoint, the more explicit first.
        layout: The rules of the family, placed on the checkpoint's variables.
    """
    aliases: Mapping[str, str] = getattr(family.config_class, "attribute_map", {})
    result = ConfigResult()
    result.problems += [*_foreign(family, sources), *_unrelated(family, sources, aliases)]
    released = _find_released(family, layout.sizes)
    for wanted in family.fields:
        so_far = len(result.problems)
        found = _collect(wanted, sources, aliases, result.problems)
        _hold_against_tensors(wanted, found, layout, result.problems)
        implied = None if wanted.implied is None else wanted.implied(layout.variables)
        _hold_against_implied(found, implied, result.problems)
        if found:
            result.fields[wanted.name] = found[0].value
        elif wanted.size in layout.sizes:
            result.fields[wanted.name] = layout.sizes[wanted.size]
        elif implied is not None and implied.agrees is None:
            result.fields[wanted.name] = implied.value
        elif released is not None and wanted.name in released.fields:
            result.fields[wanted.name] = released.fields[wanted.name]
            result.assumed[wanted.name] = f"the shapes are those of {released.name}"
        elif implied is not None:
            result.fields[wanted.name] = implied.value
            result.assumed[wanted.name] = implied.evidence
        elif len(result.problems) == so_far:  # a field with a wrong value is not an absent one
            _take_default(wanted, result, aliases)
    for name, value in _unknown_fields(family, sources, aliases).items():
        result.fields.setdefault(name, value)
    if family.finish_config is not None and not result.problems:
        result.problems += family.finish_config(result.fields, layout.variables)
    return result


def _foreign(family: Family, sources: Iterable[ConfigSource]) -> list[str]:
    return [
        f"model_type   {source.name} says {show_value(source.fields['model_type'])}, "
        f"this is a conversion of {family.title}"
        for source in sources
        if source.fields.get("model_type", family.model_type) != family.model_type
    ]


def _unrelated(family: Family, sources: Iterable[ConfigSource], aliases: Mapping[str, str]) -> list[str]:
    """Files that speak of something else altogether."""
    shared = {*vars(PretrainedConfig()), "num_labels", "model_type"}
    return [
        f"{source.name} has no field of a {family.title} configuration, but {', '.join(list(source.fields)[:5])}"
        for source in sources
        if source.fields
        and shared.isdisjoint(source.fields)
        and not any(source.spelling(wanted, aliases) for wanted in family.fields)
    ]


@dataclass(frozen=True)
class _Found:
    source: ConfigSource
    spelling: str
    value: Any

    def __str__(self) -> str:
        """What the source says, in its own words."""
        word = self.source.fields[self.spelling]
        meaning = f" (which means {show_value(self.value)})" if self.value != word else ""
        return f"{self.source.name} says {show_value(word)}{meaning}"


def _collect(
    wanted: ConfigField, sources: Sequence[ConfigSource], aliases: Mapping[str, str], problems: list[str]
) -> list[_Found]:
    """What the sources say about a field; values that are none and contradictions become problems."""
    found: list[_Found] = []
    for source in sources:
        spelling = source.spelling(wanted, aliases)
        if spelling is None:
            continue
        try:
            found.append(_Found(source, spelling, source.value(wanted, spelling)))
        except ValueError as error:
            problems.append(f"{spelling}   {source.name}: {error}")
    differing = [] if wanted.may_differ else [other for other in found[1:] if other.value != found[0].value]
    problems += [f"{found[0].spelling}   {found[0]}, {other}" for other in differing]
    return found


def _hold_against_tensors(wanted: ConfigField, found: Sequence[_Found], layout: Layout, problems: list[str]) -> None:
    size = layout.sizes.get(wanted.size)
    if found and size is not None and found[0].value != size:
        problems.append(f"{found[0].spelling}   {found[0]}, {_evidence(wanted, size, layout)}")


def _hold_against_implied(found: Sequence[_Found], implied: Implied | None, problems: list[str]) -> None:
    if not found or implied is None:
        return
    agrees = implied.agrees(found[0].value) if implied.agrees else found[0].value == implied.value
    if not agrees:
        problems.append(f"{found[0].spelling}   {found[0]}, {implied.evidence}")


def _evidence(wanted: ConfigField, size: int, layout: Layout) -> str:
    if wanted.size in layout.counts:
        counted = "layers" if "layer" in wanted.name else "numbers"
        return f"the checkpoint has {counted} 0..{size - 1} ({size})" if size else f"the checkpoint has no {counted}"
    witness = layout.witness(wanted.size)
    if witness is None:
        return f"the shapes in the checkpoint imply {size}"
    variable = layout.variables[witness]
    return f"{variable.name} is {list(variable.shape)}"


def _find_released(family: Family, sizes: Mapping[str, int]) -> Any:
    for model in family.released:
        if all(sizes.get(symbol) == size for symbol, size in model.sizes.items()):
            return model
    return None


def _take_default(wanted: ConfigField, result: ConfigResult, aliases: Mapping[str, str]) -> None:
    if wanted.default is UNKNOWN_TO_THE_ORIGINAL:
        return
    if wanted.default is REQUIRED:
        flag = "--num_heads N, or " if "num_attention_heads" in (wanted.name, *aliases_of(wanted, aliases)) else ""
        result.problems.append(
            f"{wanted.spelling}   no file has it and no tensor shows it: give {flag}a --config with just that field"
        )
        return
    value = wanted.default if wanted.translate is None else wanted.translate(wanted.default)
    result.fields[wanted.name] = value
    result.assumed[wanted.name] = "the original's default"


def _unknown_fields(family: Family, sources: Sequence[ConfigSource], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Fields that the family does not speak of: they are kept as they are."""
    known = {"model_type", "architectures", "torch_dtype", "dtype", "transformers_version"}
    unknown: dict[str, Any] = {}
    for source in sources:
        consumed = known | {source.spelling(wanted, aliases) or wanted.spelling for wanted in family.fields}
        for name, value in source.fields.items():
            if name not in consumed:
                unknown.setdefault(name, value)
    return unknown


_KINDS: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "true or false",
    list: "a list",
}


def _least(wanted: ConfigField) -> float:
    return max(wanted.least, 1) if wanted.size else wanted.least


def _expected(wanted: ConfigField) -> str:
    """What a field can be, in words."""
    kind = _KINDS[wanted.kind]
    if wanted.kind not in (int, float):
        return kind
    least = _least(wanted)
    return f"{kind} from {least:g} to {wanted.most:g}" if math.isfinite(wanted.most) else f"{kind} from {least:g} on"


def _is_kind(value: Any, wanted: ConfigField) -> bool:
    if value is None:
        return wanted.nullable
    if wanted.kind not in (int, float):
        return isinstance(value, wanted.kind)
    is_number = isinstance(value, int if wanted.kind is int else int | float) and not isinstance(value, bool)
    return is_number and _least(wanted) <= value <= wanted.most and math.isfinite(value)


def show_value(value: Any) -> str:
    """A value as a JSON file spells it."""
    import json

    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)

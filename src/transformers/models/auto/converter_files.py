"""The converter file: one JSON file that says which configuration, which model class, and which names.

::

    {"bert_config_path": "$BERT_BASE_DIR/bert_config.json",
     "bert_model_class": "BertForTokenClassification",
     "tf_torch_mappings": {"tf_output_layer_name": "classifier"},
     "args": {"num_labels": 2}}

The first two are required; their prefix is that of the family, or absent.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...configuration_utils import PretrainedConfig
from ...conversion.configs import ConfigSource
from ...conversion.family import Family
from ...conversion.layout import ConversionError
from .original_families import load_family
from .tables import FAMILIES

#: What has the prefix of a family, and what has none.
_PREFIXED = ("config_path", "model_class")
_PLAIN = ("tf_torch_mappings", "args")


@dataclass(frozen=True)
class ConverterFile:
    """What a converter file says, its paths found and its names known.

    Attributes:
        config_path: The original's configuration file.
        architecture: The model class.
        maps: ``tf_torch_mappings`` as mappings.
        arguments: ``args``, as a source of the configuration.
    """

    config_path: Path
    architecture: str
    maps: tuple[str, ...]
    arguments: ConfigSource


def read_converter_file(config: object, family: Family, architecture: str | None = None) -> ConverterFile | None:
    """What was given as the configuration, if it is a converter file.

    Args:
        config: The path of a file, or its content.
        family: The family of the checkpoint.
        architecture: The model class that was asked for besides; it has to be the same.

    Returns:
        None for any other configuration.

    Raises:
        ConversionError: With everything that is wrong with it.
    """
    place = Path(config) if isinstance(config, str | os.PathLike) else None
    fields = config if isinstance(config, Mapping) else None if place is None else _parse(place)
    if fields is None or not _is_converter(fields):
        return None
    reader = _Reader(fields, family, place)
    found = reader.read(architecture)
    if reader.problems:
        title = "The converter configuration" if place is None else str(place)
        raise ConversionError(f"{title} cannot be followed:", reader.problems, "Nothing was written.")
    return found


def _parse(path: Path) -> Mapping[str, Any] | None:
    """The JSON object in a file, trailing commas forgiven; None if there is none."""
    try:
        fields = json.loads(without_trailing_commas(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


_STRING_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


def without_trailing_commas(text: str) -> str:
    """JSON without the commas behind last members, which its grammar forbids; strings are left as they are."""
    return _STRING_OR_COMMA.sub(lambda found: found[1] or " ", text)


def _is_converter(fields: Mapping[str, Any]) -> bool:
    ends = tuple(f"_{name}" for name in _PREFIXED)
    return any(name in (*_PREFIXED, _PLAIN[0]) or str(name).endswith(ends) for name in fields)


def prefixes(model_type: str) -> tuple[str, ...]:
    """What stands before the names of fields for a family: ``openai_gpt_``, ``openai_`` and ``gpt_`` for OpenAI GPT."""
    entry = FAMILIES[model_type]
    names = (model_type, entry.folder, *entry.spellings)
    words = dict.fromkeys(name.replace("-", "_") for name in names)
    return tuple(f"{word}_" for word in words if word.isidentifier())


class _Reader:
    """Reads the fields of a converter file and gathers what is wrong with them."""

    def __init__(self, fields: Mapping[str, Any], family: Family, place: Path | None) -> None:
        self.problems: list[str] = []
        self._fields, self._family, self._place = fields, family, place
        self._prefixes = prefixes(family.model_type)

    def read(self, architecture: str | None) -> ConverterFile | None:
        """The file's content, or None if there are problems."""
        self.problems += self._unknown_fields()
        config_path = self._config_path()
        model_class = self._model_class(architecture)
        maps = self._maps()
        arguments = self._arguments()
        if self.problems or config_path is None or model_class is None:
            return None
        name = "args" if self._place is None else f"{self._place.name}: args"
        source = ConfigSource(name, arguments, literal=True, asked=True, path=self._place)
        return ConverterFile(config_path, model_class, maps, source)

    # Fields

    def _spellings(self, name: str) -> list[str]:
        return [*(f"{prefix}{name}" for prefix in self._prefixes), name]

    def _unknown_fields(self) -> Iterator[str]:
        known = [*_PLAIN, *(spelling for name in _PREFIXED for spelling in self._spellings(name))]
        for name in self._fields:
            if name in known:
                continue
            others = [load_family(each).title for each in FAMILIES if str(name).startswith(prefixes(each))]
            near = difflib.get_close_matches(str(name), known, n=1)
            if others and str(name).endswith(_PREFIXED):
                yield f"{name} is a field for {others[0]}, this is a conversion of {self._family.title}"
            else:
                yield f"{name} is no field of a converter file" + (f" (did you mean {near[0]}?)" if near else "")

    def _required(self, name: str) -> tuple[str, str] | None:
        """The spelling and the value of a required field, if it is there as it should be."""
        found = [spelling for spelling in self._spellings(name) if spelling in self._fields]
        if not found:
            self.problems.append(f"{self._prefixes[0]}{name} is missing")
        elif len(found) > 1:
            self.problems.append(f"{' and '.join(found)} are the same field")
        elif not isinstance(value := self._fields[found[0]], str) or not value:
            self.problems.append(f"{found[0]} should be a string, not {_show(value)}")
        else:
            return found[0], value
        return None

    def _object(self, name: str) -> Mapping[str, Any]:
        value = self._fields.get(name, {})
        if isinstance(value, Mapping):
            return value
        self.problems.append(f"{name} should be an object, not {_show(value)}")
        return {}

    # What they mean

    def _config_path(self) -> Path | None:
        field = self._required("config_path")
        if field is None:
            return None
        name, value = field
        undefined = [variable for variable in _variables(value) if variable not in os.environ]
        if undefined:
            self.problems += [f"{name}: the environment variable {each} is not set ({value})" for each in undefined]
            return None
        path = Path(os.path.expandvars(value))
        places = [path] if path.is_absolute() or self._place is None else [self._place.parent / path, path]
        for place in places:
            if place.is_file():
                return place
        self.problems.append(f"{name}: there is no file {' or '.join(dict.fromkeys(map(str, places)))}")
        return None

    def _model_class(self, asked: str | None) -> str | None:
        field = self._required("model_class")
        if field is None:
            return None
        name, value = field
        if value not in self._family.architectures:
            self.problems.append(f"{name}: {self._not_a_class(value)}")
            return None
        if asked not in (None, value):
            self.problems.append(f"{name} says {value}, asked for is {asked} (--architecture)")
        return value

    def _not_a_class(self, name: str) -> str:
        others = [other for other in map(load_family, FAMILIES) if name in other.architectures]
        if others:
            return f"{name} is a class of {others[0].title}, this is a conversion of {self._family.title}"
        known = self._family.architectures
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        return f"{self._family.title} has no class {name} ({hint})"

    def _maps(self) -> tuple[str, ...]:
        mappings = self._object("tf_torch_mappings")
        wrong = {name: goal for name, goal in mappings.items() if not (isinstance(goal, str) and goal and name)}
        self.problems += [
            f"tf_torch_mappings: {name} should be mapped to a name, not {_show(wrong[name])}" for name in wrong
        ]
        return tuple(f"{name}={goal}" for name, goal in mappings.items())

    def _arguments(self) -> Mapping[str, Any]:
        arguments = self._object("args")
        config_class: Any = self._family.config_class
        known = {*vars(PretrainedConfig()), *vars(config_class()), *config_class.attribute_map, "num_labels"}
        for name in arguments:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                self.problems.append(f"args: {config_class.__name__} has no field {name}{hint}")
        labels = arguments.get("num_labels", 1)
        if not isinstance(labels, int) or isinstance(labels, bool) or labels < 1:
            self.problems.append(f"args: num_labels should be a whole number from 1 on, not {_show(labels)}")
        return arguments


def _variables(text: str) -> list[str]:
    """The environment variables that are named in a text."""
    return [simple or braced for simple, braced in re.findall(r"\$(?:(\w+)|\{([^}]*)\})", text, re.ASCII)]


def _show(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)

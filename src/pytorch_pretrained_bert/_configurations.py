"""What the older configurations have in common: their constructors, and the JSON files that they read and write.

They are configurations of today's models at the same time, so that these can be built from them.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from transformers._files import read_json_object, write_text
from transformers.configuration_utils import PretrainedConfig
from transformers.errors import UserError

StrPath = str | os.PathLike[str]

#: Fields that say which class a file of today belongs to; here the caller knows.
_NOT_KEPT = ("model_type", "transformers_version")


class OlderConfig(PretrainedConfig):
    """A configuration whose JSON has the older fields, and those that a file or a script has added to them.

    Attributes:
        stored_fields: The names of the older fields.
    """

    stored_fields: ClassVar[tuple[str, ...]]

    @classmethod
    def from_dict(cls, json_object: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """A configuration with the given fields; the others have their defaults."""
        config = cls(vocab_size_or_config_json_file=-1)
        config.update(known_fields(json_object))
        return config

    def to_dict(self) -> dict[str, Any]:
        """The older fields, and whatever else was set."""
        fields = {name: getattr(self, name) for name in self.stored_fields}
        fresh = vars(type(self)(vocab_size_or_config_json_file=-1))
        own_names = {self._own_name(name) for name in self.stored_fields}
        added = {
            name: value
            for name, value in vars(self).items()
            if name not in own_names and not (name in fresh and fresh[name] == value)
        }
        return copy.deepcopy(fields | added)

    def to_diff_dict(self) -> dict[str, Any]:
        """The same as :meth:`to_dict`."""
        return self.to_dict()

    def to_json_string(self, use_diff: bool = True) -> str:
        """The configuration as JSON with sorted keys."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: StrPath, use_diff: bool = True) -> None:
        """Writes :meth:`to_json_string` to a file, which is replaced in one step."""
        write_text(Path(json_file_path), self.to_json_string())

    def __repr__(self) -> str:
        return self.to_json_string()


def known_fields(json_object: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a JSON file that a configuration takes over."""
    return {name: value for name, value in json_object.items() if name not in _NOT_KEPT}


def vocabulary_or_file(first: int | StrPath) -> tuple[int, dict[str, Any]]:
    """What the first argument of a constructor says: the size of the vocabulary, or the fields that a JSON file has.

    Raises:
        UserError: It is neither a number nor a path, or the file cannot be read.
    """
    if isinstance(first, int):
        return first, {}
    if not isinstance(first, str | os.PathLike):
        raise UserError(
            f"vocab_size_or_config_json_file is {first!r}; it is the size of the vocabulary or the path of a JSON file."
        )
    return -1, known_fields(read_json_object(Path(first)))

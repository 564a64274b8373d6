"""``AutoConfig``: the configuration class follows from ``model_type``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any, NoReturn

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from .tables import FAMILIES, FamilyEntry


def family_member(entry: FamilyEntry, name: str) -> Any:
    """A public class of a family."""
    return getattr(importlib.import_module(f"..{entry.folder}", __package__), name)


def config_class(model_type: str) -> type[PretrainedConfig]:
    """The configuration class of a family."""
    found: type[PretrainedConfig] = family_member(FAMILIES[model_type], FAMILIES[model_type].config)
    return found


def model_type_of(fields: Mapping[str, Any], source: str | os.PathLike[str]) -> str:
    """The ``model_type`` that the fields of a ``config.json`` mean.

    Raises:
        UserError: If they name none, or one that is unknown here.
    """
    stored = fields.get("model_type")
    if stored in FAMILIES:
        return str(stored)
    said = f"its model_type is {stored!r}" if stored else "it has no model_type"
    raise UserError(
        f"The configuration of {os.fspath(source)} does not say which family it belongs to: {said}.",
        advice=f"Known are {', '.join(FAMILIES)}. Set model_type, or load it with the family's own classes.",
    )


class AutoConfig:
    """Loads the configuration of whichever family a model belongs to."""

    def __init__(self) -> NoReturn:
        raise TypeError("AutoConfig is not made by its constructor: use AutoConfig.from_pretrained or .for_model")

    @classmethod
    def for_model(cls, model_type: str, **fields: Any) -> PretrainedConfig:
        """A configuration of a family with some fields set."""
        return config_class(model_type_of({"model_type": model_type}, "for_model"))(**fields)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: bool = False,
        trust_remote_code: bool = False,  # noqa: ARG003  # code from a repository is never run, whatever is trusted
        **arguments: Any,
    ) -> Any:
        """Loads a configuration; see :meth:`PretrainedConfig.from_pretrained`.

        Args:
            pretrained_model_name_or_path: A folder, a file, or the id of a repository on the hub.
            return_unused_kwargs: Returns a pair: the configuration, and the arguments that are no fields of it.
            trust_remote_code: Accepted for compatibility; code from a repository is never run.
            **arguments: Where and how to fetch, and fields that replace those of the file.
        """
        fields, overrides = PretrainedConfig.get_config_dict(pretrained_model_name_or_path, **arguments)
        overrides["name_or_path"] = os.fspath(pretrained_model_name_or_path)
        found = config_class(model_type_of(fields, pretrained_model_name_or_path))
        return found.from_dict(fields, return_unused_kwargs=return_unused_kwargs, **overrides)

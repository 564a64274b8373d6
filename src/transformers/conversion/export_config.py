"""The configuration of a stored model in the words of the original, and what these words cannot express."""

from __future__ import annotations

from typing import Any

from ..configuration_utils import PretrainedConfig
from ..errors import UserError
from .configs import show_value
from .family import ConfigField, Family
from .initialisation import NEWLY_INITIALIZED
from .layout import ConversionError
from .stored_model import StoredModel
from .way_back import WayBack


def require_way_back(family: Family) -> WayBack:
    """The family's declaration.

    Raises:
        ConversionError: If it has none.
    """
    if family.way_back is None:
        raise ConversionError(f"Models of {family.title} cannot be exported to the original format.")
    return family.way_back


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
        config.check()
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        raise ConversionError(
            f"{model.folder}: the configuration does not make a {family.title} model: {error}"
        ) from error
    return config


def original_fields(family: Family, config: Any, architecture: str) -> tuple[dict[str, Any], list[str]]:
    """The fields of the original's file in its words, and those that it has no words for."""
    way_back = require_way_back(family)
    fields: dict[str, Any] = {}
    problems = []
    for wanted in family.fields:
        if wanted.name in way_back.config_fields:
            try:
                fields[wanted.spelling] = _original_word(wanted, getattr(config, wanted.name))
            except ValueError as error:
                problems.append(str(error))
    if way_back.keeps_unknown:
        fields |= further_fields(family, config, architecture)
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


def further_fields(family: Family, config: PretrainedConfig, architecture: str) -> dict[str, Any]:
    """Fields that the original passes over, and a conversion keeps: those of the task, and those that nobody knows."""
    has_labels = bool(family.architectures[architecture].labels)
    labels = {"num_labels": config.num_labels} if config.num_labels != _LABELS and not has_labels else {}
    task = {"finetuning_task": config.finetuning_task} if config.finetuning_task else {}
    return {**labels, **task, **_unknown_fields(family, config)}


#: How many labels there are if nothing says it.
_LABELS = 2


def _unknown_fields(family: Family, config: PretrainedConfig) -> dict[str, Any]:
    """Fields that the configuration class does not know."""
    known = {*family.config_class().to_dict(), *(field.name for field in family.fields)}
    known |= {"transformers_version", "add_pooling_layer", "dtype", "torch_dtype", NEWLY_INITIALIZED}
    return {name: value for name, value in config.to_dict().items() if name not in known}


def inexpressible(way_back: WayBack, config: Any) -> list[str]:
    """Fields that have to have certain values in the original, and have others."""
    return [
        f"{name} is {show_value(getattr(config, name))}, the original only has {' or '.join(map(show_value, allowed))}"
        for name, allowed in way_back.fixed.items()
        if getattr(config, name) not in allowed
    ]


def flag_notes(way_back: WayBack, config: Any) -> list[str]:
    """Settings that the original's scripts have to be given."""
    return [
        f"{name} = {show_value(getattr(config, name))} is not in {way_back.config_file}: the original has a flag for it"
        for name, default in way_back.flags.items()
        if getattr(config, name) != default
    ]


def new_parameters_note(config: PretrainedConfig) -> list[str]:
    """Parameters that a conversion initialised: they become variables as all others do."""
    names = config.newly_initialized
    return [f"no file of the original says that these were never trained: {', '.join(names)}"] if names else []


def label_note(config: PretrainedConfig) -> list[str]:
    """The names of labels, which no original keeps."""
    if all(label == f"LABEL_{index}" for index, label in config.id2label.items()):
        return []
    return [f"the names of labels are in no file of the original: {', '.join(config.id2label.values())}"]

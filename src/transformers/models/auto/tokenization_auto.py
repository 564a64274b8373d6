"""AutoTokenizer: the tokenizer class that the files of a model ask for."""

from __future__ import annotations

import importlib
import logging
import os
from pathlib import Path
from typing import Any, NoReturn, cast

from ..._files import read_json_object
from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...hub import HubOptions, find_file
from ...tokenization_files import TOKENIZER, TOKENIZER_CONFIG
from ...tokenization_utils import PreTrainedTokenizerBase, PreTrainedTokenizerFast
from .tables import FAMILIES

__all__ = ["AutoTokenizer"]

logger = logging.getLogger(__name__)


class AutoTokenizer:
    """Finds the class of a saved tokenizer; there are no objects of this class itself."""

    def __init__(self) -> NoReturn:
        raise TypeError("AutoTokenizer is not made by calling it: use AutoTokenizer.from_pretrained(name_or_path).")

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> PreTrainedTokenizerBase:
        """The tokenizer in a folder or of a model on the hub.

        Its class is the one that ``tokenizer_config.json`` names, else that of the family that ``config.json`` names.

        Args:
            pretrained_model_name_or_path: A folder or the id of a repository.
            **kwargs: ``tokenizer_type`` (a ``model_type``) or ``config`` decides the class instead of the files; the
                rest is passed on to the class's ``from_pretrained``.

        Raises:
            MissingFileError: The files are not there.
            UserError: The files do not say which class it is, or there is no such class.
        """
        source = pretrained_model_name_or_path
        tokenizer_type, config = kwargs.pop("tokenizer_type", None), kwargs.pop("config", None)
        options = HubOptions.taken_from(dict(kwargs))
        if tokenizer_type is not None:
            found = _class_of_family(tokenizer_type, "tokenizer_type")
        else:
            found = _class_in_files(source, config, options)
        return found.from_pretrained(source, **kwargs)


def _class_in_files(
    source: str | os.PathLike[str], config: PretrainedConfig | None, options: HubOptions
) -> type[PreTrainedTokenizerBase]:
    tokenizer_config = _read(source, TOKENIZER_CONFIG, options)
    fields = config.to_dict() if config is not None else _read(source, "config.json", options)
    has_engine = Path(source).is_file() or find_file(source, TOKENIZER, options) is not None
    name = tokenizer_config.get("tokenizer_class") or fields.get("tokenizer_class")
    if name is not None:
        found = _class_by_name(name)
        if found is not None:
            return found
        if not has_engine:
            raise UserError(f"{os.fspath(source)} asks for {name}, which is not in this library.")
    elif fields.get("model_type") is not None:
        return _class_of_family(fields["model_type"], f"model_type in the config.json of {os.fspath(source)}")
    if has_engine:
        why = "does not name its class" if name is None else f"asks for {name}, which is not in this library"
        logger.warning("%s %s: it is loaded as its %s describes it.", source, why, TOKENIZER)
        return PreTrainedTokenizerFast
    raise UserError(
        f"{os.fspath(source)} does not say which tokenizer it is: neither tokenizer_class in {TOKENIZER_CONFIG} nor "
        "model_type in config.json is there.",
        advice="Take the family's class (BertTokenizer.from_pretrained(…)), or give tokenizer_type='bert'.",
    )


def _read(source: str | os.PathLike[str], name: str, options: HubOptions) -> dict[str, Any]:
    path = None if Path(source).is_file() else find_file(source, name, options)
    return {} if path is None else read_json_object(path)


def _class_by_name(name: str) -> type[PreTrainedTokenizerBase] | None:
    """The class; names with and without ``Fast`` are the same."""
    stem = name.removesuffix("Fast")
    if stem == "PreTrainedTokenizer":
        return PreTrainedTokenizerFast
    return next((_load(model_type) for model_type, entry in FAMILIES.items() if entry.tokenizer == stem), None)


def _class_of_family(model_type: str, what: str) -> type[PreTrainedTokenizerBase]:
    if model_type not in FAMILIES:
        raise UserError(f"{what} is {model_type!r}, which is not a known family; it can be {', '.join(FAMILIES)}.")
    return _load(model_type)


def _load(model_type: str) -> type[PreTrainedTokenizerBase]:
    entry = FAMILIES[model_type]
    package = importlib.import_module(f"transformers.models.{entry.folder}")
    return cast("type[PreTrainedTokenizerBase]", getattr(package, entry.tokenizer))

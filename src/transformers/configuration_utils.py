"""The hyper-parameters of a model and their JSON file.

A configuration keeps what it does not know: a field that some other tool wrote into ``config.json`` is still there
after loading and saving. Nothing here needs torch.
"""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self, cast

from ._files import read_json_object, write_text
from .errors import UserError
from .hub import HubOptions, PushToHubMixin, require_file

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"

#: The fields that every configuration has, with their defaults.
_COMMON_FIELDS: Mapping[str, Any] = MappingProxyType({
    # what a forward pass returns, and what it leaves out
    "return_dict": True, "output_hidden_states": False, "output_attentions": False, "skip_padding": "auto",
    # the architecture
    "is_encoder_decoder": False, "is_decoder": False, "add_cross_attention": False, "cross_attention_hidden_size": None,
    "tie_word_embeddings": True, "tie_encoder_decoder": False, "chunk_size_feed_forward": 0, "pruned_heads": {},
    "dtype": None,
    # where it comes from and what it was trained for
    "architectures": None, "finetuning_task": None, "problem_type": None, "task_specific_params": None,
    "tokenizer_class": None, "prefix": None, "newly_initialized": None,
    # special tokens
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "sep_token_id": None,
    "decoder_start_token_id": None,
})  # fmt: skip

_DEFAULT_NUM_LABELS = 2


class PretrainedConfig(PushToHubMixin):
    """Base class of the configurations: common fields, and loading and saving as JSON.

    Attributes:
        model_type: The family, as ``config.json`` names it.
        attribute_map: Other names of fields, which can be read, written and passed just as well.

    Args:
        **fields: Common fields (``num_labels``, ``id2label``, ``output_attentions``, …) and any others, which are kept.
    """

    model_type: ClassVar[str] = ""
    attribute_map: ClassVar[Mapping[str, str]] = {}
    _common_aliases: ClassVar[Mapping[str, str]] = {"torch_dtype": "dtype", "_name_or_path": "name_or_path"}

    return_dict: bool
    output_hidden_states: bool
    output_attentions: bool
    skip_padding: bool | str
    is_encoder_decoder: bool
    is_decoder: bool
    add_cross_attention: bool
    cross_attention_hidden_size: int | None
    tie_word_embeddings: bool
    tie_encoder_decoder: bool
    chunk_size_feed_forward: int
    pruned_heads: dict[int, list[int]]
    dtype: str | None
    architectures: list[str] | None
    finetuning_task: str | None
    problem_type: str | None
    task_specific_params: dict[str, Any] | None
    tokenizer_class: str | None
    prefix: str | None
    newly_initialized: list[str] | None
    bos_token_id: int | None
    eos_token_id: int | list[int] | None
    pad_token_id: int | None
    sep_token_id: int | None
    decoder_start_token_id: int | None
    name_or_path: str
    id2label: dict[int, str]
    label2id: dict[str, int]

    def __init__(self, **fields: Any) -> None:
        fields.pop("model_type", None)
        fields = self._by_own_names(fields)
        self.name_or_path = str(fields.pop("name_or_path", ""))
        for name, default in _COMMON_FIELDS.items():
            setattr(self, name, fields.pop(name, copy.copy(default)))
        self._set_labels(fields.pop("num_labels", None), fields.pop("id2label", None), fields.pop("label2id", None))
        self._refuse_names_of_the_class(fields)
        self.update(fields)

    def check(self) -> None:
        """Refuses hyper-parameters that describe no model of the family; a model's constructor asks.

        Raises:
            UserError: All that is wrong with them.
        """

    # Names of fields

    @classmethod
    def _own_name(cls, name: str) -> str:
        return cls.attribute_map.get(name) or cls._common_aliases.get(name, name)

    @classmethod
    def _by_own_names(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {cls._own_name(name): value for name, value in fields.items()}

    def _refuse_names_of_the_class(self, fields: Mapping[str, Any]) -> None:
        if taken := sorted(name for name in fields if hasattr(type(self), name)):
            raise UserError(
                f"{type(self).__name__} cannot have these fields, because they are names of its own:", taken
            )

    def __getattr__(self, name: str) -> Any:
        own_name = self._own_name(name)
        if own_name == name:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self, own_name)

    def __setattr__(self, name: str, value: Any) -> None:
        name = self._own_name(name)
        if (normalized := _NORMALIZED.get(name)) is not None:
            value = normalized(value)
        super().__setattr__(name, value)
        if name == "id2label":
            self.label2id = {label: index for index, label in self.id2label.items()}

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Sets several fields."""
        for name, value in config_dict.items():
            setattr(self, name, value)

    # Labels

    def _set_labels(
        self, num_labels: int | None, id2label: Mapping[Any, str] | None, label2id: Mapping[str, Any] | None
    ) -> None:
        if id2label is None and label2id is not None and num_labels in (None, len(label2id)):
            id2label = {index: label for label, index in label2id.items()}
        if id2label is None:
            self.num_labels = _DEFAULT_NUM_LABELS if num_labels is None else num_labels
            return
        self.id2label = dict(id2label)
        if label2id is not None:
            self.label2id = dict(label2id)
        if num_labels not in (None, self.num_labels):
            logger.warning("num_labels is %s, but id2label names %s labels: it is id2label that counts.",
                           num_labels, self.num_labels)  # fmt: skip

    @property
    def num_labels(self) -> int:
        """Number of labels of a classification head. Setting another number gives the labels new names."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, number: int) -> None:
        if number < 0:
            raise UserError(f"num_labels is {number}, but must not be below 0.")
        if "id2label" not in self.__dict__ or len(self.id2label) != number:
            self.id2label = {index: f"LABEL_{index}" for index in range(number)}

    @property
    def use_return_dict(self) -> bool:
        """Whether a forward pass returns a :class:`~transformers.ModelOutput` unless told otherwise."""
        return self.return_dict

    # Writing

    def to_dict(self) -> dict[str, Any]:
        """All fields under the names that ``config.json`` uses, ``model_type`` included."""
        fields = copy.deepcopy(self.__dict__)
        del fields["name_or_path"]
        fields["torch_dtype"] = fields.pop("dtype")
        if self.model_type:
            fields["model_type"] = self.model_type
        return fields

    def to_diff_dict(self) -> dict[str, Any]:
        """The fields of the family, and those common fields that differ from their defaults."""
        common = PretrainedConfig().to_dict()
        of_family = type(self)().to_dict()
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in common or value != common[name] or value != of_family.get(name, value)
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        """The configuration as JSON with sorted keys.

        Args:
            use_diff: Leaves out common fields that have their default values.
        """
        return json.dumps(self.to_diff_dict() if use_diff else self.to_dict(), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str], use_diff: bool = True) -> None:
        """Writes :meth:`to_json_string` to a file, which is replaced in one step."""
        write_text(Path(json_file_path), self.to_json_string(use_diff=use_diff))

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **push_arguments: Any
    ) -> None:
        """Writes ``config.json`` into a folder, which is made if need be.

        Args:
            save_directory: The folder.
            push_to_hub: Uploads it too.
            **push_arguments: Arguments of :meth:`push_to_hub`; ``repo_id`` is the folder's name by default.
        """
        folder = existing_folder(save_directory)
        self.to_json_file(folder / CONFIG_NAME)
        if push_to_hub:
            self.push_to_hub(push_arguments.pop("repo_id", folder.name), **push_arguments)

    # Reading

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], return_unused_kwargs: bool = False, **overrides: Any) -> Any:
        """A configuration from the fields of a ``config.json``.

        Args:
            config_dict: The fields.
            return_unused_kwargs: Returns a pair: the configuration, and the overrides that are no fields of it.
            **overrides: Fields that replace those of ``config_dict``.

        Raises:
            TypeError: If an override is no field and ``return_unused_kwargs`` is not set.
        """
        stored_type = config_dict.get("model_type", cls.model_type)
        if cls.model_type and stored_type != cls.model_type:
            logger.warning("A configuration of model type %r is read as %s.", stored_type, cls.__name__)
        fields = cls._by_own_names(config_dict)
        config = cls(**fields)
        known = {name: value for name, value in overrides.items() if config._has_field(name)}
        unknown = {name: value for name, value in overrides.items() if name not in known}
        if unknown and not return_unused_kwargs:
            raise TypeError(f"{cls.__name__} has no fields {', '.join(sorted(unknown))}")
        if known:
            config = cls(**_overridden(fields, cls._by_own_names(known)))
        return (config, unknown) if return_unused_kwargs else config

    def _has_field(self, name: str) -> bool:
        return name == "num_labels" or self._own_name(name) in self.__dict__

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """A configuration from a JSON file."""
        return cast("Self", cls.from_dict(read_json_object(Path(json_file))))

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **arguments: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The fields in a model's ``config.json``.

        Args:
            pretrained_model_name_or_path: A folder, a JSON file, a file of weights with ``config.json`` beside it, or
                the id of a repository on the hub.
            **arguments: Those of :class:`~transformers.hub.HubOptions` are used here.

        Returns:
            The fields, and the arguments that were not used.
        """
        options = HubOptions.taken_from(arguments)
        path = _find_config(pretrained_model_name_or_path, options)
        return read_json_object(path), arguments

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        return_unused_kwargs: bool = False,
        **arguments: Any,
    ) -> Any:
        """Loads a configuration.

        Args:
            pretrained_model_name_or_path: As in :meth:`get_config_dict`.
            return_unused_kwargs: Returns a pair: the configuration, and the arguments that are no fields of it.
            **arguments: Where and how to fetch (:class:`~transformers.hub.HubOptions`), and fields that replace those
                of the file.

        Raises:
            MissingFileError: If there is no such configuration.
            UserError: If the file cannot be understood.
            TypeError: If an argument is no field and ``return_unused_kwargs`` is not set.
        """
        fields, overrides = cls.get_config_dict(pretrained_model_name_or_path, **arguments)
        overrides["name_or_path"] = os.fspath(pretrained_model_name_or_path)
        return cls.from_dict(fields, return_unused_kwargs=return_unused_kwargs, **overrides)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PretrainedConfig) and type(self) is type(other) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """A folder to save to, made if there is none.

    Raises:
        UserError: If there is a file of that name.
    """
    folder = Path(path)
    if folder.is_file():
        raise UserError(f"{path} is a file: the place to save to must be a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _find_config(source: str | os.PathLike[str], options: HubOptions) -> Path:
    path = Path(source)
    if not path.is_file():
        return require_file(source, [CONFIG_NAME], options)
    return path if path.suffix == ".json" else require_file(path.parent, [CONFIG_NAME])


def _overridden(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with some of them replaced; label names go if another number of labels is asked for."""
    merged = {**fields, **overrides}
    if "id2label" not in overrides and overrides.get("num_labels") not in (None, len(fields.get("id2label") or ())):
        merged.pop("id2label", None)
        merged.pop("label2id", None)
    return merged


def _dtype_name(dtype: Any) -> str | None:
    """``float32`` for ``torch.float32`` and for ``"float32"``."""
    return None if dtype is None else str(dtype).removeprefix("torch.")


def _with_int_keys(mapping: Mapping[Any, Any] | None) -> dict[int, Any]:
    """Undoes what JSON does to integer keys."""
    return {int(key): value for key, value in (mapping or {}).items()}


def _known_problem_type(problem_type: str | None) -> str | None:
    known = ("regression", "single_label_classification", "multi_label_classification")
    if problem_type is not None and problem_type not in known:
        raise UserError(f"problem_type is {problem_type!r}, but must be one of {', '.join(known)}.")
    return problem_type


def _known_skip_padding(setting: bool | str) -> bool | str:
    if setting == "auto" or isinstance(setting, bool):
        return setting
    raise UserError(f'skip_padding is {setting!r}, but must be "auto", True or False.')


_NORMALIZED: Mapping[str, Callable[[Any], Any]] = {
    "dtype": _dtype_name,
    "id2label": _with_int_keys,
    "problem_type": _known_problem_type,
    "pruned_heads": _with_int_keys,
    "skip_padding": _known_skip_padding,
}

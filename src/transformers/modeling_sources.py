"""Where a loaded model comes from: its configuration and its tensors, gathered from what the user named."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .configuration_utils import PretrainedConfig
from .hub import HubOptions, find_file
from .modeling_files import StateDict, find_weights, is_original_checkpoint, read_weights

if TYPE_CHECKING:
    from .modeling_utils import PreTrainedModel

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class ModelSource:
    """What the user said about where a model is.

    Attributes:
        place: A folder, a file of weights, the id of a repository on the hub, or an original checkpoint.
        options: How to fetch from the hub.
        config: The configuration, or where it is; None if it is at the place.
        state_dict: The tensors; None if they are at the place.
        variant: The ``fp16`` of ``model.fp16.safetensors``.
        use_safetensors: True takes only safetensors, False only what ``torch.save`` wrote.
        from_tf: Takes the place for an original checkpoint whatever it is called.
    """

    place: StrPath | None
    options: HubOptions
    config: PretrainedConfig | StrPath | None
    state_dict: Mapping[str, torch.Tensor] | None
    variant: str | None
    use_safetensors: bool | None
    from_tf: bool

    @property
    def title(self) -> str:
        """Where the tensors come from, for messages."""
        return "state_dict" if self.place is None or self.state_dict is not None else os.fspath(self.place)

    def load(
        self, model_class: type[PreTrainedModel], overrides: Mapping[str, object]
    ) -> tuple[PretrainedConfig, StateDict]:
        """The configuration, and the tensors under the names that are stored.

        Args:
            model_class: The class of the model.
            overrides: Fields of the configuration to change.

        Raises:
            TypeError: If an override is no field, or too little was said.
            UserError: If something cannot be found or read.
        """
        if self.place is None and (self.config is None or self.state_dict is None):
            raise TypeError(f"{model_class.__name__}.from_pretrained needs a name or path, or config and state_dict")
        if self.place is not None and self._is_original:
            return _load_original(Path(self.place), model_class, self.config, overrides)
        return self._load_config(model_class, overrides), self._load_tensors()

    @property
    def _is_original(self) -> bool:
        return self.place is not None and (self.from_tf or is_original_checkpoint(self.place))

    def find(self, filename: str) -> Path | None:
        """The local path of a further file of the model, or None if it has no such file, as no original has."""
        if self.place is None or self._is_original:
            return None
        return find_file(Path(self.place).parent if Path(self.place).is_file() else self.place, filename, self.options)

    def _load_config(self, model_class: type[PreTrainedModel], overrides: Mapping[str, object]) -> PretrainedConfig:
        if isinstance(self.config, PretrainedConfig) and not overrides:
            return copy.deepcopy(self.config)
        config_class = model_class.config_class
        if isinstance(self.config, PretrainedConfig):
            config_class, fields = type(self.config), self.config.to_dict()
        else:
            place = self.config if self.config is not None else self.place
            assert place is not None  # noqa: S101  # load() has made sure
            fields, _ = config_class.get_config_dict(place, **self.options.to_dict())
        config: PretrainedConfig
        config, unknown = config_class.from_dict(fields, return_unused_kwargs=True, **overrides)
        _refuse(unknown, model_class)
        return config

    def _load_tensors(self) -> StateDict:
        if self.state_dict is not None:
            return {name: tensor.detach().clone() for name, tensor in self.state_dict.items()}
        assert self.place is not None  # noqa: S101  # load() has made sure
        files = find_weights(self.place, self.options, variant=self.variant, use_safetensors=self.use_safetensors)
        return read_weights(files)


def _load_original(
    path: Path,
    model_class: type[PreTrainedModel],
    config: PretrainedConfig | StrPath | None,
    overrides: Mapping[str, object],
) -> tuple[PretrainedConfig, StateDict]:
    """Hands over to the conversion of the model's family."""
    from .models.auto.original_checkpoints import load_original

    _, unknown = model_class.config_class.from_dict({}, return_unused_kwargs=True, **overrides)
    _refuse(unknown, model_class)
    return load_original(
        path,
        model_class.__name__,
        Path(config) if isinstance(config, os.PathLike) else config,
        overrides,
        model_class.config_class.model_type,
    )


def _refuse(unknown: Mapping[str, object], model_class: type[PreTrainedModel]) -> None:
    if unknown:
        raise TypeError(
            f"{model_class.__name__}.from_pretrained does not know {', '.join(sorted(unknown))}: "
            f"no such field of {model_class.config_class.__name__}"
        )

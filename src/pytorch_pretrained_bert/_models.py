"""What the older models have in common: where they are loaded from, and names in state dicts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from transformers.errors import UserError
from transformers.hub import HubOptions, require_file
from transformers.modeling_files import find_weights, read_weights
from transformers.modeling_keys import match_keys
from transformers.modeling_loading import LoadReport
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto.original_checkpoints import load_original

from ._configurations import OlderConfig
from .file_utils import CONFIG_NAME, WEIGHTS_NAME, hub_options, unpacked

StrPath = str | os.PathLike[str]
StateDict = Mapping[str, Tensor]

#: Prefix of an original checkpoint in a folder that holds several things.
TF_WEIGHTS_NAME = "model.ckpt"


class OlderModel(PreTrainedModel):
    """A model whose state dict has the older keys, and which reads today's as well.

    Attributes:
        config_names: The names that its configuration has had, the newest first.
        older_parts: Part of a key in today's state dicts -> how it was spelled.
    """

    config_class: ClassVar[type[OlderConfig]]
    config_names: ClassVar[tuple[str, ...]] = (CONFIG_NAME,)
    older_parts: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: StrPath,
        *inputs: Any,
        state_dict: StateDict | None = None,
        cache_dir: StrPath | None = None,
        from_tf: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Loads a model. Parameters that are not stored are initialised, and the log says which.

        The model is ready for training, as all modules of PyTorch begin; call ``eval()`` to use it.

        Args:
            pretrained_model_name_or_path: A folder with a configuration and ``pytorch_model.bin``, an archive
                (``.tar.gz``) of such files or its address, or the name of a model on the hub.
            *inputs: Further arguments of the constructor, such as the number of labels.
            state_dict: Tensors to use instead of those that are stored.
            cache_dir: Where to keep what is fetched.
            from_tf: Takes the weights from an original checkpoint: the one in the folder, or the path itself.
            **kwargs: Further arguments of the constructor.

        Raises:
            UserError: There is no such model, or it cannot be read; the message says what to do.
            RuntimeError: Stored tensors have other shapes than those of the model.
        """
        with unpacked(pretrained_model_name_or_path, cache_dir) as source:
            config, tensors = cls._stored(source, hub_options(cache_dir), state_dict, from_tf)
            model = cls(config, *inputs, **kwargs)
            model.take(tensors).log(cls.__name__, os.fspath(pretrained_model_name_or_path))
        return model

    @classmethod
    def _stored(
        cls, source: str, options: HubOptions, state_dict: StateDict | None, from_tf: bool
    ) -> tuple[OlderConfig, StateDict]:
        if from_tf:
            return cls._stored_by_the_original(Path(source))
        config = cls.config_class.from_json_file(require_file(source, cls.config_names, options))
        if state_dict is not None:
            return config, state_dict
        # What a script saves is a .bin, which must win over the safetensors of a model that it was made from.
        use_safetensors = False if (Path(source) / WEIGHTS_NAME).is_file() else None
        return config, read_weights(find_weights(source, options, variant=None, use_safetensors=use_safetensors))

    @classmethod
    def _stored_by_the_original(cls, place: Path) -> tuple[OlderConfig, StateDict]:
        folder = place if place.is_dir() else place.parent
        files = (folder / name for name in cls.config_names)
        file = next((file for file in files if file.is_file()), None)
        known = None if file is None else cls.config_class.from_json_file(file)
        prefix = place / TF_WEIGHTS_NAME
        checkpoint = prefix if prefix.with_name(f"{TF_WEIGHTS_NAME}.index").is_file() else place
        heads = None if known is None else known.num_attention_heads
        settled, tensors = load_original(checkpoint, cls.__name__, None, _heads(heads), cls.config_class.model_type)
        return known or cls.config_class.from_dict(settled.to_dict()), tensors

    def init_weights(self, module: nn.Module | None = None) -> None:
        """Initialises all parameters, or those that a module itself owns; ``model.apply`` takes it."""
        if module is None:
            super().init_weights()
        else:
            self._init_weights(module)

    def take(self, tensors: StateDict) -> LoadReport:
        """Copies stored tensors, whatever the names of their time, and says which ones are missing or left over."""
        found, unexpected = self._match(tensors)
        if tensors and not found:
            raise UserError(
                f"Nothing that is stored fits {type(self).__name__}:",
                [f"stored are {', '.join(list(tensors)[:3])}, …"],
                "Load it with the class that it was saved from.",
            )
        super().load_state_dict({key: tensors[name] for key, name in found.items()}, strict=False)
        parameters = dict(self.named_parameters(remove_duplicate=False))
        filled = {id(parameters[key]) for key in found if key in parameters}
        missing = [key for key, parameter in self.named_parameters() if id(parameter) not in filled]
        return LoadReport(missing=missing, unexpected=unexpected)

    def load_state_dict(self, state_dict: StateDict, strict: bool = True, assign: bool = False) -> Any:
        """Copies a state dict into the model; ``gamma``, ``beta`` and today's names are understood, too.

        Buffers follow from the configuration: those that a state dict of today does not have stay as they are.
        """
        found, unexpected = self._match(state_dict)
        own = self.state_dict(keep_vars=True)
        buffers = {key: value for key, value in own.items() if not isinstance(value, nn.Parameter)}
        stored = {key: state_dict[name] for key, name in [*found.items(), *zip(unexpected, unexpected, strict=True)]}
        return super().load_state_dict(buffers | stored, strict, assign)

    def _match(self, tensors: StateDict) -> tuple[dict[str, str], list[str]]:
        """Key of this model -> stored name, and the stored names that fit no key."""
        names = {self._older_spelling(name): name for name in tensors}
        keys, unexpected = match_keys(names, self.state_dict().keys(), self.base_model_prefix, self.ignored_on_load)
        return {key: names[name] for key, name in keys.items()}, [names[name] for name in unexpected]

    def _older_spelling(self, name: str) -> str:
        for part, older in self.older_parts.items():
            name = name.replace(part, older)
        return name


def load_original_weights(model: nn.Module, checkpoint: StrPath) -> None:
    """Copies the weights of an original checkpoint into a model, whose heads the checkpoint need not have.

    Raises:
        UserError: The checkpoint cannot be read, or nothing of it fits.
        RuntimeError: It does not have the shapes of the model.
    """
    if not isinstance(model, OlderModel):
        raise UserError(f"{type(model).__name__} is no model of this package.")
    heads = _heads(model.config.num_attention_heads)
    place = os.fspath(checkpoint)
    _, tensors = load_original(place, type(model).__name__, None, heads, model.config.model_type)
    model.take(tensors).log(type(model).__name__, place)


def _heads(number: int | None) -> dict[str, int]:
    """The number of attention heads, which no tensor shows."""
    return {} if number is None else {"num_attention_heads": number}

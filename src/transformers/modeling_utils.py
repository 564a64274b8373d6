"""The base class of the models: loading, saving, tied weights and the small things that users ask of every model."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import torch
from torch import nn

from .configuration_utils import PretrainedConfig, existing_folder
from .errors import UserError
from .hub import HubOptions, PushToHubMixin
from .modeling_checkpointing import GradientCheckpointing, LayerStack
from .modeling_compatibility import DeviceMap, check_attention, device_of, drop_without_effect
from .modeling_embeddings import resize_embeddings
from .modeling_files import StateDict, write_weights
from .modeling_keys import unwrapped
from .modeling_loading import (
    choose_dtype,
    is_building_without_values,
    load_tensors,
    shared_slots,
    without_collections,
    without_values,
)
from .modeling_new_parameters import NewParameters
from .modeling_sources import ModelSource, StrPath
from .nn.linear import Conv1D

__all__ = ["LayerStack", "PreTrainedModel"]

FindFile = Callable[[str], Path | None]


@runtime_checkable
class HasCompanions(Protocol):
    """What a mixin has that keeps files of its own beside a model's configuration and weights."""

    def _load_companions(self, find: FindFile) -> None:
        """Loads them; ``find`` gives the local path of a file of the model, or None if it has no such file."""

    def _save_companions(self, folder: Path) -> None:
        """Saves them."""


class PreTrainedModel(GradientCheckpointing, PushToHubMixin):
    """Base class of the models.

    A model's constructor takes a configuration, builds its modules and ends with :meth:`post_init`. It must not compute
    with the values of parameters nor register buffers that have values: ``from_pretrained`` builds a model without
    memory and puts the stored tensors in place, mapped from their file.

    Attributes:
        config_class: The configuration class of the family.
        base_model_prefix: Name of the attribute that holds the base model in models with a head.
        word_embeddings: Where the base model has its word embeddings, such as ``embeddings.word_embeddings``.
        main_input_name: The first argument of the forward pass.
        tied_weights: Key of a parameter -> key of the parameter that it shares. Ties to the word embeddings are
            honoured if ``config.tie_word_embeddings`` is set.
        ignored_on_load: Shell patterns of keys that older files have and nobody needs.
        supports_skip_padding: Whether the model is an encoder that can leave padding out of the computation.

    Args:
        config: The configuration; the model keeps it.
    """

    config_class: ClassVar[type[PretrainedConfig]] = PretrainedConfig
    base_model_prefix: ClassVar[str] = ""
    word_embeddings: ClassVar[str] = ""
    main_input_name: ClassVar[str] = "input_ids"
    tied_weights: ClassVar[Mapping[str, str]] = {}
    ignored_on_load: ClassVar[tuple[str, ...]] = ()
    supports_skip_padding: ClassVar[bool] = False

    config: Any
    _new_parameters: NewParameters | None = None

    def __init__(self, config: PretrainedConfig) -> None:
        if not isinstance(config, PretrainedConfig):
            raise TypeError(
                f"{type(self).__name__} takes a configuration, not {type(config).__name__}; "
                f"use {type(self).__name__}.from_pretrained for a name or folder."
            )
        if config.skip_padding is True and (config.is_decoder or not self.supports_skip_padding):
            raise UserError(
                f"{type(self).__name__} cannot leave padding out: skip_padding=True is for encoders.",
                advice='Leave it at "auto", which changes nothing here.',
            )
        super().__init__()
        self.config = config

    def post_init(self) -> None:
        """Finishes the construction: prunes heads, initialises what is not initialised yet, ties weights."""
        if self.base_model is self and self.config.pruned_heads:
            self._prune_heads(self.config.pruned_heads)
        if not is_building_without_values():
            for module in _modules_outside_of_finished_models(self):
                self._init_weights(module)
        self.tie_weights()

    # Initialisation

    def init_weights(self) -> None:
        """Initialises all parameters anew."""
        self.apply(self._init_weights)
        self.tie_weights()

    def _init_weights(self, module: nn.Module) -> None:
        """Initialises the parameters that a module itself owns, not those of its children.

        Matrices and embeddings are normally distributed with the deviation ``config.initializer_range``, biases are 0,
        layer norms do nothing.
        """
        if isinstance(module, nn.Linear | Conv1D | nn.Embedding):
            nn.init.normal_(module.weight, std=getattr(self.config, "initializer_range", 0.02))
        if isinstance(module, nn.Linear | Conv1D | nn.LayerNorm) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            with torch.no_grad():
                module.weight[module.padding_idx].zero_()

    # Parts

    @property
    def base_model(self) -> PreTrainedModel:
        """The model without its head, or what somebody has wrapped it in."""
        return cast("PreTrainedModel", self._modules.get(self.base_model_prefix, self))

    @property
    def name_or_path(self) -> str:
        """What the model was loaded from."""
        name: str = self.config.name_or_path
        return name

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self._tensors()).device

    @property
    def dtype(self) -> torch.dtype:
        """The data type of the floating-point parameters."""
        return next(
            (tensor.dtype for tensor in self._tensors() if tensor.is_floating_point()), torch.get_default_dtype()
        )

    def _tensors(self) -> Iterator[torch.Tensor]:
        """Parameters and buffers; in a replica of ``DataParallel`` too, which has no parameters of its own."""
        former = (getattr(module, "_former_parameters", {}).values() for module in self.modules())
        return itertools.chain(self.parameters(), self.buffers(), itertools.chain.from_iterable(former))

    @classmethod
    def can_generate(cls) -> bool:
        """Whether the model has ``generate()``."""
        return False

    @property
    def generation_config(self) -> Any:
        """The options of ``generate()``; None for a model that has none."""
        return None

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings."""
        if self.base_model is not self:
            return self.base_model.get_input_embeddings()
        self._require_word_embeddings()
        return self.get_submodule(self.word_embeddings)

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the word embeddings."""
        if self.base_model is not self:
            self.base_model.set_input_embeddings(value)
            return
        self._require_word_embeddings()
        place, _, name = self.word_embeddings.rpartition(".")
        setattr(self.get_submodule(place), name, value)

    def _require_word_embeddings(self) -> None:
        if not self.word_embeddings:
            raise NotImplementedError(f"{type(self).__name__} does not say where its word embeddings are")

    def get_output_embeddings(self) -> nn.Module | None:
        """The layer that scores the words of the vocabulary, if there is one."""
        return None

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the words of the vocabulary."""
        raise NotImplementedError(f"{type(self).__name__} has no layer that scores words")

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Number of parameters; shared ones count once.

        Args:
            only_trainable: Counts those that have gradients only.
            exclude_embeddings: Leaves out all embeddings.
        """
        embeddings = {id(module.weight) for module in self.modules() if isinstance(module, nn.Embedding)}
        return sum(
            parameter.numel()
            for parameter in self.parameters()
            if (parameter.requires_grad or not only_trainable)
            and not (exclude_embeddings and id(parameter) in embeddings)
        )

    def get_memory_footprint(self, return_buffers: bool = True) -> int:
        """Bytes of the parameters, and of the buffers if wanted."""
        buffers = self.buffers() if return_buffers else ()
        return sum(tensor.nbytes for tensor in itertools.chain(self.parameters(), buffers))

    # Tied weights, vocabulary, heads

    def _active_ties(self) -> dict[str, str]:
        if self.config.tie_word_embeddings or not self.tied_weights:
            return dict(self.tied_weights)
        words = self.get_input_embeddings()._parameters.get("weight")
        return {tied: key for tied, key in self.tied_weights.items() if self.get_parameter(key) is not words}

    def tie_weights(self) -> None:
        """Lets parameters that are declared as tied be one and the same."""
        for tied, key in self._active_ties().items():
            owner, _, name = tied.rpartition(".")
            self.get_submodule(owner).register_parameter(name, self.get_parameter(key))

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Module:
        """Gives the vocabulary another size, in the embeddings, in the layer that scores words, and in the config.

        Args:
            new_num_tokens: The new size; the present one if None. New rows are initialised as in a new model.
            pad_to_multiple_of: Rounds the size up.

        Returns:
            The word embeddings.
        """
        size = resize_embeddings(self, new_num_tokens, pad_to_multiple_of)
        self.config.vocab_size = size
        return self.get_input_embeddings()

    def prune_heads(self, heads_to_prune: Mapping[int, Sequence[int]]) -> None:
        """Removes attention heads, now and whenever the saved model is loaded.

        Args:
            heads_to_prune: Layer -> numbers of the heads in the unpruned model.
        """
        pruned = {layer: sorted(heads) for layer, heads in self.config.pruned_heads.items()}
        for layer, heads in heads_to_prune.items():
            pruned[int(layer)] = sorted({*pruned.get(int(layer), ()), *heads})
        self.base_model._prune_heads(heads_to_prune)
        self.config.pruned_heads = pruned

    def _prune_heads(self, heads_to_prune: Mapping[int, Sequence[int]]) -> None:
        """Removes attention heads from the layers of the base model; heads that are gone already are passed over."""
        raise NotImplementedError(f"{type(self).__name__} cannot prune attention heads")

    # Loading

    @classmethod
    @without_collections()
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: StrPath | None,
        *model_args: Any,
        config: PretrainedConfig | StrPath | None = None,
        state_dict: StateDict | None = None,
        dtype: torch.dtype | str | None = None,
        torch_dtype: torch.dtype | str | None = None,
        variant: str | None = None,
        use_safetensors: bool | None = None,
        ignore_mismatched_sizes: bool = False,
        output_loading_info: bool = False,
        device_map: DeviceMap | None = None,
        attn_implementation: str | None = None,
        from_tf: bool = False,
        low_cpu_mem_usage: bool = True,  # noqa: ARG003  # there is no other way here
        **arguments: Any,
    ) -> Any:
        """Loads a model, ready for inference (``model.train()`` makes it ready for training).

        Its tensors stay mapped from their file until they are written to; the file may be replaced or deleted, but must
        not be overwritten in place meanwhile. Parameters that it lacks, as of a new head, are initialised and logged.

        Args:
            pretrained_model_name_or_path: A folder; a file of weights with ``config.json`` beside it; the id of a
                repository on the hub; or an original TensorFlow checkpoint: its prefix, one of its files or its folder.
            *model_args: Further arguments of the model's constructor.
            config: The configuration, or where it is; by default it is with the weights.
            state_dict: Tensors to use instead of those of the file. They are copied.
            dtype: Data type of the floating-point parameters; ``"auto"`` takes that of the configuration or else of the
                file. Default: torch's default data type.
            torch_dtype: The same.
            variant: The ``fp16`` of ``model.fp16.safetensors``.
            use_safetensors: True takes only safetensors, False only what ``torch.save`` wrote.
            ignore_mismatched_sizes: Initialises parameters that are stored in another shape, instead of refusing.
            output_loading_info: Returns a pair: the model, and a dictionary of what was missing, unexpected and
                mismatched.
            device_map: The device that the model is put on: its name, or ``"auto"`` for an accelerator if there is one.
                Default: torch's default device, which ``with torch.device(...)`` sets.
            attn_implementation: ``"sdpa"`` or ``"eager"``; both give the same numbers, and calls take what they need.
            from_tf: Takes the path for an original checkpoint whatever it is called.
            low_cpu_mem_usage: Accepted, because it is always so.
            **arguments: How to fetch from the hub (see :class:`~transformers.hub.HubOptions`), fields of the
                configuration to change, and keyword arguments of the model's constructor.

        Raises:
            UserError: If there is no such model, or it does not fit; the message says what to do.
            TypeError: If an argument is unknown.
        """
        check_attention(attn_implementation)
        drop_without_effect(arguments)
        options = HubOptions.taken_from(arguments)
        source = ModelSource(
            pretrained_model_name_or_path, options, config, state_dict, variant, use_safetensors, from_tf
        )
        constructor_names = inspect.signature(cls.__init__).parameters.keys() & arguments.keys()
        constructor_arguments = {name: arguments.pop(name) for name in constructor_names}
        settled, tensors = source.load(cls, arguments)
        settled.dtype = choose_dtype(dtype if dtype is not None else torch_dtype, settled.dtype, tensors)
        settled.name_or_path = os.fspath(pretrained_model_name_or_path or "")
        with without_values():
            model = cls(settled, *model_args, **constructor_arguments)
        report = load_tensors(
            model,
            tensors,
            source=source.title,
            dtype=getattr(torch, settled.dtype),
            base_prefix=cls.base_model_prefix,
            ignored=cls.ignored_on_load,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            initialise=model._init_weights,
        )
        report.log(cls.__name__, source.title)
        model._new_parameters = NewParameters(model, settled)
        model._new_parameters.tell(cls.__name__, source.title)
        if isinstance(model, HasCompanions):
            model._load_companions(source.find)
        model.eval()
        if (device := device_of(device_map)) is not None:
            model.to(device)
        return (model, report.to_dict()) if output_loading_info else model

    # Saving

    def save_pretrained(
        self,
        save_directory: StrPath,
        is_main_process: bool = True,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        *,
        safe_serialization: bool = True,
        max_shard_size: int | str = "5GB",
        variant: str | None = None,
        push_to_hub: bool = False,
        **push_arguments: Any,
    ) -> None:
        """Writes configuration and weights into a folder; each file appears in one step, the weights last.

        Args:
            save_directory: The folder; it is made if need be.
            is_main_process: Whether this is the process, of several, that saves; the others do nothing.
            state_dict: The tensors to save, if not the model's own.
            safe_serialization: Writes safetensors; otherwise ``pytorch_model.bin``, and removes safetensors, which
                would be loaded instead.
            max_shard_size: Size above which the weights are spread over several files.
            variant: The ``fp16`` of ``model.fp16.safetensors``.
            push_to_hub: Uploads it too.
            **push_arguments: Arguments of :meth:`push_to_hub`; ``repo_id`` is the folder's name by default.
        """
        if not is_main_process:
            return
        folder = existing_folder(save_directory)
        self.config.architectures = [type(self).__name__]
        self.config.dtype = self.dtype
        if self._new_parameters is not None:
            self.config.newly_initialized = self._new_parameters.untrained(self)
        self.config.save_pretrained(folder)
        if isinstance(self, HasCompanions):
            self._save_companions(folder)
        tensors = self._without_repetitions(self.state_dict() if state_dict is None else state_dict)
        write_weights(folder, tensors, safe=safe_serialization, max_shard_size=max_shard_size, variant=variant)
        if push_to_hub:
            self.push_to_hub(push_arguments.pop("repo_id", folder.name), **push_arguments)

    def _without_repetitions(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        repeated = {slot.key for group in shared_slots(self) if group[0].key in tensors for slot in group[1:]}
        return {unwrapped(name): tensor for name, tensor in tensors.items() if name not in repeated}


def _modules_outside_of_finished_models(module: nn.Module) -> Iterator[nn.Module]:
    """A module and those below it, but for models that are finished: they have done this by themselves."""
    for child in module.children():
        if not isinstance(child, PreTrainedModel):
            yield from _modules_outside_of_finished_models(child)
    yield module

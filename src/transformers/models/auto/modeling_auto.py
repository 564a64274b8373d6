"""``AutoModel`` and its kin: the model class follows from the configuration, by the families' tables."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...hub import HubOptions
from ...modeling_files import is_original_checkpoint
from .configuration_auto import family_member, model_type_of
from .tables import FAMILIES

if TYPE_CHECKING:
    import torch

    from ...modeling_utils import PreTrainedModel

StrPath = str | os.PathLike[str]


class _AutoModelClass:
    """Makes models of whichever family a configuration belongs to."""

    def __init__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"{name} is not made by its constructor: use {name}.from_pretrained or {name}.from_config")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: StrPath,
        *model_args: Any,
        config: PretrainedConfig | StrPath | None = None,
        trust_remote_code: bool = False,  # noqa: ARG003  # code from a repository is never run, whatever is trusted
        **arguments: Any,
    ) -> Any:
        """Loads a model of the right class; see :meth:`PreTrainedModel.from_pretrained`.

        Args:
            pretrained_model_name_or_path: A folder, a file, the id of a repository on the hub, or an original
                checkpoint.
            *model_args: Further arguments of the model's constructor.
            config: The configuration, or where it is; by default it is with the weights.
            trust_remote_code: Accepted for compatibility; code from a repository is never run.
            **arguments: As those of :meth:`PreTrainedModel.from_pretrained`.
        """
        source = pretrained_model_name_or_path
        if isinstance(config, PretrainedConfig):
            model_type = config.model_type
        elif arguments.get("from_tf") or is_original_checkpoint(source):
            model_type = _model_type_of_original(source)
        else:
            options = HubOptions.taken_from(dict(arguments))
            place = source if config is None else config
            fields, _ = PretrainedConfig.get_config_dict(place, **options.to_dict())
            model_type = model_type_of(fields, place)
        return cls._model_class(model_type).from_pretrained(source, *model_args, config=config, **arguments)

    @classmethod
    def from_config(
        cls,
        config: PretrainedConfig,
        *,
        dtype: torch.dtype | None = None,
        torch_dtype: torch.dtype | None = None,
        attn_implementation: str | None = None,
        trust_remote_code: bool = False,  # noqa: ARG003  # code from a repository is never run, whatever is trusted
        **arguments: Any,
    ) -> Any:
        """A newly initialised model.

        Args:
            config: The configuration.
            dtype: Data type of the floating-point parameters; torch's default data type if None.
            torch_dtype: The same.
            attn_implementation: As in :meth:`PreTrainedModel.from_pretrained`.
            trust_remote_code: Accepted for compatibility; code from a repository is never run.
            **arguments: Further arguments of the model's constructor.
        """
        from ...modeling_compatibility import check_attention

        check_attention(attn_implementation)
        model = cls._model_class(config.model_type)(config, **arguments)
        return model.to(dtype if dtype is not None else torch_dtype)

    @classmethod
    def _model_class(cls, model_type: str) -> type[PreTrainedModel]:
        entry = FAMILIES.get(model_type)
        name = entry.classes.get(cls.__name__) if entry else None
        if entry is None or name is None:
            families = [model_type for model_type, entry in FAMILIES.items() if cls.__name__ in entry.classes]
            raise UserError(
                f"{cls.__name__} has no model for the model type {model_type!r}.",
                advice=f"It has one for {', '.join(families)}.",
            )
        found: type[PreTrainedModel] = family_member(entry, name)
        return found


def _model_type_of_original(path: StrPath) -> str:
    from ...checkpoints import open_checkpoint
    from .original_checkpoints import find_family

    with closing(open_checkpoint(path)) as checkpoint:
        return find_family("auto", checkpoint).model_type


class AutoModel(_AutoModelClass):
    """The base model: hidden states, no head."""


class AutoModelForPreTraining(_AutoModelClass):
    """The model with all heads of its pre-training."""


class AutoModelForMaskedLM(_AutoModelClass):
    """The model that fills in masked words."""


class AutoModelForCausalLM(_AutoModelClass):
    """The model that predicts the next word."""


class AutoModelForSeq2SeqLM(_AutoModelClass):
    """The model that writes a text about another one."""


class AutoModelForSequenceClassification(_AutoModelClass):
    """The model that labels sequences."""


class AutoModelForTokenClassification(_AutoModelClass):
    """The model that labels tokens."""


class AutoModelForQuestionAnswering(_AutoModelClass):
    """The model that finds answers in a text."""


class AutoModelForMultipleChoice(_AutoModelClass):
    """The model that chooses one of several texts."""


class AutoModelForNextSentencePrediction(_AutoModelClass):
    """The model that tells whether one text follows another."""

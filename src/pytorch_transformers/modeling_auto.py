"""The models and their configurations of this module of the 1.x releases, as they are today, and one class besides."""

from __future__ import annotations

from typing import Any

from transformers.models.auto.configuration_auto import *  # noqa: F403
from transformers.models.auto.modeling_auto import *  # noqa: F403
from transformers.models.auto.modeling_auto import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM
from transformers.models.auto.tables import FAMILIES

#: Today's kinds of language models, in the order in which a family is asked for them.
_KINDS: tuple[Any, ...] = (AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoModelForCausalLM)


class AutoModelWithLMHead(AutoModelForCausalLM):
    """The language model of a family, of whatever kind: today there is a class for each kind."""

    @classmethod
    def _model_class(cls, model_type: str) -> Any:
        classes = FAMILIES[model_type].classes if model_type in FAMILIES else {}
        kind: Any = next((kind for kind in _KINDS if kind.__name__ in classes), _KINDS[-1])
        return kind._model_class(model_type)

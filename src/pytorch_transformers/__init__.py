"""The names of pytorch-transformers 1.x: those of :mod:`transformers`, and what its own releases had besides.

Models, configurations and tokenizers are the classes of :mod:`transformers` themselves. Importing this package imports
neither torch nor numpy: every public name is loaded when it is first used.
"""

from __future__ import annotations

from typing import Any

import transformers
from transformers._lazy import lazy_names

#: The release whose interface this is.
__version__ = "1.2.0"

_PUBLIC = {
    "file_utils": (
        "CONFIG_NAME",
        "PYTORCH_PRETRAINED_BERT_CACHE",
        "PYTORCH_TRANSFORMERS_CACHE",
        "TF_WEIGHTS_NAME",
        "WEIGHTS_NAME",
        "cached_path",
    ),
    "modeling_auto": ("AutoModelWithLMHead",),
    "original_weights": (
        "load_tf_weights_in_bert",
        "load_tf_weights_in_gpt2",
        "load_tf_weights_in_openai_gpt",
        "load_tf_weights_in_transfo_xl",
        "load_tf_weights_in_xlnet",
    ),
    "optimization": (
        "AdamW",
        "ConstantLRSchedule",
        "WarmupConstantSchedule",
        "WarmupCosineSchedule",
        "WarmupCosineWithHardRestartsSchedule",
        "WarmupLinearSchedule",
    ),
}

_own_attribute, _own_names = lazy_names(__name__, _PUBLIC)


def __getattr__(name: str) -> Any:
    if name == "__all__":  # what `from pytorch_transformers import *` asks for
        return __dir__()
    if name in _own_names():
        return _own_attribute(name)
    try:
        return getattr(transformers, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*_own_names(), *dir(transformers)})

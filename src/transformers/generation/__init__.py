"""Text from models: decoding strategies over any model with a step."""

from .._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration": ("GenerationConfig",),
    "mixin": ("GenerationMixin",),
    "logits_process": (
        "LogitsProcessor",
        "LogitsProcessorList",
        "MinNewTokensLengthLogitsProcessor",
        "TemperatureLogitsWarper",
        "TopKLogitsWarper",
        "TopPLogitsWarper",
    ),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

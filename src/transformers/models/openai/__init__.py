"""OpenAI GPT (Radford et al., 2018)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_openai": ("OpenAIGPTConfig",),
    "modeling_openai": (
        "OpenAIGPTDoubleHeadsModel",
        "OpenAIGPTForSequenceClassification",
        "OpenAIGPTLMHeadModel",
        "OpenAIGPTModel",
        "OpenAIGPTPreTrainedModel",
    ),
    "tokenization_openai": ("OpenAIGPTTokenizer", "OpenAIGPTTokenizerFast"),
    "convert_openai_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

"""GPT-2 (Radford et al., 2019)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_gpt2": ("GPT2Config",),
    "modeling_gpt2": (
        "GPT2DoubleHeadsModel",
        "GPT2ForQuestionAnswering",
        "GPT2ForSequenceClassification",
        "GPT2ForTokenClassification",
        "GPT2LMHeadModel",
        "GPT2Model",
        "GPT2PreTrainedModel",
    ),
    "tokenization_gpt2": ("GPT2Tokenizer", "GPT2TokenizerFast"),
    "convert_gpt2_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

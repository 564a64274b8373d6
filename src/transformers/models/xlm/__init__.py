"""XLM (Lample and Conneau, 2019)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_xlm": ("XLMConfig",),
    "modeling_xlm": (
        "XLMForMultipleChoice",
        "XLMForQuestionAnswering",
        "XLMForQuestionAnsweringSimple",
        "XLMForSequenceClassification",
        "XLMForTokenClassification",
        "XLMModel",
        "XLMPreTrainedModel",
        "XLMWithLMHeadModel",
    ),
    "tokenization_xlm": ("XLMTokenizer", "XLMTokenizerFast"),
    "convert_xlm_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

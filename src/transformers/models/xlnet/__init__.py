"""XLNet (Yang et al., 2019)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_xlnet": ("XLNetConfig",),
    "modeling_xlnet": (
        "XLNetForMultipleChoice",
        "XLNetForQuestionAnswering",
        "XLNetForQuestionAnsweringSimple",
        "XLNetForSequenceClassification",
        "XLNetForTokenClassification",
        "XLNetLMHeadModel",
        "XLNetModel",
        "XLNetPreTrainedModel",
    ),
    "tokenization_xlnet": ("XLNetTokenizer", "XLNetTokenizerFast"),
    "convert_xlnet_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

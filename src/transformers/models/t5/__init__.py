"""T5 (Raffel et al., 2019)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_t5": ("T5Config",),
    "modeling_t5": (
        "T5EncoderModel",
        "T5ForConditionalGeneration",
        "T5ForQuestionAnswering",
        "T5ForSequenceClassification",
        "T5ForTokenClassification",
        "T5Model",
        "T5PreTrainedModel",
    ),
    "tokenization_t5": ("T5Tokenizer", "T5TokenizerFast"),
    "convert_t5_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

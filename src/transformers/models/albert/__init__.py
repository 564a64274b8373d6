"""ALBERT (Lan et al., 2019)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_albert": ("AlbertConfig",),
    "modeling_albert": (
        "AlbertForMaskedLM",
        "AlbertForMultipleChoice",
        "AlbertForPreTraining",
        "AlbertForQuestionAnswering",
        "AlbertForSequenceClassification",
        "AlbertForTokenClassification",
        "AlbertModel",
        "AlbertPreTrainedModel",
    ),
    "tokenization_albert": ("AlbertTokenizer", "AlbertTokenizerFast"),
    "convert_albert_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

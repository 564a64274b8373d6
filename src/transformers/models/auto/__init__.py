"""The families by their ``model_type``: tables, the Auto classes, and the way from a checkpoint to its family."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_auto": ("AutoConfig",),
    "modeling_auto": (
        "AutoModel",
        "AutoModelForCausalLM",
        "AutoModelForMaskedLM",
        "AutoModelForMultipleChoice",
        "AutoModelForNextSentencePrediction",
        "AutoModelForPreTraining",
        "AutoModelForQuestionAnswering",
        "AutoModelForSeq2SeqLM",
        "AutoModelForSequenceClassification",
        "AutoModelForTokenClassification",
    ),
    "tokenization_auto": ("AutoTokenizer",),
    "exporting": ("export_checkpoint",),
    "original_checkpoints": ("convert_checkpoint",),
    "verification": ("verify_model",),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

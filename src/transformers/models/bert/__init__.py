"""BERT (Devlin et al., 2018)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_bert": ("BertConfig",),
    "modeling_bert": (
        "BertForMaskedLM",
        "BertForMultipleChoice",
        "BertForNextSentencePrediction",
        "BertForPreTraining",
        "BertForQuestionAnswering",
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertLMHeadModel",
        "BertModel",
        "BertPreTrainedModel",
    ),
    "tokenization_bert": ("BasicTokenizer", "BertTokenizer", "BertTokenizerFast", "WordpieceTokenizer"),
    "convert_bert_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

"""Transformer-XL (Dai et al., 2019)."""

from ..._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration_transfo_xl": ("TransfoXLConfig",),
    "modeling_transfo_xl": (
        "AdaptiveEmbedding",
        "TransfoXLForSequenceClassification",
        "TransfoXLLMHeadModel",
        "TransfoXLModel",
        "TransfoXLPreTrainedModel",
    ),
    "tokenization_transfo_xl": ("TransfoXLTokenizer", "TransfoXLTokenizerFast"),
    "corpus": ("LMOrderedIterator", "TransfoXLCorpus"),
    "convert_transfo_xl_original_tf_checkpoint_to_pytorch": (),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)

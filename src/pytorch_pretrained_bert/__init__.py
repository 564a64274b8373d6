"""The names and calling conventions of pytorch-pretrained-bert 0.6, on top of :mod:`transformers`.

A script that was written for those releases runs unchanged. Importing this package imports neither torch nor numpy: a
name, or a module such as ``pytorch_pretrained_bert.modeling``, is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from transformers._lazy import lazy_names

#: The release whose interface this is.
__version__ = "0.6.2"

_PUBLIC = {
    "tokenization": ("BasicTokenizer", "BertTokenizer", "WordpieceTokenizer"),
    "tokenization_openai": ("OpenAIGPTTokenizer",),
    "tokenization_transfo_xl": ("TransfoXLCorpus", "TransfoXLTokenizer"),
    "tokenization_gpt2": ("GPT2Tokenizer",),
    "modeling": (
        "BertConfig",
        "BertForMaskedLM",
        "BertForMultipleChoice",
        "BertForNextSentencePrediction",
        "BertForPreTraining",
        "BertForQuestionAnswering",
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertModel",
        "load_tf_weights_in_bert",
    ),
    "modeling_openai": (
        "OpenAIGPTConfig",
        "OpenAIGPTDoubleHeadsModel",
        "OpenAIGPTLMHeadModel",
        "OpenAIGPTModel",
        "load_tf_weights_in_openai_gpt",
    ),
    "modeling_transfo_xl": (
        "TransfoXLConfig",
        "TransfoXLLMHeadModel",
        "TransfoXLModel",
        "load_tf_weights_in_transfo_xl",
    ),
    "modeling_gpt2": (
        "GPT2Config",
        "GPT2DoubleHeadsModel",
        "GPT2LMHeadModel",
        "GPT2Model",
        "load_tf_weights_in_gpt2",
    ),
    "optimization": ("BertAdam",),
    "optimization_openai": ("OpenAIAdam",),
    "file_utils": ("CONFIG_NAME", "PYTORCH_PRETRAINED_BERT_CACHE", "WEIGHTS_NAME", "cached_path"),
}

_attribute, _names = lazy_names(__name__, _PUBLIC)


def __getattr__(name: str) -> Any:
    if name == "__all__":  # what `from pytorch_pretrained_bert import *` asks for
        return _names()
    if name in _PUBLIC:
        return importlib.import_module(f"{__name__}.{name}")
    return _attribute(name)


def __dir__() -> list[str]:
    return sorted({*_names(), *_PUBLIC, "__version__"})

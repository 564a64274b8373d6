"""All families in one place: which folder, classes and command-line names belong to a ``model_type``.

The only part of the library that knows every family. A new family is its own folder and one entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FamilyEntry:
    """What the library has for one family.

    Attributes:
        folder: The package below ``transformers.models``.
        config: Name of the configuration class.
        tokenizer: Name of the tokenizer class.
        converter: Module (in the folder) whose ``FAMILY`` describes the conversion of original checkpoints.
        spellings: What ``--model_type`` accepts for it besides the ``model_type`` itself.
        word_pieces: Names of the vocabularies of original models of this family that have BERT's tokenizer instead.
        classes: Auto class -> the model class that it builds for this family.
    """

    folder: str
    config: str
    tokenizer: str
    converter: str
    spellings: tuple[str, ...] = ()
    word_pieces: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)


#: ``model_type`` as in the ecosystem's config.json -> the family.
FAMILIES: Mapping[str, FamilyEntry] = {
    "bert": FamilyEntry(
        folder="bert",
        config="BertConfig",
        tokenizer="BertTokenizer",
        converter="convert_bert_original_tf_checkpoint_to_pytorch",
        classes={
            "AutoModel": "BertModel",
            "AutoModelForPreTraining": "BertForPreTraining",
            "AutoModelForMaskedLM": "BertForMaskedLM",
            "AutoModelForCausalLM": "BertLMHeadModel",
            "AutoModelForSequenceClassification": "BertForSequenceClassification",
            "AutoModelForTokenClassification": "BertForTokenClassification",
            "AutoModelForQuestionAnswering": "BertForQuestionAnswering",
            "AutoModelForMultipleChoice": "BertForMultipleChoice",
            "AutoModelForNextSentencePrediction": "BertForNextSentencePrediction",
        },
    ),
    "albert": FamilyEntry(
        folder="albert",
        config="AlbertConfig",
        tokenizer="AlbertTokenizer",
        converter="convert_albert_original_tf_checkpoint_to_pytorch",
        word_pieces=("vocab_chinese.txt", "vocab.txt"),
        classes={
            "AutoModel": "AlbertModel",
            "AutoModelForPreTraining": "AlbertForPreTraining",
            "AutoModelForMaskedLM": "AlbertForMaskedLM",
            "AutoModelForSequenceClassification": "AlbertForSequenceClassification",
            "AutoModelForTokenClassification": "AlbertForTokenClassification",
            "AutoModelForQuestionAnswering": "AlbertForQuestionAnswering",
            "AutoModelForMultipleChoice": "AlbertForMultipleChoice",
        },
    ),
    "openai-gpt": FamilyEntry(
        folder="openai",
        config="OpenAIGPTConfig",
        tokenizer="OpenAIGPTTokenizer",
        converter="convert_openai_original_tf_checkpoint_to_pytorch",
        spellings=("gpt",),
        classes={
            "AutoModel": "OpenAIGPTModel",
            "AutoModelForPreTraining": "OpenAIGPTLMHeadModel",
            "AutoModelForCausalLM": "OpenAIGPTLMHeadModel",
            "AutoModelForSequenceClassification": "OpenAIGPTForSequenceClassification",
        },
    ),
    "gpt2": FamilyEntry(
        folder="gpt2",
        config="GPT2Config",
        tokenizer="GPT2Tokenizer",
        converter="convert_gpt2_original_tf_checkpoint_to_pytorch",
        spellings=("openai-community/gpt2",),
        classes={
            "AutoModel": "GPT2Model",
            "AutoModelForPreTraining": "GPT2LMHeadModel",
            "AutoModelForCausalLM": "GPT2LMHeadModel",
            "AutoModelForSequenceClassification": "GPT2ForSequenceClassification",
            "AutoModelForTokenClassification": "GPT2ForTokenClassification",
            "AutoModelForQuestionAnswering": "GPT2ForQuestionAnswering",
        },
    ),
    "transfo-xl": FamilyEntry(
        folder="transfo_xl",
        config="TransfoXLConfig",
        tokenizer="TransfoXLTokenizer",
        converter="convert_transfo_xl_original_tf_checkpoint_to_pytorch",
        classes={
            "AutoModel": "TransfoXLModel",
            "AutoModelForPreTraining": "TransfoXLLMHeadModel",
            "AutoModelForCausalLM": "TransfoXLLMHeadModel",
            "AutoModelForSequenceClassification": "TransfoXLForSequenceClassification",
        },
    ),
    "xlnet": FamilyEntry(
        folder="xlnet",
        config="XLNetConfig",
        tokenizer="XLNetTokenizer",
        converter="convert_xlnet_original_tf_checkpoint_to_pytorch",
        classes={
            "AutoModel": "XLNetModel",
            "AutoModelForPreTraining": "XLNetLMHeadModel",
            "AutoModelForCausalLM": "XLNetLMHeadModel",
            "AutoModelForSequenceClassification": "XLNetForSequenceClassification",
            "AutoModelForTokenClassification": "XLNetForTokenClassification",
            "AutoModelForQuestionAnswering": "XLNetForQuestionAnsweringSimple",
            "AutoModelForMultipleChoice": "XLNetForMultipleChoice",
        },
    ),
    "t5": FamilyEntry(
        folder="t5",
        config="T5Config",
        tokenizer="T5Tokenizer",
        converter="convert_t5_original_tf_checkpoint_to_pytorch",
        classes={
            "AutoModel": "T5Model",
            "AutoModelForPreTraining": "T5ForConditionalGeneration",
            "AutoModelForSeq2SeqLM": "T5ForConditionalGeneration",
            "AutoModelForSequenceClassification": "T5ForSequenceClassification",
            "AutoModelForTokenClassification": "T5ForTokenClassification",
            "AutoModelForQuestionAnswering": "T5ForQuestionAnswering",
        },
    ),
    "xlm": FamilyEntry(
        folder="xlm",
        config="XLMConfig",
        tokenizer="XLMTokenizer",
        converter="convert_xlm_original_tf_checkpoint_to_pytorch",
        classes={
            "AutoModel": "XLMModel",
            "AutoModelForPreTraining": "XLMWithLMHeadModel",
            "AutoModelForMaskedLM": "XLMWithLMHeadModel",
            "AutoModelForCausalLM": "XLMWithLMHeadModel",
            "AutoModelForSequenceClassification": "XLMForSequenceClassification",
            "AutoModelForTokenClassification": "XLMForTokenClassification",
            "AutoModelForQuestionAnswering": "XLMForQuestionAnsweringSimple",
            "AutoModelForMultipleChoice": "XLMForMultipleChoice",
        },
    ),
}


def find_model_type(spelling: str) -> str | None:
    """The ``model_type`` that a user's spelling means (any case, ``-`` or ``_``), or None."""
    wanted = spelling.lower().replace("_", "-")
    for model_type, entry in FAMILIES.items():
        if wanted in (name.lower().replace("_", "-") for name in (model_type, *entry.spellings)):
            return model_type
    return None

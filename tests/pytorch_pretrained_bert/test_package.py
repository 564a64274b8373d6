"""The names of the package and of its modules, and what importing it costs."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from tests.pytorch_pretrained_bert.recording import Recording

import pytorch_pretrained_bert as package

NAMES = """
    BasicTokenizer BertTokenizer WordpieceTokenizer OpenAIGPTTokenizer TransfoXLTokenizer TransfoXLCorpus GPT2Tokenizer
    BertConfig BertModel BertForPreTraining BertForMaskedLM BertForNextSentencePrediction BertForSequenceClassification
    BertForMultipleChoice BertForTokenClassification BertForQuestionAnswering load_tf_weights_in_bert
    OpenAIGPTConfig OpenAIGPTModel OpenAIGPTLMHeadModel OpenAIGPTDoubleHeadsModel load_tf_weights_in_openai_gpt
    TransfoXLConfig TransfoXLModel TransfoXLLMHeadModel load_tf_weights_in_transfo_xl
    GPT2Config GPT2Model GPT2LMHeadModel GPT2DoubleHeadsModel load_tf_weights_in_gpt2
    BertAdam OpenAIAdam PYTORCH_PRETRAINED_BERT_CACHE WEIGHTS_NAME CONFIG_NAME cached_path
"""

#: What scripts imported from the modules.
MODULES = {
    "modeling": "BertPreTrainedModel BertLayerNorm BertPooler BertLMPredictionHead BertOnlyMLMHead BertOnlyNSPHead "
    "BertPreTrainingHeads gelu swish ACT2FN BERT_CONFIG_NAME TF_WEIGHTS_NAME WEIGHTS_NAME CONFIG_NAME cached_path",
    "modeling_openai": "OpenAIGPTPreTrainedModel OpenAIGPTLMHead OpenAIGPTMultipleChoiceHead LayerNorm gelu swish "
    "ACT_FNS WEIGHTS_NAME CONFIG_NAME",
    "modeling_gpt2": "GPT2PreTrainedModel GPT2LMHead GPT2MultipleChoiceHead LayerNorm gelu WEIGHTS_NAME CONFIG_NAME",
    "modeling_transfo_xl": "TransfoXLPreTrainedModel AdaptiveEmbedding ProjectedAdaptiveLogSoftmax TF_WEIGHTS_NAME",
    "tokenization": "load_vocab whitespace_tokenize VOCAB_NAME PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP",
    "tokenization_openai": "text_standardize VOCAB_NAME MERGES_NAME SPECIAL_TOKENS_NAME",
    "tokenization_gpt2": "VOCAB_NAME MERGES_NAME SPECIAL_TOKENS_NAME",
    "tokenization_transfo_xl": "LMOrderedIterator get_lm_corpus VOCAB_NAME CORPUS_NAME",
    "optimization": "ConstantLR WarmupConstantSchedule WarmupLinearSchedule WarmupCosineSchedule SCHEDULES "
    "WarmupCosineWithHardRestartsSchedule WarmupCosineWithWarmupRestartsSchedule _LRSchedule warmup_linear",
    "optimization_openai": "OpenAIAdam SCHEDULES",
    "file_utils": "PYTORCH_PRETRAINED_BERT_CACHE WEIGHTS_NAME CONFIG_NAME cached_path url_to_filename",
}

#: The arguments of constructors and calls, as scripts passed them by position.
SIGNATURES = {
    "BertConfig": "vocab_size_or_config_json_file hidden_size num_hidden_layers num_attention_heads intermediate_size "
    "hidden_act hidden_dropout_prob attention_probs_dropout_prob max_position_embeddings type_vocab_size "
    "initializer_range",
    "OpenAIGPTConfig": "vocab_size_or_config_json_file n_special n_positions n_ctx n_embd n_layer n_head afn "
    "resid_pdrop embd_pdrop attn_pdrop layer_norm_epsilon initializer_range",
    "GPT2Config": "vocab_size_or_config_json_file n_positions n_ctx n_embd n_layer n_head layer_norm_epsilon "
    "initializer_range",
    "TransfoXLConfig": "vocab_size_or_config_json_file cutoffs d_model d_embed n_head d_head d_inner div_val pre_lnorm "
    "n_layer tgt_len ext_len mem_len clamp_len same_length proj_share_all_but_first attn_type sample_softmax adaptive "
    "tie_weight dropout dropatt untie_r init init_range proj_init_std init_std",
    "BertTokenizer": "vocab_file do_lower_case max_len do_basic_tokenize never_split",
    "BasicTokenizer": "do_lower_case never_split",
    "WordpieceTokenizer": "vocab unk_token max_input_chars_per_word",
    "OpenAIGPTTokenizer": "vocab_file merges_file special_tokens max_len",
    "GPT2Tokenizer": "vocab_file merges_file errors special_tokens max_len",
    "TransfoXLTokenizer": "special min_freq max_size lower_case delimiter vocab_file never_split",
    "BertAdam": "params lr warmup t_total schedule b1 b2 e weight_decay max_grad_norm",
    "OpenAIAdam": "params lr schedule warmup t_total b1 b2 e weight_decay vector_l2 max_grad_norm",
    "BertModel.forward": "input_ids token_type_ids attention_mask output_all_encoded_layers",
    "BertForPreTraining.forward": "input_ids token_type_ids attention_mask masked_lm_labels next_sentence_label",
    "BertForMaskedLM.forward": "input_ids token_type_ids attention_mask masked_lm_labels",
    "BertForNextSentencePrediction.forward": "input_ids token_type_ids attention_mask next_sentence_label",
    "BertForSequenceClassification.forward": "input_ids token_type_ids attention_mask labels",
    "BertForMultipleChoice.forward": "input_ids token_type_ids attention_mask labels",
    "BertForTokenClassification.forward": "input_ids token_type_ids attention_mask labels",
    "BertForQuestionAnswering.forward": "input_ids token_type_ids attention_mask start_positions end_positions",
    "OpenAIGPTModel.forward": "input_ids position_ids token_type_ids",
    "OpenAIGPTLMHeadModel.forward": "input_ids position_ids token_type_ids lm_labels",
    "OpenAIGPTDoubleHeadsModel.forward": "input_ids mc_token_ids lm_labels mc_labels token_type_ids position_ids",
    "GPT2Model.forward": "input_ids position_ids token_type_ids past",
    "GPT2LMHeadModel.forward": "input_ids position_ids token_type_ids lm_labels past",
    "GPT2DoubleHeadsModel.forward": "input_ids mc_token_ids lm_labels mc_labels token_type_ids position_ids past",
    "TransfoXLModel.forward": "input_ids mems",
    "TransfoXLLMHeadModel.forward": "input_ids target mems",
    "TransfoXLModel.reset_length": "tgt_len ext_len mem_len",
    "OpenAIGPTModel.from_pretrained": "pretrained_model_name_or_path num_special_tokens state_dict cache_dir from_tf "
    "inputs kwargs",
    "GPT2Model.from_pretrained": "pretrained_model_name_or_path state_dict cache_dir from_tf inputs kwargs",
    "TransfoXLModel.from_pretrained": "pretrained_model_name_or_path state_dict cache_dir from_tf inputs kwargs",
    "BertTokenizer.from_pretrained": "pretrained_model_name_or_path cache_dir inputs kwargs",
    "GPT2Tokenizer.from_pretrained": "pretrained_model_name_or_path cache_dir inputs kwargs",
}


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("name", NAMES.split())
def test_public_names(name: str) -> None:
    assert name in dir(package)
    assert getattr(package, name) is not None


@pytest.mark.parametrize("module", MODULES)
def test_names_of_modules(module: str) -> None:
    loaded = importlib.import_module(f"pytorch_pretrained_bert.{module}")
    assert getattr(package, module) is loaded
    missing = [name for name in MODULES[module].split() if not hasattr(loaded, name)]
    assert not missing


@pytest.mark.parametrize("name", SIGNATURES)
def test_positions_of_arguments(name: str) -> None:
    value: Any = package
    for part in name.split("."):
        value = getattr(value, part)
    parameters = [parameter for parameter in inspect.signature(value).parameters if parameter != "self"]
    assert parameters == SIGNATURES[name].split()


def test_names_that_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="BertForNothing"):
        package.BertForNothing  # noqa: B018
    with pytest.raises(ImportError):
        exec("from pytorch_pretrained_bert import BertForNothing")


def test_importing_the_package_loads_next_to_nothing() -> None:
    run("""
import sys, pytorch_pretrained_bert
assert not {"torch", "numpy", "tokenizers"} & sys.modules.keys(), sys.modules.keys()
from pytorch_pretrained_bert import BertTokenizer
assert "torch" not in sys.modules
""")


def test_a_star_import_has_all_names() -> None:
    run("""
from pytorch_pretrained_bert import *
assert BertModel.__name__ == "BertModel" and WEIGHTS_NAME == "pytorch_model.bin" and BertAdam
""")


def test_a_module_is_there_without_being_imported() -> None:
    run("import pytorch_pretrained_bert; assert pytorch_pretrained_bert.modeling.BertModel")


@pytest.mark.parametrize(
    "name", ["BertForMaskedLM", "OpenAIGPTDoubleHeadsModel", "GPT2LMHeadModel", "TransfoXLLMHeadModel"]
)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_compute_the_same_and_are_tied_like_the_original(name: str, copied: Any) -> None:
    recording = Recording.read(name)
    model = copied(recording.model())
    for expected, result in zip(recording.case["results"], recording.run(model), strict=True):
        recording.assert_same(expected, result)
    assert len(list(model.parameters())) == len(list(recording.model().parameters()))


def test_parts_of_bert() -> None:
    from pytorch_pretrained_bert.modeling import ACT2FN, BertLayerNorm, BertPooler, gelu, swish

    x = torch.tensor([[-1.0, 0.0, 2.0]])
    torch.testing.assert_close(gelu(x), torch.nn.functional.gelu(x))
    torch.testing.assert_close(swish(x), x * torch.sigmoid(x))
    assert ACT2FN["gelu"] is gelu
    assert ACT2FN.keys() == {"gelu", "relu", "swish"}
    assert BertLayerNorm(3).eps == 1e-12
    pooled = BertPooler(package.BertConfig(5, hidden_size=3))(x[None])
    assert pooled.shape == (1, 3)

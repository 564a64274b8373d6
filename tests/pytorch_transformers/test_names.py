"""What scripts of the 1.x releases import, and what models give them."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest
import torch
from tests.shared.golden_cases import FIXTURES
from tests.shared.processes import loaded_after, run_python

import pytorch_transformers
import transformers
from transformers.errors import MissingFileError

SOURCE = Path(pytorch_transformers.__file__).parent

MODULES = {
    "configuration_auto": "AutoConfig",
    "configuration_utils": "PretrainedConfig",
    "modeling_auto": "AutoModel AutoModelForSequenceClassification AutoModelForQuestionAnswering",
    "modeling_bert": "BertConfig BertModel BertPreTrainedModel BertForMaskedLM BertForQuestionAnswering",
    "modeling_gpt2": "GPT2Config GPT2Model GPT2LMHeadModel GPT2DoubleHeadsModel",
    "modeling_openai": "OpenAIGPTConfig OpenAIGPTModel OpenAIGPTLMHeadModel OpenAIGPTDoubleHeadsModel",
    "modeling_transfo_xl": "TransfoXLConfig TransfoXLModel TransfoXLLMHeadModel",
    "modeling_utils": "PretrainedConfig PreTrainedModel",
    "modeling_xlm": "XLMConfig XLMModel XLMWithLMHeadModel XLMForSequenceClassification",
    "modeling_xlnet": "XLNetConfig XLNetModel XLNetLMHeadModel XLNetForSequenceClassification",
    "tokenization_auto": "AutoTokenizer",
    "tokenization_bert": "BertTokenizer BasicTokenizer WordpieceTokenizer",
    "tokenization_gpt2": "GPT2Tokenizer",
    "tokenization_openai": "OpenAIGPTTokenizer",
    "tokenization_transfo_xl": "TransfoXLTokenizer TransfoXLCorpus",
    "tokenization_utils": "PreTrainedTokenizer",
    "tokenization_xlm": "XLMTokenizer",
    "tokenization_xlnet": "XLNetTokenizer",
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_the_classes_of_today(module: str) -> None:
    found = importlib.import_module(f"pytorch_transformers.{module}")

    for name in MODULES[module].split():
        assert getattr(found, name) is getattr(pytorch_transformers, name) is getattr(transformers, name)


@pytest.mark.parametrize("family", ["auto", "bert", "gpt2", "openai", "transfo_xl", "xlm", "xlnet"])
def test_every_family_of_the_releases_has_its_three_modules(family: str) -> None:
    for kind in ("configuration", "modeling", "tokenization"):
        assert (SOURCE / f"{kind}_{family}.py").is_file()


def test_what_the_releases_had_of_their_own() -> None:
    assert (pytorch_transformers.WEIGHTS_NAME, pytorch_transformers.CONFIG_NAME) == ("pytorch_model.bin", "config.json")
    assert pytorch_transformers.TF_WEIGHTS_NAME == "model.ckpt"
    assert pytorch_transformers.AdamW is not transformers.AdamW
    assert {"AdamW", "WarmupLinearSchedule", "BertModel", "cached_path"} <= set(dir(pytorch_transformers))


def test_all_names_can_be_imported_at_once() -> None:
    run_python(
        "from pytorch_transformers import *\n"
        "assert BertModel and GPT2Tokenizer and WarmupLinearSchedule\n"
        "assert AdamW.__module__ == 'pytorch_transformers.optimization'"
    )


def test_an_unknown_name_is_said_to_be_missing_here() -> None:
    with pytest.raises(AttributeError, match="module 'pytorch_transformers' has no attribute 'BertForNothing'"):
        pytorch_transformers.BertForNothing  # noqa: B018


def test_the_package_and_its_tokenizers_load_no_torch() -> None:
    assert loaded_after("import pytorch_transformers", ["numpy", "tokenizers", "torch"]) == []
    assert loaded_after("from pytorch_transformers import BertConfig, BertTokenizer", ["torch"]) == []


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("variable", ["PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE"])
def test_a_variable_chooses_the_cache(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, variable, str(tmp_path))

    printed = run_python("import pytorch_transformers\nprint(pytorch_transformers.PYTORCH_TRANSFORMERS_CACHE)").stdout

    assert printed == f"{tmp_path}\n"


def test_cached_path_gives_local_files_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").touch()

    assert pytorch_transformers.cached_path(tmp_path / "vocab.txt") == str(tmp_path / "vocab.txt")
    with pytest.raises(MissingFileError, match="absent"):
        pytorch_transformers.cached_path(tmp_path / "absent")


# -------------------------------------------------------------------------------------------------------------- outputs


@pytest.fixture
def model() -> transformers.BertForSequenceClassification:
    config = pytorch_transformers.BertConfig(
        vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=7, num_labels=3,
    )  # fmt: skip
    torch.manual_seed(0)
    return pytorch_transformers.BertForSequenceClassification(config).eval()


IDS, LABELS = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([0, 2])


def test_outputs_are_read_by_position(model: transformers.BertForSequenceClassification) -> None:
    outputs = model(IDS, labels=LABELS)

    loss, logits = outputs[:2]
    assert loss is outputs[0] is outputs.loss
    assert (loss.shape, logits.shape) == ((), (2, 3))
    assert model(IDS)[0].shape == (2, 3)


def test_layers_stand_at_the_end(model: transformers.BertForSequenceClassification) -> None:
    states, attentions = model(IDS, output_hidden_states=True, output_attentions=True)[-2:]

    assert (len(states), len(attentions)) == (3, 2)


def test_with_one_setting_outputs_are_tuples_to_unpack(model: transformers.BertForSequenceClassification) -> None:
    model.config.return_dict = False

    loss, logits = model(IDS, labels=LABELS)

    assert (loss.shape, logits.shape) == ((), (2, 3))


def test_the_setting_can_be_given_when_a_model_is_loaded(
    model: transformers.BertForSequenceClassification, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)

    loaded = pytorch_transformers.BertForSequenceClassification.from_pretrained(tmp_path, return_dict=False)

    (logits,) = loaded(IDS)
    assert torch.equal(logits, model(IDS)[0])


def test_a_training_as_scripts_of_the_time_wrote_it(model: transformers.BertForSequenceClassification) -> None:
    model.train()
    optimizer = pytorch_transformers.AdamW(model.parameters(), lr=1e-2, correct_bias=False)
    scheduler = pytorch_transformers.WarmupLinearSchedule(optimizer, warmup_steps=2, t_total=40)
    losses = []
    for _ in range(40):
        loss = model(IDS, labels=LABELS)[0]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())

    assert losses[-1] < losses[0] / 2


# ------------------------------------------------------------------------------------------------------------- weights

#: Of a family's module: the function, the class, the golden case and the checkpoint in it.
ORIGINAL_WEIGHTS = {
    "bert": ("load_tf_weights_in_bert", "BertForPreTraining", "bert/pretraining", "model.ckpt-1500"),
    "gpt2": ("load_tf_weights_in_gpt2", "GPT2LMHeadModel", "gpt2/small", "model.ckpt"),
    "openai": ("load_tf_weights_in_openai_gpt", "OpenAIGPTLMHeadModel", "gpt/lm-small", "."),
    "transfo_xl": (
        "load_tf_weights_in_transfo_xl", "TransfoXLLMHeadModel", "transfo_xl/wt103-like", "model.ckpt-0",
    ),
    "xlnet": ("load_tf_weights_in_xlnet", "XLNetLMHeadModel", "xlnet/pretrain", "xlnet_model.ckpt"),
}  # fmt: skip


@pytest.mark.parametrize("family", ORIGINAL_WEIGHTS)
def test_original_weights_are_loaded_into_a_model(family: str) -> None:
    function, architecture, case, checkpoint = ORIGINAL_WEIGHTS[family]
    path = FIXTURES / case / checkpoint
    module = importlib.import_module(f"pytorch_transformers.modeling_{family}")
    expected = getattr(transformers, architecture).from_pretrained(path)
    model = getattr(module, architecture)(expected.config)

    assert getattr(module, function)(model, model.config, str(path)) is model

    assert getattr(pytorch_transformers, function) is getattr(module, function)
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("config", "architecture"),
    [
        (transformers.BertConfig(8, 4, 1, 1, 4), "BertForMaskedLM"),
        (transformers.GPT2Config(8, n_embd=4, n_layer=1, n_head=1), "GPT2LMHeadModel"),
        (transformers.T5Config(8, 4, 4, 4, num_layers=1, num_heads=1), "T5ForConditionalGeneration"),
    ],
)
def test_a_language_model_of_whatever_kind(config: transformers.PretrainedConfig, architecture: str) -> None:
    model = pytorch_transformers.AutoModelWithLMHead.from_config(config)

    assert type(model) is getattr(transformers, architecture)

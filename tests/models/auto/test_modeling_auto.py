"""The Auto classes: the model class follows from the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.hub_server import Hub
from tests.shared.tiny_model import same_state

import transformers
from transformers import AutoConfig, AutoModel, BertConfig, BertModel, UserError
from transformers.models.auto.tables import FAMILIES

FIXTURES = Path(__file__).parents[2] / "fixtures"

#: Sizes that make a model of any family small, by the names that the ecosystem's configurations share.
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}

#: What a family has besides.
TINY_IN_A_FAMILY: dict[str, dict[str, Any]] = {"transfo-xl": {"cutoffs": [5, 9], "d_embed": 64}}

PAIRS = [(model_type, auto) for model_type, entry in FAMILIES.items() for auto in entry.classes]


def tiny_config(model_type: str) -> Any:
    return AutoConfig.for_model(model_type, **TINY, **TINY_IN_A_FAMILY.get(model_type, {}))


@pytest.mark.parametrize(("model_type", "auto"), PAIRS)
def test_every_entry_of_the_tables_makes_saves_and_loads_a_model(model_type: str, auto: str, tmp_path: Path) -> None:
    auto_class = getattr(transformers, auto)
    model = auto_class.from_config(tiny_config(model_type))
    assert type(model) is getattr(transformers, FAMILIES[model_type].classes[auto])
    model.save_pretrained(tmp_path)
    loaded, info = auto_class.from_pretrained(tmp_path, output_loading_info=True)
    assert type(loaded) is type(model)
    assert same_state(loaded, model)
    assert not any(info.values())


@pytest.fixture
def bert(tmp_path: Path) -> BertModel:
    torch.manual_seed(0)
    model = BertModel(tiny_config("bert")).eval()
    model.save_pretrained(tmp_path / "bert")
    return model


def test_arguments_reach_configuration_and_constructor(bert: BertModel, tmp_path: Path) -> None:
    loaded = AutoModel.from_pretrained(
        tmp_path / "bert", attention_probs_dropout_prob=0.5, add_pooling_layer=False, dtype="bfloat16"
    )
    assert loaded.config.attention_probs_dropout_prob == 0.5
    assert loaded.pooler is None
    assert loaded.dtype is torch.bfloat16
    with pytest.raises(TypeError, match=r"BertModel\.from_pretrained does not know foo"):
        AutoModel.from_pretrained(tmp_path / "bert", foo=1)


def test_the_configuration_may_be_given(bert: BertModel, tmp_path: Path) -> None:
    (tmp_path / "bert" / "config.json").rename(tmp_path / "config.json")
    for config in (bert.config, tmp_path / "config.json"):
        assert same_state(AutoModel.from_pretrained(tmp_path / "bert", config=config), bert)


def test_a_weight_file_is_loaded_by_its_path(bert: BertModel, tmp_path: Path) -> None:
    torch.save(bert.state_dict(), tmp_path / "bert" / "mine.bin")
    assert same_state(AutoModel.from_pretrained(tmp_path / "bert" / "mine.bin"), bert)


def test_from_the_hub(bert: BertModel, hub: Hub, hub_folder: Path) -> None:
    bert.save_pretrained(hub_folder / "inner")
    loaded = AutoModel.from_pretrained("someone/model", subfolder="inner", trust_remote_code=True)
    assert same_state(loaded, bert)
    assert sorted(hub.downloads()) == ["main/inner/config.json", "main/inner/model.safetensors"]


@pytest.mark.parametrize(
    ("folder", "auto", "class_name"),
    [
        ("bert/pretraining", "AutoModelForPreTraining", "BertForPreTraining"),
        ("bert/classifier-3-labels", "AutoModelForSequenceClassification", "BertForSequenceClassification"),
        ("bert/squad", "AutoModelForQuestionAnswering", "BertForQuestionAnswering"),
        ("gpt2/small", "AutoModelForCausalLM", "GPT2LMHeadModel"),
    ],
)
def test_original_checkpoints(folder: str, auto: str, class_name: str) -> None:
    model, info = getattr(transformers, auto).from_pretrained(FIXTURES / folder, output_loading_info=True)
    assert type(model).__name__ == class_name
    assert not any(info.values())


def test_a_family_without_such_a_model_is_refused() -> None:
    with pytest.raises(UserError, match=r"has no model for the model type 'gpt2'\.\nIt has one for bert"):
        transformers.AutoModelForNextSentencePrediction.from_config(tiny_config("gpt2"))
    with pytest.raises(UserError, match="no model for the model type ''"):
        AutoModel.from_config(transformers.PretrainedConfig())


def test_the_constructor_says_what_to_use() -> None:
    with pytest.raises(TypeError, match=r"use AutoModel\.from_pretrained or AutoModel\.from_config"):
        AutoModel()
    assert BertConfig.model_type == "bert"

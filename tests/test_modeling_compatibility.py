from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.shared.tiny_model import TinyConfig, TinyForMaskedLM
from transformers import AutoModelForMaskedLM, BertConfig, BertLMHeadModel, BertModel, GPT2LMHeadModel, UserError
from transformers.modeling_compatibility import device_of


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    TinyForMaskedLM(TinyConfig()).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    "arguments",
    [
        {"attn_implementation": "eager"},
        {"attn_implementation": "sdpa"},
        {"device_map": "cpu"},
        {"device_map": {"": "cpu"}},
        {"weights_only": True, "_fast_init": True, "low_cpu_mem_usage": True},
        {"trust_remote_code": True, "resume_download": True, "use_auth_token": None, "proxies": None},
    ],
)
def test_what_changes_nothing_is_accepted(arguments: dict[str, Any], saved: Path) -> None:
    model = TinyForMaskedLM.from_pretrained(saved, **arguments)

    assert model.device == torch.device("cpu")
    assert model.config == TinyForMaskedLM.from_pretrained(saved).config


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"attn_implementation": "flash_attention_2"}, "'flash_attention_2' is not available"),
        ({"device_map": "balanced"}, "'balanced' is no single device"),
        ({"device_map": {"embeddings": 0, "layers": 1}}, "is no single device"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], words: str, saved: Path) -> None:
    with pytest.raises(UserError, match=words):
        TinyForMaskedLM.from_pretrained(saved, **arguments)


def test_a_model_is_put_where_its_map_says(saved: Path) -> None:
    assert TinyForMaskedLM.from_pretrained(saved, device_map="meta").device == torch.device("meta")
    assert device_of(torch.device("cpu")) == torch.device("cpu")
    assert device_of("auto").type in ("cpu", "cuda", "mps", "xpu")


def test_a_model_is_put_on_the_default_device(saved: Path) -> None:
    with torch.device("meta"):
        model = TinyForMaskedLM.from_pretrained(saved)
        assert TinyForMaskedLM.from_pretrained(saved, device_map="cpu").device == torch.device("cpu")

    assert model.device == torch.device("meta")
    assert TinyForMaskedLM.from_pretrained(saved).device == torch.device("cpu")


def test_a_new_model_has_the_data_type_that_is_asked_for() -> None:
    config = BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=4)

    model = AutoModelForMaskedLM.from_config(config, torch_dtype=torch.float16, attn_implementation="sdpa")

    assert model.dtype == torch.float16
    with pytest.raises(UserError, match="'flash_attention_2' is not available"):
        AutoModelForMaskedLM.from_config(config, attn_implementation="flash_attention_2")


def test_a_model_says_whether_it_generates() -> None:
    config = BertConfig(
        vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=4, is_decoder=True
    )

    assert BertLMHeadModel.can_generate()
    assert GPT2LMHeadModel.can_generate()
    assert BertLMHeadModel(config).generation_config is not None
    assert not BertModel.can_generate()
    assert BertModel(config).generation_config is None

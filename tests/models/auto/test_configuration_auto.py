"""AutoConfig: the family follows from ``model_type``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.shared.hub_server import Hub

from transformers import AutoConfig, BertConfig, GPT2Config, PretrainedConfig, UserError
from transformers.models.auto.tables import FAMILIES


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_family_is_found_by_its_file(model_type: str, tmp_path: Path) -> None:
    config = AutoConfig.for_model(model_type, num_labels=7)
    assert type(config).__name__ == FAMILIES[model_type].config
    config.save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path) == config
    assert AutoConfig.from_pretrained(tmp_path / "config.json") == config


def test_fields_can_be_replaced_and_what_is_unknown_returned(tmp_path: Path) -> None:
    GPT2Config().save_pretrained(tmp_path)
    config, unused = AutoConfig.from_pretrained(tmp_path, hidden_size=24, foo=1, return_unused_kwargs=True)
    assert (config.n_embd, unused) == (24, {"foo": 1})
    assert config.name_or_path == str(tmp_path)
    with pytest.raises(TypeError, match="GPT2Config has no fields foo"):
        AutoConfig.from_pretrained(tmp_path, foo=1)
    assert AutoConfig.from_pretrained(tmp_path, trust_remote_code=True) == GPT2Config()


def test_from_the_hub(hub: Hub, hub_folder: Path) -> None:
    BertConfig(hidden_size=12).save_pretrained(hub_folder)
    assert AutoConfig.from_pretrained("someone/model").hidden_size == 12


@pytest.mark.parametrize(
    ("fields", "message"),
    [({}, "it has no model_type"), ({"model_type": "llama"}, "its model_type is 'llama'")],
)
def test_an_unknown_family_is_refused(tmp_path: Path, fields: dict[str, str], message: str) -> None:
    PretrainedConfig(**fields).save_pretrained(tmp_path)
    if fields:
        (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match=message + r"\.\nKnown are bert, .*gpt2"):
        AutoConfig.from_pretrained(tmp_path)


def test_the_constructor_says_what_to_use() -> None:
    with pytest.raises(TypeError, match=r"use AutoConfig\.from_pretrained"):
        AutoConfig()

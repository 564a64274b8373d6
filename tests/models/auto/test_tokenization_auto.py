"""AutoTokenizer: the class follows from the files."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.shared.hub_server import Hub

from transformers import (
    AutoTokenizer,
    BertConfig,
    BertTokenizer,
    GPT2Config,
    GPT2Tokenizer,
    PreTrainedTokenizerFast,
    UserError,
)

FIXTURES = Path(__file__).parents[2] / "fixtures"
VOCABULARY = FIXTURES / "bert" / "tokenization" / "vocab.txt"
GPT2 = FIXTURES / "gpt2" / "tokenizer"


def write_settings(folder: Path, **settings: Any) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    """Nothing but a vocabulary."""
    (tmp_path / "vocab.txt").write_bytes(VOCABULARY.read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ["BertTokenizer", "BertTokenizerFast"])
def test_the_class_that_the_tokenizers_file_names(bert_folder: Path, name: str) -> None:
    write_settings(bert_folder, tokenizer_class=name, do_lower_case=False)
    tokenizer = AutoTokenizer.from_pretrained(bert_folder, use_fast=True, model_max_length=9)
    assert type(tokenizer) is BertTokenizer
    assert tokenizer.tokenize("Hello") == ["Hello"]
    assert (tokenizer.model_max_length, tokenizer.name_or_path) == (9, str(bert_folder))


def test_the_family_that_the_models_file_names(tmp_path: Path, bert_folder: Path) -> None:
    BertConfig().save_pretrained(bert_folder)
    assert type(AutoTokenizer.from_pretrained(bert_folder)) is BertTokenizer
    gpt2 = tmp_path / "gpt2"
    GPT2Config().save_pretrained(gpt2)
    for name in ("encoder.json", "vocab.bpe"):
        (gpt2 / name).write_bytes((GPT2 / name).read_bytes())
    assert type(AutoTokenizer.from_pretrained(gpt2)) is GPT2Tokenizer


def test_the_family_that_the_caller_names(bert_folder: Path) -> None:
    assert type(AutoTokenizer.from_pretrained(bert_folder, tokenizer_type="bert")) is BertTokenizer
    assert type(AutoTokenizer.from_pretrained(bert_folder, config=BertConfig())) is BertTokenizer


def test_an_unknown_class_is_read_from_the_engine_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    BertTokenizer(VOCABULARY).save_pretrained(tmp_path)
    write_settings(tmp_path, tokenizer_class="OtherTokenizer", cls_token="[CLS]")
    with caplog.at_level(logging.WARNING):
        tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert "asks for OtherTokenizer, which is not in this library: it is loaded as its tokenizer.json" in caplog.text
    assert type(tokenizer) is PreTrainedTokenizerFast
    assert tokenizer("the fox") == BertTokenizer(VOCABULARY)("the fox")
    assert tokenizer.cls_token == "[CLS]"
    (tmp_path / "tokenizer_config.json").unlink()
    assert type(AutoTokenizer.from_pretrained(tmp_path)) is PreTrainedTokenizerFast
    assert "does not name its class" in caplog.text
    write_settings(tmp_path, tokenizer_class="PreTrainedTokenizerFast")
    caplog.clear()
    assert AutoTokenizer.from_pretrained(tmp_path)("the fox") == tokenizer("the fox")
    assert not caplog.text


def test_what_cannot_be_decided_is_refused(bert_folder: Path) -> None:
    with pytest.raises(UserError, match="does not say which tokenizer it is"):
        AutoTokenizer.from_pretrained(bert_folder)
    with pytest.raises(UserError, match="tokenizer_type is 'bart', which is not a known family; it can be bert"):
        AutoTokenizer.from_pretrained(bert_folder, tokenizer_type="bart")
    write_settings(bert_folder, tokenizer_class="OtherTokenizer")
    with pytest.raises(UserError, match="asks for OtherTokenizer, which is not in this library"):
        AutoTokenizer.from_pretrained(bert_folder)
    (bert_folder / "tokenizer_config.json").unlink()
    (bert_folder / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match="is 'llama', which is not a known family"):
        AutoTokenizer.from_pretrained(bert_folder)


def test_there_are_no_objects_of_it() -> None:
    with pytest.raises(TypeError, match=r"AutoTokenizer\.from_pretrained"):
        AutoTokenizer()


def test_from_the_hub(hub: Hub, hub_folder: Path) -> None:
    made = GPT2Tokenizer(GPT2 / "encoder.json", GPT2 / "vocab.bpe")
    made.save_pretrained(hub_folder)
    tokenizer = AutoTokenizer.from_pretrained("someone/model")
    assert type(tokenizer) is GPT2Tokenizer
    assert tokenizer("the fox") == made("the fox")
    assert GPT2Tokenizer.from_pretrained("someone/model").get_vocab() == made.get_vocab()

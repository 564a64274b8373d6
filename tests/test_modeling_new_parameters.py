"""Parameters that a conversion initialised: told until they are trained."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

import transformers
from transformers import BertConfig, BertForTokenClassification, BertModel

NEW = ["classifier.weight", "classifier.bias"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose head is said to be new."""
    config = BertConfig(
        vocab_size=11, hidden_size=6, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        newly_initialized=NEW,
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(tmp_path)
    return tmp_path


def said(folder: Path) -> list[str] | None:
    found: list[str] | None = json.loads((folder / "config.json").read_text()).get("newly_initialized")
    return found


def test_loading_warns(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        BertForTokenClassification.from_pretrained(folder)

    (record,) = caplog.records
    assert "classifier.weight, classifier.bias come from no checkpoint" in record.getMessage()


def test_what_is_not_trained_is_still_said(folder: Path, tmp_path: Path) -> None:
    BertForTokenClassification.from_pretrained(folder).half().save_pretrained(tmp_path / "again")

    assert said(tmp_path / "again") == NEW


def test_what_is_trained_is_said_no_more(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = BertForTokenClassification.from_pretrained(folder)
    model(torch.tensor([[1, 2]]), labels=torch.tensor([[0, 1]])).loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * (0 if parameter.grad is None else parameter.grad)
    model.save_pretrained(tmp_path / "trained")
    caplog.clear()

    assert said(tmp_path / "trained") is None
    with caplog.at_level(logging.WARNING):
        BertForTokenClassification.from_pretrained(tmp_path / "trained")
    assert caplog.records == []


def test_a_model_without_that_head_does_not_say_it(folder: Path, tmp_path: Path) -> None:
    BertModel.from_pretrained(folder).save_pretrained(tmp_path / "base")

    assert said(tmp_path / "base") is None
    assert transformers.AutoConfig.from_pretrained(folder).newly_initialized == NEW

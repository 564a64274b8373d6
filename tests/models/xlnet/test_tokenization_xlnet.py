"""XLNet's tokenizer: the recorded texts and inputs in all settings, as the original and as the Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import AutoTokenizer, XLNetTokenizer

GOLDEN = Path(__file__).parents[2] / "fixtures" / "xlnet" / "tokenizer"
MODEL = GOLDEN / "spiece.model"
RECORDED = json.loads((GOLDEN / "tokenization.json").read_text(encoding="utf-8"))
NAMES = {"lower": "do_lower_case", "remove_space": "remove_space", "keep_accents": "keep_accents"}
BLOCKS = [
    ({NAMES[name]: value for name, value in block["settings"].items()}, block["rows"])
    for block in RECORDED["by_settings"]
]


class TestXLNetTokenizer(TokenizerTests):
    tokenizer_class = XLNetTokenizer
    files: ClassVar[dict[str, Path]] = {"vocab_file": MODEL}
    encodings: ClassVar[dict[str, list[str]]] = {
        "in 92000, the": ["▁in", "▁92000", ",", "▁the"],
        "a2000,y": ["▁a", "2000", ",", "y"],
        "line <mask>": ["▁", "li", "ne", "<mask>"],
        "the<eop>the": ["▁the", "<eop>", "▁the"],
    }
    special_text = "the</s> <eop>"
    original_tokens: ClassVar[list[str]] = ["▁the", "</", "s", ">", "▁", "<eop>"]


@pytest.mark.parametrize(("settings", "rows"), BLOCKS, ids=lambda value: str(value)[:60])
def test_every_recorded_text_is_as_in_the_original(
    settings: dict[str, bool], rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    made = XLNetTokenizer.from_original({"vocab_file": MODEL}, **settings)
    made.save_pretrained(tmp_path)
    for tokenizer in (made, AutoTokenizer.from_pretrained(tmp_path)):
        batch = tokenizer([row["text"] for row in rows], add_special_tokens=False)["input_ids"]
        assert batch == [row["ids"] for row in rows]
        assert [tokenizer.tokenize(row["text"]) for row in rows] == [row["pieces"] for row in rows]


@pytest.mark.parametrize(("settings", "rows"), BLOCKS, ids=lambda value: str(value)[:60])
def test_every_recorded_text_is_as_on_the_hub(settings: dict[str, bool], rows: list[dict[str, Any]]) -> None:
    tokenizer = XLNetTokenizer(MODEL, **settings)
    for row in rows:
        assert tokenizer.tokenize(row["text"]) == row.get("hub_tokens", row["pieces"])


@pytest.mark.parametrize("row", RECORDED["examples"], ids=lambda row: ascii(row["text_a"])[:20])
def test_inputs_are_those_of_the_original(row: dict[str, Any]) -> None:
    tokenizer = XLNetTokenizer.from_original({"vocab_file": MODEL}, do_lower_case=False)
    length = row["max_seq_length"]
    encoded = tokenizer(row["text_a"], row["text_b"], truncation=True, max_length=length, padding="max_length")
    assert encoded["attention_mask"] == [1 - padding for padding in row["input_mask"]]
    real = [position for position, padding in enumerate(row["input_mask"]) if not padding]
    for name, recorded in (("input_ids", "input_ids"), ("token_type_ids", "segment_ids")):
        assert [encoded[name][position] for position in real] == [row[recorded][position] for position in real]


def test_padding_stands_on_the_left_with_a_type_of_its_own() -> None:
    tokenizer = XLNetTokenizer(MODEL)
    encoded = tokenizer(["the", "in the"], padding=True)
    assert tokenizer.convert_ids_to_tokens(encoded["input_ids"][0]) == ["<pad>", "▁the", "<sep>", "<cls>"]
    assert encoded["token_type_ids"] == [[3, 0, 0, 2], [0, 0, 0, 2]]
    assert tokenizer("the", "in")["token_type_ids"] == [0, 0, 1, 1, 2]


def test_special_tokens_have_the_roles_of_the_ecosystem() -> None:
    tokenizer = XLNetTokenizer(MODEL)
    assert tokenizer.special_tokens_map == {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "<sep>",
        "pad_token": "<pad>",
        "cls_token": "<cls>",
        "mask_token": "<mask>",
        "additional_special_tokens": ["<eop>", "<eod>"],
    }

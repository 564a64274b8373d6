"""T5's tokenizer: the recorded texts as the original and as the Hub, and sentinels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import AutoTokenizer, T5Tokenizer, UserError

GOLDEN = Path(__file__).parents[2] / "fixtures" / "t5" / "tokenizer"
MODEL = GOLDEN / "spiece.model"
RECORDED = json.loads((GOLDEN / "tokenization.json").read_text(encoding="utf-8"))["rows"]
HUB = T5Tokenizer(MODEL)
ORIGINAL = T5Tokenizer.from_original({"vocab_file": MODEL})


class TestT5Tokenizer(TokenizerTests):
    tokenizer_class = T5Tokenizer
    files: ClassVar[dict[str, Path]] = {"vocab_file": MODEL}
    encodings: ClassVar[dict[str, list[str]]] = {
        "The quick": ["▁The", "▁quick"],
        "the<extra_id_0>the": ["▁the", "<extra_id_0>", "▁the"],
        "the</s>": ["▁the", "</s>"],
    }
    special_text = "the</s> <extra_id_1><extra_id_2>"
    original_tokens: ClassVar[list[str]] = [
        *("▁the", "</", "s", ">", "<extra_id_1>"),
        *("<", "e", "x", "t", "ra", "_", "id", "_2>"),
    ]


class TestT5TokenizerWithFewSentinels(TestT5Tokenizer):
    settings: ClassVar[dict[str, Any]] = {"extra_ids": 3, "legacy": False}
    encodings: ClassVar[dict[str, list[str]]] = {"the<extra_id_0>the": ["▁the", "<extra_id_0>", "t", "he"]}


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: ascii(row["text"])[:20])
def test_every_recorded_text_is_as_in_the_original(row: dict[str, Any], tmp_path: Path) -> None:
    ORIGINAL.save_pretrained(tmp_path)
    for tokenizer in (
        ORIGINAL,
        AutoTokenizer.from_pretrained(tmp_path),
        T5Tokenizer(tokenizer_file=tmp_path / "tokenizer.json", original_tokenization=True),
    ):
        assert tokenizer.encode(row["text"]) == row["ids_with_eos"]
        assert tokenizer.decode(row["ids"]).replace("<unk>", " ⁇ ") == row["decoded"]


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: ascii(row["text"])[:20])
@pytest.mark.parametrize("legacy", [True, False])
def test_every_recorded_text_is_as_on_the_hub(legacy: bool, row: dict[str, Any]) -> None:
    ids = T5Tokenizer(MODEL, legacy=legacy).encode(row["text"], add_special_tokens=False)
    assert ids == row["hf_4_46"]["fast_legacy" if legacy else "fast_new"]


def test_sentinels_count_from_the_end_of_the_vocabulary() -> None:
    assert (len(HUB), HUB.vocab_size) == (520, 520)
    assert HUB.get_sentinel_tokens()[:2] == ["<extra_id_0>", "<extra_id_1>"]
    assert HUB.get_sentinel_token_ids() == list(range(519, 419, -1))
    assert len(T5Tokenizer(MODEL, extra_ids=0)) == 420
    assert T5Tokenizer(MODEL, extra_ids=0).additional_special_tokens == []


def test_other_special_tokens_come_besides_the_sentinels(tmp_path: Path) -> None:
    tokenizer = T5Tokenizer(MODEL, extra_ids=2, additional_special_tokens=["<ctrl>"])
    assert tokenizer.additional_special_tokens == ["<ctrl>", "<extra_id_0>", "<extra_id_1>"]
    assert tokenizer.additional_special_tokens_ids == [422, 421, 420]
    tokenizer.save_pretrained(tmp_path)
    loaded = T5Tokenizer.from_pretrained(tmp_path)
    assert loaded.additional_special_tokens == tokenizer.additional_special_tokens
    assert loaded.encode("the<ctrl>") == tokenizer.encode("the<ctrl>")


def test_sentinels_that_contradict_their_number_are_refused() -> None:
    with pytest.raises(UserError, match="extra_ids is 3, but additional_special_tokens has 1 sentinels"):
        T5Tokenizer(MODEL, extra_ids=3, additional_special_tokens=["<extra_id_0>"])


def test_types_are_zero_and_not_returned_by_default() -> None:
    encoded = HUB("the", "a the", return_token_type_ids=True)
    assert HUB.convert_ids_to_tokens(encoded["input_ids"]) == ["▁the", "</s>", "▁a", "▁the", "</s>"]
    assert encoded["token_type_ids"] == [0] * 5
    assert set(HUB("the")) == {"input_ids", "attention_mask"}


def test_sentinels_leave_room_around_them_in_the_original() -> None:
    ids = ORIGINAL.encode("the <extra_id_0> the", add_special_tokens=False)
    assert ORIGINAL.decode(ids) == "the <extra_id_0> the"
    assert ORIGINAL.decode(ids, skip_special_tokens=True) == "the the"


def test_a_release_is_found_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "sentencepiece.model").write_bytes(MODEL.read_bytes())
    assert T5Tokenizer.from_pretrained(tmp_path).encode("the") == HUB.encode("the")
    assert T5Tokenizer.original_assumptions({}) == ("extra_ids = 100 (the number of sentinels in all released models)",)

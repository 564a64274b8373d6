"""ALBERT's tokenizer: the recorded texts as the original and as the Hub, numbers before commas, word pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import AlbertTokenizer, AutoTokenizer, UserError
from transformers.models.albert.tokenization_albert import read_wordpieces

GOLDEN = Path(__file__).parents[2] / "fixtures" / "albert" / "tokenization"
MODEL = GOLDEN / "30k-clean.model"
RECORDED = json.loads((GOLDEN / "tokenization.json").read_text(encoding="utf-8"))
ROWS = [(setting == "uncased", row) for setting in ("uncased", "cased") for row in RECORDED[setting]]
HUB = AlbertTokenizer(MODEL)
ORIGINAL = AlbertTokenizer.from_original({"vocab_file": MODEL}, do_lower_case=True)


class TestAlbertTokenizer(TokenizerTests):
    tokenizer_class = AlbertTokenizer
    files: ClassVar[dict[str, Path]] = {"vocab_file": MODEL}
    encodings: ClassVar[dict[str, list[str]]] = {
        "The House": ["▁the", "▁house"],
        "``the'' [MASK] people": ["▁", '"', "t", "he", '"', "[MASK]", "▁people"],
        "1,000,": ["▁", "1", ",", "0", "0", "0", ","],
        "<pad>the": ["<pad>", "▁the"],
    }
    special_text = "the <pad>"
    original_tokens: ClassVar[list[str]] = ["▁the", "▁", "<", "p", "a", "d", ">"]


class TestCasedAlbertTokenizer(TestAlbertTokenizer):
    settings: ClassVar[dict[str, Any]] = {"do_lower_case": False, "keep_accents": True}
    encodings: ClassVar[dict[str, list[str]]] = {"House the": ["▁", "H", "ouse", "▁the"]}


@pytest.mark.parametrize(("lower", "row"), ROWS, ids=lambda value: ascii(value)[:20])
def test_every_recorded_text_is_as_in_the_original(lower: bool, row: dict[str, Any], tmp_path: Path) -> None:
    made = AlbertTokenizer.from_original({"vocab_file": MODEL}, do_lower_case=lower)
    made.save_pretrained(tmp_path)
    for tokenizer in (made, AutoTokenizer.from_pretrained(tmp_path)):
        assert tokenizer.tokenize(row["text"]) == row["tokens"]
        assert tokenizer.encode(row["text"], add_special_tokens=False) == row["ids"]


@pytest.mark.parametrize(("lower", "row"), ROWS, ids=lambda value: ascii(value)[:20])
def test_every_recorded_text_is_as_on_the_hub(lower: bool, row: dict[str, Any]) -> None:
    tokenizer = AlbertTokenizer(MODEL, do_lower_case=lower)
    assert tokenizer.tokenize(row["text"]) == row.get("hub_tokens", row["tokens"])


# Numbers before commas


def test_places_of_numbers_and_commas_in_the_text() -> None:
    text = "in 45,123 the x9,"
    for tokenizer, tokens in ((HUB, "▁in ▁ 4 5 , 1 23"), (ORIGINAL, "▁in ▁ 4 ▁ 5 , 1 23")):
        encoded = tokenizer(text, return_offsets_mapping=True)
        assert encoded.tokens()[1 : len(tokens.split()) + 1] == tokens.split()
        for token, (start, end) in zip(encoded.tokens()[1:-1], encoded["offset_mapping"][1:-1], strict=True):
            assert text[start:end].strip() == token.strip("▁").replace("<unk>", "x")
        assert encoded.char_to_token(text.index(",")) == encoded.tokens().index(",")
        assert [encoded.word_ids()[index] for index in (0, 1, -1)] == [None, 0, None]


@pytest.mark.parametrize("tokenizer", [HUB, ORIGINAL], ids=["hub", "original"])
def test_lengths_count_numbers_and_commas_apart(tokenizer: AlbertTokenizer) -> None:
    texts = ("the 45,123 x9, 7,", "people 45, 6,")
    first, second = (tokenizer.encode(text, add_special_tokens=False) for text in texts)
    pair = tokenizer(*texts)
    assert pair["input_ids"] == tokenizer.build_inputs_with_special_tokens(first, second)
    assert pair["token_type_ids"] == tokenizer.create_token_type_ids_from_sequences(first, second)
    plain = tokenizer(*texts, add_special_tokens=False)
    assert (plain["input_ids"], set(plain["token_type_ids"])) == (first + second, {0, 1})
    for length in range(4, len(pair["input_ids"])):
        options = {"truncation": "longest_first", "max_length": length}
        cut = tokenizer(*texts, **options, return_special_tokens_mask=True)
        special, types = cut.pop("special_tokens_mask"), cut["token_type_ids"]
        assert cut == tokenizer.prepare_for_model(first, second, **options)
        assert cut.sequence_ids() == [None if added else text for added, text in zip(special, types, strict=True)]
    assert pair.sequence_ids() == [None, *[0] * len(first), None, *[1] * len(second), None]
    rows = tokenizer(texts[0], truncation=True, max_length=6, stride=1, return_overflowing_tokens=True)["input_ids"]
    windows = [first[start : start + 4] for start in range(0, len(first) - 1, 3)]
    assert rows == [tokenizer.build_inputs_with_special_tokens(window) for window in windows]


def test_words_one_by_one_and_batches_of_both_kinds() -> None:
    words = ["the", "45,123", "x9,"]
    assert HUB(words, is_split_into_words=True)["input_ids"] == HUB(" ".join(words))["input_ids"]
    texts = ["the", "the 5,", "of", "6, 7,"]
    assert HUB(texts)["input_ids"] == [HUB.encode(text) for text in texts]
    assert HUB(texts, texts[::-1])["input_ids"] == [HUB.encode(*pair) for pair in zip(texts, texts[::-1], strict=True)]


def test_the_file_for_other_programs_does_not_join_numbers_and_commas(tmp_path: Path) -> None:
    HUB.save_pretrained(tmp_path)
    (tmp_path / "spiece.model").unlink()
    engine = AlbertTokenizer.from_pretrained(tmp_path)
    text = "the 45,123 of 7,"
    assert engine.tokenize(text) == HUB.tokenize(text)
    engine.save_pretrained(tmp_path / "again")
    saved = [folder / "tokenizer.json" for folder in (tmp_path, tmp_path / "again")]
    assert saved[0].read_bytes() == saved[1].read_bytes()
    assert not (tmp_path / "again" / "spiece.model").exists()


def test_an_engine_made_for_the_other_way_is_refused(tmp_path: Path) -> None:
    for original in (True, False):
        AlbertTokenizer(MODEL, original_tokenization=original).save_pretrained(tmp_path)
        with pytest.raises(UserError, match=r"tokenizer\.json does not treat texts as the (original|Hub) does"):
            AlbertTokenizer(tokenizer_file=tmp_path / "tokenizer.json", original_tokenization=not original)


# Settings


def test_case_is_inferred_from_the_model(tmp_path: Path) -> None:
    assert AlbertTokenizer.from_original({"vocab_file": MODEL}).do_lower_case is False
    (assumption,) = AlbertTokenizer.original_assumptions({"vocab_file": MODEL})
    assert assumption == "do_lower_case = false (30k-clean.model has pieces with upper-case letters, such as 'S')"


def test_settings_win_over_what_was_saved(tmp_path: Path) -> None:
    AlbertTokenizer(MODEL, do_lower_case=False).save_pretrained(tmp_path)
    assert AlbertTokenizer.from_pretrained(tmp_path, do_lower_case=True).tokenize("THE") == ["▁the"]
    assert AlbertTokenizer.from_pretrained(tmp_path).tokenize("THE") != ["▁the"]


def test_the_mask_takes_the_space_before_it() -> None:
    encoded = HUB("the [MASK]", return_offsets_mapping=True)
    assert encoded["offset_mapping"][2] == (3, 10)


def test_a_constructor_without_files_says_what_it_needs() -> None:
    with pytest.raises(UserError, match="AlbertTokenizer needs vocab_file, or tokenizer_file"):
        AlbertTokenizer()


# Chinese models


def test_word_pieces_are_read_by_the_rules_of_the_original(tmp_path: Path) -> None:
    path = tmp_path / "vocab_chinese.txt"
    path.write_text("[PAD]\n[UNK] 7\n\n中\n国\t3\n中\n##国\n", encoding="utf-8")
    assert read_wordpieces(path) == {"[PAD]": 0, "[UNK]": 1, "中": 2, "国": 3, "##国": 4}

"""The base of the tokenizers: what no single family needs a test of its own for."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.shared.processes import loaded_after
from transformers import (
    AddedToken,
    BatchEncoding,
    BertTokenizer,
    PreTrainedTokenizer,
    PreTrainedTokenizerFast,
    UserError,
)
from transformers.tokenization_padding import Truncation, TruncationStrategy, truncate_ids
from transformers.tokenization_special_tokens import InputTemplate

FIXTURES = Path(__file__).parent / "fixtures"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", "##b", "##c", "."]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return path


@pytest.fixture
def tokenizer(vocabulary: Path) -> BertTokenizer:
    return BertTokenizer(vocabulary)


def engine() -> Tokenizer:
    made = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "b": 2}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    caplog.clear()
    return messages


# A tokenizer.json and nothing else


def test_an_engine_is_enough(tmp_path: Path) -> None:
    made = PreTrainedTokenizerFast(tokenizer_object=engine(), unk_token="<unk>", model_max_length=5)
    assert made(["a b", "c"])["input_ids"] == [[1, 2], [0]]
    assert made("a", "b")["token_type_ids"] == [0, 1]
    made.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    }
    for loaded in (
        PreTrainedTokenizer.from_pretrained(tmp_path),
        PreTrainedTokenizerFast(tokenizer_file=tmp_path / "tokenizer.json", model_max_length=5, unk_token="<unk>"),
        PreTrainedTokenizerFast.from_pretrained(tmp_path / "tokenizer.json", model_max_length=5, unk_token="<unk>"),
    ):
        assert loaded("a b c") == made("a b c")
        assert (loaded.model_max_length, loaded.unk_token_id) == (5, 0)
    with pytest.raises(UserError, match="needs tokenizer_object or tokenizer_file"):
        PreTrainedTokenizerFast()


def test_limits_in_the_engine_file_do_not_count(tmp_path: Path) -> None:
    made = engine()
    made.enable_truncation(1)
    made.enable_padding(length=7)
    made.save(str(tmp_path / "tokenizer.json"))
    assert PreTrainedTokenizerFast.from_pretrained(tmp_path)("a b a")["input_ids"] == [1, 2, 1]


@pytest.mark.parametrize(
    ("content", "message"), [("{", "no tokenizer that the engine understands"), (None, "does not exist")]
)
def test_damaged_engine_files_are_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match=message):
        PreTrainedTokenizerFast(tokenizer_file=tmp_path / "tokenizer.json")


# Files of other versions


def test_older_files_are_understood(vocabulary: Path, tokenizer: BertTokenizer) -> None:
    folder = vocabulary.parent
    size = len(WORDS)
    (folder / "added_tokens.json").write_text(json.dumps({"later": size + 1, "first": size}))
    (folder / "special_tokens_map.json").write_text(
        json.dumps({"mask_token": {"content": "[MASK]", "lstrip": True}, "additional_special_tokens": ["first"]})
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"max_len": 12, "unheard_of": {"a": 1}}))
    loaded = BertTokenizer.from_pretrained(folder)
    assert loaded.get_added_vocab() == tokenizer.get_added_vocab() | {"first": size, "later": size + 1}
    assert (loaded.model_max_length, loaded.additional_special_tokens_ids) == (12, [size])
    assert loaded.special_tokens_map_extended["mask_token"].lstrip
    loaded.save_pretrained(folder / "again")
    again = BertTokenizer.from_pretrained(folder / "again")
    assert again.special_tokens_map_extended == loaded.special_tokens_map_extended
    assert again.init_kwargs["unheard_of"] == {"a": 1}


def test_flags_of_special_tokens_stand_in_the_list_of_added_tokens(vocabulary: Path) -> None:
    folder = vocabulary.parent
    token = {
        "content": "[MASK]",
        "lstrip": True,
        "rstrip": False,
        "single_word": False,
        "normalized": False,
        "special": True,
    }
    settings = {"mask_token": "[MASK]", "cls_token": {"__type": "AddedToken", "content": "[CLS]"}}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": {"4": token}, **settings}))
    loaded = BertTokenizer.from_pretrained(folder)
    assert loaded.special_tokens_map_extended["mask_token"].lstrip
    assert loaded("a [MASK]").char_to_token(1) == 2  # the token takes the space before it
    assert loaded.cls_token == "[CLS]"


def test_added_tokens_must_fit_the_vocabulary(vocabulary: Path) -> None:
    (vocabulary.parent / "added_tokens.json").write_text('{"new": 99}')
    with pytest.raises(UserError, match=f"'new' was saved with id 99, but gets {len(WORDS)}"):
        BertTokenizer.from_pretrained(vocabulary.parent)


def test_one_file_and_settings_of_the_caller(vocabulary: Path) -> None:
    loaded = BertTokenizer.from_pretrained(vocabulary, do_lower_case=False, cls_token="a", trust_remote_code=False)
    assert loaded.tokenize("A b") == ["[UNK]", "b"]
    assert loaded.cls_token_id == WORDS.index("a")
    assert "trust_remote_code" not in loaded.init_kwargs


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has none of tokenizer\.json, vocab\.txt"):
        BertTokenizer.from_pretrained(tmp_path)


# Special tokens


def test_roles_can_be_read_and_given(tokenizer: BertTokenizer) -> None:
    assert (tokenizer.bos_token, tokenizer.bos_token_id) == (None, None)
    tokenizer.bos_token = "a"
    tokenizer.eos_token_id = WORDS.index("b")
    assert (tokenizer.bos_token_id, tokenizer.eos_token) == (WORDS.index("a"), "b")
    assert tokenizer.special_tokens_map["eos_token"] == "b"
    assert tokenizer.all_special_tokens == ["a", "b", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]
    tokenizer.bos_token = None
    tokenizer.eos_token = "[SEP]"
    assert tokenizer.all_special_tokens == ["[SEP]", "[UNK]", "[PAD]", "[CLS]", "[MASK]"]
    assert tokenizer.all_special_ids == [3, 1, 0, 2, 4]


def test_additional_special_tokens_replace_or_join(tokenizer: BertTokenizer) -> None:
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["<1>", AddedToken("<2>", lstrip=True)]}) == 2
    assert tokenizer.tokenize("a <2>b") == ["a", "<2>", "b"]
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["<2>", "<3>"]}, False) == 1
    assert tokenizer.additional_special_tokens == ["<1>", "<2>", "<3>"]
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["<3>"]}) == 0
    assert tokenizer.additional_special_tokens == ["<3>"]
    assert tokenizer.add_special_tokens({"cls_token": "<c>"}) == 1
    assert tokenizer.tokenize("<c>a", add_special_tokens=True) == ["<c>", "<c>", "a", "[SEP]"]
    with pytest.raises(UserError, match="no role klass_token; it can be bos_token"):
        tokenizer.add_special_tokens({"klass_token": "x"})


def test_a_token_that_is_not_there_yet_does_not_disturb_the_inputs(tokenizer: BertTokenizer) -> None:
    tokenizer.cls_token = "<later>"
    assert tokenizer.tokenize("a", add_special_tokens=True) == ["[CLS]", "a", "[SEP]"]
    tokenizer.add_special_tokens({"cls_token": "<later>"})
    assert tokenizer.tokenize("a", add_special_tokens=True) == ["<later>", "a", "[SEP]"]


def test_words_that_are_added_are_normalised_unless_they_are_special(tokenizer: BertTokenizer) -> None:
    tokenizer.add_tokens(["Word", AddedToken("Name", normalized=False)])
    tokenizer.add_tokens("Special", special_tokens=True)
    assert tokenizer.tokenize("WORD Name name Special special") == ["Word", "Name", "[UNK]", "Special", "[UNK]"]


def test_unknown_tokens_have_the_id_of_the_unknown_token(tokenizer: BertTokenizer) -> None:
    assert tokenizer.convert_tokens_to_ids(["a", "zzz"]) == [WORDS.index("a"), 1]
    assert PreTrainedTokenizer(tokenizer_object=engine()).convert_tokens_to_ids("zzz") is None
    assert tokenizer.convert_ids_to_tokens([2, 5, 3], skip_special_tokens=True) == ["a"]
    assert tokenizer.convert_ids_to_tokens(99) is None


def test_a_template_needs_its_tokens() -> None:
    made = PreTrainedTokenizer(tokenizer_object=engine())
    made.input_template = InputTemplate("cls A", "cls A B:1")
    with pytest.raises(UserError, match="has no cls_token"):
        made.build_inputs_with_special_tokens([1])


# Options of a call


def test_options_that_contradict_each_other_are_refused(tokenizer: BertTokenizer) -> None:
    for options, message in (
        ({"padding": "longst"}, "padding='longst' is not known; it can be True, False, 'longest'"),
        ({"truncation": "first"}, "truncation='first' is not known"),
        ({"padding_side": "top", "padding": True}, "padding_side='top' is not known"),
        ({"return_tensors": "tf"}, "return_tensors='tf' is not known; it can be 'pt', 'np' or None"),
        ({"truncation": True, "max_length": 1}, "max_length=1 is too short: 2 special tokens"),
        ({"truncation": True, "max_length": 4, "stride": 2}, "stride=2 is too long"),
        ({"truncation": True, "padding": True, "max_length": 7, "pad_to_multiple_of": 4}, "not a multiple"),
        ({"truncation": "only_second", "max_length": 3}, "cannot be encoded"),
    ):
        with pytest.raises(UserError, match=message.replace("(", r"\(")):
            tokenizer("a b c", **options)
    with pytest.raises(TypeError, match="BertTokenizer has no option paddng"):
        tokenizer("a", paddng=True)


def test_a_text_without_room_is_refused_and_spoils_nothing(
    tokenizer: BertTokenizer, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"truncation": True, "return_overflowing_tokens": True}
    with pytest.raises(UserError, match="one of them has no room"):
        tokenizer("a b c", "d e f", max_length=4, **options)
    with pytest.raises(UserError, match="cannot be encoded"):
        tokenizer("a b c d", "d e f g", max_length=7, stride=3, **options)
    assert tokenizer("a", "b")["input_ids"] == [2, 5, 3, 6, 3]
    capfd.readouterr()  # the engine reports its own error as well


def test_which_text_of_a_pair_is_cut(tokenizer: BertTokenizer) -> None:
    for strategy, expected in (
        ("longest_first", "[CLS] a b [SEP] e f [SEP]"),
        ("only_first", "[CLS] a [SEP] e f g [SEP]"),
        ("only_second", "[CLS] a b c [SEP] e [SEP]"),
    ):
        cut = tokenizer("a b c", "e f g", truncation=strategy, max_length=7, return_tensors="np")
        assert " ".join(cut.tokens()) == expected


def test_warnings_say_what_is_assumed(tokenizer: BertTokenizer, caplog: pytest.LogCaptureFixture) -> None:
    assert len(tokenizer("a b c d", max_length=4)["input_ids"]) == 4
    assert warnings_of(caplog) == ["max_length is given without truncation: truncation=True is assumed."]
    assert len(tokenizer("a b c d", truncation=True, padding="max_length")["input_ids"]) == 6
    assert warnings_of(caplog) == [
        "No max_length is given and the model has none: texts are neither cut nor padded to it."
    ]
    tokenizer.model_max_length = 5
    tokenizer("a b c d")
    tokenizer("a b c d")
    assert [message[:22] for message in warnings_of(caplog)] == ["An input of 6 tokens i"]
    tokenizer("a b c d", max_length=4, verbose=False)
    assert not warnings_of(caplog)


def test_targets_become_labels(tokenizer: BertTokenizer) -> None:
    assert tokenizer("a", text_target="b c")["labels"] == [2, 6, 7, 3]
    assert tokenizer(text_target=["b", "c"])["input_ids"] == [[2, 6, 3], [2, 7, 3]]
    with pytest.raises(TypeError, match="without text"):
        tokenizer()


def test_words_are_given_one_by_one(tokenizer: BertTokenizer) -> None:
    words = ["ab", "c.", "d"]
    encoded = tokenizer(words, is_split_into_words=True)
    assert encoded.tokens() == ["[CLS]", "a", "##b", "c", ".", "d", "[SEP]"]
    assert encoded.word_ids() == encoded.words() == [None, 0, 0, 1, 1, 2, None]
    batch = tokenizer([words, ("d", "e")], is_split_into_words=True)
    assert batch["input_ids"] == [encoded["input_ids"], [2, 8, 9, 3]]
    pair = tokenizer(tuple(words[:2]), ["d"], is_split_into_words=True)
    assert pair.sequence_ids() == [None, 0, 0, 0, 0, None, 1, None]
    assert tokenizer([], is_split_into_words=True)["input_ids"] == [2, 3]
    with pytest.raises(TypeError, match="is_split_into_words=True"):
        tokenizer([words])


def test_tokens_and_ids_can_be_encoded_too(tokenizer: BertTokenizer) -> None:
    expected = tokenizer("a b", "c zz")

    assert tokenizer.encode_plus(["a", "b"], ["c", "zz"]) == expected
    assert tokenizer.encode_plus(tokenizer.encode("a b", add_special_tokens=False), "c zz") == expected
    assert tokenizer.encode(["a", "b"], return_tensors="pt").tolist() == [tokenizer.encode("a b")]
    assert tokenizer.encode(["ab", "a"], is_split_into_words=True) == tokenizer.encode("ab a")


def test_older_options_are_understood(tokenizer: BertTokenizer) -> None:
    old = tokenizer.encode_plus("a b", max_length=6, pad_to_max_length=True)
    assert old == tokenizer("a b", max_length=6, padding="max_length", truncation=True)
    assert len(tokenizer.encode("a b c d e f", max_length=6, pad_to_max_length=True)) == 6
    cut = tokenizer("a b", "c d", max_length=6, truncation_strategy="only_second")
    assert cut == tokenizer("a b", "c d", max_length=6, truncation="only_second")


def test_texts_of_a_batch_must_match(tokenizer: BertTokenizer) -> None:
    with pytest.raises(TypeError, match="a batch of 2, but text_pair is 1 texts"):
        tokenizer(["a", "b"], ["c"])
    with pytest.raises(TypeError, match="a batch of 2, but text_pair is one text"):
        tokenizer(["a", "b"], "c")
    assert tokenizer([])["input_ids"] == []
    assert tokenizer("a", "") == tokenizer("a")


def test_what_is_returned(tokenizer: BertTokenizer) -> None:
    assert set(tokenizer("a", return_token_type_ids=False, return_attention_mask=False)) == {"input_ids"}
    everything = tokenizer("a", return_length=True, return_special_tokens_mask=True, return_offsets_mapping=True)
    assert everything["length"] == [3]
    assert everything["special_tokens_mask"] == [1, 0, 1]
    assert everything["offset_mapping"] == [(0, 0), (0, 1), (0, 0)]


def test_padding_has_a_token_type_of_its_own(tokenizer: BertTokenizer) -> None:
    tokenizer.pad_token_type_id = 3
    padded = tokenizer(["a", "a b"], padding=True, return_special_tokens_mask=True)
    assert padded["token_type_ids"][0] == [0, 0, 0, 3]
    assert padded["special_tokens_mask"][0] == [1, 0, 1, 1]
    assert tokenizer.pad({"input_ids": [[5], [5, 6]], "token_type_ids": [[0], [0, 0]]})["token_type_ids"] == [
        [0, 3],
        [0, 0],
    ]


# Lists of ids


@given(
    st.lists(st.integers(0, 9), max_size=9),
    st.lists(st.integers(10, 19), max_size=9),
    st.integers(0, 18),
    st.sampled_from(["left", "right"]),
)
def test_ids_are_removed_one_by_one_from_the_longer_text(
    first: list[int], second: list[int], count: int, side: Any
) -> None:
    truncation = Truncation(TruncationStrategy.LONGEST_FIRST, None, 0, side)
    expected = [list(first), list(second)]
    for _ in range(count):
        longer = expected[0] if len(expected[0]) > len(expected[1]) else expected[1]
        if longer:
            longer.pop(0 if side == "left" else -1)
    assert truncate_ids(first, second, count, truncation) == (*expected, [])


def test_what_is_removed_from_one_text_is_returned(tokenizer: BertTokenizer) -> None:
    assert tokenizer.truncate_sequences([1, 2, 3, 4], None, 2, stride=1) == ([1, 2], None, [2, 3, 4])
    assert tokenizer.truncate_sequences([1, 2], [3, 4, 5], 1, "only_second") == ([1, 2], [3, 4], [5])
    assert tokenizer.truncate_sequences([1, 2], None, 1, "do_not_truncate") == ([1, 2], None, [])
    tokenizer.truncation_side = "left"
    assert tokenizer.truncate_sequences([1, 2, 3, 4], [9], 2, "only_first", stride=1) == ([3, 4], [9], [1, 2, 3])
    with pytest.raises(UserError, match="the second text has 0"):
        tokenizer.truncate_sequences([1, 2], None, 1, "only_second")


def test_what_overflows_from_ids(tokenizer: BertTokenizer) -> None:
    row = tokenizer.prepare_for_model([5, 6, 7, 8], truncation=True, max_length=4, return_overflowing_tokens=True)
    assert (row["input_ids"], row["overflowing_tokens"], row["num_truncated_tokens"]) == ([2, 5, 6, 3], [7, 8], 2)
    tensors = tokenizer.prepare_for_model([5], [6], return_tensors="np", prepend_batch_axis=True)
    assert tensors["token_type_ids"].tolist() == [[0, 0, 0, 1, 1]]
    plain = tokenizer.prepare_for_model([5], [6], add_special_tokens=False, return_length=True)
    assert (plain["input_ids"], plain["token_type_ids"], plain["length"]) == ([5, 6], [0, 1], 2)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_padding_keeps_what_it_is_given(tokenizer: BertTokenizer, kind: Any) -> None:
    rows = [{"input_ids": kind([5, 6]), "labels": 1}, {"input_ids": kind([7]), "labels": 0}]
    padded = tokenizer.pad(rows)
    assert type(padded["input_ids"]) is type(kind([[5, 6], [7, 0]]))
    assert np.asarray(padded["input_ids"]).tolist() == [[5, 6], [7, 0]]
    assert np.asarray(padded["attention_mask"]).tolist() == [[1, 1], [1, 0]]
    assert np.asarray(padded["labels"]).tolist() == [1, 0]
    assert tokenizer.pad(padded, padding="max_length", max_length=3)["input_ids"][1].__len__() == 3


def test_one_row_is_padded_alone(tokenizer: BertTokenizer) -> None:
    padded = tokenizer.pad({"input_ids": [5]}, padding="max_length", max_length=3, padding_side="left")
    assert padded == {"input_ids": [0, 0, 5], "attention_mask": [0, 0, 1]}
    assert tokenizer.pad({"input_ids": [5]}, return_attention_mask=False) == {"input_ids": [5]}
    assert tokenizer.pad({"input_ids": []}) == {"input_ids": [], "attention_mask": []}


def test_rows_that_do_not_fit_together_are_refused(tokenizer: BertTokenizer) -> None:
    with pytest.raises(UserError, match="have no input_ids, only labels"):
        tokenizer.pad({"labels": [1]})
    with pytest.raises(UserError, match="row 0 has input_ids, row 1 has labels"):
        tokenizer.pad([{"input_ids": [1]}, {"labels": [1]}])
    with pytest.raises(UserError, match=r"input_ids has 2,\n  labels has 1"):
        tokenizer.pad({"input_ids": [[1], [2]], "labels": [1]})


# Decoding


def test_spaces_are_cleaned_up_if_wanted(tokenizer: BertTokenizer) -> None:
    ids = tokenizer.encode("a . b")
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a. b"
    assert tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) == "a . b"
    text = "i ca n't , she 's ' x ' we 've ? you 're ! i 'm"
    assert tokenizer.clean_up_tokenization(text) == "i can't, she's'x'we've? you're! i'm"
    assert tokenizer.convert_tokens_to_string(["a", "##b", "c"]) == "ab c"
    assert PreTrainedTokenizer(tokenizer_object=engine()).convert_tokens_to_string(["a", "b"]) == "a b"


# What is returned


def test_ways_to_reach_a_value(tokenizer: BertTokenizer) -> None:
    batch = tokenizer(["a b", "c"])
    assert batch.input_ids is batch["input_ids"]
    assert batch[1].tokens == batch.tokens(1) == ["[CLS]", "c", "[SEP]"]
    assert batch[:1]["input_ids"] == batch["input_ids"][:1]
    assert dict(**batch) == batch
    assert isinstance(batch, Mapping)
    assert not hasattr(batch, "logits")
    assert (batch.is_fast, batch.n_sequences, len(batch.encodings or ())) == (True, 1, 2)


def test_between_tokens_words_and_characters(tokenizer: BertTokenizer) -> None:
    encoded = tokenizer(["ab c", "d"], ["e", "ab c"])
    assert encoded.tokens(1) == ["[CLS]", "d", "[SEP]", "a", "##b", "c", "[SEP]"]
    assert encoded.char_to_token(3) == encoded.char_to_token(0, 3) == 3
    assert encoded.char_to_token(1, 1, sequence_index=1) == 4
    assert encoded.char_to_token(2) is None
    assert encoded.char_to_word(0, 3) == 1
    assert encoded.token_to_chars(1, -2) == (3, 4)
    assert encoded.token_to_word(1, 4) == 0
    assert encoded.token_to_sequence(1, 4) == 1
    assert encoded.word_to_tokens(1, 0, sequence_index=1) == (3, 5)
    assert encoded.word_to_chars(1, 1, sequence_index=1) == (3, 4)


def test_values_become_tensors_and_move(tokenizer: BertTokenizer) -> None:
    batch = tokenizer(["a", "b"])
    assert batch.convert_to_tensors("pt") is batch
    moved = batch.to("meta")
    assert moved is batch
    assert moved.input_ids.device.type == "meta"
    assert BatchEncoding({"x": [1.5]}, tensor_type="pt").x.dtype == torch.float32
    with pytest.raises(UserError, match="x cannot be a tensor"):
        BatchEncoding({"x": ["a"]}, tensor_type="np")
    with pytest.raises(UserError, match="do not know their words"):
        BatchEncoding({"x": [1]}).tokens()


def test_a_tokenizer_is_uploaded_with_all_its_files(tokenizer: BertTokenizer, tmp_path: Path, monkeypatch: Any) -> None:
    uploads = {}

    def upload(folder: str, repo_id: str, *_: Any, **__: Any) -> str:
        uploads[repo_id] = {path.name for path in Path(folder).iterdir()}
        return "address"

    monkeypatch.setattr("transformers.hub.upload_folder", upload)
    tokenizer.save_pretrained(tmp_path / "mine", push_to_hub=True)
    assert tokenizer.push_to_hub("other") == "address"
    assert uploads["mine"] == uploads["other"] == {path.name for path in (tmp_path / "mine").iterdir()}


def test_it_says_what_it_is(tokenizer: BertTokenizer) -> None:
    assert repr(tokenizer).startswith("BertTokenizer(name_or_path='', vocab_size=16, ")
    assert tokenizer.vocab == tokenizer.get_vocab()
    assert tokenizer.added_tokens_encoder == {token: WORDS.index(token) for token in WORDS[:5]}


def test_nothing_loads_torch_before_it_is_asked_for() -> None:
    code = (
        "from transformers import BertTokenizer\n"
        f"tokenizer = BertTokenizer({str(FIXTURES / 'bert' / 'tokenization' / 'vocab.txt')!r})\n"
        "tokenizer('hello', return_tensors='np')"
    )
    assert loaded_after(code, ["torch"]) == []

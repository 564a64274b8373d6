"""What holds for the tokenizer of every family. A family's test says which class, its files, and a few encodings."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import transformers
from transformers import AutoTokenizer, BatchEncoding, PreTrainedTokenizerBase, UserError

#: Together longer than the limits of the tests, with words, punctuation, accents, ideographs and nothing at all.
TEXTS = (
    "The quick brown fox jumped over the lazy dog.",
    "Hello, World! it's 2019",
    "",
    "naïve Zürich 中国 e\u0301 😀",
    "  two  spaces and\ta tab ",
)
PAIR = (TEXTS[0], TEXTS[1])


class TokenizerTests:
    """Base class of the families' tests.

    Attributes:
        tokenizer_class: The class.
        files: Its vocabulary files by constructor argument, all that a constructor needs.
        settings: Further arguments of the constructor; there must be a padding token.
        encodings: Text -> tokens, as the Hub's tokenizer has them.
        special_text: A text with a special token in it.
        original_tokens: Its tokens in the original.
        decodable: A text that its tokens give back, but for capitals.
        engine_splits: Whether the engine splits texts. What splits them in Python does not know the places of tokens.
        same_inputs: Whether the original makes the same inputs of the texts of the tests as the Hub.
    """

    tokenizer_class: ClassVar[type[PreTrainedTokenizerBase]]
    files: ClassVar[Mapping[str, Path]]
    settings: ClassVar[Mapping[str, Any]] = {}
    encodings: ClassVar[Mapping[str, Sequence[str]]]
    special_text: ClassVar[str]
    original_tokens: ClassVar[Sequence[str]]
    decodable: ClassVar[str] = "Hello world"
    engine_splits: ClassVar[bool] = True
    same_inputs: ClassVar[bool] = True

    def make(self, **settings: Any) -> PreTrainedTokenizerBase:
        return self.tokenizer_class(**self.files, **{**self.settings, **settings})

    # Texts

    def test_encodings_are_those_of_the_hub(self) -> None:
        tokenizer = self.make()
        for text, tokens in self.encodings.items():
            assert tokenizer.tokenize(text) == tokens
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert ids == tokenizer.convert_tokens_to_ids(tokens)
            assert tokenizer.convert_ids_to_tokens(ids) == tokens

    def test_names_with_fast_are_the_same_class(self) -> None:
        name = self.tokenizer_class.__name__
        assert getattr(transformers, f"{name}Fast") is getattr(transformers, name) is self.tokenizer_class

    def test_a_batch_gives_what_its_texts_give(self) -> None:
        tokenizer = self.make()
        rows = [tokenizer(text) for text in TEXTS]
        batch = tokenizer(list(TEXTS))
        assert batch == {name: [row[name] for row in rows] for name in rows[0]}
        assert set(batch) == set(tokenizer.model_input_names)
        assert tokenizer.batch_encode_plus(list(TEXTS)) == batch
        assert tokenizer.encode_plus(TEXTS[0]) == rows[0]
        assert tokenizer.encode(TEXTS[0]) == rows[0]["input_ids"]

    def test_a_batch_of_pairs_gives_what_its_pairs_give(self) -> None:
        tokenizer = self.make()
        one, other = tokenizer(*PAIR), tokenizer(*PAIR[::-1])
        batch = tokenizer(list(PAIR), list(PAIR[::-1]))
        assert batch == {name: [one[name], other[name]] for name in one}
        assert tokenizer.batch_encode_plus([PAIR, PAIR[::-1]]) == batch

    def test_special_tokens_stand_where_the_lists_of_ids_have_them(self) -> None:
        tokenizer = self.make()
        first, second = (tokenizer.encode(text, add_special_tokens=False) for text in PAIR)
        for texts, ids in ((PAIR[:1], (first, None)), (PAIR, (first, second))):
            encoded = tokenizer(*texts, return_special_tokens_mask=True, return_token_type_ids=True)
            assert encoded["input_ids"] == tokenizer.build_inputs_with_special_tokens(*ids)
            assert encoded["token_type_ids"] == tokenizer.create_token_type_ids_from_sequences(*ids)
            assert encoded["special_tokens_mask"] == tokenizer.get_special_tokens_mask(*ids)
            complete = tokenizer.get_special_tokens_mask(encoded["input_ids"], already_has_special_tokens=True)
            assert complete == [  # an unknown token in the text is special, too, but not to the engine
                int(special or number == tokenizer.unk_token_id)
                for special, number in zip(encoded["special_tokens_mask"], encoded["input_ids"], strict=True)
            ]
            assert tokenizer.num_special_tokens_to_add(len(texts) == 2) == sum(encoded["special_tokens_mask"])

    def test_ids_are_prepared_as_their_texts_are(self) -> None:
        tokenizer = self.make()
        first, second = (tokenizer.encode(text, add_special_tokens=False) for text in PAIR)
        for options in ({}, {"truncation": True, "max_length": 9}, {"padding": "max_length", "max_length": 90}):
            assert tokenizer.prepare_for_model(first, **options) == tokenizer(PAIR[0], **options)
        only_first = {"truncation": "only_first", "max_length": len(second) + 7}
        assert tokenizer.prepare_for_model(first, second, **only_first) == tokenizer(*PAIR, **only_first)

    def test_offsets_lead_back_to_the_text(self) -> None:
        tokenizer = self.make()
        text = TEXTS[1]
        if not self.engine_splits:
            with pytest.raises(UserError, match="does not know the places of its tokens"):
                tokenizer(text, return_offsets_mapping=True)
            return
        encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        covered = set()
        for index, (start, end) in enumerate(encoded["offset_mapping"]):
            if not encoded["special_tokens_mask"][index]:
                assert encoded.token_to_chars(index) == (start, end)
                found = {encoded.char_to_token(position) for position in range(start, end)}
                assert (start, end) in {encoded.token_to_chars(token) for token in found}
                covered |= set(range(start, end))
        assert covered >= {position for position, character in enumerate(text) if not character.isspace()}

    def test_decoding_leaves_special_tokens_out(self) -> None:
        tokenizer = self.make()
        text = self.decodable
        ids = [tokenizer.all_special_ids[0], *tokenizer.encode(text, add_special_tokens=False)]
        assert tokenizer.decode(ids, skip_special_tokens=True).strip().lower() == text.lower()
        assert tokenizer.all_special_tokens[0] in tokenizer.decode(torch.tensor(ids))
        assert tokenizer.batch_decode(np.array([ids, ids])) == [tokenizer.decode(ids)] * 2
        assert tokenizer.decode(ids[1]) == tokenizer.decode(ids[1:2])

    # Lengths

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_padding(self, side: str) -> None:
        tokenizer = self.make(padding_side=side)
        plain = tokenizer(list(TEXTS))
        for options, length in (
            ({"padding": True}, max(map(len, plain["input_ids"]))),
            ({"padding": "max_length", "max_length": 100}, 100),
            ({"padding": "longest", "pad_to_multiple_of": 32}, -(-max(map(len, plain["input_ids"])) // 32) * 32),
        ):
            padded = tokenizer(list(TEXTS), **options)
            assert padded == tokenizer.pad(plain, **options)
            for ids, row, mask in zip(plain["input_ids"], padded["input_ids"], padded["attention_mask"], strict=True):
                padding = [tokenizer.pad_token_id] * (length - len(ids))
                assert row == (padding + ids if side == "left" else ids + padding)
                zeros, ones = [0] * len(padding), [1] * len(ids)
                assert mask == (zeros + ones if side == "left" else ones + zeros)

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_truncation(self, side: str) -> None:
        tokenizer = self.make(truncation_side=side)
        ids = tokenizer.encode(TEXTS[0], add_special_tokens=False)
        room = 8 - tokenizer.num_special_tokens_to_add()
        kept = ids[:room] if side == "right" else ids[-room:]
        cut = tokenizer.encode(TEXTS[0], truncation=True, max_length=8)
        assert cut == tokenizer.build_inputs_with_special_tokens(kept)
        assert tokenizer.encode(TEXTS[0]) == tokenizer.build_inputs_with_special_tokens(ids)  # the limit does not stick

    def test_what_overflows_becomes_rows_that_overlap(self) -> None:
        tokenizer = self.make()
        options = {"truncation": True, "max_length": 9, "stride": 2, "return_overflowing_tokens": True}
        rows = tokenizer(list(TEXTS), **options)
        room = 9 - tokenizer.num_special_tokens_to_add()
        assert sorted(set(rows["overflow_to_sample_mapping"])) == list(range(len(TEXTS)))
        for sample, text in enumerate(TEXTS):
            ids = tokenizer.encode(text, add_special_tokens=False)
            windows = [ids[start : start + room] for start in range(0, max(len(ids) - 2, 1), room - 2)]
            owned = [
                row
                for row, of in zip(rows["input_ids"], rows["overflow_to_sample_mapping"], strict=True)
                if of == sample
            ]
            assert owned == [tokenizer.build_inputs_with_special_tokens(window) for window in windows]

    def test_the_limit_of_the_model_holds_where_none_is_given(self) -> None:
        tokenizer = self.make(model_max_length=7)
        assert len(tokenizer.encode(TEXTS[0], truncation=True)) == 7
        assert len(tokenizer.encode("", padding="max_length")) == 7
        assert tokenizer.max_len_single_sentence == 7 - tokenizer.num_special_tokens_to_add()
        assert tokenizer.max_len_sentences_pair == 7 - tokenizer.num_special_tokens_to_add(pair=True)

    @pytest.mark.parametrize(("kind", "tensor"), [("np", np.ndarray), ("pt", torch.Tensor)])
    def test_tensors(self, kind: str, tensor: type) -> None:
        tokenizer = self.make()
        lists = tokenizer(list(TEXTS), padding=True, return_offsets_mapping=self.engine_splits)
        tensors = tokenizer(list(TEXTS), padding=True, return_offsets_mapping=self.engine_splits, return_tensors=kind)
        assert all(isinstance(value, tensor) for value in tensors.values())
        assert {name: value.tolist() for name, value in tensors.items() if name != "offset_mapping"} == {
            name: value for name, value in lists.items() if name != "offset_mapping"
        }
        if self.engine_splits:
            assert tensors["offset_mapping"].shape == (*tensors["input_ids"].shape, 2)
        assert str(tensors["input_ids"].dtype).endswith("int64")
        assert tokenizer.encode(TEXTS[0], return_tensors=kind).shape == (1, len(tokenizer.encode(TEXTS[0])))
        if len({len(row) for row in tokenizer(list(TEXTS))["input_ids"]}) > 1:
            with pytest.raises(UserError, match="padding=True"):
                tokenizer(list(TEXTS), return_tensors=kind)

    # Tokens that are added

    def test_added_tokens_are_found_in_texts_and_saved(self, tmp_path: Path) -> None:
        tokenizer = self.make()
        size = len(tokenizer)
        assert tokenizer.add_tokens(["newword"]) == 1
        assert tokenizer.add_special_tokens({"additional_special_tokens": ["<e1>", "<e2>"]}) == 2
        assert (len(tokenizer), tokenizer.vocab_size) == (size + 3, self.make().vocab_size)
        text = "a newword <e2>b"
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert {size, size + 2} <= set(ids)
        assert tokenizer.additional_special_tokens_ids == [size + 1, size + 2]
        assert "<e2>" not in tokenizer.decode(ids, skip_special_tokens=True)
        assert "newword" in tokenizer.decode(ids, skip_special_tokens=True)
        tokenizer.save_pretrained(tmp_path)
        for loaded in (self.tokenizer_class.from_pretrained(tmp_path), self.without_engine_file(tmp_path)):
            assert loaded.encode(text, add_special_tokens=False) == ids
            assert loaded.additional_special_tokens == ["<e1>", "<e2>"]
            assert loaded.get_added_vocab() == tokenizer.get_added_vocab()

    def without_engine_file(self, folder: Path) -> PreTrainedTokenizerBase:
        (folder / "tokenizer.json").unlink(missing_ok=not self.engine_splits)
        return self.tokenizer_class.from_pretrained(folder)

    # Files

    def test_all_is_as_before_after_saving_and_loading(self, tmp_path: Path) -> None:
        tokenizer = self.make(model_max_length=31, padding_side="left", truncation_side="left")
        paths = tokenizer.save_pretrained(tmp_path)
        assert sorted(paths) == sorted(map(str, tmp_path.iterdir()))
        for loaded in (
            self.tokenizer_class.from_pretrained(tmp_path),
            AutoTokenizer.from_pretrained(tmp_path),
            self.without_engine_file(tmp_path),
        ):
            assert type(loaded) is self.tokenizer_class
            self.assert_same(loaded, tokenizer)

    def assert_same(self, loaded: PreTrainedTokenizerBase, tokenizer: PreTrainedTokenizerBase) -> None:
        assert loaded(list(TEXTS), list(TEXTS[::-1])) == tokenizer(list(TEXTS), list(TEXTS[::-1]))
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert loaded.special_tokens_map == tokenizer.special_tokens_map
        for name in ("model_max_length", "padding_side", "truncation_side", "clean_up_tokenization_spaces"):
            assert getattr(loaded, name) == getattr(tokenizer, name)

    def test_saving_twice_gives_the_same_bytes(self, tmp_path: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        self.make().save_pretrained(first)
        tokenizer = self.tokenizer_class.from_pretrained(first)
        tokenizer(TEXTS[0], truncation=True, max_length=5)
        tokenizer.save_pretrained(second)
        assert {path.name: path.read_bytes() for path in first.iterdir()} == {
            path.name: path.read_bytes() for path in second.iterdir()
        }

    def test_the_files_of_the_vocabulary_are_enough(self, tmp_path: Path) -> None:
        self.make().save_vocabulary(tmp_path)
        names = dict(self.tokenizer_class.vocab_files_names)
        assert "tokenizer.json" not in {path.name for path in tmp_path.iterdir()}
        loaded = self.tokenizer_class.from_pretrained(tmp_path, **self.settings)
        self.assert_same(loaded, self.make())
        (tmp_path / names[next(name for name in names if name != "tokenizer_file")]).unlink()
        with pytest.raises(UserError, match=r"has none of tokenizer\.json" if self.engine_splits else "has no(ne of)?"):
            self.tokenizer_class.from_pretrained(tmp_path)

    def test_the_engine_file_alone_does_the_same_elsewhere(self, tmp_path: Path) -> None:
        tokenizer = self.make()
        tokenizer.save_pretrained(tmp_path)
        if not self.engine_splits:
            assert (tmp_path / "tokenizer.json").exists() == ("tokenizer_file" in tokenizer.vocab_files_names)
            return
        engine = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        for text in (*TEXTS, self.special_text):
            assert engine.encode(text).ids == tokenizer.encode(text)
        assert engine.encode(*PAIR).ids == tokenizer.encode(*PAIR)

    def test_a_prefix_of_the_file_names(self, tmp_path: Path) -> None:
        paths = [Path(path) for path in self.make().save_pretrained(tmp_path, filename_prefix="my")]
        names = {path.name for path in paths}
        wanted = {"tokenizer_config.json", "special_tokens_map.json", *self.tokenizer_class.vocab_files_names.values()}
        assert names == {f"my-{name}" for name in wanted}

    # The original

    def test_special_tokens_in_a_text_are_special_on_the_hub_only(self, tmp_path: Path) -> None:
        hub, original = self.make(), self.make(original_tokenization=True)
        assert hub.tokenize(self.special_text) != self.original_tokens
        assert original.tokenize(self.special_text) == self.original_tokens
        assert (original(*PAIR) == hub(*PAIR)) == self.same_inputs
        assert original.all_special_ids == hub.all_special_ids
        assert original.decode(original.encode("hello"), skip_special_tokens=True) == hub.decode(
            hub.encode("hello"), skip_special_tokens=True
        )
        original.save_pretrained(tmp_path)
        assert json.loads((tmp_path / "tokenizer_config.json").read_text())["original_tokenization"] is True
        assert AutoTokenizer.from_pretrained(tmp_path).tokenize(self.special_text) == self.original_tokens
        if not self.engine_splits:
            return
        engine = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        assert engine.encode(self.special_text, add_special_tokens=False).tokens == self.original_tokens

    def test_either_can_be_loaded_as_the_other(self, tmp_path: Path) -> None:
        for saved_as in (True, False):
            folder = tmp_path / str(saved_as)
            self.make(original_tokenization=saved_as).save_pretrained(folder)
            for wanted in (True, False):
                loaded = self.tokenizer_class.from_pretrained(folder, original_tokenization=wanted)
                made = self.make(original_tokenization=wanted)
                assert loaded.tokenize(self.special_text) == made.tokenize(self.special_text)
                self.assert_same(loaded, made)

    # Objects

    def test_copies_are_equal_and_independent(self) -> None:
        tokenizer = self.make()
        for twin in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
            self.assert_same(twin, tokenizer)
            twin.add_tokens(["newword"])
            assert len(twin) == len(tokenizer) + 1

    def test_what_it_returns_can_be_pickled(self) -> None:
        encoded = self.make()(*PAIR, return_tensors="np")
        twin: BatchEncoding = pickle.loads(pickle.dumps(encoded))
        assert twin.tokens() == encoded.tokens()
        assert twin.input_ids.tolist() == encoded["input_ids"].tolist()

    @pytest.mark.parametrize("wrong", [3, None, b"text", [3], ["text", None], {"text": 1}, "\ud800"])
    def test_what_is_no_text_is_refused(self, wrong: Any) -> None:
        with pytest.raises(TypeError) as caught:
            self.make()(wrong)
        assert isinstance(caught.value, UserError)
        assert "panic" not in str(caught.value)

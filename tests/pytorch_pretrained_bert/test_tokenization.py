"""The tokenizers against what pytorch-pretrained-bert 0.6.2 gave (see ``record.py``), and what scripts do with them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.shared.golden_cases import FIXTURES

from pytorch_pretrained_bert import (
    BasicTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TransfoXLCorpus,
    TransfoXLTokenizer,
    WordpieceTokenizer,
)
from pytorch_pretrained_bert.tokenization import load_vocab, whitespace_tokenize
from pytorch_pretrained_bert.tokenization_transfo_xl import get_lm_corpus
from transformers import UserError

RECORDED = json.loads(Path(__file__).with_name("recorded").joinpath("tokenization.json").read_text())
TEXTS = RECORDED["texts"]

BERT_VOCABULARY = FIXTURES / "bert" / "tokenization" / "vocab.txt"
GPT_FILES = tuple(FIXTURES / "gpt" / "vocabulary" / name for name in ("encoder_bpe_40000.json", "vocab_40000.bpe"))
GPT2_FILES = tuple(FIXTURES / "gpt2" / "tokenizer" / name for name in ("encoder.json", "vocab.bpe"))

TOO_LONG = "The input has 3 tokens, but the model takes no more than 2."


@pytest.fixture(autouse=True)
def without_spacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recorded was recorded without the packages that split GPT's texts."""
    monkeypatch.setattr("transformers.models.openai.tokenization_openai.has_packages", lambda: False)


class TestBert:
    @pytest.mark.parametrize("recorded", RECORDED["bert"], ids=lambda recorded: str(recorded["settings"]))
    def test_texts(self, recorded: dict[str, Any]) -> None:
        tokenizer = BertTokenizer(BERT_VOCABULARY, **recorded["settings"])
        tokens = [tokenizer.tokenize(text) for text in TEXTS]
        assert tokens == recorded["tokens"]
        assert [tokenizer.convert_tokens_to_ids(each) for each in tokens] == recorded["ids"]
        assert [tokenizer.convert_ids_to_tokens(each) for each in recorded["ids"]] == tokens

    def test_both_steps_one_by_one(self) -> None:
        vocabulary = load_vocab(BERT_VOCABULARY)
        words = BasicTokenizer(do_lower_case=True).tokenize("[CLS] Unaffable, [UNK]")
        assert words == ["[CLS]", "unaffable", ",", "[UNK]"]
        assert WordpieceTokenizer(vocab=vocabulary).tokenize(" ".join(words)) == (
            ["[CLS]", "un", "##aff", "##able", ",", "[UNK]"]
        )
        assert whitespace_tokenize(" a \t b\n") == ["a", "b"]

    def test_a_sequence_that_is_too_long_is_worth_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        tokenizer = BertTokenizer(BERT_VOCABULARY, max_len=2)
        assert tokenizer.max_len == 2
        tokenizer.convert_tokens_to_ids(["hello", "hello"])
        assert not caplog.records
        assert tokenizer.convert_tokens_to_ids(["hello"] * 3) == [tokenizer.vocab["hello"]] * 3
        assert caplog.messages == [TOO_LONG]

    def test_unknown_tokens_and_ids_are_key_errors(self) -> None:
        tokenizer = BertTokenizer(BERT_VOCABULARY)
        with pytest.raises(KeyError):
            tokenizer.convert_tokens_to_ids(["no such token"])
        with pytest.raises(KeyError):
            tokenizer.convert_ids_to_tokens([10**6])

    def test_saved_to_a_folder_and_to_a_file(self, tmp_path: Path) -> None:
        tokenizer = BertTokenizer(BERT_VOCABULARY)
        assert tokenizer.save_vocabulary(tmp_path) == str(tmp_path / "vocab.txt")
        assert tokenizer.save_vocabulary(str(tmp_path / "mine.bin")) == str(tmp_path / "mine.bin")
        for place in (tmp_path, tmp_path / "vocab.txt", str(tmp_path / "mine.bin")):
            assert BertTokenizer.from_pretrained(place, do_lower_case=False).vocab == tokenizer.vocab
        assert not BertTokenizer.from_pretrained(tmp_path, do_lower_case=False).basic_tokenizer.do_lower_case

    def test_gaps_in_a_vocabulary_are_told_when_it_is_saved(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "repeated.txt").write_text("[UNK]\na\nb\na\n")
        assert BertTokenizer(tmp_path / "repeated.txt").vocab == {"[UNK]": 0, "a": 3, "b": 2}
        BertTokenizer(tmp_path / "repeated.txt").save_vocabulary(tmp_path)
        assert "will give other ids" in caplog.text

    def test_a_missing_vocabulary_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match=r"/no/such/vocab\.txt"):
            BertTokenizer("/no/such/vocab.txt")


class TestOpenAIGPT:
    def test_texts(self) -> None:
        tokenizer = OpenAIGPTTokenizer(*GPT_FILES)
        recorded = RECORDED["gpt"]
        assert [tokenizer.encode(text) for text in TEXTS] == recorded["ids"]
        assert [tokenizer.decode(ids) for ids in recorded["ids"]] == recorded["decoded"]
        assert [tokenizer.decode(ids, clean_up_tokenization_spaces=False) for ids in recorded["ids"]] == (
            recorded["spaced"]
        )
        assert tokenizer.convert_tokens_to_ids(tokenizer.tokenize(TEXTS[2])) == recorded["ids"][2]

    def test_special_tokens_follow_the_vocabulary(self) -> None:
        tokenizer = OpenAIGPTTokenizer(*GPT_FILES, special_tokens=["_start_", "[SEP]"])
        size = len(tokenizer.encoder)
        assert len(tokenizer) == size + 2
        assert tokenizer.convert_tokens_to_ids(["_start_", "hello</w>", "[SEP]"]) == [size, 118, size + 1]
        assert tokenizer.convert_tokens_to_ids("[SEP]") == size + 1
        assert tokenizer.tokenize("_start_ hello [SEP] x[SEP]")[:3] == ["_start_", "hello</w>", "[SEP]"]
        ids = [size, 118, size + 1]
        assert tokenizer.convert_ids_to_tokens(ids) == ["_start_", "hello</w>", "[SEP]"]
        assert tokenizer.convert_ids_to_tokens(ids, skip_special_tokens=True) == ["hello</w>"]
        assert tokenizer.decode(ids) == "_start_hello [SEP]"
        assert tokenizer.decode(ids, skip_special_tokens=True) == "hello"
        tokenizer.set_special_tokens(["<a>"])
        assert (tokenizer.special_tokens, tokenizer.special_tokens_decoder) == ({"<a>": size}, {size: "<a>"})
        tokenizer.set_special_tokens(None)
        assert len(tokenizer) == size


class TestGPT2:
    def test_texts(self) -> None:
        tokenizer = GPT2Tokenizer(*GPT2_FILES)
        recorded = RECORDED["gpt2"]
        assert [tokenizer.tokenize(text) for text in recorded["texts"]] == recorded["tokens"]
        assert [tokenizer.encode(text) for text in recorded["texts"]] == recorded["ids"]
        assert [tokenizer.decode(ids) for ids in recorded["random"]] == recorded["decoded"]

    @pytest.mark.parametrize("text", ["wörld", "中文 <|endoftext|>", "a\u0301 \U0001f600 \n"])
    def test_any_text_comes_back(self, text: str) -> None:
        tokenizer = GPT2Tokenizer(*GPT2_FILES)
        assert tokenizer.decode(tokenizer.encode(text)) == text

    def test_bytes_that_are_no_text(self) -> None:
        half = [GPT2Tokenizer(*GPT2_FILES).encoder["Ã"]]  # the first of the two bytes of many letters
        assert GPT2Tokenizer(*GPT2_FILES, errors="replace").decode(half) == "\ufffd"
        assert GPT2Tokenizer(*GPT2_FILES, errors="ignore").decode(half) == ""

    def test_special_tokens_are_decoded(self) -> None:
        tokenizer = GPT2Tokenizer(*GPT2_FILES, special_tokens=["<s>"])
        assert tokenizer.decode([*tokenizer.encode("hi"), len(tokenizer) - 1, *tokenizer.encode(" é")]) == "hi<s> é"


@pytest.mark.parametrize(("kind", "files"), [(OpenAIGPTTokenizer, GPT_FILES), (GPT2Tokenizer, GPT2_FILES)])
class TestBytePairs:
    def test_saved_to_a_folder(self, kind: Any, files: tuple[Path, Path], tmp_path: Path) -> None:
        tokenizer = kind(*files, special_tokens=["<a>", "<b>"])
        names = ("vocab.json", "merges.txt", "special_tokens.txt")
        assert tokenizer.save_vocabulary(tmp_path) == tuple(str(tmp_path / name) for name in names)
        loaded = kind.from_pretrained(tmp_path, max_len=7)
        assert loaded.special_tokens == tokenizer.special_tokens
        assert (loaded.max_len, len(loaded)) == (7, len(tokenizer))
        assert [loaded.encode(text) for text in TEXTS] == [tokenizer.encode(text) for text in TEXTS]
        assert kind.from_pretrained(tmp_path, special_tokens=["<c>"]).special_tokens == {"<c>": len(tokenizer.encoder)}

    def test_a_sequence_that_is_too_long_is_worth_a_warning(
        self, kind: Any, files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        tokenizer = kind(*files, max_len=2)
        caplog.clear()
        tokenizer.convert_tokens_to_ids(["a", "b"])
        tokenizer.convert_tokens_to_ids("a")
        assert not caplog.records
        tokenizer.convert_tokens_to_ids(["a", "b", "c"])
        assert caplog.messages == [TOO_LONG]

    def test_a_vocabulary_without_merges_is_refused(self, kind: Any, files: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "vocab.json").write_bytes(files[0].read_bytes())
        with pytest.raises(UserError, match=r"merges\.txt"):
            kind.from_pretrained(tmp_path)


class TestTransfoXL:
    @pytest.fixture(params=RECORDED["corpora"], ids=lambda recorded: recorded["dataset"])
    def recorded(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for split, text in RECORDED["prepared"].items():
            (tmp_path / f"{split}.txt").write_text(text)
        return tmp_path

    def test_prepared_data_sets(self, recorded: dict[str, Any], folder: Path) -> None:
        corpus = TransfoXLCorpus(**recorded["settings"])
        corpus.build_corpus(str(folder), recorded["dataset"])
        assert corpus.vocab.idx2sym == recorded["words"]
        assert {split: getattr(corpus, split).tolist() for split in recorded["texts"]} == recorded["texts"]
        train = corpus.get_iterator("train", 2, 3)
        segments = [train, corpus.get_iterator("valid", 1, 2, ext_len=1), train.get_fixlen_iter(2)]
        assert [
            [[data.tolist(), target.tolist(), length] for data, target, length in each] for each in segments
        ] == recorded["segments"]
        assert train.n_batch == -(-train.n_step // 3)

    def test_segments_of_random_lengths_cover_the_text(self, folder: Path) -> None:
        corpus = get_lm_corpus(folder, "wt2")
        np.random.seed(0)
        rows = list(corpus.get_iterator("train", 1, 4).get_varlen_iter(std=1, min_len=2))
        words = sum(length for _, _, length in rows)
        assert words >= len(corpus.train) - 2
        assert torch.cat([data[0] for data, _, _ in rows]).tolist() == corpus.train[:words].tolist()
        assert torch.cat([target[0] for _, target, _ in rows]).tolist() == corpus.train[1 : words + 1].tolist()
        assert len({length for _, _, length in rows}) > 1

    def test_unknown_data_sets_are_refused(self, folder: Path) -> None:
        with pytest.raises(UserError, match=r"'books'.*wt103"):
            get_lm_corpus(folder, "books")

    def test_a_vocabulary_of_counted_words(self, tmp_path: Path) -> None:
        tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"], lower_case=True)
        tokenizer.count_sents([tokenizer.tokenize("The cat saw the dog"), ["cat"]])
        tokenizer.build_vocab()
        assert tokenizer.idx2sym == ["<eos>", "<unk>", "the", "cat", "saw", "dog"]
        assert (len(tokenizer), tokenizer.eos_idx, tokenizer.unk_idx) == (6, 0, 1)  # type: ignore[attr-defined]
        words = tokenizer.tokenize(" A cat ", add_eos=True)
        assert words == ["a", "cat", "<eos>"]
        assert tokenizer.tokenize("cat", add_double_eos=True) == ["<S>", "cat", "<S>"]
        ids = tokenizer.convert_tokens_to_ids(words)
        assert ids == [1, 3, 0]
        assert tokenizer.convert_ids_to_tokens(torch.tensor(ids)) == ["<unk>", "cat", "<eos>"]
        assert tokenizer.decode(ids) == "<unk> cat <eos>"
        assert tokenizer.decode(ids, exclude=[0]) == "<unk> cat"
        assert tokenizer.convert_to_tensor(words).tolist() == ids
        tokenizer.add_special("<x>")
        tokenizer.add_symbol("cow")
        assert (tokenizer.x_idx, tokenizer.get_idx("cow"), tokenizer.get_sym(7)) == (6, 7, "cow")  # type: ignore[attr-defined]

    def test_saved_and_loaded(self, tmp_path: Path) -> None:
        tokenizer = TransfoXLTokenizer(special=["<unk>"], lower_case=True)
        tokenizer.count_sents([["a", "b", "a"]])
        tokenizer.build_vocab()
        assert tokenizer.save_vocabulary(tmp_path) == str(tmp_path / "vocab.bin")
        for place in (tmp_path, tmp_path / "vocab.bin"):
            loaded = TransfoXLTokenizer.from_pretrained(place)
            assert (loaded.idx2sym, loaded.counter, loaded.lower_case) == (["<unk>", "a", "b"], {"a": 2, "b": 1}, True)
            assert loaded.unk_idx == 0  # type: ignore[attr-defined]
        assert TransfoXLTokenizer.from_pretrained(tmp_path, lower_case=False).tokenize("A") == ["A"]

    def test_the_vocabularies_of_other_versions(self) -> None:
        folder = FIXTURES / "transfo_xl"
        prepared = TransfoXLTokenizer.from_pretrained(folder / "corpus-wt103" / "cache.pkl")
        today = TransfoXLTokenizer.from_pretrained(folder / "vocabulary")
        assert prepared.idx2sym[prepared.eos_idx] == "<eos>"  # type: ignore[attr-defined]
        assert len(prepared) > 10 < len(today)

    def test_the_data_set_of_the_original(self) -> None:
        folder = FIXTURES / "transfo_xl" / "corpus-wt103"
        corpus = TransfoXLCorpus.from_pretrained(folder)
        with np.load(folder / "io.npz") as recorded:
            for split in recorded.files:
                assert getattr(corpus, split).tolist() == recorded[split].tolist()
        assert corpus.dataset == "wt103"

    @pytest.mark.parametrize("make", [torch.tensor, np.array])
    def test_a_data_set_that_the_older_package_saved(self, make: Any, tmp_path: Path) -> None:
        tokenizer = TransfoXLTokenizer(special=["<unk>"])
        tokenizer.build_vocab()
        tokenizer.save_vocabulary(tmp_path)
        texts = {split: make([number, 0]) for number, split in enumerate(("train", "valid", "test"))}
        torch.save({"dataset": "wt103", **texts}, tmp_path / "corpus.bin")
        corpus = TransfoXLCorpus.from_pretrained(tmp_path)
        assert [text.tolist() for text in (corpus.train, corpus.valid, corpus.test)] == [[0, 0], [1, 0], [2, 0]]
        assert (corpus.dataset, corpus.vocab.idx2sym) == ("wt103", ["<unk>"])

    def test_a_word_that_nothing_can_stand_for(self) -> None:
        tokenizer = TransfoXLTokenizer()
        tokenizer.count_sents([["a"]])
        tokenizer.build_vocab()
        with pytest.raises(ValueError, match="'b'"):
            tokenizer.convert_tokens_to_ids(["b"])


def test_a_release_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the names of the releases say: how long inputs may be, and whether texts are lower-cased."""
    monkeypatch.chdir(tmp_path)
    for name in ("bert-base-cased", "bert-base-uncased"):
        Path(name).mkdir()
        Path(name, "vocab.txt").write_bytes(BERT_VOCABULARY.read_bytes())
    with caplog.at_level(logging.WARNING):
        cased = BertTokenizer.from_pretrained("bert-base-cased")
        assert "bert-base-cased is a model of cased text: do_lower_case is set to False." in caplog.messages
    assert cased.max_len == 512
    assert not cased.basic_tokenizer.do_lower_case
    caplog.clear()
    assert BertTokenizer.from_pretrained("bert-base-uncased", max_len=100).max_len == 100
    assert not caplog.records

"""Transformer-XL's tokenizer: words of the original and of Moses, vocabularies of texts and of pickles."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.shared.golden_cases import FIXTURES
from tests.shared.pickles import Call, Name, corpus_file, pickled
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import AutoTokenizer, TransfoXLTokenizer, UserError
from transformers.commands.transformers_cli import main
from transformers.models.transfo_xl.vocabulary import WordVocabulary

CASES = FIXTURES / "transfo_xl"
CORPORA = ("corpus-wt103", "corpus-wt103-py2")
WORDS = ["<eos>", "the", "grün"]
ATTRIBUTES: dict[str, Any] = {
    "special": ["<eos>"], "min_freq": 2, "max_size": 9, "lower_case": True, "delimiter": None, "vocab_file": None,
    "counter": {"the": 5, "grün": 2}, "idx2sym": WORDS, "sym2idx": {word: number for number, word in enumerate(WORDS)},
    "eos_idx": 0,
}  # fmt: skip


def recorded(case: str, name: str) -> Any:
    return json.loads((CASES / case / name).read_text(encoding="utf-8"))


class TestTransfoXLTokenizer(TokenizerTests):
    tokenizer_class = TransfoXLTokenizer
    files: ClassVar[dict[str, Path]] = {"pretrained_vocab_file": CASES / "vocabulary" / "vocab.json"}
    settings: ClassVar[dict[str, Any]] = {"pad_token": "<eos>", "model_input_names": ["input_ids", "attention_mask"]}
    encodings: ClassVar[dict[str, list[str]]] = {
        "The dog's 1,000": ["The", "dog", "'s", "1", "@,@", "000"],
        "well-known 1.5": ["well", "@-@", "known", "1", "@.@", "5"],
        "the<eos>dog": ["the", "<eos>", "dog"],
    }
    special_text = "the <eos>dog"
    original_tokens: ClassVar[list[str]] = ["the", "<eos>dog"]
    engine_splits = False
    same_inputs = False


# The original


@pytest.mark.parametrize("case", CORPORA)
def test_a_corpus_becomes_the_tokenizer_of_the_original(case: str, tmp_path: Path) -> None:
    flags = ["--model_type=transfo_xl", f"--tf_checkpoint={CASES / case / 'cache.pkl'}"]
    assert main(["convert", *flags, f"--pytorch_dump_output={tmp_path / 'out'}", "--quiet"]) == 0
    names = ["special_tokens_map.json", "tokenizer_config.json", "vocab.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert isinstance(tokenizer, TransfoXLTokenizer)
    vocabulary = recorded(case, "vocab.json")
    assert tokenizer.idx2sym == vocabulary["idx2sym"]
    for row in recorded(case, "tokenization.json"):
        text = row["text"]
        assert tokenizer.tokenize(text) == row["tokens"]
        assert tokenizer.tokenize(text, add_eos=True) == row["tokens_add_eos"]
        assert tokenizer.tokenize(text, add_double_eos=True) == row["tokens_add_double_eos"]
        assert tokenizer(text)["input_ids"] == row["ids_with_unk"]
        if row["ids"] is not None:
            assert tokenizer.decode(row["ids"]) == row["sentence"]


def test_words_without_a_number_are_refused_where_nothing_stands_for_them(tmp_path: Path) -> None:
    path = tmp_path / "cache.pkl"
    path.write_bytes(corpus_file(ATTRIBUTES))
    tokenizer = TransfoXLTokenizer.from_original({"pretrained_vocab_file": path})
    assert tokenizer.tokenize("The  house\tgrün") == ["the", "house", "grün"]
    assert tokenizer("The GRÜN", add_eos=True)["input_ids"] == [1, 2, 0]
    assert tokenizer.unk_token is None
    assert (tokenizer.all_special_ids, tokenizer.additional_special_tokens, len(tokenizer)) == ([0], [], 3)
    with pytest.raises(UserError, match=r"The vocabulary has no 'a', 'house', and nothing to stand for"):
        tokenizer("a house")


def test_the_unknown_word_of_other_data_sets(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("<S> 9\n<UNK> 8\nthe 7\n")
    for original in (True, False):
        tokenizer = TransfoXLTokenizer(vocab_file=tmp_path / "vocab.txt", original_tokenization=original)
        assert tokenizer.unk_token == "<UNK>"
        assert tokenizer("the house", add_double_eos=True)["input_ids"] == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("delimiter", "tokens"), [("", ["a", " ", "b", "_", "c"]), ("_", ["a b", "c"]), (None, ["a", "b_c"])]
)
def test_what_stands_between_words(delimiter: str | None, tokens: list[str]) -> None:
    tokenizer = TransfoXLTokenizer(delimiter=delimiter, original_tokenization=True)
    assert tokenizer.tokenize(" A b_c\n".lower()) == tokens


# The Hub


def test_raw_texts_are_split_and_joined_as_by_the_hub(tmp_path: Path) -> None:
    words = recorded("corpus-wt103", "vocab.json")["idx2sym"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = TransfoXLTokenizer(vocab_file=tmp_path / "vocab.txt")
    for row in recorded("corpus-wt103", "moses_tokenization.json")["rows"]:
        assert tokenizer.tokenize(row["text"]) == row["tokens"]
        assert tokenizer(row["text"])["input_ids"] == row["ids"]
        assert tokenizer.decode(row["ids"]) == row["decoded"]
        assert tokenizer.convert_tokens_to_string(row["tokens"]) == row["detokenized"]


def test_a_call_returns_what_the_model_takes() -> None:
    tokenizer = TransfoXLTokenizer(**TestTransfoXLTokenizer.files)
    assert tokenizer("the dog", "it") == {"input_ids": tokenizer.convert_tokens_to_ids(["the", "dog", "it"])}


def test_words_that_stay_whole() -> None:
    text = "a well-known C++ book"
    assert "C++" not in TransfoXLTokenizer().tokenize(text)
    assert "C++" in TransfoXLTokenizer(never_split=["C++"]).tokenize(text)


@pytest.mark.parametrize("name", ["vocab.pkl", "vocab.bin"])
def test_vocabularies_of_the_hub(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(ATTRIBUTES))
    (tmp_path / "config.json").write_text('{"model_type": "transfo-xl"}')
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer, TransfoXLTokenizer)
    assert (tokenizer.idx2sym, tokenizer.lower_case, tokenizer.counter["the"]) == (WORDS, True, 5)
    assert tokenizer.get_added_vocab() == {"<eos>": 0, "<unk>": 3, "<formula>": 4}
    assert tokenizer.tokenize("The <formula>") == ["the", "<formula>"]
    saved = tmp_path / "saved"
    tokenizer.save_pretrained(saved)
    assert not list(saved.glob("*.pkl"))
    assert TransfoXLTokenizer.from_pretrained(saved).get_vocab() == tokenizer.get_vocab()


def test_a_pickle_that_would_do_something_does_nothing(tmp_path: Path) -> None:
    trap = Call(Name("os", "mkdir"), (str(tmp_path / "made"),))
    (tmp_path / "vocab.pkl").write_bytes(pickled({**ATTRIBUTES, "special": trap}))
    with pytest.raises(UserError, match="os.mkdir"):
        TransfoXLTokenizer.from_pretrained(tmp_path)
    assert not (tmp_path / "made").exists()


def test_files_that_are_no_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no vocab.json"):
        TransfoXLTokenizer.from_pretrained(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        TransfoXLTokenizer(pretrained_vocab_file=tmp_path / "vocab.json")
    (tmp_path / "vocab.json").write_text('{"idx2sym": [1]}')
    with pytest.raises(UserError, match="should have a list of words, idx2sym"):
        TransfoXLTokenizer.from_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(UserError, match="has neither <UNK> nor <unk>"):
        TransfoXLTokenizer(vocab_file=tmp_path / "vocab.txt")


# Vocabularies of texts


def test_a_vocabulary_of_texts(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("The cat sat\nthe dog , the cat\n\n1 dog\n", encoding="utf-8")
    tokenizer = TransfoXLTokenizer(
        special=["<eos>", "<unk>"], min_freq=2, max_size=4, lower_case=True, original_tokenization=True
    )
    assert tokenizer.unk_token is None
    sentences = tokenizer.count_file(tmp_path / "train.txt", add_eos=True)
    assert sentences[1:3] == [["the", "dog", ",", "the", "cat", "<eos>"], ["<eos>"]]
    tokenizer.count_sents([["sat"] * 3])
    tokenizer.build_vocab()
    # Four of the others at most, the end of a line among them; ties as they came.
    assert tokenizer.idx2sym == ["<eos>", "<unk>", "sat", "the", "cat"]
    assert tokenizer.sym2idx["the"] == 3
    assert (tokenizer.unk_token, tokenizer.eos_token) == ("<unk>", "<eos>")
    assert tokenizer("A Cat sat", add_eos=True)["input_ids"] == [1, 4, 2, 0]
    tokenizer.save_pretrained(tmp_path / "saved")
    loaded = TransfoXLTokenizer.from_pretrained(tmp_path / "saved")
    assert loaded.vocabulary == tokenizer.vocabulary
    loaded.build_vocab()
    assert loaded.idx2sym == tokenizer.idx2sym


def test_what_is_given_counts_before_what_was_saved() -> None:
    path = CASES / "vocabulary" / "vocab.json"
    tokenizer = TransfoXLTokenizer(pretrained_vocab_file=path, lower_case=True, delimiter="")
    assert (tokenizer.lower_case, tokenizer.vocabulary.delimiter) == (True, "")
    assert tokenizer.idx2sym == WordVocabulary.read(path).idx2sym
    assert not WordVocabulary.read(path).lower_case

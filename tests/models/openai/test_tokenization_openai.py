"""OpenAI GPT's tokenizer: the original's words where its packages are there, BERT's otherwise, and its byte pairs."""

from __future__ import annotations

import json
import logging
import re
import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.shared.golden_cases import FIXTURES
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import AutoTokenizer, OpenAIGPTTokenizer, UserError
from transformers.models.openai import tokenization_openai
from transformers.models.openai.tokenization_openai import standardised

VOCABULARY = FIXTURES / "gpt" / "vocabulary"
FILES = {"vocab_file": VOCABULARY / "encoder_bpe_40000.json", "merges_file": VOCABULARY / "vocab_40000.bpe"}
#: OpenAI's own vocabulary, which is not part of the repository.
RELEASED = Path(__file__).parents[4] / "shared" / "goldens" / "gpt" / "tokenizer"


@pytest.fixture
def words_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something simpler in the place of ftfy and spaCy."""

    def words(text: str) -> list[str]:
        return re.findall(r"\w+(?=n't)|n't|'s|\w+|\n ?|[^\w ]+", standardised(text))

    monkeypatch.setattr(tokenization_openai, "has_packages", lambda: True)
    monkeypatch.setattr(tokenization_openai, "original_words", lambda: words)


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenization_openai, "has_packages", lambda: False)


@pytest.mark.usefixtures("no_packages")
class TestWithoutThePackages(TokenizerTests):
    tokenizer_class = OpenAIGPTTokenizer
    files = FILES
    settings: ClassVar[dict[str, Any]] = {"pad_token": "<unk>"}
    encodings: ClassVar[dict[str, list[str]]] = {
        "The hello\nWORLD": ["the</w>", "hello</w>", "world</w>"],
        "dön't ...": ["do", "n</w>", "'</w>", "t</w>", ".</w>", ".</w>", ".</w>"],
        "€x": ["<unk>", "x</w>"],
        "a<unk>b": ["a</w>", "<unk>", "b</w>"],
    }
    special_text = "a <unk>"
    original_tokens: ClassVar[list[str]] = ["a</w>", "<</w>", "u", "n", "k</w>", "></w>"]


@pytest.mark.usefixtures("words_of_the_original")
class TestWithThePackages(TokenizerTests):
    tokenizer_class = OpenAIGPTTokenizer
    files = FILES
    settings: ClassVar[dict[str, Any]] = {"pad_token": "<unk>"}
    encodings: ClassVar[dict[str, list[str]]] = {
        "The hello\nWORLD": ["the</w>", "hello</w>", "\n</w>", "world</w>"],
        "don't ... dog's": ["d", "o</w>", "n't</w>", "...</w>", "dog</w>", "'s</w>"],
        "a<unk>b": ["a</w>", "<unk>", "b</w>"],
    }
    special_text = "a <unk>"
    original_tokens: ClassVar[list[str]] = ["a</w>", "<</w>", "u", "n", "k</w>", "></w>"]
    engine_splits = False


def test_texts_are_standardised_as_by_the_original() -> None:
    assert standardised("a—b…c´d") == "a - b...c'd"
    assert standardised("x--y!!?? (z)[ab]") == "x -- y !! ?? ( z ) [ ab ]"
    assert standardised("C++ a/b\\c ~w") == "C ++ a / b\\c ~ w"  # the original leaves the backslash where it is
    assert standardised("  a \t b \r\n\n c\n") == "a b \n c"
    assert standardised("\xa0a\u2003b\xa0") == "a b"


@pytest.mark.usefixtures("words_of_the_original")
def test_words_are_known_but_not_places() -> None:
    tokenizer = OpenAIGPTTokenizer(**FILES)
    assert tokenizer("the dog's so").word_ids() == [0, 1, 2, 3, 3]
    assert tokenizer(["the", "dog's", "so"], is_split_into_words=True).word_ids() == [0, 1, 1, 2, 2]
    assert tokenizer.tokenize("Hello", "the dog") == ["hello</w>", "the</w>", "dog</w>"]


@pytest.mark.usefixtures("words_of_the_original")
def test_the_engine_file_describes_the_splitting_without_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OpenAIGPTTokenizer.from_original(FILES).save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.tokenize("don't") == ["d", "o</w>", "n't</w>"]
    monkeypatch.setattr(tokenization_openai, "has_packages", lambda: False)
    assert loaded.tokenize("don't") == ["do", "n</w>", "'</w>", "t</w>"]


def test_a_warning_says_that_the_packages_are_absent(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenization_openai, "has_packages", lambda: False)
    with caplog.at_level(logging.WARNING):
        OpenAIGPTTokenizer(**FILES)
    assert "ftfy and spaCy (pip install 'transformers[gpt]')" in caplog.text


def test_vocabularies_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\nx y\n")
    with pytest.raises(UserError, match=r"does not belong to .*: 2 merges"):
        OpenAIGPTTokenizer(FILES["vocab_file"], tmp_path / "merges.txt")
    with pytest.raises(UserError, match="needs merges_file"):
        OpenAIGPTTokenizer(FILES["vocab_file"])


@pytest.mark.skipif(not RELEASED.is_dir(), reason="OpenAI's vocabulary is not in a folder shared beside the repository")
class TestReleasedVocabulary:
    files: ClassVar[dict[str, Path]] = {
        "vocab_file": RELEASED / "encoder_bpe_40000.json", "merges_file": RELEASED / "vocab_40000.bpe",
    }  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        cases: list[dict[str, Any]] = json.loads((RELEASED / "goldens.json").read_text(encoding="utf-8"))["cases"]
        return cases

    def test_texts_with_the_packages(self) -> None:
        pytest.importorskip("ftfy", reason="the original's packages are not installed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the packages' own
            pytest.importorskip("spacy", reason="the original's packages are not installed")
            original = tokenization_openai.original_words()
        assert original("I don't") == ["I", "do", "n't"]
        tokenizer = OpenAIGPTTokenizer.from_original(self.files)
        for row in self.rows():
            newer = row.get("original_with_spacy_3.8_ftfy_6.3") or row["original"]["ids"]
            ids = newer["ids"] if isinstance(newer, dict) else newer
            assert tokenizer(row["text"])["input_ids"] in (ids, row["original"]["ids"])

    def test_texts_without_the_packages(self, no_packages: None) -> None:
        tokenizer = OpenAIGPTTokenizer(**self.files)
        for row in self.rows():
            assert tokenizer(row["text"])["input_ids"] == row["fallback_slow_ids"]

    def test_decoding(self) -> None:
        tokenizer = OpenAIGPTTokenizer(**self.files)
        for row in self.rows():
            assert tokenizer.decode(row["original"]["ids"]) == row["decoded_slow"]


@pytest.mark.usefixtures("words_of_the_original")
def test_what_is_added_is_found_before_texts_are_split() -> None:
    tokenizer = OpenAIGPTTokenizer(**FILES)
    tokenizer.add_tokens(["don't stop"])
    assert tokenizer.tokenize("hello don't stop DOG") == ["hello</w>", "don't stop", "dog</w>"]
    assert tokenizer.tokenize("Don't stop") == ["d", "o</w>", "n't</w>", "s", "t", "o", "p</w>"]

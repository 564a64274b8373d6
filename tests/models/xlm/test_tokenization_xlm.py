"""XLM's tokenizer: the Moses scripts by language, byte pairs, and the vocabulary of a checkpoint."""

from __future__ import annotations

import importlib.util
import json
import logging
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.golden_cases import FIXTURES
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import AutoTokenizer, UserError, XLMTokenizer
from transformers.errors import MissingFileError
from transformers.models.xlm import moses, tokenization_xlm
from transformers.models.xlm.tokenization_xlm import (
    SPECIAL_WORDS,
    byte_pair_model,
    cut,
    first_with_capitals_or_accents,
    read_codes,
    read_words,
    vocabulary_of_words,
)

GOLDEN = FIXTURES / "xlm" / "tokenizer"
FILES = {"vocab_file": GOLDEN / "vocab.json", "merges_file": GOLDEN / "codes"}
ORIGINAL_FILES = {"vocab_file": GOLDEN / "vocab", "merges_file": GOLDEN / "codes"}
ROWS = json.loads((GOLDEN / "tokenization.json").read_text(encoding="utf-8"))["rows"]
SEGMENTED = ("zh", "ja")


class TestXLMTokenizer(TokenizerTests):
    tokenizer_class = XLMTokenizer
    files = FILES
    encodings: ClassVar[dict[str, list[str]]] = {
        "The Lear, don't": ["the</w>", "le", "ar</w>", ",</w>", "d", "on</w>", "'", "t</w>"],
        "a<special1>b": ["a</w>", "<special1>", "b</w>"],
    }
    special_text = "a <s>"
    original_tokens: ClassVar[list[str]] = ["a</w>", "<</w>", "s</w>", "></w>"]
    decodable = "the information"
    engine_splits = False
    same_inputs = False


# The original


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['lang']} {ascii(row['text'])[:20]}")
def test_every_recorded_text_is_as_in_the_original(row: dict[str, Any], tmp_path: Path) -> None:
    made = XLMTokenizer.from_original(ORIGINAL_FILES)
    made.save_pretrained(tmp_path)
    for tokenizer in (made, AutoTokenizer.from_pretrained(tmp_path)):
        if row["lang"] in SEGMENTED:
            call = {"text": row["lowercased_no_accent"], "lang": row["lang"], "bypass_tokenizer": True}
        else:
            call = {"text": row["text"], "lang": row["lang"]}
        assert tokenizer.tokenize(**call) == row["pieces"]
        assert tokenizer(**call)["input_ids"] == row["model_input_ids"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["lang"] not in SEGMENTED], ids=lambda row: row["lang"])
def test_case_and_accents_are_kept_if_the_model_has_them(row: dict[str, Any]) -> None:
    tokenizer = XLMTokenizer.from_original(ORIGINAL_FILES, do_lowercase_and_remove_accent=False)
    pieces = [
        piece.removesuffix("@@") if piece.endswith("@@") else f"{piece}</w>" for piece in row["bpe_keep_case"].split()
    ]
    assert tokenizer.tokenize(row["text"], lang=row["lang"]) == pieces


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['lang']} {ascii(row['text'])[:20]}")
def test_the_scripts_of_moses(row: dict[str, Any]) -> None:
    cleaned = moses.clean(row["text"], row["lang"])
    assert cleaned.split() == row["normalized"].split()
    if row["lang"] not in SEGMENTED:
        assert " ".join(moses.split_words(cleaned, row["lang"])) == row["moses"]


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "１ full-width one", '" full-width one'),  # a slip of that year's script
        ("en", "‘a’ ‚b‚", '" a \' " b "'),
        ("en", "a\u200bb\tc\x07d", "a b c d"),
        ("en", "see example.org. Then U.R.S.S.", "see example.org. Then U.R.S.S ."),
        ("en", "No. 5 and No. five", "No. 5 and No. five"),
        ("en", "No. Five", "No . Five"),
        ("en", "a,,5 1,000, x", "a , ,5 1,000 , x"),
        ("en", '"Yes", he said.', '" Yes , " he said .'),
        ("de", '"Ja," sagte er.', '" Ja " , sagte er .'),
        ("cs", '"Ano," a.', '" Ano , " a .'),
        ("de", "5\xa0000 und 3\xa0%", "5,000 und 3 %"),
        ("en", "5\xa0000", "5.000"),
        ("fr", "«\xa0oui\xa0»\xa0!", '" oui " !'),
        ("fi", "USA:n ja 20:een A:B", "USA:n ja 20:een A : B"),
        ("it", "l'arte", "l' arte"),
        ("so", "go'an 'a", "go'an ' a"),
        ("es", "l'arte", "l ' arte"),
        ("en", "the '90s 1990's don't", "the ' 90s 1990 's don 't"),
        ("en", "end.'", "end . '"),
        ("en", "wait... what.. no", "wait ... what .. no"),
        ("zh-yue", "한국 中文。", "한국 中文 ."),
    ],
)
def test_rules_of_the_scripts(language: str, text: str, words: str) -> None:
    assert " ".join(moses.split_words(moses.clean(text, language), language)) == words


@given(st.text(), st.sampled_from(["en", "fr", "de", "fi", "so", "ru"]))
def test_the_scripts_lose_no_letter(text: str, language: str) -> None:
    cleaned = moses.clean(text, language)
    assert "".join(moses.split_words(cleaned, language)) == "".join(cleaned.split())


def test_the_original_makes_other_inputs_than_the_hub() -> None:
    original, hub = XLMTokenizer.from_original(ORIGINAL_FILES), XLMTokenizer(**FILES)
    a, the = hub.convert_tokens_to_ids(["a</w>", "the</w>"])
    assert hub("a", "the") == {
        "input_ids": [0, a, 1, the, 1], "token_type_ids": [0, 0, 0, 1, 1], "attention_mask": [1] * 5,
    }  # fmt: skip
    assert original("a", "the") == {"input_ids": [1, a, 1, 1, the, 1], "attention_mask": [1] * 6}
    assert original("a") == {"input_ids": [1, a, 1], "attention_mask": [1] * 3}


# The Hub


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("en", "‘é’", ["'", "e", "'</w>"]),
        ("en", "a\u200bb", ["a", "b</w>"]),
        ("ro", "ȘșŢ", ["S", "s", "T</w>"]),
        ("fr", "l'art", ["l'</w>", "ar", "t</w>"]),
    ],
)
def test_texts_are_split_as_by_the_hub(language: str, text: str, tokens: list[str]) -> None:
    tokenizer = XLMTokenizer(**FILES, do_lowercase_and_remove_accent=language == "en")
    assert tokenizer.tokenize(text, lang=language) == tokens


# Languages


def test_calls_take_the_language() -> None:
    tokenizer = XLMTokenizer(**FILES)
    text = "l'art"
    assert tokenizer.tokenize(text, lang="fr") != tokenizer.tokenize(text) == tokenizer.tokenize(text, lang="en")
    french = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text, lang="fr"))
    assert tokenizer.encode(text, lang="fr") == [0, *french, 1]
    assert tokenizer([text, text], lang="fr")["input_ids"] == [[0, *french, 1]] * 2
    assert tokenizer.tokenize("don't stop", bypass_tokenizer=True)[:2] != tokenizer.tokenize("don't stop")[:2]
    with pytest.raises(TypeError, match="no option language"):
        tokenizer(text, language="fr")


def test_numbers_of_the_languages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    languages = {"lang2id": {"en": 0, "fr": 1}, "id2lang": {"0": "en", "1": "fr"}}
    XLMTokenizer(**FILES, **languages).save_pretrained(tmp_path)
    loaded = XLMTokenizer.from_pretrained(tmp_path)
    assert (loaded.lang2id, loaded.id2lang) == ({"en": 0, "fr": 1}, {0: "en", 1: "fr"})
    with caplog.at_level(logging.WARNING):
        loaded.tokenize("a", lang="fr")
        assert not caplog.records
        loaded.tokenize("a", lang="de")
    assert "not trained on the language de, but on en, fr" in caplog.text


@pytest.mark.parametrize(("language", "package"), [("zh", "jieba"), ("ja", "kytea"), ("th", "pythainlp")])
def test_packages_that_find_words(language: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec({"ja": "Mykytea"}.get(language, package)) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(UserError, match=f"pip install {package}") as caught:
        XLMTokenizer(**FILES).tokenize("x", lang=language)
    assert isinstance(caught.value, ImportError)


# Vocabularies


def test_the_vocabulary_of_a_dictionary() -> None:
    words = read_words(GOLDEN / "vocab")
    assert vocabulary_of_words(words) == json.loads(FILES["vocab_file"].read_text())
    assert tuple(words[:14]) == SPECIAL_WORDS
    assert vocabulary_of_words([*SPECIAL_WORDS, "lear@@", "ning", "@@"]) == {
        **{word: number for number, word in enumerate(SPECIAL_WORDS)}, "lear": 14, "ning</w>": 15, "@@</w>": 16,
    }  # fmt: skip
    with pytest.raises(UserError, match=r"Words 14 and 15 of the dictionary are the same token, 'a</w>'"):
        vocabulary_of_words([*SPECIAL_WORDS, "a", "a"])


def test_the_files_of_a_release_are_a_vocabulary(tmp_path: Path) -> None:
    for name in ("codes", "vocab"):
        shutil.copy(GOLDEN / name, tmp_path)
    loaded = XLMTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == XLMTokenizer(**FILES).get_vocab()
    assert not loaded.original_tokenization


def test_lines_that_no_dictionary_has(tmp_path: Path) -> None:
    (tmp_path / "vocab").write_text("a 3\n\u2028 2\nb\nc d 1\na 1\ne@@ 1\n<unk> 1\n", encoding="utf-8")
    assert read_words(tmp_path / "vocab")[14:] == ["a", "e@@"]


def test_lower_case_is_found_out() -> None:
    assert first_with_capitals_or_accents([*SPECIAL_WORDS, "a", "b@@"]) is None
    for word in ("A", "é", "B@@"):
        assert first_with_capitals_or_accents([*SPECIAL_WORDS, "a", word, "C"]) == word
        made = XLMTokenizer.from_original({"merges_file": GOLDEN / "codes"}, words=[*SPECIAL_WORDS, word])
        assert not made.do_lowercase_and_remove_accent
    assert XLMTokenizer.from_original(ORIGINAL_FILES).do_lowercase_and_remove_accent


def test_merges_without_a_header(tmp_path: Path) -> None:
    assert read_codes(GOLDEN / "codes")[0] == ("e", "r")
    XLMTokenizer(**FILES).save_pretrained(tmp_path)
    assert read_codes(tmp_path / "merges.txt") == read_codes(GOLDEN / "codes")
    (tmp_path / "codes").write_text("a b 3\na\n\na b c d\n")
    with pytest.raises(UserError, match=r"(?s)codes should have two symbols.*line 2: 'a'.*line 4: 'a b c d'"):
        read_codes(tmp_path / "codes")
    with pytest.raises(UserError, match="needs merges_file"):
        XLMTokenizer(FILES["vocab_file"])


def merged(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """The rule as it is written: the pair of the lowest rank is merged wherever it is, until there is none."""
    symbols = [*word[:-1], f"{word[-1]}</w>"]
    while pairs := [pair for pair in pairwise(symbols) if pair in ranks]:
        best, rest = min(pairs, key=ranks.__getitem__), symbols
        symbols = []
        while rest:
            found = tuple(rest[:2]) == best
            symbols.append("".join(rest[: 1 + found]))
            rest = rest[1 + found :]
    return symbols


@given(st.text(alphabet="abcdeilnorstuv中é𝔞", min_size=1))
def test_words_are_cut_by_the_lowest_rank(word: str) -> None:
    codes = read_codes(GOLDEN / "codes")
    ranks = {pair: number for number, pair in enumerate(codes)}
    assert cut(word, byte_pair_model(codes)) == merged(word, ranks)


def test_decoding() -> None:
    tokenizer = XLMTokenizer(**FILES)
    ids = tokenizer("The lady, a")["input_ids"]
    assert tokenizer.decode(ids) == "<s>the lady , a </s>"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the lady , a"


def test_a_token_that_is_added_is_only_found_as_it_is_written() -> None:
    tokenizer = XLMTokenizer(**FILES)
    tokenizer.add_tokens(["the"])
    assert tokenizer.tokenize("the") == ["the"]
    assert tokenizer("The", add_special_tokens=False)["input_ids"] == [tokenizer.get_vocab()["the</w>"]]


def test_unknown_languages_warn_once(caplog: pytest.LogCaptureFixture) -> None:
    tokenization_xlm._warn_of_language.cache_clear()
    tokenizer = XLMTokenizer(**FILES, lang2id={"en": 0, "fr": 1}, id2lang={0: "en", 1: "fr"})
    with caplog.at_level(logging.WARNING):
        tokenizer(["a", "b"], lang="xx")
    assert len(caplog.records) == 1


def test_only_the_files_that_are_absent_are_named(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{}", encoding="utf-8")
    with pytest.raises(MissingFileError, match=r"has no merges\.txt\.$"):
        XLMTokenizer.from_pretrained(tmp_path)

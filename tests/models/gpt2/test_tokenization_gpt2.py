"""GPT-2's tokenizer: byte-level BPE as the original's, and the Hub's special token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.tokenizer_tester import TokenizerTests

from transformers import GPT2Tokenizer, UserError

GOLDEN = Path(__file__).parents[2] / "fixtures" / "gpt2" / "tokenizer"
FILES = {"vocab_file": GOLDEN / "encoder.json", "merges_file": GOLDEN / "vocab.bpe"}
RECORDED = json.loads((GOLDEN / "goldens.json").read_text(encoding="utf-8"))
END = "<|endoftext|>"


class TestGPT2Tokenizer(TokenizerTests):
    tokenizer_class = GPT2Tokenizer
    files = FILES
    settings: ClassVar[dict[str, Any]] = {"pad_token": END}
    encodings: ClassVar[dict[str, list[str]]] = {
        "a  x": ["a", "Ġ", "Ġ", "x"],
        "☃\n": ["â", "ĺ", "ĥ", "Ċ"],
        f"a{END}b": ["a", END, "b"],
    }
    special_text = f"a {END}"
    original_tokens: ClassVar[list[str]] = ["a", "Ġ", "<", "|", "e", "nd", "o", "f", "t", "ext", "|", ">"]


class TestGPT2TokenizerWithStart(TestGPT2Tokenizer):
    settings: ClassVar[dict[str, Any]] = {"pad_token": END, "add_bos_token": True, "add_prefix_space": True}
    encodings: ClassVar[dict[str, list[str]]] = {"the": ["Ġthe"]}
    original_tokens: ClassVar[list[str]] = ["Ġa", *TestGPT2Tokenizer.original_tokens[1:]]


# The original


@pytest.mark.parametrize("row", RECORDED["cases"], ids=lambda row: ascii(row["text"])[:20])
def test_every_recorded_text_is_as_in_the_original(row: dict[str, Any], tmp_path: Path) -> None:
    made = GPT2Tokenizer.from_original(FILES)
    made.save_pretrained(tmp_path)
    for tokenizer in (made, GPT2Tokenizer.from_pretrained(tmp_path)):
        assert tokenizer.encode(row["text"]) == row["ids"]
        assert tokenizer.decode(row["ids"]) == row["decoded"]


@pytest.mark.parametrize("row", RECORDED["decode_cases"], ids=lambda row: str(row["ids"]))
def test_any_ids_are_decoded_as_by_the_original(row: dict[str, Any]) -> None:
    assert ORIGINAL.decode(row["ids"]) == row["decoded"]


ORIGINAL = GPT2Tokenizer.from_original(FILES)
STRICT = GPT2Tokenizer(**FILES, errors="strict", original_tokenization=True)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(text: str) -> None:
    ids = ORIGINAL.encode(text)
    assert ORIGINAL.decode(ids) == text
    assert STRICT.decode(ids) == text


@given(st.lists(st.integers(0, 255), max_size=12))
def test_bytes_that_are_no_text_are_decoded_as_python_does(numbers: list[int]) -> None:
    expected = b"".join(BYTES[number] for number in numbers)
    assert ORIGINAL.decode(numbers) == expected.decode("utf-8", "replace")
    assert GPT2Tokenizer(**FILES, errors="ignore").decode(numbers) == expected.decode("utf-8", "ignore")


def byte_of(symbol: str) -> bytes:
    """The byte that a token of one symbol stands for, looked up by what the tokenizer makes of characters."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = [*printable, *(number for number in range(256) if number not in printable)]
    symbols = [*map(chr, printable), *(chr(256 + place) for place in range(256 - len(printable)))]
    return bytes([table[symbols.index(symbol)]])


BYTES = [byte_of(token) for token in ORIGINAL.convert_ids_to_tokens(range(256))]


def test_errors_are_honoured_and_saved(tmp_path: Path) -> None:
    ids = ORIGINAL.encode("☃")[:1]
    tokenizer = GPT2Tokenizer(**FILES, errors="strict")
    tokenizer.save_pretrained(tmp_path)
    for strict in (tokenizer, GPT2Tokenizer.from_pretrained(tmp_path)):
        with pytest.raises(UnicodeDecodeError):
            strict.decode(ids)
        assert strict.decode([*strict.encode("ab"), strict.eos_token_id]) == f"ab{END}"
        assert strict.decode([strict.eos_token_id], skip_special_tokens=True) == ""


# Files


def test_the_folder_of_a_release_is_enough(tmp_path: Path) -> None:
    for path in FILES.values():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert GPT2Tokenizer.from_pretrained(tmp_path).encode("the x") == ORIGINAL.encode("the x")
    with pytest.raises(UserError, match=r"Give the folder that holds vocab\.json, merges\.txt"):
        GPT2Tokenizer.from_pretrained(tmp_path / "encoder.json")


def test_saved_vocabulary_files_hold_the_same(tmp_path: Path) -> None:
    ORIGINAL.save_vocabulary(tmp_path)
    assert json.loads((tmp_path / "vocab.json").read_text()) == json.loads(FILES["vocab_file"].read_text())
    original = FILES["merges_file"].read_text(encoding="utf-8").splitlines()
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8").splitlines()[1:] == original[1:]


@pytest.mark.parametrize(
    ("encoder", "merges", "message"),
    [
        ('{"a": 0', "#version: 0.2\n", "is not valid JSON"),
        ("[1]", "#version: 0.2\n", "should hold an object of tokens"),
        ('{"a": 1.5}', "#version: 0.2\n", "should hold an object of tokens"),
        ('{"a": 0}', "#version: 0.2\na b c\n", "line 2: 'a b c'"),
        ('{"a": 0, "b": 1}', "#version: 0.2\na b\n", "1 merges have parts"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, encoder: str, merges: str, message: str) -> None:
    (tmp_path / "vocab.json").write_text(encoder)
    (tmp_path / "merges.txt").write_text(merges)
    with pytest.raises(UserError, match=message):
        GPT2Tokenizer.from_pretrained(tmp_path)


def test_a_constructor_without_files_says_what_it_needs() -> None:
    with pytest.raises(UserError, match="GPT2Tokenizer needs merges_file, or tokenizer_file"):
        GPT2Tokenizer(FILES["vocab_file"])


# Options


def test_words_one_by_one_need_their_spaces(tmp_path: Path) -> None:
    plain = GPT2Tokenizer(**FILES)
    with pytest.raises(UserError, match="add_prefix_space=True"):
        plain(["the", "x"], is_split_into_words=True)
    plain.save_pretrained(tmp_path)
    spaced = GPT2Tokenizer.from_pretrained(tmp_path, add_prefix_space=True)
    encoded = spaced(["the", "x"], is_split_into_words=True)
    assert (encoded.tokens(), encoded.word_ids()) == (["Ġthe", "Ġ", "x"], [0, 1, 1])


def test_there_is_no_padding_token_unless_one_is_given() -> None:
    tokenizer = GPT2Tokenizer(**FILES)
    with pytest.raises(UserError, match=r"pad_token = tokenizer\.eos_token"):
        tokenizer(["a", "a x"], padding=True)
    tokenizer.pad_token = tokenizer.eos_token
    assert tokenizer(["a", "a x"], padding=True)["attention_mask"] == [[1, 0, 0], [1, 1, 1]]


def test_the_start_of_a_text() -> None:
    tokenizer = GPT2Tokenizer(**FILES, add_bos_token=True)
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("a")) == [END, "a"]
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("a", "x")) == [END, "a", END, "x"]

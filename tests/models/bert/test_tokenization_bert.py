"""BERT's tokenizer: the Hub's rules, the original's rules, and the steps in plain Python."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.tokenizer_tester import TokenizerTests
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from transformers import AddedToken, BasicTokenizer, BertTokenizer, UserError, WordpieceTokenizer
from transformers.models.bert.basic_tokenizer import IDEOGRAPHS
from transformers.models.bert.tokenization_bert import infer_lower_casing, read_vocabulary

GOLDEN = Path(__file__).parents[2] / "fixtures" / "bert" / "tokenization"
VOCABULARY = GOLDEN / "vocab.txt"
RECORDED = json.loads((GOLDEN / "tokenization.json").read_text(encoding="utf-8"))
ROWS = [(setting == "uncased", row) for setting in ("uncased", "cased") for row in RECORDED[setting]]


class TestBertTokenizer(TokenizerTests):
    tokenizer_class = BertTokenizer
    files: ClassVar[dict[str, Path]] = {"vocab_file": VOCABULARY}
    settings: ClassVar[dict[str, Any]] = {"do_lower_case": True}
    encodings: ClassVar[dict[str, list[str]]] = {
        "unaffable RUNNERS": ["un", "##aff", "##able", "run", "##ner", "##s"],
        "Café, 中国": ["cafe", ",", "中", "国"],
        "the [MASK] fox": ["the", "[MASK]", "fox"],
        "a" * 101: ["[UNK]"],
    }
    special_text = "the [MASK]"
    original_tokens: ClassVar[list[str]] = ["the", "[", "mask", "]"]


class TestCasedBertTokenizer(TestBertTokenizer):
    settings: ClassVar[dict[str, Any]] = {"do_lower_case": False}
    encodings: ClassVar[dict[str, list[str]]] = {
        "Hello WORLD Café": ["Hello", "W", "##O", "##R", "##L", "##D", "C", "##a", "##f", "##é"]
    }
    special_text = "the [MASK]"
    original_tokens: ClassVar[list[str]] = ["the", "[", "MASK", "]"]


# The original


@pytest.fixture(scope="module", params=["made", "saved", "plain engine"])
def originals(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Any]:
    """Tokenizers as a conversion writes them, by lower-casing: as made, as loaded, and without this library."""
    found = {}
    for lower in (True, False):
        made = BertTokenizer.from_original({"vocab_file": VOCABULARY}, do_lower_case=lower)
        folder = tmp_path_factory.mktemp("tokenizer")
        made.save_pretrained(folder)
        engine = Tokenizer.from_file(str(folder / "tokenizer.json"))
        found[lower] = {
            "made": made.encode,
            "saved": BertTokenizer.from_pretrained(folder).encode,
            "plain engine": lambda text, add_special_tokens, engine=engine: (
                engine.encode(text, None, False, add_special_tokens).ids
            ),
        }[request.param]
    return found


@pytest.mark.parametrize(
    ("lower", "row"), ROWS, ids=lambda value: ascii(value["text"])[:20] if isinstance(value, dict) else None
)
def test_every_recorded_text_is_as_in_the_original(
    originals: dict[bool, Any], lower: bool, row: dict[str, Any]
) -> None:
    assert originals[lower](row["text"], add_special_tokens=False) == row["ids"]


def words_of_the_original(text: str, lower: bool) -> list[str]:
    """The original's steps before WordPiece, as the facts describe them."""
    cleaned = ""
    for character in text:
        category = unicodedata.category(character)
        if character in "\t\n\r" or category == "Zs":
            cleaned += " "
        elif any(first <= ord(character) <= last for first, last in IDEOGRAPHS):
            cleaned += f" {character} "
        elif character not in "\0\ufffd" and category not in ("Cc", "Cf"):
            cleaned += character
    words = cleaned.split()
    if lower:
        decomposed = [unicodedata.normalize("NFD", word.lower()) for word in words]
        words = ["".join(c for c in word if unicodedata.category(c) != "Mn") for word in decomposed]
    return " ".join("".join(f" {c} " if is_punctuation(c) else c for c in word) for word in words).split()


def is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P") or character in "$+<=>^`|~"


#: What Unicode assigned long ago, so that every table of it agrees, and code points that are for private use.
OLD_CHARACTERS = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cn", "Cs"]).filter(
    lambda character: ord(character) < 0x500 or 0x2000 <= ord(character) < 0x2E00 or ord(character) >= 0x3000
)
TRICKY = st.sampled_from("aAbΣσ'’·.-İI中\u0301\u0323\u200b\u00ad\u2028\u3000\ufffd\0\t ʰːß\ue000\u0378豈")


@pytest.mark.parametrize("lower", [True, False])
@given(text=st.text(TRICKY | TRICKY | OLD_CHARACTERS, max_size=12))
def test_any_text_is_split_as_by_the_original(text: str, lower: bool) -> None:
    engine = ORIGINAL[lower].backend_tokenizer
    pieces = engine.pre_tokenizer.pre_tokenize_str(engine.normalizer.normalize_str(text))
    assert [piece for piece, _ in pieces] == words_of_the_original(text, lower)


ORIGINAL = {lower: BertTokenizer(VOCABULARY, lower, original_tokenization=True) for lower in (True, False)}


def test_the_original_has_no_tokens_besides_its_vocabulary(tmp_path: Path) -> None:
    write_vocabulary(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])
    tokenizer = BertTokenizer.from_original({"vocab_file": tmp_path / "vocab.txt"})
    assert (len(tokenizer), tokenizer.mask_token, tokenizer.mask_token_id) == (5, None, None)
    assert BertTokenizer(tmp_path / "vocab.txt").mask_token_id == 5
    write_vocabulary(tmp_path, ["[PAD]", "[UNK]", "a"])
    with pytest.raises(UserError, match=r"no \[SEP\] and no \[CLS\]"):
        BertTokenizer.from_original({"vocab_file": tmp_path / "vocab.txt"})


def test_texts_in_another_case_need_no_flag(tmp_path: Path) -> None:
    cased = infer_lower_casing(VOCABULARY)
    assert not cased.value
    assert "such as 'A'" in cased.reason
    write_vocabulary(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<S>", "[unused1]", "the", "##é", "𝐀", ""])
    uncased = infer_lower_casing(tmp_path / "vocab.txt")
    assert uncased.value
    assert BertTokenizer.from_original({"vocab_file": tmp_path / "vocab.txt"}).tokenize("THE") == ["the"]
    (assumed,) = BertTokenizer.original_assumptions({"vocab_file": VOCABULARY})
    assert assumed.startswith("do_lower_case = false (vocab.txt has")


# Vocabulary files


def write_vocabulary(folder: Path, lines: list[str], end: str = "\n") -> None:
    (folder / "vocab.txt").write_text("".join(line + end for line in lines), encoding="utf-8", newline="")


def test_vocabularies_are_read_as_by_the_original(tmp_path: Path) -> None:
    write_vocabulary(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", " a\u3000", "", "b", "a", "", "c"], end="\r\n")
    vocabulary = read_vocabulary(tmp_path / "vocab.txt")
    assert vocabulary == {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "b": 6, "a": 7, "": 8, "c": 9}
    tokenizer = BertTokenizer.from_original({"vocab_file": tmp_path / "vocab.txt"})
    assert tokenizer.encode("a b c", add_special_tokens=False) == [7, 6, 9]
    assert tokenizer.add_tokens(["new"]) == 1
    assert tokenizer.convert_tokens_to_ids("new") == 10
    tokenizer.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "tokenizer.json").unlink()
    again = BertTokenizer.from_pretrained(tmp_path / "saved")
    assert again.get_vocab() == tokenizer.get_vocab()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no tokens"),
        (b"[UNK]\n\xff\n", "byte 6 is not UTF-8"),
        (b"a\nb\n", r"no \[UNK\]"),
        (None, "does not exist"),
    ],
)
def test_files_that_are_no_vocabulary_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        BertTokenizer(path)


def test_a_constructor_without_files_says_what_it_needs() -> None:
    with pytest.raises(UserError, match="BertTokenizer needs vocab_file, or tokenizer_file"):
        BertTokenizer()


# Rules and the engine file


def test_rules_of_the_engine_file_stand_unless_others_are_given(tmp_path: Path) -> None:
    BertTokenizer(VOCABULARY, do_lower_case=False).save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    assert BertTokenizer.from_pretrained(tmp_path).tokenize("Hello") == ["Hello"]
    assert BertTokenizer.from_pretrained(tmp_path, do_lower_case=True).tokenize("Hello") == ["hello"]
    split = BertTokenizer.from_pretrained(tmp_path, tokenize_chinese_chars=False)
    assert (split.tokenize("中国"), split.do_lower_case) == (["[UNK]"], False)
    kept = BertTokenizer.from_pretrained(tmp_path, do_lower_case=True, strip_accents=False)
    assert kept.tokenize("CAFÉ") == ["café"]


def test_rules_of_ones_own_are_left_alone(tmp_path: Path) -> None:
    engine = Tokenizer(models.WordPiece(vocab={"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "x": 3}, unk_token="[UNK]"))
    engine.normalizer = normalizers.Replace("a", "x")
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = BertTokenizer(tokenizer_object=engine, do_lower_case=True)
    assert tokenizer.tokenize("a A") == ["x", "[UNK]"]
    with pytest.raises(UserError, match="rules of its own"):
        BertTokenizer(tokenizer_object=engine, original_tokenization=True)


def test_without_basic_tokenization_white_space_alone_separates() -> None:
    tokenizer = BertTokenizer(VOCABULARY, do_basic_tokenize=False)
    assert tokenizer.tokenize("hello, Hello the") == ["[UNK]", "Hello", "the"]


def test_words_that_are_never_split(tmp_path: Path) -> None:
    tokenizer = BertTokenizer(VOCABULARY, never_split=["New", "x.y"])
    assert tokenizer.tokenize("New new x.y") == ["New", "new", "x", ".", "y"]
    tokenizer.save_pretrained(tmp_path)
    assert BertTokenizer.from_pretrained(tmp_path).tokenize("New new") == ["New", "new"]


def test_special_tokens_can_be_others() -> None:
    tokenizer = BertTokenizer(VOCABULARY, cls_token="the", sep_token=AddedToken("dog", special=True))
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("fox", "fox")) == ["the", "fox", "dog", "fox", "dog"]
    tokenizer.cls_token = "fox"
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("a")) == ["fox", "a", "dog"]


# Plain Python


@pytest.mark.parametrize(("lower", "row"), [pair for pair in ROWS if "contains_special_token_text" not in pair[1]])
def test_the_steps_in_python_are_those_of_the_hub(lower: bool, row: dict[str, Any]) -> None:
    words = BasicTokenizer(do_lower_case=lower).tokenize(row["text"])
    pieces = WordpieceTokenizer(read_vocabulary(VOCABULARY), "[UNK]").tokenize(" ".join(words))
    assert pieces == row.get("hub_tokens", row["tokens"])


def test_options_of_the_steps_in_python() -> None:
    assert BasicTokenizer(never_split=["[UNK]"]).tokenize("A [UNK] B [Y]", never_split=["B"]) == [
        "a",
        "[UNK]",
        "B",
        "[",
        "y",
        "]",
    ]
    assert BasicTokenizer(tokenize_chinese_chars=False).tokenize("中国") == ["中国"]
    assert BasicTokenizer(strip_accents=False).tokenize("É") == ["é"]
    assert BasicTokenizer(do_lower_case=False, strip_accents=True).tokenize("É") == ["E"]
    assert BasicTokenizer(do_split_on_punc=False).tokenize("It's") == ["it's"]
    assert WordpieceTokenizer({"ab": 0}, "?", max_input_chars_per_word=2).tokenize("ab abb") == ["ab", "?"]

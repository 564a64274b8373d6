"""Vocabularies that a checkpoint holds itself, and the files that complete them."""

from __future__ import annotations

from pathlib import Path

import pytest

from transformers import AlbertTokenizer, AutoTokenizer, BertTokenizer, XLMTokenizer
from transformers.conversion.family import EmbeddedVocabulary
from transformers.errors import UserError
from transformers.models.auto.original_tokenizers import FoundTokenizer, find_tokenizer
from transformers.models.xlm.tokenization_xlm import SPECIAL_WORDS

EMBEDDED = EmbeddedVocabulary(
    settings={"words": [*SPECIAL_WORDS, "a@@", "b", "ab"], "lang2id": {"en": 0, "fr": 1}},
    lacking={"merges_file": ("codes*", "merges.txt")},
    alone={"vocab.json": "the words"},
    assumed=["a thing"],
)


def merges(path: Path) -> Path:
    path.write_text("a b</w> 7\n", encoding="utf-8")
    return path


def find(beside: Path, place: Path | None = None) -> FoundTokenizer:
    return find_tokenizer("xlm", place, beside, 77, EMBEDDED)


@pytest.mark.parametrize("name", ["codes", "codes_xnli_15", "merges.txt"])
def test_the_file_that_is_lacking_is_found_beside_the_checkpoint(name: str, tmp_path: Path) -> None:
    found = find(merges(tmp_path / name).parent)

    assert isinstance(found.tokenizer, XLMTokenizer)
    assert found.files == [tmp_path / name]
    assert list(found.assumed) == ["a thing"]
    found.save(tmp_path / "out")
    for tokenizer in (found.tokenizer, XLMTokenizer.from_pretrained(tmp_path / "out")):
        assert tokenizer.tokenize("ab ac") == ["ab</w>", "a", "c</w>"]
        assert tokenizer("ab")["input_ids"] == [1, 16, 1]
        assert tokenizer.lang2id == {"en": 0, "fr": 1}
        assert tokenizer.model_max_length == 77


def test_the_likelier_name_is_taken(tmp_path: Path) -> None:
    merges(tmp_path / "codes")
    (tmp_path / "merges.txt").write_text("no merges at all")

    assert find(tmp_path).files == [tmp_path / "codes"]


@pytest.mark.parametrize("named", ["file", "folder"])
def test_the_user_may_name_it(named: str, tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "elsewhere").mkdir()
    codes = merges(tmp_path / "elsewhere" / "codes")

    assert find(tmp_path / "beside", codes if named == "file" else codes.parent).files == [codes]


def test_without_it_the_vocabulary_alone_is_written(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = find(tmp_path)

    assert found.tokenizer is None
    assert ["only vocab.json is written: there is no codes* and no merges.txt beside" in line for line in found.assumed]
    found.save(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["vocab.json"]
    assert (tmp_path / "out" / "vocab.json").read_text(encoding="utf-8") == "the words"


def test_of_several_none_is_guessed(tmp_path: Path) -> None:
    merges(tmp_path / "codes_en")
    merges(tmp_path / "codes_fr")

    found = find(tmp_path)

    assert found.tokenizer is None
    assert "there are several: codes_en, codes_fr" in found.assumed[0]


def test_a_place_that_lacks_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not complete the tokenizer:\n  there is no codes\* and no merges.txt"):
        find(tmp_path, tmp_path)


# ALBERT's Chinese models, which have BERT's tokenizer

WORD_PIECES = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n中 7\n中\n国\n##国\n"
SENTENCE_PIECES = Path(__file__).parents[2] / "fixtures" / "albert" / "tokenization" / "30k-clean.model"


@pytest.mark.parametrize("name", ["vocab_chinese.txt", "vocab.txt"])
@pytest.mark.parametrize("named", ["file", "folder", "nothing"])
def test_word_pieces_make_the_tokenizer_of_bert(name: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(WORD_PIECES, encoding="utf-8")
    place = {"file": path, "folder": tmp_path, "nothing": None}[named]

    found = find_tokenizer("albert", place, tmp_path if place is None else Path("elsewhere"), 77)

    assert found.files == [path]
    assert [text.split(" (")[0] for text in found.assumed] == ["do_lower_case = true"]
    found.save(tmp_path / "out")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert isinstance(loaded, BertTokenizer)
    assert loaded.convert_ids_to_tokens(loaded.encode("中国")) == ["[CLS]", "中", "国", "[SEP]"]
    assert loaded.encode("中国") == [2, 5, 6, 3]
    assert loaded.model_max_length == 77
    assert loaded.original_tokenization


def test_sentence_pieces_come_first(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(WORD_PIECES, encoding="utf-8")
    (tmp_path / "30k-clean.model").write_bytes(SENTENCE_PIECES.read_bytes())

    assert isinstance(find_tokenizer("albert", None, tmp_path, None).tokenizer, AlbertTokenizer)


def test_other_families_have_no_word_pieces_instead(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(WORD_PIECES, encoding="utf-8")

    assert find_tokenizer("xlnet", None, tmp_path, None).tokenizer is None

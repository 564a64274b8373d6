"""SentencePiece models as engines, held to SentencePiece itself."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import Tokenizer

from transformers import UserError
from transformers.errors import MissingFileError
from transformers.tokenization_sentencepiece import SentencePieceModel, read_model_file, unigram_engine

FIXTURES = Path(__file__).parent / "fixtures"
FILES = [
    FIXTURES / "albert" / "tokenization" / "30k-clean.model",
    FIXTURES / "xlnet" / "tokenizer" / "spiece.model",
    FIXTURES / "t5" / "tokenizer" / "spiece.model",
]
SENTENCES = ["the quick brown fox jumps over the lazy dog", "a fox, a dog and 12,000 more", "quick foxes and lazy dogs"]


def trained(**options: Any) -> bytes:
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 5),
        model_writer=written,
        minloglevel=4,
        **{"vocab_size": 60, "hard_vocab_limit": False, "model_type": "unigram", **options},
    )
    return written.getvalue()


class Pair:
    """SentencePiece and the engine, made of the same file."""

    def __init__(self, data: bytes) -> None:
        self.model = SentencePieceModel.parse(data, "it")
        self.theirs = SentencePieceProcessor(model_proto=data)
        self.ours: Tokenizer = unigram_engine(self.model)

    def assert_same(self, text: str) -> None:
        encoded = self.ours.encode(text)
        ids = self.theirs.encode(text)
        if encoded.ids != ids:  # sums of the same scores in another order
            assert self.sum_of_scores(encoded.ids) == pytest.approx(self.sum_of_scores(ids), rel=1e-6)
            assert "".join(encoded.tokens) == "".join(self.theirs.encode(text, out_type=str))
        else:
            assert encoded.tokens == self.theirs.encode(text, out_type=str)

    def sum_of_scores(self, ids: list[int]) -> float:
        return sum(self.model.scores[number] for number in ids)


PAIRS = [Pair(path.read_bytes()) for path in FILES]
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cn", "Co"]), max_size=40)
LETTERS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: str(len(pair.model.pieces)))
def test_pieces_and_scores(pair: Pair) -> None:
    ids = list(range(len(pair.theirs)))
    assert pair.model.pieces == pair.theirs.id_to_piece(ids)
    assert pair.model.unknown_id == pair.theirs.unk_id()
    hidden = {pair.theirs.id_to_piece(n) for n in ids if pair.theirs.is_control(n) or pair.theirs.is_unknown(n)}
    assert pair.model.hidden == hidden
    differing = {
        piece: (score, theirs)
        for piece, score, theirs in zip(pair.model.pieces, pair.model.scores, pair.theirs.get_score(ids), strict=True)
        if score != theirs
    }
    assert set(differing.values()) <= {(-0.1, 0.0)}  # what the user defined is always taken


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: str(len(pair.model.pieces)))
class TestTexts:
    @given(text=TEXTS.filter(lambda text: not any(unicodedata.combining(character) for character in text)))
    def test_any_text_without_marks(self, pair: Pair, text: str) -> None:
        pair.assert_same(text)

    @given(text=LETTERS, form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
    def test_any_normal_form(self, pair: Pair, text: str, form: Any) -> None:
        pair.assert_same(unicodedata.normalize(form, text))

    @given(data=st.data())
    def test_texts_of_pieces(self, pair: Pair, data: st.DataObject) -> None:
        pieces = data.draw(st.lists(st.sampled_from(list(pair.model.pieces)), max_size=30))
        pair.assert_same("".join(pieces))
        pair.assert_same("".join(pieces).replace("▁", " "))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            " \u3000\t two  spaces\u200b\n",
            "<unk><s></s><pad><cls>[CLS] [MASK]<unk",
            "vie\u0302\u0301t việt vi\u00ea\u0323t",
            unicodedata.normalize("NFD", "한국어 tiếng"),
            "ﾊﾟﾋﾞ ½\u0301 ① ﬁ ™",
            "\u0301 starts with a mark",
            "\x01\x02 control \x7f",
            "\u05e9\u05bc\u05c1\u05b8 \u0628\u0651\u064e",  # marks in the order in which people write them
            "☃☃ ☃",
        ],
        ids=ascii,
    )
    def test_difficult_texts(self, pair: Pair, text: str) -> None:
        pair.assert_same(text)


@pytest.mark.parametrize(
    "options",
    [
        {"byte_fallback": True, "vocab_size": 320},
        {"normalization_rule_name": "identity"},
        {"normalization_rule_name": "nfkc"},
        {"normalization_rule_name": "nmt_nfkc_cf"},
        {"add_dummy_prefix": False},
        {"split_by_whitespace": False},
        {"user_defined_symbols": ["<x>", "fox"], "control_symbols": ["the"]},
    ],
    ids=str,
)
def test_options_of_the_training(options: dict[str, Any]) -> None:
    pair = Pair(trained(**options))
    for text in (
        *SENTENCES,
        "The FOX <x>jumps",
        "unknown: \u4e2d\u6587 \U0001f600",
        "the ox theox foxfox",
        "<0x41> <unk>",
    ):
        pair.assert_same(text)
        assert pair.ours.decode(pair.ours.encode("a lazy fox").ids) == "a lazy fox"


def test_pieces_that_are_not_written_in_the_usual_way() -> None:
    long = "x" * 200  # its size takes two bytes
    pair = Pair(trained(user_defined_symbols=[long, "ab"]))
    assert pair.model.pieces == pair.theirs.id_to_piece(list(range(len(pair.theirs))))
    pair.assert_same(f"a {long}ab")


@pytest.mark.parametrize(
    ("options", "kind"), [({"model_type": "bpe"}, "BPE"), ({"model_type": "word", "vocab_size": 20}, "word")]
)
def test_other_kinds_of_models_are_refused(options: dict[str, Any], kind: str) -> None:
    with pytest.raises(UserError, match=f"it is a SentencePiece model of the kind {kind}"):
        SentencePieceModel.parse(trained(**options), "it")


def test_spaces_behind_words_are_refused() -> None:
    with pytest.raises(UserError, match="with spaces behind words"):
        SentencePieceModel.parse(trained(treat_whitespace_as_suffix=True), "it")


@pytest.mark.parametrize("data", [b"", b"no model", b"\x0a\xff\xff", b"\x0a\x04\x0a\x02\xff\xfe"], ids=str)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(UserError, match="it is no SentencePiece model"):
        SentencePieceModel.parse(data, "it")


def test_every_beginning_of_a_file_is_a_model_or_refused() -> None:
    data = trained()
    for length in range(0, len(data), 97):
        try:
            SentencePieceModel.parse(data[:length], "it")
        except UserError:
            continue


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"none\.model does not exist"):
        read_model_file(tmp_path / "none.model")

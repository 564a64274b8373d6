from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacremoses
from tests.shared.pickles import (
    Call,
    Instructions,
    Name,
    corpus_file,
    legacy_torch_file,
    numpy_array,
    op,
    pickled,
    zip_torch_file,
)
from tokenizers import AddedToken

from transformers.checkpoints import CheckpointError, is_corpus_file, open_checkpoint, read_corpus, read_vocabulary
from transformers.checkpoints.pickled_arrays import ArrayInFile

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transfo_xl"
VOCABULARY: dict[str, Any] = {
    "special": ["<eos>"],
    "lower_case": False,
    "delimiter": None,
    "min_freq": 0,
    "max_size": None,
    "vocab_file": None,
    "idx2sym": ["<eos>", "grün"],
    "sym2idx": {"<eos>": 0, "grün": 1},
    "eos_idx": 0,
}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


class TestCorpora:
    @pytest.mark.parametrize("case", ["corpus-wt103", "corpus-wt103-py2"])
    def test_genuine_files_of_both_pythons(self, case: str) -> None:
        path = FIXTURES / case / "cache.pkl"
        assert is_corpus_file(path)
        corpus = read_corpus(path)
        assert corpus.dataset == "wt103"
        assert corpus.cutoffs == [0, 20000, 40000, 200000, len(corpus.vocabulary["idx2sym"])]
        recorded = json.loads((FIXTURES / case / "vocab.json").read_text())
        words = recorded.get("idx2sym", recorded)
        assert list(corpus.vocabulary["idx2sym"]) == list(words)
        assert all(corpus.vocabulary["sym2idx"][word] == place for place, word in enumerate(words))
        assert corpus.vocabulary["special"] == ["<eos>"]
        assert corpus.vocabulary["lower_case"] is False
        assert corpus.vocabulary["counter"]["."] > 1
        with np.load(FIXTURES / case / "io.npz") as recorded_texts:
            for name in ("train", "valid", "test"):
                text = getattr(corpus, name)
                assert isinstance(text, ArrayInFile)
                assert np.array_equal(text.values(), recorded_texts[name])

    @pytest.mark.parametrize("corpus", [("data_utils", "Corpus"), ("__main__", "Corpus")])
    @pytest.mark.parametrize("vocab", [("vocabulary", "Vocab"), ("utils.vocabulary", "Vocab")])
    def test_names_of_the_classes(self, corpus: tuple[str, str], vocab: tuple[str, str], tmp_path: Path) -> None:
        value = Call(Name(*corpus), (), {"vocab": Call(Name(*vocab), (), VOCABULARY), "dataset": "ptb"})
        read = read_corpus(write(tmp_path / "cache.pkl", pickled(value)))
        assert (read.dataset, read.vocabulary, read.cutoffs, read.train) == ("ptb", VOCABULARY, [], None)

    def test_texts_are_arrays_or_paths(self, tmp_path: Path) -> None:
        data = corpus_file(VOCABULARY, train=["a", "b"], valid=numpy_array(np.arange(3)))
        corpus = read_corpus(write(tmp_path / "cache.pkl", data))
        assert corpus.train == ["a", "b"]
        assert isinstance(corpus.valid, ArrayInFile)
        assert corpus.valid.values().tolist() == [0, 1, 2]

    def test_texts_that_are_damaged(self, tmp_path: Path) -> None:
        raw = Call(Name("_codecs", "encode"), ("€" * 800, "latin1"))
        corpus = read_corpus(
            write(tmp_path / "cache.pkl", corpus_file(VOCABULARY, train=numpy_array(np.zeros(100), raw=raw)))
        )
        assert isinstance(corpus.train, ArrayInFile)
        assert (corpus.train.shape, corpus.train.dtype) == ((100,), np.float64)
        with pytest.raises(CheckpointError, match=r"(?s)cache.pkl is damaged.*an array of the shape \[100\]"):
            corpus.train.values()

    @pytest.mark.parametrize(
        "attributes",
        [{"dataset": 3}, {"cutoffs": [0, "a"]}, {"cutoffs": 7}, {"train": 7}, {"train": [1]}, {"valid": {}}],
    )
    def test_attributes_that_cannot_be(self, attributes: dict[str, Any], tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="cache.pkl"):
            read_corpus(write(tmp_path / "cache.pkl", corpus_file(VOCABULARY, **attributes)))

    def test_other_pickles(self, tmp_path: Path) -> None:
        path = write(tmp_path / "cache.pkl", pickled([1]))
        assert not is_corpus_file(path)
        with pytest.raises(CheckpointError, match="its corpus is a value of the type list"):
            read_corpus(path)
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_corpus(tmp_path)

    def test_it_is_no_checkpoint(self) -> None:
        with pytest.raises(CheckpointError, match="no checkpoint: it is the cache of a Transformer-XL data set"):
            open_checkpoint(FIXTURES / "corpus-wt103" / "cache.pkl")


class TestVocabularies:
    def test_what_later_tokenizers_left_in_them(self, tmp_path: Path) -> None:
        moses = [sacremoses.MosesTokenizer(), sacremoses.MosesDetokenizer(), sacremoses.MosesPunctNormalizer()]
        left = {"pattern": re.compile("[.]"), "moses": moses, "unk": AddedToken("<unk>")}
        trie = Call(Name("transformers.tokenization_utils", "Trie"), (), {"data": {}})
        read = read_vocabulary(write(tmp_path / "vocab.pkl", pickle.dumps({**VOCABULARY, **left})))
        assert {name: read[name] for name in VOCABULARY} == VOCABULARY
        assert read["pattern"] is None
        assert not any(isinstance(value, type(moses[0]) | AddedToken) for value in (*read["moses"], read["unk"]))
        read = read_vocabulary(write(tmp_path / "vocab.pkl", pickled({**VOCABULARY, "trie": trie})))
        assert read["idx2sym"] == VOCABULARY["idx2sym"]

    @pytest.mark.parametrize("protocol", range(6))
    def test_plain_pickles(self, protocol: int, tmp_path: Path) -> None:
        assert read_vocabulary(write(tmp_path / "vocab.pkl", pickle.dumps(VOCABULARY, protocol))) == VOCABULARY

    @pytest.mark.parametrize("make", [legacy_torch_file, zip_torch_file])
    def test_pytorch_files(self, make: Any, tmp_path: Path) -> None:
        assert read_vocabulary(write(tmp_path / "vocab.bin", make(VOCABULARY, {}))) == VOCABULARY

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"idx2sym": None}, "lacks the words"),
            ({"sym2idx": []}, "lacks the words"),
            ({"sym2idx": {"<eos>": 0}}, "contradict"),
            ({"sym2idx": {"<eos>": 1, "grün": 0}}, "contradict"),
            ({"idx2sym": ["<eos>", 7]}, "word 1 of its vocabulary"),
            ({"idx2sym": ["<eos>", Instructions(op("SHORT_BINSTRING", b"\4gr\xfcn"))]}, r"word 1 .*UTF-8: b'gr\\xfcn'"),
        ],
    )
    def test_vocabularies_that_cannot_be(self, change: dict[str, Any], message: str, tmp_path: Path) -> None:
        path = write(tmp_path / "vocab.pkl", pickled({**VOCABULARY, **change}))
        with pytest.raises(CheckpointError, match=f"(?s)vocab.pkl is damaged.*{message}"):
            read_vocabulary(path)

    def test_other_objects(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"(?s)vocab.pkl is refused.*sacremoses.truecase.MosesTruecaser"):
            read_vocabulary(
                write(
                    tmp_path / "vocab.pkl",
                    pickled({**VOCABULARY, "moses": Call(Name("sacremoses.truecase", "MosesTruecaser"))}),
                )
            )

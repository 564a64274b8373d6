"""Transformer-XL's data sets: the texts of its caches, texts that are prepared anew, and segments of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.shared.golden_cases import FIXTURES
from tests.shared.pickles import corpus_file

from transformers import TransfoXLCorpus, UserError
from transformers.models.transfo_xl.corpus import LMOrderedIterator

CASES = FIXTURES / "transfo_xl"


@pytest.mark.parametrize("case", ["corpus-wt103", "corpus-wt103-py2"])
def test_texts_of_a_cache(case: str) -> None:
    with np.load(CASES / case / "io.npz") as recorded:
        for path in (CASES / case, CASES / case / "cache.pkl"):
            corpus = TransfoXLCorpus.from_original(path)
            assert corpus.dataset == "wt103"
            for split in recorded.files:
                assert getattr(corpus, split).tolist() == recorded[split].tolist()
            assert corpus.vocab.original_tokenization
            first = corpus.vocab.decode(corpus.train[:5])
            assert corpus.vocab(first)["input_ids"] == corpus.train[:5].tolist()


def test_a_cache_without_texts(tmp_path: Path) -> None:
    vocabulary = {"idx2sym": ["a"], "sym2idx": {"a": 0}}
    (tmp_path / "cache.pkl").write_bytes(corpus_file(vocabulary, train=["/data/one.txt"]))
    with pytest.raises(UserError, match="has no text train, only paths of files"):
        TransfoXLCorpus.from_original(tmp_path)


@pytest.mark.parametrize(
    ("dataset", "words", "train"),
    [
        ("wt103", ["<eos>", "a", "B"], [1, 2, 1, 0, 0]),
        ("ptb", ["<eos>", "b", "a", "c", "d"], [2, 1, 2, 0, 0]),
        ("text8", ["b", "a", "c", "d"], [1, 0, 1]),
    ],
)
def test_texts_that_are_prepared(dataset: str, words: list[str], train: list[int], tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(" a B a\n\n")
    for split, text in (("valid", "b\n" if dataset != "wt103" else "B\n"), ("test", "b c d\n")):
        (tmp_path / f"{split}.txt").write_text(text if dataset != "wt103" else "B\n")
    corpus = TransfoXLCorpus.build_corpus(tmp_path, dataset)
    assert corpus.vocab.idx2sym == words
    assert corpus.train.tolist() == train
    assert corpus.train.dtype == torch.int64
    with pytest.raises(UserError, match=r"'lm' is no data set .* wt103, wt2, ptb"):
        TransfoXLCorpus.build_corpus(tmp_path, "lm")


def test_segments_go_on_where_the_rows_ended() -> None:
    segments = list(LMOrderedIterator(torch.arange(11), bsz=2, bptt=2, ext_len=1))
    assert [segment[0].tolist() for segment in segments] == [[[0, 1], [5, 6]], [[1, 2, 3], [6, 7, 8]]]
    assert [segment[1].tolist() for segment in segments] == [[[1, 2], [6, 7]], [[3, 4], [8, 9]]]
    assert [segment[2] for segment in segments] == [2, 2]
    (last,) = list(LMOrderedIterator(torch.arange(4), bsz=1, bptt=9))
    assert (last[0].tolist(), last[1].tolist(), last[2]) == ([[0, 1, 2]], [[1, 2, 3]], 3)


def test_the_segments_of_a_corpus() -> None:
    corpus = TransfoXLCorpus.from_original(CASES / "corpus-wt103")
    first, target, length = next(iter(corpus.get_iterator("valid", bsz=4, bptt=6)))
    assert (first.shape, length) == ((4, 6), 6)
    assert first[0].tolist() == corpus.valid[:6].tolist()
    assert target[0].tolist() == corpus.valid[1:7].tolist()
    with pytest.raises(UserError, match="no text 'dev'"):
        corpus.get_iterator("dev", bsz=1, bptt=1)

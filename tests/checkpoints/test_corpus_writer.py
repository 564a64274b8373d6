from __future__ import annotations

import collections
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transformers.checkpoints import is_corpus_file, read_corpus
from transformers.checkpoints.corpus_writer import corpus_bytes

VOCABULARY: dict[str, Any] = {
    "special": ["<eos>"],
    "min_freq": 0,
    "max_size": None,
    "lower_case": False,
    "delimiter": None,
    "vocab_file": None,
    "counter": {"grün": 3, "a": 1},
    "idx2sym": ["<eos>", "grün", "a"],
    "sym2idx": {"<eos>": 0, "grün": 1, "a": 2},
    "eos_idx": 0,
}


def test_our_reader_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "cache.pkl"
    path.write_bytes(corpus_bytes(VOCABULARY, [0, 1, 3]))

    assert is_corpus_file(path)
    corpus = read_corpus(path)
    assert corpus.vocabulary == VOCABULARY
    assert (corpus.dataset, corpus.cutoffs) == (None, [0, 1, 3])
    assert [text.values().tolist() for text in (corpus.train, corpus.valid, corpus.test)] == [[], [], []]  # type: ignore[union-attr]


def test_the_originals_classes_are_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the original's program loads it: its two modules, and NumPy."""
    for module, name in (("data_utils", "Corpus"), ("vocabulary", "Vocab")):
        made = types.ModuleType(module)
        setattr(made, name, type(name, (), {}))
        monkeypatch.setitem(sys.modules, module, made)

    corpus = pickle.loads(corpus_bytes(VOCABULARY, []))

    assert type(corpus).__name__ == "Corpus"
    assert (corpus.train.dtype, corpus.train.shape) == (np.int64, (0,))
    assert type(corpus.vocab).__name__ == "Vocab"
    assert type(corpus.vocab.counter) is collections.Counter
    assert type(corpus.vocab.sym2idx) is collections.OrderedDict
    assert vars(corpus.vocab) == VOCABULARY

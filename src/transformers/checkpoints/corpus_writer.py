"""Writes the cache of a Transformer-XL data set, see :mod:`.corpus_file`: a vocabulary, and no texts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from .pickle_writer import Called, Instance, Named, write_pickle

_INT64 = Called(Named("numpy", "dtype"), ("i8", False, True), (3, "<", None, None, None, -1, -1, 0))


def corpus_bytes(vocabulary: Mapping[str, Any], cutoffs: Sequence[int]) -> bytes:
    """The content of a ``cache.pkl`` that the original code, and :func:`.read_corpus`, load; its texts are empty.

    Args:
        vocabulary: The attributes of the vocabulary, see :class:`.Corpus`.
        cutoffs: Where the clusters of the adaptive softmax end, with 0 and the size of the vocabulary; may be empty.
    """
    counter = Called(Named("collections", "Counter"), (dict(vocabulary["counter"]),))
    numbers = [[word, number] for word, number in vocabulary["sym2idx"].items()]
    words = {
        **vocabulary,
        "counter": counter,
        "sym2idx": Called(Named("collections", "OrderedDict"), (numbers,)),
    }
    corpus = {
        "dataset": None,
        "vocab": Instance(Named("vocabulary", "Vocab"), words),
        **dict.fromkeys(("train", "valid", "test"), _no_numbers()),
        "cutoffs": list(cutoffs),
    }
    stream = io.BytesIO()
    write_pickle(stream, Instance(Named("data_utils", "Corpus"), corpus))
    return stream.getvalue()


def _no_numbers() -> Called:
    """An array of no whole numbers."""
    made = Named("numpy.core.multiarray", "_reconstruct")
    return Called(made, (Named("numpy", "ndarray"), (0,), _bytes("b")), (1, (0,), _INT64, False, _bytes("")))


def _bytes(text: str) -> Called:
    """Bytes as Python 3 writes them for Python 2."""
    return Called(Named("_codecs", "encode"), (text, "latin1"))

"""Transformer-XL's tokenizer and data sets, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.serialization import safe_globals

from transformers.models.transfo_xl import corpus as today

from ._vocabularies import vocabulary_file
from ._words import VOCAB_NAME, TransfoXLTokenizer
from .file_utils import StrPath, cached_path

__all__ = [
    "CORPUS_NAME", "VOCAB_NAME", "LMOrderedIterator", "TransfoXLCorpus", "TransfoXLTokenizer", "cached_path",
    "get_lm_corpus",
]  # fmt: skip

CORPUS_NAME = "corpus.bin"

#: The data set as the original prepares it.
_ORIGINAL_NAME = "cache.pkl"


class TransfoXLCorpus:
    """A data set: a vocabulary, and three texts as numbers.

    Attributes:
        vocab: The tokenizer.
        dataset: The name of the data set.
        train: The numbers ``[words]`` of the training text, as of the other two.
        valid: The validation text.
        test: The test text.

    Args:
        *args: The arguments of the tokenizer.
        **kwargs: The same by name.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.vocab = TransfoXLTokenizer(*args, **kwargs)
        self.dataset: str | None = None
        self.train: Any = None
        self.valid: Any = None
        self.test: Any = None

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: StrPath, cache_dir: StrPath | None = None, *inputs: Any, **kwargs: Any
    ) -> Self:
        """The data set of a model: ``corpus.bin`` and the vocabulary, or the ``cache.pkl`` that the original wrote.

        Args:
            pretrained_model_name_or_path: A folder, or the name of a model.
            cache_dir: Where to keep what is fetched.
            *inputs: The arguments of the tokenizer.
            **kwargs: The same by name, which win over what was saved.

        Raises:
            UserError: It is not there, or holds something else.
        """
        place = pretrained_model_name_or_path
        corpus = cls(*inputs, **kwargs)
        corpus.vocab = TransfoXLTokenizer.from_pretrained(place, cache_dir, *inputs, **kwargs)
        file = vocabulary_file(place, (CORPUS_NAME, _ORIGINAL_NAME), cache_dir)
        saved = _read_corpus(file) if file.name == CORPUS_NAME else _read_original(file)
        corpus.dataset = saved.get("dataset")
        for split in today.SPLITS:
            setattr(corpus, split, torch.as_tensor(saved[split], dtype=torch.int64))
        return corpus

    def build_corpus(self, path: StrPath, dataset: str) -> None:
        """Prepares ``train.txt``, ``valid.txt`` and ``test.txt`` of a folder as the original does.

        Args:
            path: The folder.
            dataset: Which data set it is: ``wt103``, ``wt2``, ``ptb``, ``enwik8`` or ``text8``.

        Raises:
            UserError: There is no such data set, or a file is missing.
        """
        known = today.find_data_set(dataset)
        files = {split: Path(path) / f"{split}.txt" for split in today.SPLITS}
        for split in known.counted:
            self.vocab.count_file(files[split])
        self.vocab.build_vocab()
        self.dataset = dataset
        for split, file in files.items():
            setattr(self, split, self.vocab.encode_file(file, ordered=True, add_eos=known.ends))

    def get_iterator(self, split: str, *args: Any, **kwargs: Any) -> LMOrderedIterator:
        """The segments of a text.

        Args:
            split: ``train``, ``valid`` or ``test``.
            *args: The further arguments of :class:`LMOrderedIterator`.
            **kwargs: The same by name.
        """
        return LMOrderedIterator(getattr(self, split), *args, **kwargs)


class LMOrderedIterator(today.LMOrderedIterator):
    """The segments of a text in order, ``(input [bsz, length], target [bsz, length], length)``.

    Args:
        data: Numbers ``[words]``; those that do not fill all rows are left out.
        bsz: The number of rows.
        bptt: The longest segment.
        device: Where it goes.
        ext_len: How many words before a segment come with its input.
    """

    def __init__(
        self, data: Tensor, bsz: int, bptt: int, device: str | torch.device = "cpu", ext_len: int | None = None
    ) -> None:
        super().__init__(data, bsz, bptt, device, ext_len or 0)
        self.bsz = bsz
        self.n_step = self.data.shape[1]
        self.n_batch = (self.n_step + bptt - 1) // bptt

    def get_fixlen_iter(self, start: int = 0) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Segments of the full length from a step on."""
        for i in range(start, self.n_step - 1, self.bptt):
            yield self.get_batch(i)

    def get_varlen_iter(
        self, start: int = 0, std: float = 5, min_len: int = 5, max_deviation: int = 3
    ) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Segments of random lengths, most of them near the full one and some near half of it.

        Args:
            start: The first step.
            std: Standard deviation of the lengths.
            min_len: The shortest one.
            max_deviation: How many standard deviations a length may be above the full one.
        """
        longest = self.bptt + int(max_deviation * std)
        while start < self.n_step - 2:
            mean = self.bptt if np.random.random() < 0.95 else self.bptt / 2.0
            bptt = min(longest, max(min_len, int(np.random.normal(mean, std))))
            batch = self.get_batch(start, bptt)
            start += batch[2]
            yield batch


def get_lm_corpus(datadir: StrPath, dataset: str) -> TransfoXLCorpus:
    """The data set of a folder: prepared, or as the original has prepared it there (``cache.pkl``).

    Raises:
        UserError: There is no such data set, or a file is missing.
    """
    if Path(datadir, _ORIGINAL_NAME).is_file():
        return TransfoXLCorpus.from_pretrained(datadir)
    corpus = TransfoXLCorpus(**today.find_data_set(dataset).settings)
    corpus.build_corpus(datadir, dataset)
    return corpus


def _read_original(file: Path) -> dict[str, Any]:
    """The name and the texts in what the original prepared."""
    corpus = today.TransfoXLCorpus.from_original(file)
    return {name: getattr(corpus, name) for name in ("dataset", *today.SPLITS)}


def _read_corpus(file: Path) -> dict[str, Any]:
    """The texts that the older package saved: tensors or arrays of numbers, and nothing else."""
    with safe_globals(_ARRAYS):
        saved: dict[str, Any] = torch.load(file, weights_only=True)
    return saved


_reconstruct: Any = np.zeros(0).__reduce__()[0]

#: What an array of numbers is pickled as.
_ARRAYS: list[Any] = [
    np.ndarray,
    np.dtype,
    type(np.dtype(np.int64)),
    (_reconstruct, "numpy.core.multiarray._reconstruct"),
    (_reconstruct, "numpy._core.multiarray._reconstruct"),
]

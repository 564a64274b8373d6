"""Transformer-XL's data sets: texts as numbers, and the segments that a model with a memory reads one after another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ...checkpoints import read_corpus
from ...errors import UserError
from .tokenization_transfo_xl import TransfoXLTokenizer

if TYPE_CHECKING:
    import torch

__all__ = ["LMOrderedIterator", "TransfoXLCorpus"]

StrPath = str | os.PathLike[str]

_CACHE = "cache.pkl"
#: The texts of a data set.
SPLITS = ("train", "valid", "test")


class DataSet(NamedTuple):
    """How the original prepares a data set.

    Attributes:
        settings: Of the vocabulary.
        counted: The texts whose words are counted.
        ends: Whether ``<eos>`` ends each line.
    """

    settings: dict[str, Any]
    counted: tuple[str, ...] = SPLITS
    ends: bool = True


_DATA_SETS = {
    "wt103": DataSet({"special": ["<eos>"], "lower_case": False}, counted=("train",)),
    "wt2": DataSet({"special": ["<eos>"], "lower_case": False}),
    "ptb": DataSet({"special": ["<eos>"], "lower_case": True}),
    **dict.fromkeys(("enwik8", "text8"), DataSet({"lower_case": True}, ends=False)),
}


def find_data_set(name: str) -> DataSet:
    """How the original prepares the data set of a name.

    Raises:
        UserError: There is no such data set.
    """
    if name not in _DATA_SETS:
        raise UserError(f"{name!r} is no data set that can be prepared; it can be {', '.join(_DATA_SETS)}.")
    return _DATA_SETS[name]


class TransfoXLCorpus:
    """A data set: a vocabulary, and three texts as numbers.

    Attributes:
        vocab: The tokenizer.
        dataset: Its name.
        train: The numbers ``[words]`` of the training text, as of the other two.
        valid: The validation text.
        test: The test text.

    Args:
        vocab: The tokenizer.
        dataset: The name.
        texts: ``train``, ``valid``, ``test`` -> its numbers ``[words]``.
    """

    def __init__(self, vocab: TransfoXLTokenizer, dataset: str | None, texts: dict[str, torch.Tensor]) -> None:
        self.vocab = vocab
        self.dataset = dataset
        self.train, self.valid, self.test = (texts[split] for split in SPLITS)

    @classmethod
    def from_original(cls, path: StrPath) -> Self:
        """The data set in a ``cache.pkl``, written by Python 2 or 3, or in the folder that holds it.

        Raises:
            CheckpointError: It is damaged, or has anything in it but a corpus.
            UserError: It has paths of texts in it instead of texts.
        """
        import torch

        file = Path(path) / _CACHE if Path(path).is_dir() else Path(path)
        corpus = read_corpus(file)
        texts = {}
        for split in SPLITS:
            text = getattr(corpus, split)
            if text is None or isinstance(text, list):
                raise UserError(
                    f"{file} has no text {split}, only paths of files.",
                    advice="Its vocabulary is read by TransfoXLTokenizer(pretrained_vocab_file=…).",
                )
            texts[split] = torch.from_numpy(text.values().astype("int64"))
        return cls(TransfoXLTokenizer.from_original({"pretrained_vocab_file": file}), corpus.dataset, texts)

    @classmethod
    def build_corpus(cls, path: StrPath, dataset: str) -> Self:
        """The data set of ``train.txt``, ``valid.txt`` and ``test.txt`` in a folder, prepared as by the original.

        Args:
            path: The folder.
            dataset: Which data set it is: ``wt103``, ``wt2``, ``ptb``, ``enwik8`` or ``text8``.

        Raises:
            UserError: There is no such data set, or a file is missing.
        """
        import torch

        known = find_data_set(dataset)
        files = {split: Path(path) / f"{split}.txt" for split in SPLITS}
        tokenizer = TransfoXLTokenizer(**known.settings, original_tokenization=True)
        for split in known.counted:
            tokenizer.count_file(files[split])
        tokenizer.build_vocab()
        texts = {
            split: torch.tensor(tokenizer.encode_file(file, known.ends), dtype=torch.int64)
            for split, file in files.items()
        }
        return cls(tokenizer, dataset, texts)

    def get_iterator(
        self, split: str, bsz: int, bptt: int, device: str | torch.device = "cpu", ext_len: int = 0
    ) -> LMOrderedIterator:
        """The segments of a text, see :class:`LMOrderedIterator`.

        Args:
            split: ``train``, ``valid`` or ``test``.
            bsz: See there, as for what follows.
            bptt: The longest segment.
            device: Where it goes.
            ext_len: How many words before a segment come with it.
        """
        if split not in SPLITS:
            raise UserError(f"A data set has no text {split!r}; it has {', '.join(SPLITS)}.")
        return LMOrderedIterator(getattr(self, split), bsz, bptt, device, ext_len)


class LMOrderedIterator:
    """The segments of a text in order: each row of a batch goes on where it ended in the batch before.

    Iterating gives ``(input [bsz, length], target [bsz, length], length)``; the target is the next word of each.

    Args:
        data: Numbers ``[words]``; those that do not fill all rows are left out.
        bsz: The number of rows.
        bptt: The longest segment.
        device: Where it goes.
        ext_len: How many words before a segment come with its input.
    """

    def __init__(
        self, data: torch.Tensor, bsz: int, bptt: int, device: str | torch.device = "cpu", ext_len: int = 0
    ) -> None:
        steps = len(data) // bsz
        self.data = data[: steps * bsz].view(bsz, steps).to(device)
        self.bptt = bptt
        self.ext_len = ext_len

    def get_batch(self, i: int, bptt: int | None = None) -> tuple[torch.Tensor, torch.Tensor, int]:
        """The segment whose first word is at step ``i``."""
        end = min(i + (bptt or self.bptt), self.data.shape[1] - 1)
        return self.data[:, max(0, i - self.ext_len) : end], self.data[:, i + 1 : end + 1], end - i

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
        for i in range(0, self.data.shape[1] - 1, self.bptt):
            yield self.get_batch(i)

"""Transformer-XL's words and their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from transformers._files import replacing
from transformers.errors import UserError
from transformers.models.transfo_xl.tokenization_transfo_xl import lines_of
from transformers.models.transfo_xl.vocabulary import WordVocabulary

from ._vocabularies import place_to_save, vocabulary_file
from .file_utils import StrPath

VOCAB_NAME = "vocab.bin"

#: The names that the vocabulary has had since, and that of a data set which the original prepared.
_OTHER_NAMES = ("vocab.json", "vocab.pkl", "cache.pkl")
_UNKNOWN = ("<unk>", "<UNK>")


class TransfoXLTokenizer(WordVocabulary):
    """Text to the numbers of its words, which :meth:`count_file` and :meth:`build_vocab` choose.

    Args:
        special: Words that have the first numbers in a vocabulary that is built.
        min_freq: How often another word has to occur.
        max_size: How many other words there may be.
        lower_case: Whether texts are lower-cased.
        delimiter: What stands between words: None for white space, an empty text if every character is a word.
        vocab_file: A text file whose words, the first of each line, :meth:`build_vocab` takes for the vocabulary.
        never_split: Kept, and saved with the vocabulary; words are never split.
    """

    def __init__(
        self,
        special: Iterable[str] = (),
        min_freq: int = 0,
        max_size: int | None = None,
        lower_case: bool = False,
        delimiter: str | None = None,
        vocab_file: str | None = None,
        never_split: Iterable[str] = ("<unk>", "<eos>", "<formula>"),
    ) -> None:
        super().__init__(list(special), min_freq, max_size, lower_case, delimiter, vocab_file)
        self.never_split = tuple(never_split)
        self.sym2idx: dict[str, int] = {}

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: StrPath, cache_dir: StrPath | None = None, *inputs: Any, **kwargs: Any
    ) -> Self:
        """The tokenizer of a model or a data set.

        Args:
            pretrained_model_name_or_path: The file of the vocabulary or its address, a folder, or the name of a model.
            cache_dir: Where to keep what is fetched.
            *inputs: Further arguments of the constructor.
            **kwargs: Further arguments of the constructor, which win over what was saved.

        Raises:
            UserError: There is no such vocabulary, or it is damaged.
        """
        file = vocabulary_file(pretrained_model_name_or_path, (VOCAB_NAME, *_OTHER_NAMES), cache_dir)
        saved = vars(WordVocabulary.read(file))
        tokenizer = cls(*inputs, **kwargs)
        vars(tokenizer).update({name: value for name, value in saved.items() if name not in kwargs})
        tokenizer._number()
        return tokenizer

    def _number(self) -> None:
        self.sym2idx = self.numbers()
        for symbol in {*self.special, *_UNKNOWN, "<eos>"} & self.sym2idx.keys():
            setattr(self, f"{symbol.strip('<>').lower()}_idx", self.sym2idx[symbol])

    # The vocabulary

    def count_file(self, path: StrPath, verbose: bool = False, add_eos: bool = False) -> list[list[str]]:
        """Counts the words of a text file for :meth:`build_vocab`; returns those of each line.

        Args:
            path: The file.
            verbose: Accepted; nothing is printed.
            add_eos: Whether ``<eos>`` ends each line.
        """
        sentences = [self.tokenize(line, add_eos=add_eos) for line in lines_of(path)]
        self.count_sents(sentences)
        return sentences

    def count_sents(self, sents: Iterable[Sequence[str]], verbose: bool = False) -> None:
        """Counts the words of sentences for :meth:`build_vocab`."""
        for sentence in sents:
            self.counter.update(sentence)

    def build_vocab(self) -> None:
        """Makes the vocabulary of the words of ``vocab_file``, or of those that were counted."""
        self.build()
        self._number()

    def add_symbol(self, sym: str) -> None:
        """Adds a word to the vocabulary, if it is not there."""
        if sym not in self.sym2idx:
            self.idx2sym.append(sym)
            self._number()

    def add_special(self, sym: str) -> None:
        """Adds a special word to the vocabulary, if it is not there; ``<x>`` has its number as ``x_idx``."""
        if sym not in self.special:
            self.special.append(sym)
        self.add_symbol(sym)

    def save_vocabulary(self, vocab_path: StrPath) -> str:
        """Writes the vocabulary and returns its path.

        Args:
            vocab_path: The file, or the folder in which it is to be ``vocab.bin``.
        """
        file = place_to_save(vocab_path, VOCAB_NAME)
        with replacing(file) as temporary:
            torch.save(vars(self), temporary)
        return str(file)

    def __len__(self) -> int:
        return len(self.idx2sym)

    # Texts

    def tokenize(self, line: str, add_eos: bool = False, add_double_eos: bool = False) -> list[str]:
        """The words of a line.

        Args:
            line: The text.
            add_eos: Whether ``<eos>`` ends it.
            add_double_eos: Whether ``<S>`` stands around it instead.
        """
        text = line.strip()
        if self.lower_case:
            text = text.lower()
        words = list(text) if self.delimiter == "" else text.split(self.delimiter)
        if add_double_eos:
            return ["<S>", *words, "<S>"]
        return [*words, "<eos>"] if add_eos else words

    def encode_file(
        self,
        path: StrPath,
        ordered: bool = False,
        verbose: bool = False,
        add_eos: bool = True,
        add_double_eos: bool = False,
    ) -> Tensor | list[Tensor]:
        """The numbers of the words of a text file.

        Args:
            path: The file.
            ordered: Whether all lines are one tensor; otherwise each is one.
            verbose: Accepted; nothing is printed.
            add_eos: Whether ``<eos>`` ends each line.
            add_double_eos: Whether ``<S>`` stands around each line instead.
        """
        return self.encode_sents([self.tokenize(line, add_eos, add_double_eos) for line in lines_of(path)], ordered)

    def encode_sents(
        self, sents: Iterable[Sequence[str]], ordered: bool = False, verbose: bool = False
    ) -> Tensor | list[Tensor]:
        """The numbers of the words of sentences, as one tensor if ``ordered``, else as one for each."""
        rows = [self.convert_to_tensor(sentence) for sentence in sents]
        return torch.cat(rows) if ordered else rows

    def convert_to_tensor(self, symbols: Iterable[str]) -> Tensor:
        """The numbers of words, ``[words]``."""
        return torch.tensor(self.convert_tokens_to_ids(symbols), dtype=torch.int64)

    def convert_tokens_to_ids(self, symbols: Iterable[str]) -> list[int]:
        """The numbers of words; see :meth:`get_idx`."""
        return [self.get_idx(symbol) for symbol in symbols]

    def convert_ids_to_tokens(self, indices: Iterable[int]) -> list[str]:
        """The words of numbers."""
        return [self.get_sym(int(index)) for index in indices]

    def decode(self, indices: Iterable[int], exclude: Iterable[int] | None = None) -> str:
        """The words of numbers with spaces between them, without those to exclude."""
        excluded = set(exclude or ())
        return " ".join(self.get_sym(int(index)) for index in indices if int(index) not in excluded)

    def get_sym(self, idx: int) -> str:
        """The word of a number.

        Raises:
            UserError: There is no such word.
        """
        if not 0 <= idx < len(self):
            raise UserError(f"There is no word {idx}: the vocabulary has {len(self)}.")
        return self.idx2sym[idx]

    def get_idx(self, sym: str) -> int:
        """The number of a word, that of ``<unk>`` or ``<UNK>`` if the vocabulary does not have it.

        Raises:
            UserError: It has neither of them.
        """
        for known in (sym, *_UNKNOWN):
            if known in self.sym2idx:
                return self.sym2idx[known]
        raise UserError(f"The vocabulary has no {sym!r}, and nothing that stands for what it does not have.")

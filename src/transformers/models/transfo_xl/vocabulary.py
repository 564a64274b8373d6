"""Transformer-XL's vocabulary: words by how often they occur, and the files in which it is kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer, models

from ..._files import read_json_object
from ...checkpoints import is_corpus_file, read_corpus, read_vocabulary
from ...errors import MissingFileError, UserError
from ...tokenization_files import as_json, read_text

StrPath = str | os.PathLike[str]


@dataclass
class WordVocabulary:
    """Words with their numbers, and what they were chosen from.

    Attributes:
        special: Words that have the first numbers.
        min_freq: How often another word has to occur.
        max_size: How many other words there may be; None: any number.
        lower_case: Whether words are in lower case.
        delimiter: What stands between words: None for white space, an empty text if every character is a word.
        vocab_file: A text file whose words, the first of each line, are the vocabulary.
        counter: Word -> how often it occurred.
        idx2sym: The words in the order of their numbers.
    """

    special: list[str] = field(default_factory=list)
    min_freq: int = 0
    max_size: int | None = None
    lower_case: bool = False
    delimiter: str | None = None
    vocab_file: str | None = None
    counter: Counter[str] = field(default_factory=Counter)
    idx2sym: list[str] = field(default_factory=list)

    @classmethod
    def of_attributes(cls, attributes: Mapping[str, Any]) -> Self:
        """A vocabulary that was saved as its attributes, of which those that are not known here are left out."""
        known = {item.name: attributes[item.name] for item in fields(cls) if item.name in attributes}
        return cls(**{**known, "counter": Counter(known.get("counter", {})), "idx2sym": list(known["idx2sym"])})

    @classmethod
    def read(cls, path: StrPath) -> Self:
        """A vocabulary in a file: ``vocab.json``, the Hub's ``vocab.pkl`` or ``vocab.bin``, or a corpus.

        Raises:
            MissingFileError: There is no such file.
            UserError: It holds no vocabulary, or something else besides.
        """
        place = Path(path)
        if not place.is_file():
            raise MissingFileError(f"The vocabulary file {place} does not exist.")
        if place.suffix != ".json":
            return cls.of_attributes(read_corpus(place).vocabulary if is_corpus_file(place) else read_vocabulary(place))
        attributes = read_json_object(place)
        words = attributes.get("idx2sym")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise UserError(f"{place} is no vocabulary of Transformer-XL: it should have a list of words, idx2sym.")
        return cls.of_attributes(attributes)

    def to_json(self) -> str:
        """The vocabulary as it is saved."""
        return as_json({item.name: getattr(self, item.name) for item in fields(self)})

    def build(self) -> None:
        """Chooses the words: those of ``vocab_file``, or the special ones and then the most frequent."""
        if self.vocab_file is not None:
            self.idx2sym = _words_of_file(self.vocab_file)
            return
        frequent = (word for word, count in self.counter.most_common(self.max_size) if count >= self.min_freq)
        self.idx2sym = list(dict.fromkeys((*self.special, *frequent)))

    def numbers(self) -> dict[str, int]:
        """Word -> number."""
        return {word: number for number, word in enumerate(self.idx2sym)}

    def engine(self) -> Tokenizer:
        """An engine that numbers words, and does nothing else."""
        return Tokenizer(models.WordLevel(self.numbers(), unk_token="<unk>"))


def _words_of_file(path: StrPath) -> list[str]:
    words = list(dict.fromkeys(line.split()[0] for line in read_text(path).split("\n") if line.strip()))
    if not {"<UNK>", "<unk>"}.intersection(words):
        raise UserError(f"{os.fspath(path)} has neither <UNK> nor <unk>, which stands for unknown words.")
    return words

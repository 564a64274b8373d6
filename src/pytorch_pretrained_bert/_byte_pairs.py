"""What the older tokenizers of GPT and GPT-2 have in common: two files, special tokens behind the vocabulary, ids."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from transformers._files import write_text
from transformers.tokenization_bpe import read_merges, read_token_ids

from ._vocabularies import UNLIMITED, optional_file, place_to_save, vocabulary_file, warn_of_length
from .file_utils import StrPath

VOCAB_NAME = "vocab.json"
MERGES_NAME = "merges.txt"
SPECIAL_TOKENS_NAME = "special_tokens.txt"

#: The first line of ``merges.txt``.
_VERSION = "#version: 0.2"

logger = logging.getLogger(__name__)


class BytePairTokenizer:
    """Text to byte-pair tokens, whose ids are followed by those of special tokens.

    Attributes:
        longest_inputs: Names of the released models -> their longest inputs.
        encoder: Token -> id, without special tokens.
        decoder: Id -> token, without special tokens.
        special_tokens: Special token -> id.
        special_tokens_decoder: Id -> special token.
        max_len: The longest input of the model.

    Args:
        vocab_file: ``vocab.json``.
        merges_file: ``merges.txt``.
        special_tokens: Tokens that the vocabulary lacks.
        max_len: The longest input of the model, above which ids are given with a warning; any if None.
    """

    longest_inputs: ClassVar[Mapping[str, int]]

    def __init__(
        self, vocab_file: StrPath, merges_file: StrPath, special_tokens: Sequence[str] | None, max_len: int | None
    ) -> None:
        self.max_len = UNLIMITED if max_len is None else max_len
        self.encoder = read_token_ids(vocab_file)
        self.decoder = {number: token for token, number in self.encoder.items()}
        self._merges = read_merges(merges_file)
        self.special_tokens: dict[str, int] = {}
        self.special_tokens_decoder: dict[int, str] = {}
        self.set_special_tokens(special_tokens)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: StrPath, cache_dir: StrPath | None = None, *inputs: Any, **kwargs: Any
    ) -> Self:
        """The tokenizer of a model, with the special tokens that were saved with it.

        Args:
            pretrained_model_name_or_path: A folder, or the name of a model.
            cache_dir: Where to keep what is fetched.
            *inputs: Further arguments of the constructor, behind the files.
            **kwargs: Further arguments of the constructor.

        Raises:
            UserError: There is no such vocabulary, or it is damaged.
        """
        place = pretrained_model_name_or_path
        vocabulary, merges = (vocabulary_file(place, [name], cache_dir) for name in (VOCAB_NAME, MERGES_NAME))
        if "special_tokens" not in kwargs and (saved := optional_file(place, SPECIAL_TOKENS_NAME, cache_dir)):
            kwargs["special_tokens"] = saved.read_text(encoding="utf-8").splitlines()
        if longest := cls.longest_inputs.get(str(place)):
            kwargs["max_len"] = min(kwargs.get("max_len") or UNLIMITED, longest)
        return cls(vocabulary, merges, *inputs, **kwargs)

    def __len__(self) -> int:
        return len(self.encoder) + len(self.special_tokens)

    def set_special_tokens(self, special_tokens: Sequence[str] | None) -> None:
        """Replaces the special tokens; their ids follow those of the vocabulary."""
        self.special_tokens = {token: number for number, token in enumerate(special_tokens or (), len(self.encoder))}
        self.special_tokens_decoder = {number: token for token, number in self.special_tokens.items()}

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        raise NotImplementedError

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a token, or the ids of several, 0 for unknown ones; a warning tells if there are too many."""
        if isinstance(tokens, str):
            return self._id_of(tokens)
        return self._ids_of(tokens)

    def convert_ids_to_tokens(self, ids: Iterable[int], skip_special_tokens: bool = False) -> list[str]:
        """The tokens of ids.

        Raises:
            KeyError: There is no such id.
        """
        special = self.special_tokens_decoder
        kept = (number for number in map(int, ids) if not (skip_special_tokens and number in special))
        return [special[number] if number in special else self.decoder[number] for number in kept]

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return self._ids_of(self.tokenize(text))

    def save_vocabulary(self, vocab_path: StrPath) -> tuple[str, str, str]:
        """Writes vocabulary, merges and special tokens, and returns the three paths.

        Args:
            vocab_path: The folder; or the file of the vocabulary, beside which the others are written.
        """
        vocabulary = place_to_save(vocab_path, VOCAB_NAME)
        merges, special = vocabulary.with_name(MERGES_NAME), vocabulary.with_name(SPECIAL_TOKENS_NAME)
        write_text(vocabulary, json.dumps(self.encoder, ensure_ascii=False))
        write_text(merges, "".join(f"{line}\n" for line in (_VERSION, *map(" ".join, self._merges))))
        write_text(special, "".join(f"{token}\n" for token in self.special_tokens))
        return str(vocabulary), str(merges), str(special)

    def _id_of(self, token: str) -> int:
        return self.special_tokens[token] if token in self.special_tokens else self.encoder.get(token, 0)

    def _ids_of(self, tokens: Iterable[str]) -> list[int]:
        ids = [self._id_of(token) for token in tokens]
        warn_of_length(logger, ids, self.max_len)
        return ids


def beside(vocab_file: StrPath, merges_file: StrPath | None) -> StrPath:
    """The merges that go with a vocabulary: those given, or those that were saved beside it."""
    return Path(vocab_file).with_name(MERGES_NAME) if merges_file is None else merges_file

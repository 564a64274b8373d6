"""GPT-2's tokenizer, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import transformers.models.gpt2.tokenization_gpt2 as today

from ._byte_pairs import MERGES_NAME, SPECIAL_TOKENS_NAME, VOCAB_NAME, BytePairTokenizer, beside
from .file_utils import StrPath, cached_path

__all__ = [
    "MERGES_NAME", "PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP", "SPECIAL_TOKENS_NAME", "VOCAB_NAME",
    "GPT2Tokenizer", "cached_path",
]  # fmt: skip

PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP = {"gpt2": 1024}


class GPT2Tokenizer(BytePairTokenizer):
    """Text to byte-level byte-pair tokens. Special tokens are not looked for in a text.

    Args:
        vocab_file: ``vocab.json``, which OpenAI calls ``encoder.json``.
        merges_file: ``merges.txt``, which OpenAI calls ``vocab.bpe``; the one beside the vocabulary if None.
        errors: What decoding does with bytes that are not UTF-8: ``"replace"``, ``"ignore"`` or ``"strict"``.
        special_tokens: Tokens that the vocabulary lacks.
        max_len: The longest input of the model, above which ids are given with a warning; any if None.

    Raises:
        UserError: A file is missing or damaged, or they do not belong together.
    """

    longest_inputs: ClassVar[Mapping[str, int]] = PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP

    def __init__(
        self,
        vocab_file: StrPath,
        merges_file: StrPath | None = None,
        errors: str = "replace",
        special_tokens: Sequence[str] | None = None,
        max_len: int | None = None,
    ) -> None:
        merges = beside(vocab_file, merges_file)
        self.errors = errors
        self._today = today.GPT2Tokenizer(vocab_file, merges, errors, original_tokenization=True)
        super().__init__(vocab_file, merges, special_tokens, max_len)

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        return self._today.tokenize(text)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of ids; special tokens stand for themselves."""
        special = self.special_tokens_decoder
        runs = itertools.groupby(map(int, tokens), key=special.__contains__)
        return "".join(
            "".join(special[number] for number in run) if is_special else self._today.decode(list(run))
            for is_special, run in runs
        )

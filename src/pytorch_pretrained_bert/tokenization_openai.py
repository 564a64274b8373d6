"""OpenAI GPT's tokenizer, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import transformers.models.openai.tokenization_openai as today
from transformers.models.openai.tokenization_openai import standardised as text_standardize

from ._byte_pairs import MERGES_NAME, SPECIAL_TOKENS_NAME, VOCAB_NAME, BytePairTokenizer, beside
from .file_utils import StrPath, cached_path
from .tokenization import BasicTokenizer

__all__ = [
    "MERGES_NAME", "PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP", "SPECIAL_TOKENS_NAME", "VOCAB_NAME",
    "BasicTokenizer", "OpenAIGPTTokenizer", "cached_path", "text_standardize",
]  # fmt: skip

PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP = {"openai-gpt": 512}

_END_OF_WORD = "</w>"
_UNKNOWN = "<unk>"


class OpenAIGPTTokenizer(BytePairTokenizer):
    """Text to byte-pair tokens, all in lower case.

    Texts are split by ftfy and spaCy if they are installed, otherwise as by BERT; then special tokens that stand alone
    in a text are left as they are.

    Args:
        vocab_file: ``vocab.json``, which OpenAI calls ``encoder_bpe_40000.json``.
        merges_file: ``merges.txt``, which OpenAI calls ``vocab_40000.bpe``; the one beside the vocabulary if None.
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
        special_tokens: Sequence[str] | None = None,
        max_len: int | None = None,
    ) -> None:
        merges = beside(vocab_file, merges_file)
        self._today = today.OpenAIGPTTokenizer(vocab_file, merges, original_tokenization=True)
        super().__init__(vocab_file, merges, special_tokens, max_len)

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        if today.has_packages():
            return self._today.tokenize(text)
        words = BasicTokenizer(do_lower_case=True, never_split=self.special_tokens).tokenize(text)
        return [token for word in words for token in self._tokens_of(word)]

    def decode(
        self, ids: Iterable[int], skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = True
    ) -> str:
        """The text of ids.

        Args:
            ids: The ids.
            skip_special_tokens: Whether special tokens are left out.
            clean_up_tokenization_spaces: Whether unknown tokens, and spaces before English punctuation and
                contractions, are removed.
        """
        tokens = self.convert_ids_to_tokens(ids, skip_special_tokens)
        text = "".join(tokens).replace(_END_OF_WORD, " ").strip()
        if not clean_up_tokenization_spaces:
            return text
        cleaned = self._today.clean_up_tokenization(text.replace(_UNKNOWN, ""))
        return cleaned.replace(" do not", " don't")

    def _tokens_of(self, word: str) -> list[str]:
        if word in self.special_tokens:
            return [word]
        return [token.value for token in self._today.backend_tokenizer.model.tokenize(word)]

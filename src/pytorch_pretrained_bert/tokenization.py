"""BERT's tokenizers, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Self

from transformers._files import write_text
from transformers.models.bert import basic_tokenizer
from transformers.models.bert.tokenization_bert import read_vocabulary

from ._vocabularies import UNLIMITED, place_to_save, vocabulary_file, warn_of_length
from .file_utils import StrPath, cached_path

__all__ = [
    "PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP", "VOCAB_NAME", "BasicTokenizer", "BertTokenizer",
    "WordpieceTokenizer", "cached_path", "load_vocab", "whitespace_tokenize",
]  # fmt: skip

logger = logging.getLogger(__name__)

VOCAB_NAME = "vocab.txt"

#: Names of the released models -> their longest inputs.
PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP = dict.fromkeys(
    (
        "bert-base-uncased", "bert-large-uncased", "bert-base-cased", "bert-large-cased",
        "bert-base-multilingual-uncased", "bert-base-multilingual-cased", "bert-base-chinese",
    ),
    512,
)  # fmt: skip

#: What stands for itself in a text.
NEVER_SPLIT = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")


def load_vocab(vocab_file: StrPath) -> OrderedDict[str, int]:
    """Token -> id, which is the number of its line; of a token that is repeated the last line counts."""
    return OrderedDict(read_vocabulary(vocab_file))


def whitespace_tokenize(text: str) -> list[str]:
    """The words of a text between white space."""
    return text.split()


class BasicTokenizer(basic_tokenizer.BasicTokenizer):
    """Splits a text into words and punctuation characters.

    Args:
        do_lower_case: Whether words are lower-cased, and their accents removed.
        never_split: Words that are left as they are.
    """

    def __init__(self, do_lower_case: bool = True, never_split: Iterable[str] = NEVER_SPLIT) -> None:
        super().__init__(do_lower_case, tuple(never_split))

    def _normalized(self, text: str) -> str:
        return text

    def _split(self, folded: str) -> list[str]:
        return [folded] if folded in self.never_split else super()._split(folded)


class WordpieceTokenizer(basic_tokenizer.WordpieceTokenizer):
    """Splits words into the longest pieces that the vocabulary has, from left to right.

    Args:
        vocab: The vocabulary; pieces that continue a word start with ``##``.
        unk_token: What stands for a word that cannot be split into pieces.
        max_input_chars_per_word: Longer words are not tried.
    """

    def __init__(self, vocab: Mapping[str, int], unk_token: str = "[UNK]", max_input_chars_per_word: int = 100) -> None:
        super().__init__(vocab, unk_token, max_input_chars_per_word)


class BertTokenizer:
    """Text to WordPiece tokens. No special tokens are added; those of ``never_split`` are recognised in a text.

    Args:
        vocab_file: ``vocab.txt``.
        do_lower_case: Whether the text is lower-cased.
        max_len: The longest input of the model, above which ids are given with a warning; any if None.
        do_basic_tokenize: Whether the text is cleaned and split at punctuation; otherwise at white space only.
        never_split: Words that are left as they are.

    Raises:
        UserError: There is no such vocabulary.
    """

    def __init__(
        self,
        vocab_file: StrPath,
        do_lower_case: bool = True,
        max_len: int | None = None,
        do_basic_tokenize: bool = True,
        never_split: Iterable[str] = NEVER_SPLIT,
    ) -> None:
        self.vocab = load_vocab(vocab_file)
        self.ids_to_tokens = OrderedDict((number, token) for token, number in self.vocab.items())
        self.do_basic_tokenize = do_basic_tokenize
        if do_basic_tokenize:
            self.basic_tokenizer = BasicTokenizer(do_lower_case, never_split)
        self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab)
        self.max_len = UNLIMITED if max_len is None else max_len

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: StrPath, cache_dir: StrPath | None = None, *inputs: Any, **kwargs: Any
    ) -> Self:
        """The tokenizer of a model. For a released one, what its name says counts.

        Args:
            pretrained_model_name_or_path: The vocabulary or its address, a folder, or the name of a model.
            cache_dir: Where to keep what is fetched.
            *inputs: Further arguments of the constructor.
            **kwargs: Further arguments of the constructor.

        Raises:
            UserError: There is no such vocabulary.
        """
        settings = _of_release(str(pretrained_model_name_or_path), kwargs)
        return cls(vocabulary_file(pretrained_model_name_or_path, [VOCAB_NAME], cache_dir), *inputs, **settings)

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        words = self.basic_tokenizer.tokenize(text) if self.do_basic_tokenize else [text]
        return [piece for word in words for piece in self.wordpiece_tokenizer.tokenize(word)]

    def convert_tokens_to_ids(self, tokens: Iterable[str]) -> list[int]:
        """The ids of tokens; a warning tells if there are more than the model can take.

        Raises:
            KeyError: The vocabulary has no such token.
        """
        ids = [self.vocab[token] for token in tokens]
        warn_of_length(logger, ids, self.max_len)
        return ids

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ids.

        Raises:
            KeyError: There is no such id.
        """
        return [self.ids_to_tokens[int(number)] for number in ids]

    def save_vocabulary(self, vocab_path: StrPath) -> str:
        """Writes the vocabulary and returns its path.

        Args:
            vocab_path: The file, or the folder in which it is to be ``vocab.txt``.
        """
        file = place_to_save(vocab_path, VOCAB_NAME)
        ids = sorted(self.ids_to_tokens)
        if ids != list(range(len(ids))):
            logger.warning("Some ids of the vocabulary have no token: %s will give other ids.", file)
        write_text(file, "".join(f"{self.ids_to_tokens[number]}\n" for number in ids))
        return str(file)


def _of_release(name: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a tokenizer; a release has its longest input, and a case that nobody may change."""
    longest = PRETRAINED_VOCAB_POSITIONAL_EMBEDDINGS_SIZE_MAP.get(name)
    if longest is None:
        return dict(kwargs)
    lower_case = "-cased" not in name
    if bool(kwargs.get("do_lower_case", True)) != lower_case:
        logger.warning("%s is a model of %s text: do_lower_case is set to %s.",
                       name, "lower-cased" if lower_case else "cased", lower_case)  # fmt: skip
    return {**kwargs, "do_lower_case": lower_case, "max_len": min(kwargs.get("max_len") or UNLIMITED, longest)}

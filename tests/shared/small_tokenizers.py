"""A small tokenizer of every family, from the vocabulary of its golden cases, and one that spells in bytes."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sentencepiece import SentencePieceTrainer

import transformers
from transformers import PreTrainedTokenizerBase, T5Tokenizer

_FIXTURES = Path(__file__).parents[1] / "fixtures"

#: Family -> class, and files by constructor argument.
_FILES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "albert": ("AlbertTokenizer", {"vocab_file": "albert/tokenization/30k-clean.model"}),
    "bert": ("BertTokenizer", {"vocab_file": "bert/tokenization/vocab.txt"}),
    "gpt": (
        "OpenAIGPTTokenizer",
        {
            "vocab_file": "gpt/vocabulary/encoder_bpe_40000.json",
            "merges_file": "gpt/vocabulary/vocab_40000.bpe",
        },
    ),
    "gpt2": ("GPT2Tokenizer", {"vocab_file": "gpt2/tokenizer/encoder.json", "merges_file": "gpt2/tokenizer/vocab.bpe"}),
    "t5": ("T5Tokenizer", {"vocab_file": "t5/tokenizer/spiece.model"}),
    "transfo_xl": ("TransfoXLTokenizer", {"pretrained_vocab_file": "transfo_xl/corpus-wt103/vocab.json"}),
    "xlm": ("XLMTokenizer", {"vocab_file": "xlm/tokenizer/vocab.json", "merges_file": "xlm/tokenizer/codes"}),
    "xlnet": ("XLNetTokenizer", {"vocab_file": "xlnet/tokenizer/spiece.model"}),
}

#: A SentencePiece vocabulary that has the bytes of characters that it does not have.
BYTE_FALLBACK = "t5 with bytes"

TOKENIZED_FAMILIES = (*_FILES, BYTE_FALLBACK)


@functools.cache
def small_tokenizer(family: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a family; it is shared, so a test leaves it as it is."""
    if family == BYTE_FALLBACK:
        return _byte_fallback()
    name, files = _FILES[family]
    tokenizer: PreTrainedTokenizerBase = getattr(transformers, name)(
        **{argument: _FIXTURES / path for argument, path in files.items()}
    )
    return tokenizer


def _byte_fallback() -> PreTrainedTokenizerBase:
    with tempfile.TemporaryDirectory() as folder:
        sentences = ["the quick brown fox jumps over the lazy dog", "it's a small text for a small model"] * 5
        path = Path(folder, "spiece")
        SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_prefix=str(path),
            vocab_size=320,
            hard_vocab_limit=False,
            byte_fallback=True,
            minloglevel=4,
        )
        return T5Tokenizer(vocab_file=path.with_suffix(".model"), extra_ids=3)

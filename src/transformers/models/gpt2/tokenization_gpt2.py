"""GPT-2's byte-level BPE tokenizer.

The rules are those of ``encoder.py`` in openai/gpt-2. The Hub's tokenizer differs from it in one thing: it recognises
``<|endoftext|>`` in a text. With ``original_tokenization``, which a conversion writes, that is spelled out like any
other text. Lone surrogates are refused, as by the original.
"""

from __future__ import annotations

import os
from typing import Any

from tokenizers import AddedToken, Encoding, Tokenizer, decoders, models, pre_tokenizers, processors

from ...errors import UserError
from ...tokenization_bpe import read_vocabulary_and_merges
from ...tokenization_files import TOKENIZER, load_engine
from ...tokenization_padding import EncodingOptions, Truncation
from ...tokenization_special_tokens import InputTemplate
from ...tokenization_utils import PreTrainedTokenizerFast

__all__ = ["GPT2Tokenizer", "GPT2TokenizerFast"]

_END_OF_TEXT = "<|endoftext|>"


class GPT2Tokenizer(PreTrainedTokenizerFast):
    """Text to byte-level BPE ids; no special tokens are added.

    Args:
        vocab_file: ``vocab.json``, which the original calls ``encoder.json``.
        merges_file: ``merges.txt``, which the original calls ``vocab.bpe``.
        errors: What decoding does with bytes that are not UTF-8: ``"replace"``, ``"ignore"`` or ``"strict"``.
        unk_token: What a token that does not exist is converted to; no text needs it.
        bos_token: Starts a text.
        eos_token: Ends a text.
        pad_token: Fills rows up; the original has none.
        add_prefix_space: Whether the first word is treated as if a space were before it.
        add_bos_token: Whether ``bos_token`` is put before a text.
        tokenizer_object: An engine, instead of the vocabulary files.
        tokenizer_file: A ``tokenizer.json``, instead of the vocabulary files.
        original_tokenization: Whether ``<|endoftext|>`` in a text is ordinary text, as for the original code.
        **settings: See :class:`~transformers.PreTrainedTokenizerBase`.
    """

    vocab_files_names = {"vocab_file": "vocab.json", "merges_file": "merges.txt", "tokenizer_file": TOKENIZER}  # noqa: RUF012
    original_vocab_files = {"vocab_file": "encoder.json", "merges_file": "vocab.bpe"}  # noqa: RUF012
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        merges_file: str | os.PathLike[str] | None = None,
        errors: str = "replace",
        unk_token: str | AddedToken = _END_OF_TEXT,
        bos_token: str | AddedToken = _END_OF_TEXT,
        eos_token: str | AddedToken = _END_OF_TEXT,
        pad_token: str | AddedToken | None = None,
        add_prefix_space: bool | None = None,
        add_bos_token: bool = False,
        *,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        engine = (
            load_engine(tokenizer_file) if tokenizer_object is None and tokenizer_file is not None else tokenizer_object
        )
        if engine is None:
            engine = byte_level_engine(vocab_file, merges_file)
        splitter = engine.pre_tokenizer
        if isinstance(splitter, pre_tokenizers.ByteLevel) and add_prefix_space is not None:
            splitter.add_prefix_space = add_prefix_space
        self.add_prefix_space = bool(getattr(splitter, "add_prefix_space", add_prefix_space))
        self.add_bos_token = add_bos_token
        self.errors = errors
        if add_bos_token:
            self.input_template = InputTemplate("bos A", "bos A bos:1 B:1")
            if isinstance(engine.post_processor, processors.ByteLevel):
                engine.post_processor = None  # the base class makes one of the template
        super().__init__(
            tokenizer_object=engine,
            errors=errors,
            unk_token=unk_token,
            bos_token=bos_token,
            eos_token=eos_token,
            pad_token=pad_token,
            add_prefix_space=self.add_prefix_space,
            add_bos_token=add_bos_token,
            **settings,
        )

    def _run_engine(self, items: list[Any], truncation: Truncation, options: EncodingOptions) -> list[Encoding]:
        if options.get("is_split_into_words") and not self.add_prefix_space:
            raise UserError(
                "Words that are given one by one need the spaces before them.",
                advice="Make the tokenizer with add_prefix_space=True for is_split_into_words=True.",
            )
        return super()._run_engine(items, truncation, options)

    def _decode_rows(self, rows: list[list[int]], skip_special_tokens: bool) -> list[str]:
        if self.errors == "replace":  # what the engine does
            return super()._decode_rows(rows, skip_special_tokens)
        added = self._engine.get_added_tokens_decoder()
        skipped = {number for number, token in added.items() if token.special} if skip_special_tokens else set()
        return [
            b"".join(
                added[number].content.encode() if number in added else _bytes_of(self._engine.id_to_token(number))
                for number in row
                if number not in skipped
            ).decode("utf-8", self.errors)
            for row in rows
        ]


GPT2TokenizerFast = GPT2Tokenizer


def byte_level_engine(
    vocab_file: str | os.PathLike[str] | None, merges_file: str | os.PathLike[str] | None
) -> Tokenizer:
    """An engine without special tokens, made of GPT-2's two vocabulary files.

    Raises:
        MissingFileError: One of them does not exist.
        UserError: One is damaged, or they do not belong together.
    """
    vocabulary, merges = read_vocabulary_and_merges("GPT2Tokenizer", vocab_file, merges_file)
    engine = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.post_processor = processors.ByteLevel(trim_offsets=False)
    engine.decoder = decoders.ByteLevel()
    return engine


def _byte_symbols() -> dict[str, int]:
    """Symbol -> byte: printable bytes stand for themselves, the others for the characters from U+0100, in order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [number for number in range(256) if number not in printable]
    return {chr(number): number for number in printable} | {
        chr(256 + place): number for place, number in enumerate(others)
    }


_BYTES = _byte_symbols()


def _bytes_of(token: str | None) -> bytes:
    return bytes(_BYTES[symbol] for symbol in token or "")

"""ALBERT's SentencePiece tokenizer.

The rules are those of ``tokenization.py`` in google-research/albert. The Hub's tokenizer differs from it, and there are
two settings: as the Hub (the default), and as the original (``original_tokenization``), which a conversion writes:

==============================================  ===========================  ============================
what                                            as the original              as the Hub
==============================================  ===========================  ============================
special tokens in a text                        ordinary characters          recognised
two backticks, two apostrophes                  kept                         become a quotation mark
number before a comma, within a word (``x9,``)  gets a space in front        gets none
==============================================  ===========================  ============================

The Chinese models have BERT's tokenizer, with a vocabulary that is read by rules of its own: :func:`read_wordpieces`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer

from ...tokenization_files import read_text
from ...tokenization_sentencepiece import SentencePieceModel, unigram_engine
from ...tokenization_sentencepiece_base import NumberSplittingTokenizer, mask_token_of, prepare_text
from ...tokenization_special_tokens import InputTemplate

__all__ = ["AlbertTokenizer", "AlbertTokenizerFast"]


class AlbertTokenizer(NumberSplittingTokenizer):
    """Text to SentencePiece ids: ``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]``.

    Args:
        vocab_file: ``spiece.model``, which the original calls ``30k-clean.model``.
        do_lower_case: Whether the text is lower-cased.
        remove_space: Whether all white space counts as single spaces.
        keep_accents: Whether accents stay.
        bos_token: Starts a text.
        eos_token: Ends a text.
        unk_token: Stands for what is in no piece.
        sep_token: Ends each text of an input.
        pad_token: Fills rows up.
        cls_token: Starts each input.
        mask_token: Stands for what is to be predicted.
        original_tokenization: Whether texts are treated exactly as by the original code, see the module.
        **settings: ``tokenizer_object``, ``tokenizer_file``, and see :class:`~transformers.PreTrainedTokenizerBase`.
    """

    original_vocab_files: ClassVar[Mapping[str, str]] = {"vocab_file": "30k-clean.model"}
    input_template = InputTemplate("cls A sep", "cls A sep B:1 sep:1")
    _original_adds_spaces = True

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        do_lower_case: bool = True,
        remove_space: bool = True,
        keep_accents: bool = False,
        bos_token: str | AddedToken = "[CLS]",
        eos_token: str | AddedToken = "[SEP]",
        unk_token: str | AddedToken = "<unk>",
        sep_token: str | AddedToken = "[SEP]",
        pad_token: str | AddedToken = "<pad>",
        cls_token: str | AddedToken = "[CLS]",
        mask_token: str | AddedToken = "[MASK]",
        *,
        original_tokenization: bool = False,
        **settings: Any,
    ) -> None:
        def build(model: SentencePieceModel) -> Tokenizer:
            steps = prepare_text(
                remove_space=remove_space,
                replace_quotes=not original_tokenization,
                keep_accents=keep_accents,
                do_lower_case=do_lower_case,
            )
            return unigram_engine(model, prepare=steps)

        self.do_lower_case = do_lower_case
        self.remove_space = remove_space
        self.keep_accents = keep_accents
        super().__init__(
            build,
            vocab_file,
            original_tokenization=original_tokenization,
            do_lower_case=do_lower_case,
            remove_space=remove_space,
            keep_accents=keep_accents,
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token_of(mask_token),
            **settings,
        )


AlbertTokenizerFast = AlbertTokenizer


def read_wordpieces(vocab_file: str | os.PathLike[str]) -> dict[str, int]:
    """Token -> id, as the original reads the ``vocab.txt`` of a Chinese model.

    The token is the first word of a line. Lines without one, and with a token that was there before, use up no id.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is not UTF-8.
    """
    vocabulary: dict[str, int] = {}
    for line in read_text(vocab_file).split("\n"):
        for token in line.split()[:1]:
            vocabulary.setdefault(token, len(vocabulary))
    return vocabulary

"""XLNet's SentencePiece tokenizer.

The rules are those of ``prepro_utils.py`` in zihangdai/xlnet. The Hub's tokenizer differs from it in one thing: it
recognises special tokens in a text. With ``original_tokenization``, which a conversion writes, they are spelled out
like any other text, except for ``<eop>``, which is a piece of the vocabulary.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer

from ...tokenization_padding import Side
from ...tokenization_sentencepiece import SentencePieceModel, unigram_engine
from ...tokenization_sentencepiece_base import NumberSplittingTokenizer, mask_token_of, prepare_text
from ...tokenization_special_tokens import InputTemplate

__all__ = ["XLNetTokenizer", "XLNetTokenizerFast"]


class XLNetTokenizer(NumberSplittingTokenizer):
    """Text to SentencePiece ids: ``A <sep> <cls>`` and ``A <sep> B <sep> <cls>``, padded on the left.

    The token types are 0 and 1 for the texts, 2 for ``<cls>`` and 3 for padding.

    Args:
        vocab_file: ``spiece.model``.
        do_lower_case: Whether the text is lower-cased.
        remove_space: Whether all white space counts as single spaces.
        keep_accents: Whether accents stay.
        bos_token: Starts a text.
        eos_token: Ends a text.
        unk_token: Stands for what is in no piece.
        sep_token: Ends each text of an input.
        pad_token: Fills rows up.
        cls_token: Ends each input.
        mask_token: Stands for what is to be predicted.
        additional_special_tokens: The ends of a paragraph and of a document.
        original_tokenization: Whether special tokens in a text are ordinary text, as for the original code.
        **settings: ``tokenizer_object``, ``tokenizer_file``, and see :class:`~transformers.PreTrainedTokenizerBase`.
    """

    original_vocab_files: ClassVar[Mapping[str, str]] = {"vocab_file": "spiece.model"}
    input_template = InputTemplate("A sep cls:2", "A sep B:1 sep:1 cls:2")
    padding_side: Side = "left"
    pad_token_type_id = 3

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        do_lower_case: bool = False,
        remove_space: bool = True,
        keep_accents: bool = False,
        bos_token: str | AddedToken = "<s>",
        eos_token: str | AddedToken = "</s>",
        unk_token: str | AddedToken = "<unk>",
        sep_token: str | AddedToken = "<sep>",
        pad_token: str | AddedToken = "<pad>",
        cls_token: str | AddedToken = "<cls>",
        mask_token: str | AddedToken = "<mask>",
        additional_special_tokens: Sequence[str | AddedToken] | None = ("<eop>", "<eod>"),
        **settings: Any,
    ) -> None:
        def build(model: SentencePieceModel) -> Tokenizer:
            steps = prepare_text(
                remove_space=remove_space, replace_quotes=True, keep_accents=keep_accents, do_lower_case=do_lower_case
            )
            return unigram_engine(model, prepare=steps)

        self.do_lower_case = do_lower_case
        self.remove_space = remove_space
        self.keep_accents = keep_accents
        super().__init__(
            build,
            vocab_file,
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
            additional_special_tokens=additional_special_tokens,
            **settings,
        )


XLNetTokenizerFast = XLNetTokenizer

"""T5's SentencePiece tokenizer, with sentinels.

Sentinels (``<extra_id_0>``, …) stand for parts of a text that are left out. They have the last ids of the vocabulary,
counted from its end.

The original's rules are those of ``SentencePieceVocabulary`` in google/seqio, where a sentinel is a piece with a space
in front. The Hub's tokenizer treats texts without sentinels and special tokens in the same way, and differs otherwise:

=======================================  ==========================  =====================================
what                                     as the original             as the Hub
=======================================  ==========================  =====================================
``</s>``, ``<pad>``, ``<unk>`` in texts  ordinary characters         recognised
a sentinel in a text                     at the start of a word      anywhere
what follows it without a space          starts no word              starts a word (not if ``legacy=False``)
=======================================  ==========================  =====================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers

from ...errors import UserError
from ...tokenization_sentencepiece import SPACE, SentencePieceModel, unigram_engine
from ...tokenization_sentencepiece_base import SentencePieceTokenizer
from ...tokenization_special_tokens import InputTemplate, special_token

__all__ = ["T5Tokenizer", "T5TokenizerFast"]

_SENTINEL = re.compile(r"<extra_id_\d+>")
_EXTRA_IDS = 100


class T5Tokenizer(SentencePieceTokenizer):
    """Text to SentencePiece ids: ``A </s>`` and ``A </s> B </s>``.

    Args:
        vocab_file: ``spiece.model``, which the original calls ``sentencepiece.model``.
        eos_token: Ends each text.
        unk_token: Stands for what is in no piece.
        pad_token: Fills rows up, and starts what the decoder writes.
        extra_ids: How many sentinels follow the pieces of the model.
        additional_special_tokens: The sentinels, and other tokens; by default the sentinels.
        legacy: Whether a text that follows a special token starts a word even if no space is there.
        original_tokenization: Whether texts are treated exactly as by the original code, see the module.
        **settings: ``tokenizer_object``, ``tokenizer_file``, and see :class:`~transformers.PreTrainedTokenizerBase`.

    Raises:
        UserError: ``extra_ids`` and the sentinels in ``additional_special_tokens`` are not equally many.
    """

    original_vocab_files: ClassVar[Mapping[str, str]] = {"vocab_file": "sentencepiece.model"}
    input_template = InputTemplate("A eos", "A eos B eos")
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        eos_token: str | AddedToken = "</s>",
        unk_token: str | AddedToken = "<unk>",
        pad_token: str | AddedToken = "<pad>",
        extra_ids: int = _EXTRA_IDS,
        additional_special_tokens: Sequence[str | AddedToken] | None = None,
        legacy: bool | None = None,
        *,
        original_tokenization: bool = False,
        **settings: Any,
    ) -> None:
        self.legacy = legacy is not False
        tokens = [special_token(token) for token in additional_special_tokens or ()]
        present = [token for token in tokens if _SENTINEL.fullmatch(token.content)]
        if present and extra_ids and len(present) != extra_ids:
            raise UserError(
                f"extra_ids is {extra_ids}, but additional_special_tokens has {len(present)} sentinels.",
                advice="Leave one of them out.",
            )
        sentinels = [f"<extra_id_{number}>" for number in range(extra_ids)]
        restored = bool(settings.get("added_tokens_decoder"))  # and the list of tokens is as somebody left it

        def build(model: SentencePieceModel) -> Tokenizer:
            if not (original_tokenization and extra_ids):
                scheme = "always" if self.legacy else "first"
                return unigram_engine(model, more_pieces=sentinels[::-1], space_in_front=scheme)
            engine = unigram_engine(model, more_pieces=sentinels[::-1], split=_at_starts_of_words(extra_ids))
            space_before_sentinels = decoders.Replace("<extra_id_", f"{SPACE}<extra_id_")
            engine.decoder = decoders.Sequence([space_before_sentinels, engine.decoder])
            return engine

        super().__init__(
            build,
            vocab_file,
            original_tokenization=original_tokenization,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            extra_ids=extra_ids,
            additional_special_tokens=tokens if present or restored else [*tokens, *sentinels],
            legacy=self.legacy,
            **settings,
        )

    @classmethod
    def original_assumptions(cls, files: Mapping[str, str | os.PathLike[str]]) -> tuple[str, ...]:  # noqa: ARG003
        """What :meth:`from_original` assumes, with the reasons, for a report."""
        return (f"extra_ids = {_EXTRA_IDS} (the number of sentinels in all released models)",)

    def get_sentinel_tokens(self) -> list[str]:
        """The sentinels."""
        return [token for token in self.additional_special_tokens if _SENTINEL.fullmatch(token)]

    def get_sentinel_token_ids(self) -> list[int | None]:
        """The ids of the sentinels."""
        return self.convert_tokens_to_ids(self.get_sentinel_tokens())


T5TokenizerFast = T5Tokenizer


def _at_starts_of_words(extra_ids: int) -> list[pre_tokenizers.PreTokenizer]:
    """Makes sentinels at the starts of words the piece of that name, and all others ordinary characters."""
    tail = f"extra_id_(?:{'|'.join(map(str, range(extra_ids)))})>"
    return [
        pre_tokenizers.Split(Regex(f"(?<=[^{SPACE}])<(?={tail})"), "merged_with_previous"),
        pre_tokenizers.Split(Regex(f"{SPACE}<{tail}"), "isolated"),
        pre_tokenizers.Split(Regex(f"{SPACE}(?=<{tail})"), "removed"),
    ]

"""OpenAI GPT's byte-pair tokenizer.

The rules are those of ``text_utils.py`` in openai/finetune-transformer-lm: the text is repaired by ftfy, standardised,
and split into words by the rules of spaCy's English tokenizer, for which no model is needed. Both packages are optional
(``pip install 'transformers[gpt]'``). Without them texts are split as by BERT, which loses accents, line ends and
contractions, and a warning says so.

The Hub's tokenizer differs from the original in that it recognises ``<unk>`` in a text. With ``original_tokenization``,
which a conversion writes, that is ordinary text. (Where both packages are there, the older library puts spaces around
backslashes, too. That is a slip in its copy of a pattern, of which no model knows; here it is as in the original.)

``tokenizer.json`` describes the splitting without the packages: an engine can do no better.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from ...tokenization_bpe import read_vocabulary_and_merges
from ...tokenization_files import TOKENIZER, load_engine
from ...tokenization_padding import EncodingOptions
from ...tokenization_prepared import Pieces, PreparedTokenizer

__all__ = ["OpenAIGPTTokenizer", "OpenAIGPTTokenizerFast"]

logger = logging.getLogger(__name__)

_END_OF_WORD = "</w>"

_PUNCTUATION = str.maketrans({"—": "-", "–": "-", "―": "-", "…": "...", "´": "'"})
#: Runs of one character. The original's pattern seems to name the backslash, too, but to Python it escapes a plus.
_RUN = re.compile(r"""([-~!";?+,)(/*\[\]}{|_])\1*""")
_LINE_END = re.compile(r"\s*\n\s*")
_SPACES = re.compile(r"[^\S\n]+")


class OpenAIGPTTokenizer(PreparedTokenizer):
    """Text to byte-pair ids, all in lower case; no special tokens are added.

    Args:
        vocab_file: ``vocab.json``, which the original calls ``encoder_bpe_40000.json``.
        merges_file: ``merges.txt``, which the original calls ``vocab_40000.bpe``.
        unk_token: Stands for characters that the vocabulary lacks.
        pad_token: Fills rows up; the original has none.
        tokenizer_object: An engine, instead of the vocabulary files.
        tokenizer_file: A ``tokenizer.json``, instead of the vocabulary files.
        original_tokenization: Whether ``<unk>`` in a text is ordinary text, as for the original code.
        **settings: See :class:`~transformers.PreTrainedTokenizerBase`.
    """

    vocab_files_names = {"vocab_file": "vocab.json", "merges_file": "merges.txt", "tokenizer_file": TOKENIZER}  # noqa: RUF012
    original_vocab_files = {"vocab_file": "encoder_bpe_40000.json", "merges_file": "vocab_40000.bpe"}  # noqa: RUF012
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        merges_file: str | os.PathLike[str] | None = None,
        unk_token: str | AddedToken = "<unk>",
        pad_token: str | AddedToken | None = None,
        *,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        engine = tokenizer_object
        if engine is None and tokenizer_file is not None:
            engine = load_engine(tokenizer_file)
        if engine is None:
            engine = _engine_of_files(vocab_file, merges_file, str(getattr(unk_token, "content", unk_token)))
        super().__init__(tokenizer_object=engine, unk_token=unk_token, pad_token=pad_token, **settings)
        if not has_packages():
            logger.warning(
                "Texts are split as by BERT, not as by the original of %s: for that it needs ftfy and spaCy "
                "(pip install 'transformers[gpt]').",
                type(self).__name__,
            )

    @property
    def do_lower_case(self) -> bool:
        """Whether texts are lower-cased: always."""
        return True

    @property
    def _engine_splits(self) -> bool:
        return not has_packages()

    def _split(self, text: str, options: EncodingOptions) -> Iterator[Pieces]:
        cut = self._engine.model.tokenize
        for word in original_words()(text):
            yield [token.value for token in cut("\n" if word == "\n " else word.lower())]


OpenAIGPTTokenizerFast = OpenAIGPTTokenizer


@functools.cache
def has_packages() -> bool:
    """Whether the packages are there with which the original splits texts."""
    return all(map(importlib.util.find_spec, ("ftfy", "spacy")))


@functools.cache
def original_words() -> Callable[[str], list[str]]:
    """What splits a text into words as the original does, with its packages."""
    from ftfy import fix_text
    from spacy.lang.en import English

    tokenize = English().tokenizer

    def words(text: str) -> list[str]:
        return [token.text for token in tokenize(standardised(fix_text(text)))]

    return words


def standardised(text: str) -> str:
    """A text with simpler punctuation, spaces around most of it, and single spaces."""
    spaced = _RUN.sub(r" \g<0> ", text.translate(_PUNCTUATION))
    return _SPACES.sub(" ", _LINE_END.sub(" \n ", spaced)).strip()


def _engine_of_files(
    vocab_file: str | os.PathLike[str] | None, merges_file: str | os.PathLike[str] | None, unknown: str
) -> Tokenizer:
    """An engine without special tokens that splits texts as BERT."""
    vocabulary, merges = read_vocabulary_and_merges("OpenAIGPTTokenizer", vocab_file, merges_file)
    engine = Tokenizer(models.BPE(vocabulary, merges, unk_token=unknown, end_of_word_suffix=_END_OF_WORD))
    engine.normalizer = normalizers.BertNormalizer(lowercase=True)
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.decoder = decoders.BPEDecoder(suffix=_END_OF_WORD)
    return engine

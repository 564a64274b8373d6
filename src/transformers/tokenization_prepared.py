"""The base of tokenizers that split texts in Python, because the rules of the original are no engine's.

The engine numbers the pieces, puts the special tokens around them, and cuts rows that are too long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Unpack, cast

from tokenizers import AddedToken, Encoding

from .errors import UserError
from .tokenization_padding import EncodingOptions, Truncation
from .tokenization_texts import Text, explain_input, is_text
from .tokenization_utils import PreTrainedTokenizerFast

#: The pieces of a word.
Pieces = Sequence[str]
#: The number of a word in its text, None for what was added to it, and its pieces.
Word = tuple[int | None, Pieces]


class PreparedTokenizer(PreTrainedTokenizerFast):
    """A tokenizer that splits texts in Python.

    What it returns knows the words of its tokens, but not their places in the text.
    """

    @property
    def _engine_splits(self) -> bool:
        """Whether the engine has to split texts after all, by rules that come close."""
        return False

    def _split(self, text: str, options: EncodingOptions) -> Iterable[Pieces]:
        """The words of a text, in which there are no added tokens, in pieces of the vocabulary."""
        raise NotImplementedError

    def _run_engine(self, items: list[Any], truncation: Truncation, options: EncodingOptions) -> list[Encoding]:
        if self._engine_splits:
            return super()._run_engine(items, truncation, options)
        if options.get("return_offsets_mapping"):
            raise UserError(
                f"{type(self).__name__} does not know the places of its tokens in a text.",
                advice="With is_split_into_words=True the result's word_ids() says which word each token is a part of.",
            )
        self._limit_engine(items, truncation, options)
        add_special_tokens = options.get("add_special_tokens", True)
        rows = []
        for item in items:
            texts = item if isinstance(item, tuple) else (item,)
            first, *rest = (self._numbered(self._words(text, options), place) for place, text in enumerate(texts))
            rows.append(self._engine.post_process(first, rest[0] if rest else None, add_special_tokens))
        return rows

    def tokenize(self, text: str, pair: str | None = None, **options: Unpack[EncodingOptions]) -> list[str]:
        """The pieces of a text or pair, whether or not the vocabulary has them."""
        if self._engine_splits or not options.keys() <= self.text_options:
            return super().tokenize(text, pair, **options)
        texts = [text] if pair is None else [text, pair]
        return [piece for text in texts for _, pieces in self._words(text, options) for piece in pieces]

    def _words(self, text: Text, options: EncodingOptions) -> list[Word]:
        """The words of a text, given as one or as words that may have several in them."""
        split = options.get("is_split_into_words", False)
        if isinstance(text, str) == split or not all(map(is_text, text if split else (text,))):
            explain_input([text], TypeError())
        pattern = _pattern_of(list(self._engine.get_added_tokens_decoder().values()))
        if not split:
            return list(enumerate(self._pieces(cast("str", text), pattern, options)))
        return [(number, pieces) for number, word in enumerate(text) for pieces in self._pieces(word, pattern, options)]

    def _pieces(self, text: str, pattern: re.Pattern[str] | None, options: EncodingOptions) -> Iterator[Pieces]:
        """The words of a text in pieces; an added token is a word."""
        end = 0
        for match in pattern.finditer(text) if pattern is not None else ():
            yield from self._split(text[end : match.start()], options)
            yield (match[match.lastindex or 0],)
            end = match.end()
        if end < len(text) or end == 0:
            yield from self._split(text[end:], options)

    def _numbered(self, words: Iterable[Word], token_type: int) -> Encoding:
        """The encoding of the words of a text."""
        rows = [(piece, self._id_of(piece), number) for number, pieces in words for piece in pieces]
        unknown = [piece for piece, number, _ in rows if number is None]
        if unknown:
            raise UserError(
                f"The vocabulary has no {', '.join(map(repr, dict.fromkeys(unknown)))[:200]}, and nothing to stand for "
                "what it does not have."
            )
        zeros = [0] * len(rows)
        state = {
            "ids": [number for _, number, _ in rows],
            "type_ids": [token_type] * len(rows),
            "tokens": [piece for piece, _, _ in rows],
            "words": [word for _, _, word in rows],
            "offsets": [(0, 0)] * len(rows),
            "special_tokens_mask": zeros,
            "attention_mask": [1] * len(rows),
            "overflowing": [],
            "sequence_ranges": {},
        }
        encoding = Encoding()
        encoding.__setstate__(json.dumps(state).encode())  # the engine makes encodings of texts only
        return encoding


def _pattern_of(tokens: Sequence[AddedToken]) -> re.Pattern[str] | None:
    """What finds added tokens in a text, the longest first; the group is the token without the space around it."""
    ordered = sorted(tokens, key=lambda token: -len(token.content))
    return re.compile("|".join(map(_pattern_of_token, ordered))) if ordered else None  # re keeps what it compiled


def _pattern_of_token(token: AddedToken) -> str:
    content = f"({re.escape(token.content)})"
    if token.single_word:
        content = rf"(?<!\w){content}(?!\w)"
    return (r"\s*" if token.lstrip else "") + content + (r"\s*" if token.rstrip else "")

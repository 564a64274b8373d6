"""Which texts have just reached a string that ends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..tokenization_utils import PreTrainedTokenizerBase

#: What a decoder writes for bytes that are no character, or not yet.
NO_CHARACTER = "\ufffd"

#: How many tokens before a stop string can change how its beginning is decoded when they are left out: the first token
#: of a text may lose its space, and the first three may be the rest of a UTF-8 character.
_CONTEXT = 4


class StopStrings:
    """Finds stop strings in growing texts.

    A text has reached a stop string if its newest token completes it: the string is in the text as the tokenizer
    decodes it, and was not there, at that place, without that token. It may begin and end anywhere inside tokens.

    Each step decodes only a short end of each text, which is asked no more than whether a stop string could be there.
    White space does not count in that, because a tokenizer may place it by what stands further in front; and where
    bytes are no character there may be one, because they may have been cut off from its first ones. Only if so, the
    whole text is decoded.

    Args:
        tokenizer: What decodes the texts.
        strings: The stop strings.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, strings: Sequence[str]) -> None:
        if not strings or not all(strings):
            raise UserError(f"stop_strings must be strings that are not empty, not {list(strings)!r}.")
        self._tokenizer = tokenizer
        self._strings = tuple(strings)
        self._visible = tuple(_without_spaces(string) or string for string in strings)
        # Each token has a byte at least.
        self.tail = max(len(string.encode()) for string in strings) + _CONTEXT

    def possible(self, tails: Sequence[Sequence[int]]) -> list[int]:
        """The numbers of the texts that could have reached a stop string.

        Args:
            tails: The last ``tail`` tokens of each text, or all if there are fewer.
        """
        texts = self._tokenizer.batch_decode(tails)
        return [number for number, text in enumerate(texts) if self._could_be_in(text)]

    def _could_be_in(self, text: str) -> bool:
        visible = _without_spaces(text)
        return NO_CHARACTER in text or any(string in visible or string in text for string in self._visible)

    def reached(self, tokens: Sequence[int]) -> bool:
        """Whether the newest token of a text completes a stop string."""
        before, text = self._tokenizer.batch_decode([tokens[:-1], tokens])
        old = common_length(before, text)
        return any(text.find(string, max(0, old - len(string) + 1)) >= 0 for string in self._strings)


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def common_length(first: str, second: str) -> int:
    """Number of characters with which both texts begin."""
    if second.startswith(first):
        return len(first)
    return next((index for index, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(second))

"""Texts while they are being written."""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator
from queue import Queue
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..errors import UserError
from .stop_strings import NO_CHARACTER, common_length

if TYPE_CHECKING:
    from ..tokenization_utils import PreTrainedTokenizerBase

#: How vocabularies that spell unknown characters in bytes write these.
_BYTE = re.compile("<0x[0-9A-F]{2}>")

#: The newest tokens that can still change where spaces stand: English contractions have that many (``do n ' t``).
_UNSETTLED = 4


class BaseStreamer(abc.ABC):
    """Gets tokens as soon as they are chosen."""

    @abc.abstractmethod
    def put(self, value: Tensor) -> None:
        """Takes tokens: first the prompts, ``[batch, time]``, then those of one step at a time, ``[batch]``."""

    @abc.abstractmethod
    def end(self) -> None:
        """Takes note that there will be no more."""


class TextStreamer(BaseStreamer):
    """Prints a text while it is being written.

    All pieces together are what the tokenizer's ``decode`` makes of all tokens. What later tokens can change is held
    back: bytes that are no character yet or need not stay one, and the last few tokens where a tokenizer moves spaces.

    Args:
        tokenizer: What decodes the tokens.
        skip_prompt: Whether the prompt is left out.
        **decode_kwargs: Arguments of ``decode``, such as ``skip_special_tokens``.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, skip_prompt: bool = False, **decode_kwargs: Any) -> None:
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.decode_kwargs = decode_kwargs
        self._left_out = frozenset(tokenizer.all_special_ids if decode_kwargs.get("skip_special_tokens") else ())
        self._begin()

    def _begin(self) -> None:
        self._tokens: list[int] = []
        self._length = 0  # of what has been printed
        self._prompt_comes = True

    def put(self, value: Tensor) -> None:
        """Prints what has become certain with the prompt, ``[1, time]``, or with the next token, ``[1]``.

        Raises:
            UserError: There is more than one text.
        """
        if value.ndim > 1 and value.shape[0] > 1:
            raise UserError(
                f"{type(self).__name__} prints one text, and there are {value.shape[0]}.",
                advice="Give generate() one prompt, or a streamer of your own, a subclass of BaseStreamer.",
            )
        skipped, self._prompt_comes = self._prompt_comes and self.skip_prompt, False
        if not skipped:
            self._tokens += value.flatten().tolist()
            self._print(self._settled(), stream_end=False)

    def end(self) -> None:
        """Prints the rest; the next tokens begin another text."""
        self._print(self._decoded(self._tokens), stream_end=True)
        self._begin()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Prints a piece of the text; a subclass can do something else with it.

        Args:
            text: The piece, which can be empty at the end.
            stream_end: Whether it is the last one.
        """
        print(text, flush=True, end="\n" if stream_end else "")

    def _print(self, text: str, *, stream_end: bool) -> None:
        """Prints what has not been printed of the text so far."""
        piece, self._length = text[self._length :], max(self._length, len(text))
        if piece or stream_end:
            self.on_finalized_text(piece, stream_end=stream_end)

    def _settled(self) -> str:
        """The text so far without what later tokens can change."""
        text = self._decoded(self._without_last_bytes()).rstrip(NO_CHARACTER)
        if not self._moves_spaces:
            return text
        return text[: common_length(text, self._decoded(self._tokens[:-_UNSETTLED]))]

    def _without_last_bytes(self) -> list[int]:
        """The tokens so far up to a run of bytes at the end: one more byte may leave no character of all of them."""
        end = len(self._tokens)
        while end and self._goes_on_with_bytes(self._tokens[end - 1]):
            end -= 1
        return self._tokens[:end]

    def _goes_on_with_bytes(self, token: int) -> bool:
        """Whether a run of bytes does not end before this token."""
        return token in self._left_out or bool(_BYTE.fullmatch(self.tokenizer.convert_ids_to_tokens(token) or ""))

    @property
    def _moves_spaces(self) -> bool:
        cleans_up = self.decode_kwargs.get("clean_up_tokenization_spaces")
        if cleans_up is None:
            cleans_up = self.tokenizer.clean_up_tokenization_spaces
        return cleans_up or self.tokenizer.joins_words_by_context

    def _decoded(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, **self.decode_kwargs)


class TextIteratorStreamer(TextStreamer):
    """Gives the pieces of a text to a loop, while ``generate()`` runs in another thread.

    Args:
        tokenizer: What decodes the tokens.
        skip_prompt: Whether the prompt is left out.
        timeout: For how many seconds the loop waits for a piece before :class:`queue.Empty` is raised; None: for ever.
        **decode_kwargs: Arguments of ``decode``, such as ``skip_special_tokens``.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.timeout = timeout
        self._pieces: Queue[str | None] = Queue()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Puts a piece where the loop finds it."""
        if text:
            self._pieces.put(text)
        if stream_end:
            self._pieces.put(None)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        piece = self._pieces.get(timeout=self.timeout)
        if piece is None:
            raise StopIteration
        return piece

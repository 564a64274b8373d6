"""Writing texts token by token: the likeliest one at each step, or one that is drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..errors import UserError
from .configuration import GenerationConfig
from .logits_process import LogitsProcessorList
from .outputs import Records
from .reader import Reader

if TYPE_CHECKING:
    from .stopping_criteria import StoppingCriteriaList
    from .streamers import BaseStreamer


@dataclass
class Texts:
    """The texts of a batch, in a buffer with room for all the tokens that may come.

    Attributes:
        buffer: The tokens, ``[texts, room]``. Behind ``length`` it has no meaning.
        length: Number of tokens so far, the prompt included.
        hidden: How many of the first tokens only hold the place of embeddings and are none that come back.
    """

    buffer: Tensor
    length: int
    hidden: int = 0

    @classmethod
    def starting_with(cls, prompt: Tensor, room: int, copies: int = 1, hidden: int = 0) -> Texts:
        """Texts of at most ``room`` tokens, of which ``copies`` each start with a prompt."""
        buffer = prompt.new_empty(prompt.shape[0] * copies, room)
        buffer[:, : prompt.shape[1]] = prompt.repeat_interleave(copies, dim=0)
        return cls(buffer, prompt.shape[1], hidden)

    @property
    def tokens(self) -> Tensor:
        """The tokens so far, ``[texts, length]``."""
        return self.buffer[:, : self.length]

    @property
    def visible(self) -> Tensor:
        """The tokens so far that come back."""
        return self.buffer[:, self.hidden : self.length]

    @property
    def full(self) -> bool:
        """Whether there is no more room."""
        return self.length == self.buffer.shape[1]

    def reorder(self, rows: Tensor, start: int) -> None:
        """Makes text ``i`` what text ``rows[i]`` was; they do not differ before the position ``start``."""
        self.buffer[:, start : self.length] = self.buffer[rows, start : self.length]

    def append(self, tokens: Tensor) -> None:
        """Adds one token to each text, ``[texts]``."""
        self.buffer[:, self.length] = tokens
        self.length += 1


@dataclass(frozen=True)
class Ends:
    """What ends a text.

    Attributes:
        tokens: The tokens that do, or None.
        criteria: What else does.
        pad: What follows the end of a text.
    """

    tokens: Tensor | None
    criteria: StoppingCriteriaList
    pad: int

    @classmethod
    def of(cls, config: GenerationConfig, criteria: StoppingCriteriaList, texts: Tensor) -> Ends:
        """The end tokens of a configuration, and further criteria, for texts ``[texts, room]``.

        Raises:
            UserError: Texts may end before others, and there is nothing that could follow them.
        """
        tokens = config.end_tokens
        # Older configurations say -1 where there is no such token.
        pad = next((token for token in (config.pad_token_id, *tokens) if token is not None and token >= 0), None)
        if pad is None and criteria and texts.shape[0] > 1:
            raise UserError(
                "One text may end before another, and there is no pad_token_id that could follow it.",
                advice="Pass pad_token_id.",
            )
        return cls(torch.tensor(tokens, device=texts.device) if tokens else None, criteria, pad or 0)

    @property
    def possible(self) -> bool:
        """Whether a text can end before it has its full length."""
        return self.tokens is not None or bool(self.criteria)

    def reached(self, texts: Tensor, scores: Tensor) -> Tensor:
        """Which texts end with their last token, ``[texts]``.

        Args:
            texts: The tokens so far, ``[texts, length]``.
            scores: What the last one was chosen by, ``[texts, vocabulary]``.
        """
        last = texts[:, -1]
        ended = torch.zeros_like(last, dtype=torch.bool) if self.tokens is None else torch.isin(last, self.tokens)
        return ended | self.criteria(texts, scores) if self.criteria else ended


@dataclass(frozen=True)
class Task:
    """What a strategy works with.

    Attributes:
        texts: The prompts, to which tokens are added.
        reader: The model.
        processors: What is done to its scores.
        ends: What ends a text.
        records: Where logits and scores are kept.
    """

    texts: Texts
    reader: Reader
    processors: LogitsProcessorList
    ends: Ends
    records: Records

    def next_scores(self, *, normalized: bool) -> Tensor:
        """What the next tokens are chosen by, ``[texts, vocabulary]``.

        Args:
            normalized: Whether processors get the logarithms of probabilities instead of the model's scores.
        """
        logits = self.reader.read(self.texts.tokens)
        scores = self.processors(self.texts.visible, logits.log_softmax(-1) if normalized else logits)
        self.records.keep_scores(logits=logits, scores=scores)
        return scores


class Written(NamedTuple):
    """The result of a strategy.

    Attributes:
        sequences: The texts, ``[returned, length]``.
        scores: With beams, their scores, ``[returned]``, the best text of each prompt first.
        beam_indices: With beams, in which row of the batch each new token was chosen, ``[returned, new tokens]``; -1
            behind the end.
    """

    sequences: Tensor
    scores: Tensor | None = None
    beam_indices: Tensor | None = None


def token_choice(config: GenerationConfig, generator: torch.Generator | None) -> Callable[[Tensor], Tensor]:
    """How the next token is chosen, ``[texts, vocabulary]`` -> ``[texts]``: the likeliest, or by its probability."""
    if not config.do_sample:
        return lambda scores: scores.max(-1).indices  # the same as argmax, in a third of its time on a CPU
    return lambda scores: drawn(scores, 1, generator).squeeze(1)


def drawn(scores: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Places that are drawn by their probabilities, none of them twice.

    Args:
        scores: ``[rows, places]``.
        count: How many for each row.
        generator: Where random numbers come from; torch's global generator if None.

    Returns:
        ``[rows, count]``.

    Raises:
        UserError: There is a row from which nothing can be drawn.
    """
    # There are faster ways on a CPU, but this is the one by which a seed gives the texts that it gives elsewhere.
    try:
        return torch.multinomial(scores.softmax(-1), count, generator=generator)
    except RuntimeError as error:
        raise UserError("No token can be drawn: there are scores that are no numbers, or all are -inf.") from error


def write(task: Task, choose: Callable[[Tensor], Tensor], streamer: BaseStreamer | None = None) -> Written:
    """Adds token after token until the texts are full or have all ended; padding follows the end of a text.

    Args:
        task: What to work with.
        choose: Scores -> tokens, see :func:`token_choice`.
        streamer: Gets the prompts, and each token as soon as it is chosen.
    """
    texts, ends = task.texts, task.ends
    unfinished = torch.ones_like(texts.buffer[:, 0], dtype=torch.bool)
    with _streaming(streamer, texts) as show:
        while not texts.full:
            scores = task.next_scores(normalized=False)
            tokens = choose(scores)
            if ends.possible:
                tokens = torch.where(unfinished, tokens, ends.pad)
            texts.append(tokens)
            show(tokens)
            if ends.possible:
                unfinished &= ~ends.reached(texts.visible, scores)
                if not bool(unfinished.any()):
                    break
    return Written(texts.visible.clone())


@contextlib.contextmanager
def _streaming(streamer: BaseStreamer | None, texts: Texts) -> Iterator[Callable[[Tensor], None]]:
    """A function that shows the streamer, if there is one, the tokens of a step; it has been shown the prompts."""
    if streamer is None:
        yield lambda _: None
        return
    try:
        streamer.put(texts.visible.cpu())
        yield lambda tokens: streamer.put(tokens.cpu())
    finally:
        streamer.end()  # whoever waits for the rest must not wait for ever

"""The texts that are being written, and how the next token of each is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .logits_process import LogitsProcessorList


@dataclass
class Texts:
    """The texts of a batch, in a buffer with room for all the tokens that may come.

    Attributes:
        buffer: The tokens, ``[batch, room]``. Behind ``length`` it has no meaning.
        length: Number of tokens so far, the prompt included.
        ends: The tokens that end a text, or None if none does.
        pad: What follows the end of a text.
        unfinished: Which texts go on, ``[batch]``.
    """

    buffer: Tensor
    length: int
    ends: Tensor | None
    pad: int
    unfinished: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.unfinished = torch.ones_like(self.buffer[:, 0], dtype=torch.bool)

    @classmethod
    def starting_with(cls, prompt: Tensor, room: int, ends: Sequence[int], pad: int) -> Texts:
        """Texts of at most ``room`` tokens that start with the given ones."""
        buffer = prompt.new_empty(prompt.shape[0], room)
        buffer[:, : prompt.shape[1]] = prompt
        return cls(buffer, prompt.shape[1], torch.tensor(ends, device=prompt.device) if ends else None, pad)

    @property
    def tokens(self) -> Tensor:
        """The tokens so far, ``[batch, length]``."""
        return self.buffer[:, : self.length]

    @property
    def complete(self) -> bool:
        """Whether there is no more room, or every text has ended."""
        if self.length == self.buffer.shape[1]:
            return True
        return self.ends is not None and not bool(self.unfinished.any())

    def append(self, tokens: Tensor) -> None:
        """Adds one token to each text, ``[batch]``; texts that have ended get padding instead."""
        if self.ends is not None:
            tokens = torch.where(self.unfinished, tokens, self.pad)
            self.unfinished &= ~torch.isin(tokens, self.ends)
        self.buffer[:, self.length] = tokens
        self.length += 1


@dataclass(frozen=True)
class TokenInputs:
    """What a model is told about each token besides its id, for the prompt and for all the tokens that may come.

    Attributes:
        attention_mask: 1 for real tokens, 0 for padding, ``[batch, room]``; None if no prompt is padded.
        others: Further arguments of the model's forward pass with a value for each token, ``[batch, room]``.
    """

    attention_mask: Tensor | None
    others: dict[str, Tensor]

    def until(self, length: int) -> dict[str, Any]:
        """The arguments for the first tokens."""
        arguments = {name: values[:, :length] for name, values in self.others.items()}
        mask = None if self.attention_mask is None else self.attention_mask[:, :length]
        return {"attention_mask": mask, **arguments}


def extended(values: Tensor, room: int) -> Tensor:
    """``[batch, prompt]`` -> ``[batch, room]``: what holds for the last token of a prompt holds for those after it."""
    return torch.cat([values, values[:, -1:].expand(-1, room - values.shape[1])], dim=1)


def positions(attention_mask: Tensor) -> Tensor:
    """Positions that count real tokens only, so that a padded prompt stands where it would stand alone."""
    return (attention_mask.cumsum(-1) - 1).clamp(min=0)


def likeliest(scores: Tensor) -> Tensor:
    """The token with the highest score, ``[batch, vocabulary]`` -> ``[batch]``."""
    return scores.argmax(-1)


def drawn(generator: torch.Generator | None) -> Callable[[Tensor], Tensor]:
    """A function that draws a token by its probability, ``[batch, vocabulary]`` -> ``[batch]``."""
    return lambda scores: torch.multinomial(scores.softmax(-1), 1, generator=generator).squeeze(1)


def write(
    texts: Texts,
    next_scores: Callable[[Texts], Tensor],
    processors: LogitsProcessorList,
    choose: Callable[[Tensor], Tensor],
) -> Tensor:
    """Adds token after token until the texts are complete.

    Args:
        texts: The prompts.
        next_scores: The model's step: texts -> scores of their next tokens, ``[batch, vocabulary]``.
        processors: What is done to the scores.
        choose: Scores -> tokens, ``[batch]``.

    Returns:
        The tokens, prompts included, ``[batch, length]``.
    """
    while not texts.complete:
        texts.append(choose(processors(texts.tokens, next_scores(texts))))
    return texts.tokens.clone()

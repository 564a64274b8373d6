"""Search with beams: for each prompt the best few texts are continued, and the best that have ended are kept.

The score of a text is the sum of the logarithms of its new tokens' probabilities; one that has ended is judged by its
score divided by (number of new tokens) ** ``length_penalty``.

Shapes: prompts, beams, candidates (at least twice as many as beams, so that there are enough even if every beam's best
continuation ends it), steps (the greatest number of new tokens).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from .configuration import GenerationConfig
from .decoding import Ends, Task, Texts, Written, drawn

#: Added to the score of what is to be continued only if there is nothing else. Finite, because where processors leave
#: fewer tokens than there are beams there is nothing else.
_UNWANTED = -1e9


class Candidates(NamedTuple):
    """Continuations of the beams by one token, ``[prompts, candidates]`` each.

    Attributes:
        scores: The sums of the logarithms.
        beams: Which beam of the prompt is continued.
        tokens: By which token.
    """

    scores: Tensor
    beams: Tensor
    tokens: Tensor


#: Chooses candidates: scores ``[prompts, beams * vocabulary]`` and a number -> the scores of that many, and where they
#: stand, ``[prompts, number]`` each.
CandidateChoice: TypeAlias = Callable[[Tensor, int], tuple[Tensor, Tensor]]


def candidate_choice(config: GenerationConfig, generator: torch.Generator | None) -> CandidateChoice:
    """How candidates are chosen: the best, or by their probabilities, none of them twice."""

    def best(totals: Tensor, count: int) -> tuple[Tensor, Tensor]:
        candidates = totals.topk(count)
        return candidates.values, candidates.indices

    def draw(totals: Tensor, count: int) -> tuple[Tensor, Tensor]:
        places = drawn(totals, count, generator)
        return totals.gather(1, places), places

    return draw if config.do_sample else best


@dataclass
class Hypotheses:
    """The best texts that have ended, the best one first, ``[prompts, beams]`` each.

    Attributes:
        scores: Divided by the power of their length; -inf where there is none yet.
        steps: The step at which they ended; -1 where there is none yet.
        beams: The beam whose continuation they are.
        tokens: Their last token.
    """

    scores: Tensor
    steps: Tensor
    beams: Tensor
    tokens: Tensor

    @classmethod
    def none_yet(cls, prompts: int, beams: int, device: torch.device) -> Hypotheses:
        """Places for texts."""
        zeros = torch.zeros(prompts, beams, dtype=torch.long, device=device)
        return cls(torch.full((prompts, beams), float("-inf"), device=device), zeros - 1, zeros, zeros)

    @property
    def complete(self) -> Tensor:
        """Which prompts have as many as are kept, ``[prompts]``."""
        return (self.steps >= 0).all(1)

    @property
    def worst(self) -> Tensor:
        """The score that another text must exceed, ``[prompts]``."""
        return self.scores[:, -1]

    def add(self, candidates: Candidates, scores: Tensor, step: int) -> None:
        """Keeps the best of those so far and the given ones, whose scores are -inf if they have not ended."""
        best = torch.cat([self.scores, scores], 1).topk(self.scores.shape[1])
        steps = torch.full_like(candidates.tokens, step).masked_fill(scores == float("-inf"), -1)

        def chosen(old: Tensor, new: Tensor) -> Tensor:
            return torch.cat([old, new], 1).gather(1, best.indices)

        self.scores = best.values
        self.steps = chosen(self.steps, steps)
        self.beams, self.tokens = chosen(self.beams, candidates.beams), chosen(self.tokens, candidates.tokens)


class BeamSearch:
    """The beams of a batch of prompts, and the texts found so far.

    The tokens of each beam are kept with their origins, from which the texts are put together in the end, so that no
    text is copied when it is found.

    Args:
        texts: The prompts, ``num_beams`` times each.
        config: ``num_beams``, ``num_return_sequences``, ``length_penalty`` and ``early_stopping``.
        ends: What ends a text.
    """

    def __init__(self, texts: Texts, config: GenerationConfig, ends: Ends) -> None:
        self.texts = texts
        self._ends = ends
        self._returned = config.num_return_sequences
        self._length_penalty = config.length_penalty
        self._early_stopping = config.early_stopping
        self._prompt = texts.length
        rows, room = texts.buffer.shape
        beams, steps, device = config.num_beams, room - texts.length, texts.buffer.device
        prompts = rows // beams
        self._candidates = max(2, 1 + (0 if ends.tokens is None else len(ends.tokens))) * beams
        self._scores = torch.full((prompts, beams), _UNWANTED, device=device)
        self._scores[:, 0] = 0  # all beams of a prompt are the same at first
        self._first_rows = torch.arange(0, rows, beams, device=device)[:, None]
        self._origins = torch.empty(steps, prompts, beams, dtype=torch.long, device=device)
        self._tokens = torch.empty_like(self._origins)
        self._found = Hypotheses.none_yet(prompts, beams, device)
        self._open = torch.ones(prompts, dtype=torch.bool, device=device)

    @property
    def step(self) -> int:
        """Number of tokens that each beam has been given."""
        return self.texts.length - self._prompt

    @property
    def complete(self) -> bool:
        """Whether no better text can be found."""
        return self.texts.full or (self._ends.possible and not bool(self._open.any()))

    def advance(self, scores: Tensor, choose: CandidateChoice) -> Tensor:
        """Gives each beam a token.

        Args:
            scores: The logarithms of the probabilities, ``[prompts * beams, vocabulary]``.
            choose: Which candidates to look at: see :func:`candidate_choice`.

        Returns:
            Which row of the batch each beam continues, ``[prompts * beams]``.
        """
        totals = (scores.view(*self._scores.shape, -1) + self._scores[..., None]).flatten(1)
        best, places = choose(totals, min(self._candidates, totals.shape[1]))
        vocabulary = scores.shape[1]
        candidates = Candidates(best, places.div(vocabulary, rounding_mode="floor"), places % vocabulary)
        ended = self._ended(candidates, scores)
        if ended is not None:
            self._keep(candidates, ended)
        rows = self._continue(candidates, ended)
        if self._ends.possible and ended is not None:
            self._open &= self._may_improve() & ~ended.all(1)
        return rows

    def _ended(self, candidates: Candidates, scores: Tensor) -> Tensor | None:
        """Which candidates end, ``[prompts, candidates]``; None if none can."""
        if self.step + 1 == self._origins.shape[0]:
            return torch.ones_like(candidates.tokens, dtype=torch.bool)
        if not self._ends.possible:
            return None
        if self._ends.tokens is not None and not self._ends.criteria:
            return torch.isin(candidates.tokens, self._ends.tokens)
        rows = (candidates.beams + self._first_rows).flatten()
        texts = torch.cat([self.texts.visible[rows], candidates.tokens.view(-1, 1)], dim=1)
        return self._ends.reached(texts, scores[rows]).view_as(candidates.tokens)

    def _keep(self, candidates: Candidates, ended: Tensor) -> None:
        """Keeps those that have ended of the first candidates, as many as there are beams.

        A text that ends with a token that is not among the likeliest is none that the beams would have gone on with.
        """
        beams = self._scores.shape[1]
        first = Candidates(*(part[:, :beams] for part in candidates))
        scores = first.scores / (self.step + 1) ** self._length_penalty
        self._found.add(first, scores.masked_fill(~(ended[:, :beams] & self._open[:, None]), float("-inf")), self.step)

    def _continue(self, candidates: Candidates, ended: Tensor | None) -> Tensor:
        """Makes the best candidates that have not ended the beams."""
        scores = candidates.scores if ended is None else candidates.scores + ended * _UNWANTED
        self._scores, best = scores.topk(self._scores.shape[1])
        origins, tokens = candidates.beams.gather(1, best), candidates.tokens.gather(1, best)
        self._origins[self.step], self._tokens[self.step] = origins, tokens
        rows = (origins + self._first_rows).flatten()
        self.texts.reorder(rows, self._prompt)
        self.texts.append(tokens.flatten())
        return rows

    def _may_improve(self) -> Tensor:
        """For which prompts a text may still be found that is better than the worst one kept, ``[prompts]``."""
        promising = self._early_stopping == "never" and self._length_penalty > 0
        length = self._origins.shape[0] if promising else self.step
        improves: Tensor = self._scores[:, 0] / length**self._length_penalty > self._found.worst
        return improves & ~self._found.complete if self._early_stopping is True else improves

    def found(self) -> Written:
        """The best texts, put together from their last tokens to their first."""
        steps, beams, last = (
            part[:, : self._returned] for part in (self._found.steps, self._found.beams, self._found.tokens)
        )
        longest = int(steps.max()) + 1
        tokens = torch.full((*steps.shape, longest), self._ends.pad, device=steps.device)
        rows = torch.full_like(tokens, -1)
        for step in reversed(range(longest)):
            ends_here, goes_on = steps == step, steps > step
            token = torch.where(ends_here, last, self._tokens[step].gather(1, beams))
            beams = torch.where(goes_on, self._origins[step].gather(1, beams), beams)
            written = ends_here | goes_on
            tokens[..., step] = torch.where(written, token, self._ends.pad)
            rows[..., step] = torch.where(written, beams + self._first_rows, -1)
        prompts = self.texts.buffer[:: self._scores.shape[1], self.texts.hidden : self._prompt]
        prompts = prompts.repeat_interleave(self._returned, dim=0)
        sequences = torch.cat([prompts, tokens.flatten(0, 1)], dim=1)
        return Written(sequences, self._found.scores[:, : self._returned].flatten(), rows.flatten(0, 1))


def search(task: Task, choose: CandidateChoice, config: GenerationConfig) -> Written:
    """Finds the best continuations of prompts.

    Args:
        task: What to work with; its texts are the prompts, ``num_beams`` times each.
        choose: Which candidates to look at, see :func:`candidate_choice`.
        config: See :class:`BeamSearch`.
    """
    beams = BeamSearch(task.texts, config, task.ends)
    while True:
        rows = beams.advance(task.next_scores(normalized=True), choose)
        if beams.complete:
            return beams.found()
        task.reader.reorder(rows)

"""Why a text ends.

The greatest length and the end tokens need no criterion in ``generate()``, which knows them itself.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import UserError
from .configuration import GenerationConfig
from .stop_strings import StopStrings

if TYPE_CHECKING:
    from ..tokenization_utils import PreTrainedTokenizerBase


class StoppingCriteria(abc.ABC):
    """A reason for a text to end."""

    @abc.abstractmethod
    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor | bool:
        """Which texts end with their newest tokens.

        Args:
            input_ids: The tokens so far, the newest included, ``[batch, time]``.
            scores: What the newest were chosen by, ``[batch, vocabulary]``.
            **kwargs: Nothing in ``generate()``.

        Returns:
            For each text whether it ends, ``[batch]``; or one answer for all.
        """


class StoppingCriteriaList(list[StoppingCriteria]):
    """Reasons of which one is enough."""

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """For each text whether it ends, ``[batch]``; the same arguments as :meth:`StoppingCriteria.__call__`."""
        ended = _for_all(input_ids, False)
        for criterion in self:
            ended = ended | criterion(input_ids, scores, **kwargs)
        return ended


class MaxLengthCriteria(StoppingCriteria):
    """Ends texts at a length.

    Args:
        max_length: Number of tokens, the prompt included.
    """

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Whether the texts are that long, ``[batch]``."""
        return _for_all(input_ids, input_ids.shape[1] >= self.max_length)


class MaxTimeCriteria(StoppingCriteria):
    """Ends texts when time is up.

    Args:
        max_time: Seconds.
        initial_timestamp: When they begin, on the clock of :func:`time.time`; now if None.
    """

    def __init__(self, max_time: float, initial_timestamp: float | None = None) -> None:
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Whether the time is up, ``[batch]``."""
        return _for_all(input_ids, time.time() - self.initial_timestamp > self.max_time)


class EosTokenCriteria(StoppingCriteria):
    """Ends texts at certain tokens.

    Args:
        eos_token_id: The token or tokens.
    """

    def __init__(self, eos_token_id: int | Sequence[int] | Tensor) -> None:
        self.eos_token_id = torch.as_tensor(eos_token_id).reshape(-1)

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Which texts end in one of them, ``[batch]``."""
        return torch.isin(input_ids[:, -1], self.eos_token_id.to(input_ids.device))


class StopStringCriteria(StoppingCriteria):
    """Ends texts at certain strings, which may begin and end anywhere inside tokens.

    A text ends with the first token that makes its decoded form contain a stop string; the rest of that token stays.

    Args:
        tokenizer: What decodes the texts.
        stop_strings: The string or strings.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_strings: str | Sequence[str]) -> None:
        self._strings = StopStrings(tokenizer, [stop_strings] if isinstance(stop_strings, str) else stop_strings)

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Which texts have come to one of them, ``[batch]``."""
        ended = _for_all(input_ids, False)
        for row in self._strings.possible(input_ids[:, -self._strings.tail :].tolist()):
            ended[row] = self._strings.reached(input_ids[row].tolist())
        return ended


def criteria_for(
    config: GenerationConfig, given: Iterable[StoppingCriteria] | None, tokenizer: PreTrainedTokenizerBase | None
) -> StoppingCriteriaList:
    """What ends texts besides their greatest length and the end tokens.

    Args:
        config: The options. The time of ``max_time`` begins now.
        given: The criteria of the caller, which come first.
        tokenizer: What decodes the texts, for ``stop_strings``.

    Raises:
        UserError: There are stop strings, but no tokenizer.
    """
    criteria = StoppingCriteriaList(given or ())
    if config.max_time is not None:
        criteria.append(MaxTimeCriteria(config.max_time))
    if config.stop_strings is not None:
        if tokenizer is None:
            raise UserError("stop_strings need a tokenizer.", advice="Pass generate(…, tokenizer=tokenizer).")
        criteria.append(StopStringCriteria(tokenizer, config.stop_strings))
    return criteria


def _for_all(input_ids: Tensor, value: bool) -> Tensor:
    return torch.full((input_ids.shape[0],), value, dtype=torch.bool, device=input_ids.device)

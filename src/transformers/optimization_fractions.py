"""How the learning rate goes over a training: the schedule objects of :class:`BertAdam` and :class:`OpenAIAdam`.

They speak of fractions where today's schedules speak of steps: with a training of T steps (``t_total``), the progress
of step s is x = s / T, and ``warmup`` is the fraction w of the training in which the factor rises, f(x) = x / w. With
p = (x - w) / (1 - w) it goes on as

    WarmupConstantSchedule                  f = 1
    WarmupLinearSchedule                    f = max(0, 1 - p)
    WarmupCosineSchedule                    f = (1 + cos(2π c p)) / 2           c = ``cycles``, 0.5: one fall
    WarmupCosineWithHardRestartsSchedule    f = (1 + cos(π (c p mod 1))) / 2    c falls
    WarmupCosineWithWarmupRestartsSchedule  the training in c equal parts: in each, a rise, and one fall along a cosine

Sources: BERT (Devlin et al. 2019, appendix A.2) for the linear warm-up and decay, SGDR (Loshchilov and Hutter 2017,
equation 5) for the cosines; what happens outside of the training is what pytorch-pretrained-bert 0.6.2 does: a schedule
that falls along a cosine goes on in waves after its end, one that restarts restarts.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from torch.serialization import add_safe_globals

from .errors import UserError
from .optimization_schedules import cosine_factor, restarted_cosine_factor

logger = logging.getLogger(__name__)

#: The value of ``warmup`` and of ``t_total`` that says that there is none.
NONE = -1


class _LRSchedule(ABC):
    """A factor for the learning rate that depends on the step.

    Args:
        warmup: The fraction of the training in which the factor rises from 0 to 1, below 1; -1 for none.
        t_total: The number of steps of the training; -1 if it is not known, and then the factor is always 1.

    Raises:
        UserError: An argument is outside of its range; all of them are named.
    """

    #: Whether there is anything that an unknown number of steps would undo.
    varies: ClassVar[bool] = True
    #: Whether the factor is meaningless after the last step, so that going on is worth a warning.
    ends: ClassVar[bool] = True

    _warned = False

    def __init__(self, warmup: float = 0.002, t_total: float = NONE) -> None:
        self.warmup = float(warmup)
        self.t_total = float(t_total)
        problems = list(self._problems())
        if problems:
            raise UserError(f"{type(self).__name__} cannot be made:", problems)
        if self.varies and self.t_total < 0 < self.warmup:
            logger.warning("%s has no t_total: the learning rate stays constant.", type(self).__name__)
        self.warmup = max(self.warmup, 0.0)

    def get_lr(self, step: float, nowarn: object = False) -> float:
        """The factor for the learning rate at a step, the first of which is 0.

        Args:
            step: The step.
            nowarn: Anything true if going on after the end is not worth a warning.
        """
        if self.t_total < 0:
            return 1.0
        progress = step / self.t_total
        factor = self.get_lr_(progress)
        if self.ends and progress > 1 and not (self._warned or nowarn):
            self._warned = True
            logger.warning(
                "Step %s is beyond the t_total of %s, %g; the learning rate is what its curve happens to be there.",
                step,
                type(self).__name__,
                self.t_total,
            )
        return factor

    @abstractmethod
    def get_lr_(self, progress: float) -> float:
        """The factor at a progress that is 0 at the first step and 1 when ``t_total`` steps are over."""

    def _problems(self) -> Iterator[str]:
        if not (self.warmup == NONE or 0 <= self.warmup < 1):
            yield f"warmup is {self.warmup:g}; it is a fraction, at least 0 and below 1, or -1 for none"
        if not (self.t_total == NONE or self.t_total > 0):
            yield f"t_total is {self.t_total:g}; it is a number of steps above 0, or -1 if it is not known"


class ConstantLR(_LRSchedule):
    """The factor 1, always."""

    varies = False
    ends = False

    def get_lr_(self, progress: float) -> float:
        return 1.0


class _WarmupSchedule(_LRSchedule):
    """A rise, and what comes after it."""

    def get_lr_(self, progress: float) -> float:
        if progress < self.warmup:
            return progress / self.warmup
        return self._after_warmup((progress - self.warmup) / (1.0 - self.warmup))

    @abstractmethod
    def _after_warmup(self, progress: float) -> float:
        """The factor at a progress that is 0 at the end of the rise and 1 at that of the training."""


class WarmupConstantSchedule(_WarmupSchedule):
    """A linear rise over the fraction ``warmup`` of the training, then 1."""

    ends = False

    def _after_warmup(self, progress: float) -> float:
        return 1.0


class WarmupLinearSchedule(_WarmupSchedule):
    """A linear rise over the fraction ``warmup`` of the training, then a linear fall to 0 at its end."""

    def _after_warmup(self, progress: float) -> float:
        return max(0.0, 1.0 - progress)


class WarmupCosineSchedule(_WarmupSchedule):
    """A linear rise over the fraction ``warmup`` of the training, then a cosine.

    Args:
        warmup: The fraction of the training in which the factor rises, below 1; -1 for none.
        t_total: The number of steps of the training; -1 if it is not known, and then the factor is always 1.
        cycles: How many waves the cosine makes until the end; half a wave is one fall to 0.
    """

    def __init__(self, warmup: float = 0.002, t_total: float = NONE, cycles: float = 0.5) -> None:
        self.cycles = float(cycles)
        super().__init__(warmup, t_total)

    def _after_warmup(self, progress: float) -> float:
        return cosine_factor(progress, self.cycles)


class WarmupCosineWithHardRestartsSchedule(WarmupCosineSchedule):
    """A linear rise over the fraction ``warmup`` of the training, then falls to 0, each of which begins at 1 again.

    Args:
        warmup: The fraction of the training in which the factor rises, below 1; -1 for none.
        t_total: The number of steps of the training; -1 if it is not known, and then the factor is always 1.
        cycles: How many falls, 1 or more.
    """

    def __init__(self, warmup: float = 0.002, t_total: float = NONE, cycles: float = 1.0) -> None:
        super().__init__(warmup, t_total, cycles)

    def _after_warmup(self, progress: float) -> float:
        return restarted_cosine_factor(progress, self.cycles)

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if not self.cycles >= 1:
            yield f"cycles is {self.cycles:g}; there is 1 or more"


class WarmupCosineWithWarmupRestartsSchedule(WarmupCosineWithHardRestartsSchedule):
    """The training in ``cycles`` equal parts, and in each a linear rise and a fall to 0 along half a wave of a cosine.

    Args:
        warmup: The fraction of the whole training that the rise of each part takes, below 1 / ``cycles``; -1 for none.
            The attribute ``warmup`` of the object is the fraction of a part.
        t_total: The number of steps of the training; -1 if it is not known, and then the factor is always 1.
        cycles: How many parts, 1 or more.
    """

    def __init__(self, warmup: float = 0.002, t_total: float = NONE, cycles: float = 1.0) -> None:
        super().__init__(warmup, t_total, cycles)
        self.warmup *= self.cycles

    def get_lr_(self, progress: float) -> float:
        return super().get_lr_((progress * self.cycles) % 1.0)

    def _after_warmup(self, progress: float) -> float:
        return cosine_factor(progress, 0.5)

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.warmup < 1 <= self.warmup * self.cycles:
            yield (
                f"warmup is {self.warmup:g} and cycles {self.cycles:g}; "
                "the rises take warmup * cycles of the training, which must be below 1"
            )


#: What the argument ``schedule`` of the optimizers may be, besides an object.
SCHEDULES: Mapping[str | None, type[_LRSchedule]] = {
    None: ConstantLR,
    "none": ConstantLR,
    "warmup_linear": WarmupLinearSchedule,
    "warmup_constant": WarmupConstantSchedule,
    "warmup_cosine": WarmupCosineSchedule,
}

# The objects stand in the state of an optimizer; a file with it must load without the permission to run what it says.
add_safe_globals(
    [
        ConstantLR,
        WarmupConstantSchedule,
        WarmupLinearSchedule,
        WarmupCosineSchedule,
        WarmupCosineWithHardRestartsSchedule,
        WarmupCosineWithWarmupRestartsSchedule,
    ]
)

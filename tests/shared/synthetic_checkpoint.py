"""Checkpoints that a family's rules describe: every variable of a model class, in small sizes, with random values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers.conversion.family import Family
from transformers.conversion.layout import Layout, VariableTable
from transformers.conversion.rules import Choice, Rules, matches_any

Array = np.ndarray[Any, Any]

#: What optimizers, averaging and training loops leave beside a variable.
SLOTS = ("adam_m", "adam_v", "Adam", "Adam_1", "Momentum", "RMSProp", "lamb_m", "ExponentialMovingAverage")

#: What they leave beside all of them.
TRAINING_STATE = ("global_step", "beta1_power", "beta2_power", "optimizer/iter", "current_loss_scale", "good_steps")


def synthetic_shapes(
    family: Family, architecture: str, sizes: Mapping[str, int], absent: Sequence[str] = ()
) -> dict[str, tuple[int, ...]]:
    """The variables that a model class is converted from, and their shapes.

    Args:
        family: The family.
        architecture: The model class.
        sizes: The sizes of the symbols and the lengths of the indices in the family's rules.
        absent: Variables that a checkpoint of another layout does not have (wildcards over names as the rules spell
            them); all others that a rule asks for are there.
    """
    rules = _chosen(family.rules(architecture), absent)
    layout = Layout(rules, VariableTable({}, family), sizes)
    return {
        source: tuple(size for size in symbolic.sizes(sizes) if size is not None)
        for placed in layout.placed
        for source, symbolic in zip(placed.sources, placed.shapes, strict=True)
    }


def _chosen(rules: Rules, absent: Sequence[str]) -> Rules:
    """Chooses what holds where a variable is there, or is not."""
    chosen: list[Any] = []
    for rule in rules:
        if isinstance(rule, Choice):
            chosen += _chosen(rule.otherwise if matches_any(rule.present.text, absent) else rule.then, absent)
        else:
            chosen.append(rule)
    return tuple(chosen)


def synthetic_arrays(
    family: Family, architecture: str, sizes: Mapping[str, int], seed: int = 0, absent: Sequence[str] = ()
) -> dict[str, Array]:
    """The variables with random values, see :func:`synthetic_shapes`."""
    generator = np.random.default_rng(seed)
    shapes = synthetic_shapes(family, architecture, sizes, absent)
    return {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def with_training_state(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Adds all that trainings are known to leave in a checkpoint; its values are NaN, so that none can pass unseen."""
    state = {f"{name}/{slot}": np.full_like(values, np.nan) for name, values in arrays.items() for slot in SLOTS} | {
        name: np.array(np.nan, np.float32) for name in TRAINING_STATE
    }
    return {**arrays, **state, "global_step": np.array(7, np.int64)}

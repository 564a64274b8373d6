"""OpenAI GPT's optimizer."""

from __future__ import annotations

from transformers.optimization_adam import OpenAIAdam

from .optimization import SCHEDULES, _LRSchedule

__all__ = ["SCHEDULES", "OpenAIAdam", "_LRSchedule"]

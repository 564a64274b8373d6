from __future__ import annotations

import torch

from transformers.generation import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper


def test_processors_of_a_list_follow_each_other() -> None:
    processors = LogitsProcessorList([TemperatureLogitsWarper(2.0), TopKLogitsWarper(1)])
    no_tokens = torch.zeros(1, 0, dtype=torch.long)
    assert processors(no_tokens, torch.tensor([[4.0, 8.0]])).tolist() == [[float("-inf"), 4.0]]

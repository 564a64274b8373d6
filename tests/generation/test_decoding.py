"""The loop that writes one text for each prompt, and what may interfere with it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from tests.shared.tiny_writers import PAD, tiny_gpt2, tiny_t5, token_ids
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from transformers import GenerationConfig
from transformers.errors import UserError
from transformers.generation import BaseStreamer, LogitsProcessor, StoppingCriteria
from transformers.generation.decoding import token_choice

STRATEGIES = pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True, "top_k": 1}])


class FromColumn(StoppingCriteria):
    """Ends each text at a length of its own."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths = torch.tensor(lengths)

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        assert scores.shape == (input_ids.shape[0], 31)
        return input_ids.shape[1] >= self.lengths.repeat_interleave(input_ids.shape[0] // len(self.lengths))


class Forbids(LogitsProcessor):
    def __init__(self, tokens: Tensor) -> None:
        self.tokens = tokens
        self.seen: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.seen.append(input_ids.clone())
        return scores.index_fill(1, self.tokens, float("-inf"))


class Listener(BaseStreamer):
    def __init__(self) -> None:
        self.parts: list[Any] = []

    def put(self, value: Tensor) -> None:
        self.parts.append(value.clone())

    def end(self) -> None:
        self.parts.append("end")


class Waits(TorchDispatchMode):
    """Counts where the host has to wait for what the device computes."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += str(function).startswith(("aten._local_scalar_dense", "aten.nonzero", "aten.equal"))
        return function(*args, **(kwargs or {}))


def waits_per_step(model: Any, **options: Any) -> float:
    counts = []
    for steps in (5, 15):
        with Waits() as waits:
            assert model.generate(token_ids(2, 4), max_new_tokens=steps, **options).shape == (2, 4 + steps)
        counts.append(waits.count)
    return (counts[1] - counts[0]) / 10


@pytest.mark.parametrize(
    "options", [{}, {"do_sample": True, "temperature": 1.5, "top_k": 9, "top_p": 0.9, "min_p": 0.1}]
)
def test_the_device_is_asked_at_most_once_per_step(options: dict[str, Any]) -> None:
    model = tiny_gpt2()
    assert waits_per_step(model, **options) == 0
    never = Forbids(torch.tensor([29]))
    assert waits_per_step(model, eos_token_id=29, logits_processor=[never], **options) == 1


@pytest.mark.parametrize("beams", [1, 3])
def test_nothing_is_drawn_from_scores_that_are_no_numbers(beams: int) -> None:
    class Broken(LogitsProcessor):
        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            return scores.index_fill(0, torch.tensor([1]), float("nan"))

    with pytest.raises(UserError, match="No token can be drawn"):
        tiny_gpt2().generate(
            token_ids(2, 4), max_new_tokens=3, num_beams=beams, do_sample=True, logits_processor=[Broken()]
        )


def test_a_seed_draws_the_tokens_that_torch_draws_for_it() -> None:
    scores = torch.randn(5, 1000, generator=torch.Generator().manual_seed(1))
    choose = token_choice(GenerationConfig(do_sample=True), torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        assert torch.equal(choose(scores), scores.softmax(-1).multinomial(1, generator=generator)[:, 0])


class TestCriteria:
    @STRATEGIES
    def test_each_text_ends_where_its_criterion_says(self, options: dict[str, Any]) -> None:
        model, prompt = tiny_gpt2(), token_ids(2, 4)
        free = model.generate(prompt, max_new_tokens=6, **options)
        criteria = [FromColumn([6, 8])]
        ended = model.generate(prompt, stopping_criteria=criteria, max_new_tokens=10, **options)
        assert ended.shape == (2, 8)
        assert (ended[0, 6:] == PAD).all()
        if "num_beams" not in options:  # beams that go on can still become another text
            assert torch.equal(ended[0, :6], free[0, :6])
            assert torch.equal(ended[1], free[1, :8])

    def test_one_answer_may_hold_for_all(self) -> None:
        class Enough(StoppingCriteria):
            def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> bool:
                return input_ids.shape[1] == 7

        model, prompt = tiny_gpt2(), token_ids(3, 4)
        for options in ({}, {"num_beams": 2}):
            assert model.generate(prompt, stopping_criteria=[Enough()], max_new_tokens=9, **options).shape == (3, 7)

    def test_without_padding_several_texts_cannot_end_apart(self) -> None:
        model, criteria = tiny_gpt2(pad_token_id=None), [FromColumn([6])]
        assert model.generate(token_ids(1, 4), stopping_criteria=criteria, max_new_tokens=9).shape == (1, 6)
        with pytest.raises(UserError, match="pad_token_id"):
            model.generate(token_ids(2, 4), stopping_criteria=[FromColumn([6, 8])], max_new_tokens=9)

    def test_time_runs_out(self) -> None:
        model = tiny_gpt2()
        model.register_forward_hook(lambda *_: time.sleep(0.02))
        assert model.generate(token_ids(1, 4), max_new_tokens=20, max_time=0.001).shape == (1, 5)
        assert model.generate(token_ids(1, 4), max_new_tokens=20, max_time=0.001, num_beams=2).shape == (1, 5)


class TestProcessors:
    @STRATEGIES
    @pytest.mark.parametrize("make", [tiny_gpt2, tiny_t5])
    def test_those_of_the_caller_see_the_texts_and_decide(self, make: Any, options: dict[str, Any]) -> None:
        model, prompt = make(), token_ids(2, 4)
        free = model.generate(prompt, max_new_tokens=5, **options)
        processor = Forbids(free[:, -5:].unique())
        texts = model.generate(prompt, logits_processor=[processor], max_new_tokens=5, **options)
        assert not torch.isin(texts[:, -5:], processor.tokens).any()
        assert [seen.shape[1] for seen in processor.seen] == list(range(texts.shape[1] - 5, texts.shape[1]))
        if "num_beams" not in options:
            assert torch.equal(processor.seen[-1], texts[:, :-1])

    @STRATEGIES
    def test_a_function_may_say_which_tokens_are_allowed(self, options: dict[str, Any]) -> None:
        model, prompt, calls = tiny_gpt2(), token_ids(2, 4), []

        def allowed(index: int, tokens: Tensor) -> list[int]:
            calls.append((index, tokens.shape))
            return [5, 6] if index == 0 else [7, 8, 9]

        texts = model.generate(prompt, prefix_allowed_tokens_fn=allowed, max_new_tokens=5, **options)
        assert set(texts[0, 4:].tolist()) <= {5, 6}
        assert set(texts[1, 4:].tolist()) <= {7, 8, 9}
        assert {index for index, _ in calls} == {0, 1}
        assert {shape for _, shape in calls} == {(length,) for length in range(4, 9)}


class TestStreamers:
    @pytest.mark.parametrize("make", [tiny_gpt2, tiny_t5])
    @pytest.mark.parametrize("options", [{}, {"do_sample": True}])
    def test_prompt_and_tokens_come_one_after_the_other(self, make: Any, options: dict[str, Any]) -> None:
        model, prompt, listener = make(), token_ids(2, 4), Listener()
        texts = model.generate(prompt, streamer=listener, max_new_tokens=5, **options)
        start, *tokens, end = listener.parts
        assert end == "end"
        assert torch.equal(start, texts[:, :-5])
        assert torch.equal(torch.stack(tokens, 1), texts[:, -5:])

    def test_whoever_waits_is_told_when_writing_fails(self) -> None:
        model, listener = tiny_gpt2(), Listener()

        def fail(index: int, tokens: Tensor) -> list[int]:
            raise RuntimeError("no idea")

        with pytest.raises(RuntimeError, match="no idea"):
            model.generate(token_ids(1, 4), streamer=listener, prefix_allowed_tokens_fn=fail, max_new_tokens=5)
        assert listener.parts[-1] == "end"

    @pytest.mark.parametrize("options", [{"num_beams": 2}, {"do_sample": True, "num_return_sequences": 2}])
    def test_they_need_one_text_whose_tokens_are_final(self, options: dict[str, Any]) -> None:
        with pytest.raises(UserError, match="streamer"):
            tiny_gpt2().generate(token_ids(1, 4), streamer=Listener(), max_new_tokens=5, **options)

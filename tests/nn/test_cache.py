from __future__ import annotations

import contextlib
import copy
import itertools
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from transformers.errors import UserError
from transformers.nn.cache import Cache, as_cache

MODES = {"grad": contextlib.nullcontext, "no_grad": torch.no_grad, "inference": torch.inference_mode}


def states(time: int, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 3, time, 4)


@given(
    chunks=st.lists(st.tuples(st.integers(1, 90), st.sampled_from(sorted(MODES))), min_size=1, max_size=6),
    capacity=st.sampled_from([0, 5, 100]),
)
def test_holds_what_was_appended_in_whichever_pieces_and_modes(chunks: list[tuple[int, str]], capacity: int) -> None:
    cache = Cache(capacity=capacity)
    keys, values = [], []
    for time, mode in chunks:
        keys.append(states(time))
        values.append(states(time))
        with MODES[mode]():
            all_keys, all_values = cache.update(0, keys[-1], values[-1])
        assert torch.equal(all_keys, torch.cat(keys, dim=2))
        assert torch.equal(all_values, torch.cat(values, dim=2))
    assert cache.get_seq_length() == sum(time for time, _ in chunks)


def test_reads_like_a_sequence_of_keys_and_values() -> None:
    cache = Cache()
    assert (len(cache), cache.get_seq_length()) == (0, 0)
    first, second = (states(5), states(5)), (states(5), states(5))
    cache.update(0, *first)
    cache.update(1, *second)
    assert len(cache) == 2
    assert torch.equal(cache[1][0], second[0])
    assert torch.equal(cache[-1][1], second[1])
    assert torch.equal(cache.layers[0].values, first[1])
    assert [keys.shape[2] for keys, values in cache] == [5, 5]
    with pytest.raises(IndexError):
        cache[2]


def test_writes_into_one_buffer_where_no_gradient_is_recorded() -> None:
    cache = Cache(capacity=40)
    with torch.no_grad():
        addresses = {cache.update(0, states(1), states(1))[0].data_ptr() for _ in range(40)}
    assert len(addresses) == 1


def test_grows_seldom() -> None:
    cache = Cache()
    with torch.no_grad():
        addresses = [cache.update(0, states(1), states(1))[0].data_ptr() for _ in range(500)]
    moves = sum(1 for old, new in itertools.pairwise(addresses) if old != new)
    assert moves < 10


def test_gradients_flow_through_several_steps() -> None:
    cache = Cache(capacity=10)
    steps = [states(2).requires_grad_() for _ in range(3)]
    total = torch.zeros(())
    for step in steps:
        keys, values = cache.update(0, step, step * 2)
        total = total + (keys * values).sum()
    total.backward()
    for step, uses in zip(steps, (3, 2, 1), strict=True):
        torch.testing.assert_close(step.grad, 4 * uses * step.detach())


def test_steps_without_gradients_do_not_disturb_a_pending_backward_pass() -> None:
    cache, step = Cache(), states(2).requires_grad_()
    keys, _ = cache.update(0, step, step)
    loss = (keys**2).sum()
    with torch.no_grad():
        cache.update(0, states(1), states(1))
    loss.backward()
    torch.testing.assert_close(step.grad, 2 * step.detach())


def test_legacy_tuples_are_not_written_to() -> None:
    start = ((states(3), states(3)),)
    before = copy.deepcopy(start)
    cache = Cache.from_legacy_cache(start)
    with torch.no_grad():
        cache.update(0, states(2), states(2))
        snapshot = cache.to_legacy_cache()
        cache.update(0, states(2), states(2))
        fork = as_cache(snapshot)
        fork.update(0, torch.zeros(2, 3, 1, 4), torch.zeros(2, 3, 1, 4))
    assert torch.equal(start[0][0], before[0][0])
    assert start[0][0].shape[2] == 3
    assert snapshot[0][0].shape[2] == 5
    assert cache.get_seq_length() == 7
    assert cache[0][0][:, :, 5].abs().sum() > 0
    assert fork.get_seq_length() == 6


def test_a_cache_is_taken_as_it_is() -> None:
    cache = Cache()
    assert as_cache(cache) is cache
    assert len(as_cache(None)) == 0


def test_cross_attention_is_stored_once_beside_the_layer() -> None:
    cache = Cache()
    assert cache.cross(0) is None
    cross = (states(7), states(7))
    cache.update(0, states(2), states(2))
    assert cache.cross(0) is None
    cache.store_cross(0, *cross)
    cache.update(0, states(1), states(1))
    assert cache.cross(0) == cross
    assert [tensor.shape[2] for tensor in cache[0]] == [3, 3, 7, 7]
    restored = Cache.from_legacy_cache(cache.to_legacy_cache())
    assert restored.cross(0) == cross


def test_reorder_takes_rows_of_every_layer() -> None:
    cache = Cache(capacity=10)
    with torch.no_grad():
        for layer in range(2):
            cache.update(layer, states(3, batch=3), states(3, batch=3))
        cache.store_cross(0, states(4, batch=3), states(4, batch=3))
        before = cache.to_legacy_cache()
        cache.reorder(torch.tensor([2, 0, 0]))
        for layer in range(2):
            for old, new in zip(before[layer], cache[layer], strict=True):
                assert torch.equal(new, old[[2, 0, 0]])
        added = states(1, batch=3)
        assert torch.equal(cache.update(0, added, added)[0][:, :, 3:], added)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))])
def test_copies_are_independent(duplicate) -> None:
    cache = Cache(capacity=8)
    with torch.no_grad():
        cache.update(0, states(2), states(2))
        other = duplicate(cache)
        cache.update(0, torch.zeros(2, 3, 1, 4), states(1))
        other.update(0, torch.ones(2, 3, 1, 4), states(1))
    assert cache[0][0][:, :, 2].sum() == 0
    assert other[0][0][:, :, 2].sum() == 24


def test_another_batch_size_is_refused() -> None:
    cache = Cache()
    cache.update(0, states(2), states(2))
    with pytest.raises(UserError, match="holds 2 sequences, the input 1"):
        cache.update(0, states(1, batch=1), states(1, batch=1))


def test_a_layer_of_another_number_of_tensors_is_refused() -> None:
    with pytest.raises(UserError, match=r"past_key_values\[0\] has 1 tensors"):
        Cache([(states(2),)])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, str, Any]]:
    """Calls of a cache and the modes that they run in: more positions, another order of rows, a look at what it has."""
    rows, calls = draw(st.integers(1, 4)), []
    for _ in range(draw(st.integers(1, 12))):
        mode = draw(st.sampled_from(["no_grad", "no_grad", "no_grad", "inference", "grad"]))
        kind = draw(st.sampled_from(["update", "update", "reorder", "reorder", "look"]))
        if kind == "update" or not calls:
            calls.append(("update", mode, (rows, draw(st.integers(1, 70)))))
        elif kind == "reorder":
            wanted = rows if draw(st.integers(0, 3)) else draw(st.integers(1, 6))
            calls.append((kind, mode, draw(st.lists(st.integers(0, rows - 1), min_size=wanted, max_size=wanted))))
            rows = wanted
        else:
            calls.append((kind, mode, None))
    return calls


@given(calls=histories(), capacity=st.sampled_from([0, 5, 300]), crossed=st.booleans())
def test_any_history_of_rows_is_what_copying_everything_gives(calls, capacity: int, crossed: bool) -> None:
    cache, layers, looks = Cache(capacity=capacity), 2, []
    expected: list[torch.Tensor] = []
    cross: list[torch.Tensor] = []
    for kind, mode, argument in calls:
        with MODES[mode]():
            if kind == "update":
                rows, time = argument
                for layer in range(layers):
                    new = states(time, batch=rows)
                    keys, values = cache.update(layer, new, -new)
                    if layer == len(expected):
                        expected.append(new)
                        cross.append(states(3, batch=rows))
                        if crossed:
                            cache.store_cross(layer, cross[layer], -cross[layer])
                    else:
                        expected[layer] = torch.cat([expected[layer], new], dim=2)
                    assert torch.equal(keys, expected[layer])
                    assert torch.equal(values, -expected[layer])
            elif kind == "reorder":
                cache.reorder(torch.tensor(argument))
                expected = [held[argument] for held in expected]
                cross = [held[argument] for held in cross]
            else:
                looks.append((cache.to_legacy_cache(), list(expected)))
    looks.append((cache.to_legacy_cache(), list(expected)))
    for seen, then in looks:
        for tensors, held in zip(seen, then, strict=True):
            assert torch.equal(tensors[0], held)
            assert torch.equal(tensors[1], -held)
    for tensors, held in zip(cache, cross, strict=True):
        assert len(tensors) == 4 if crossed else 2
        assert not crossed or (torch.equal(tensors[2], held) and torch.equal(tensors[3], -held))


class Copied(TorchDispatchMode):
    """Counts the numbers that are taken from one place to another."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function.overloadpacket in (torch.ops.aten.index_select, torch.ops.aten.cat, torch.ops.aten.clone):
            self.numbers += result.numel() if result.is_floating_point() else 0
        return result


def beams_of_two_prompts(capacity: int = 60) -> Cache:
    """Three beams for each of two prompts of 40 positions, with an encoder's 7, and 5 positions of their own."""
    cache = Cache(capacity=capacity)
    cache.update(0, states(40), states(40))
    cache.store_cross(0, states(7), states(7))
    cache.reorder(torch.tensor([0, 0, 0, 1, 1, 1]))
    for _ in range(5):
        cache.update(0, states(1, batch=6), states(1, batch=6))
    return cache


@torch.no_grad()
def test_only_what_differs_between_beams_is_copied() -> None:
    cache = beams_of_two_prompts()
    one_position = 2 * 3 * 4
    with Copied() as first:
        cache.reorder(torch.tensor([0, 0, 2, 3, 3, 5]))
    assert first.numbers == 2 * 5 * one_position, "two beams of five positions behind the prompt"
    cache.update(0, states(1, batch=6), states(1, batch=6))
    with Copied() as second:
        cache.reorder(torch.tensor([1, 0, 2, 3, 4, 5]))
    assert second.numbers == 2 * one_position, "the two have parted one position ago"
    with Copied() as third:
        cache.reorder(torch.arange(6))
    assert third.numbers == 0


@torch.no_grad()
def test_keys_of_an_encoder_stay_with_the_prompt() -> None:
    cache = beams_of_two_prompts()
    before = cache.cross(0)
    cache.reorder(torch.tensor([2, 0, 0, 5, 5, 5]))
    assert cache.cross(0) is before
    cache.reorder(torch.tensor([0, 1, 2, 0, 1, 2]))
    assert torch.equal(cache.cross(0)[0][3:], before[0][:3])


@torch.no_grad()
def test_rows_move_within_one_buffer() -> None:
    cache = beams_of_two_prompts()
    addresses = set()
    for step in range(10):
        cache.reorder(torch.tensor([[1, 1, 0, 4, 3, 3], [0, 1, 2, 3, 3, 4]][step % 2]))
        addresses.add(cache.update(0, states(1, batch=6), states(1, batch=6))[0].data_ptr())
    assert len(addresses) == 1

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from transformers.nn.memories import Memories

LAYERS = 2


def states(rows: int, time: int) -> list[torch.Tensor]:
    return [torch.randn(rows, time, 3) for _ in range(LAYERS)]


@given(data=st.data(), before=st.sampled_from([0, 4]), capacity=st.sampled_from([0, 3, 100]))
def test_any_history_of_rows_is_what_copying_everything_gives(data: st.DataObject, before: int, capacity: int) -> None:
    rows, read = data.draw(st.integers(1, 3)), 0
    given_mems = [memory.transpose(0, 1) for memory in states(rows, before)] if before else None
    copies = None if given_mems is None else [memory.clone() for memory in given_mems]
    memories = Memories(given_mems, capacity=capacity)
    expected = copies or [torch.zeros(0, rows, 3)] * LAYERS
    with torch.no_grad():
        for _ in range(data.draw(st.integers(1, 8))):
            new = states(rows, data.draw(st.integers(1, 5)))
            memories.extend(new)
            read += new[0].shape[1]
            expected = [torch.cat([old, more.transpose(0, 1)]) for old, more in zip(expected, new, strict=True)]
            wanted = rows if data.draw(st.booleans()) else data.draw(st.integers(1, 5))
            index = data.draw(st.lists(st.integers(0, rows - 1), min_size=wanted, max_size=wanted))
            memories.reorder(torch.tensor(index))
            expected, rows = [memory[:, index] for memory in expected], wanted
            assert all(torch.equal(*pair) for pair in zip(memories.mems or (), expected, strict=True))
    assert (memories.get_seq_length(), memories.before) == (read, before)
    if given_mems is not None and copies is not None:
        assert all(torch.equal(*pair) for pair in zip(given_mems, copies, strict=True))


def test_what_a_model_returned_takes_the_place_of_what_it_was_given() -> None:
    memories = Memories()
    assert memories.mems is None
    memories.reorder(torch.tensor([0, 0]))
    window = [torch.randn(4, 2, 3) for _ in range(LAYERS)]
    for read in (5, 1, 1):
        memories.replace(window, read)
        memories.reorder(torch.tensor([1, 1]))
        assert all(torch.equal(memory, old[:, [1, 1]]) for memory, old in zip(memories.mems or (), window, strict=True))
    assert memories.get_seq_length() == 7
    memories.replace((), 3)
    assert memories.mems is None

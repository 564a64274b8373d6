from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from transformers.nn.ancestry import Ancestry


@given(data=st.data(), rows=st.integers(1, 4))
def test_rows_share_what_it_says_and_what_it_leaves_out_is_the_same(data: st.DataObject, rows: int) -> None:
    """Texts whose characters are all different, unless they were copied, are rebuilt from the changes alone."""
    ancestry, fresh, texts = Ancestry(rows), iter(range(10**6)), [[] for _ in range(rows)]
    for _ in range(data.draw(st.integers(1, 8))):
        for text in texts:
            text.extend(next(fresh) for _ in range(1))
        index = data.draw(st.lists(st.integers(0, rows - 1), min_size=rows, max_size=rows))
        expected = [texts[row] for row in index]
        shared = [sum(a == b for a, b in zip(old, new, strict=True)) for old, new in zip(texts, expected, strict=True)]
        change = ancestry.follow(torch.tensor(index), len(texts[0]))
        assert change.start == min(shared)
        assert change.targets.tolist() == [
            row for row in range(rows) if index[row] != row and shared[row] < len(texts[0])
        ]
        rebuilt = [list(text) for text in texts]
        for target, source in zip(change.targets.tolist(), change.sources.tolist(), strict=True):
            rebuilt[target][change.start :] = texts[source][change.start :]
        assert rebuilt == expected
        texts = [list(text) for text in expected]


def test_prompts_stay_with_their_rows() -> None:
    ancestry = Ancestry(2)
    assert ancestry.follow(torch.tensor([0, 0, 1, 1]), 3).prompts_change
    assert not ancestry.follow(torch.tensor([1, 1, 2, 3]), 4).prompts_change
    assert ancestry.follow(torch.tensor([2, 1, 2, 3]), 5).prompts_change
    assert not ancestry.follow(torch.tensor([2, 1, 3, 0]), 5).prompts_change

"""A small share of what `utils/fuzz_checkpoints.py` does at night, with memory and time measured exactly."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shared.mutations import Case, Outcome, any_case, cases

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return cases(tmp_path_factory.mktemp("mutations"))


@pytest.fixture(scope="module")
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_checkpoints_that_are_well_are_read(checkpoints: list[Case]) -> None:
    assert {case.folder.name: case.read() for case in checkpoints} == {
        case.folder.name: Outcome.READ for case in checkpoints
    }


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_damaged_checkpoints_are_read_or_refused(checkpoints: list[Case], traced: None, seed: int) -> None:
    random = Random(seed)
    case = any_case(random, checkpoints)
    names = case.damage(random)
    size = sum(file.stat().st_size for file in case.folder.iterdir())
    tracemalloc.reset_peak()
    before, start = tracemalloc.get_traced_memory()[0], time.process_time()
    try:
        case.read()
    finally:
        case.repair(names)
    assert time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] - before < MEGABYTE + 40 * size


def test_damage_reaches_all_depths(checkpoints: list[Case]) -> None:
    outcomes: Counter[Outcome] = Counter()
    for seed in range(200):
        case = any_case(random := Random(seed), checkpoints[:-2])
        names = case.damage(random)
        outcomes[case.read()] += 1
        case.repair(names)
    assert min(outcomes[outcome] for outcome in Outcome) > 20

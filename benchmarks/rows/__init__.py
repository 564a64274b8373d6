"""The rows of the benchmark, a module for each group. Each yields its rows from ``rows(bench)``."""

from __future__ import annotations

from collections.abc import Iterator

from bench import Bench
from contest import Row

from . import computing, conversion, loading, start_up, tokenizing


def all_rows(bench: Bench) -> Iterator[Row]:
    """Every row, in the order in which they are run and reported. Declaring them writes nothing."""
    yield from conversion.rows(bench)
    yield from start_up.rows(bench)
    yield from loading.rows(bench)
    yield from tokenizing.rows(bench)
    yield from computing.rows(bench)

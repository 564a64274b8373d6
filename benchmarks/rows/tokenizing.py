"""Texts to ids in batches, for the families whose tokenizers run on the Rust engine, beside the engine alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench import HERE, Bench, call, compare
from contest import Contestant, OutputsDifferError, Row, Target
from measure import measure
from peers import OURS

ENGINE = "the engine alone"
_PROGRAM = str(HERE / "timed" / "tokenizing.py")

_FAMILIES = {"bert": "BERT", "gpt2": "GPT-2", "albert": "ALBERT", "xlnet": "XLNet", "t5": "T5"}
#: At least 0.9 of the engine's throughput.
_AT_MOST = 1 / 0.9

_SPLIT_NUMBERS = ("albert", "xlnet")
_NUMBERS_NOTE = (
    "Numbers are split from the commas behind them after the segmentation, as by the original, which the engine alone "
    "cannot do. The ids of lines without such numbers are compared; the whole text is timed."
)


def rows(bench: Bench) -> Iterator[Row]:
    """A row for each family."""
    folder = bench.work / "tokenizers"
    for family, title in _FAMILIES.items():
        contestants = [_contestant(bench, name, way, folder / family) for name, way in _WAYS.items()]
        yield Row(
            id=f"tokenize/{family}",
            title=f"5 MB of English in batches of 1000 lines, {title}'s tokenizer",
            contestants=contestants,
            reference=ENGINE,
            targets=(Target("cpu_s", OURS, _AT_MOST, beside=ENGINE),),
            notes=(_NUMBERS_NOTE,) if family in _SPLIT_NUMBERS else (),
            prepare=partial(_prepare, bench, folder),
            check=partial(_check, bench, family, contestants),
            check_runs=True,
        )


_WAYS = {OURS: "library", ENGINE: "engine"}


def _contestant(bench: Bench, name: str, way: str, folder: Path) -> Contestant:
    command = (bench.ours.program("python"), _PROGRAM, way, str(folder), str(folder.parent / "text.txt"))
    return Contestant(name, command, {"TOKENIZERS_PARALLELISM": "false"}, times_itself=True)


def _prepare(bench: Bench, folder: Path) -> None:
    if not folder.exists():
        call((bench.ours.program("python"), str(HERE / "make_tokenizers.py"), str(folder)))


def _check(bench: Bench, family: str, contestants: Sequence[Contestant], ran: frozenset[str]) -> list[str]:
    """The ids must be the same."""
    files = []
    for number, one in enumerate(contestants):
        if one.name in ran:
            files.append(str(bench.output("computed", f"ids-{family}-{number}.npz")))
            flags = ["--numbers_apart"] if family in _SPLIT_NUMBERS else []
            finished = measure([*one.command, "--outputs", files[-1], *flags], one.variables)
            if finished.status != 0:
                raise OutputsDifferError(f"{one.name}: {finished.last_words}")
    return [compare((sys.executable, str(HERE / "compare_outputs.py"), "0", *files))]

"""Names that differ in one number, written as one: ``layer_{0..11}/output``."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"\d+")


def fold_names(names: Iterable[str]) -> list[tuple[str, int]]:
    """Writes names that differ in one number only as one, in the order in which they begin.

    Returns:
        Pairs: what is written, and for how many names it stands.
    """
    frames = {name: _frames(name) for name in names}
    shared = Counter(frame for places in frames.values() for frame, _ in places)
    groups: dict[tuple[str, str], list[str]] = {}
    for name, places in frames.items():
        frame, number = max(places, key=lambda place: shared[place[0]], default=((name, ""), ""))
        groups.setdefault(frame, []).append(number)
    return [(f"{before}{write_numbers(numbers)}{after}", len(numbers)) for (before, after), numbers in groups.items()]


def write_numbers(numbers: Sequence[str]) -> str:
    """``{0..3,7}`` for several numbers as they stand in names, and the number itself for a single one."""
    if len(numbers) == 1:
        return numbers[0]
    ordered = sorted(numbers, key=int)
    runs = itertools.groupby(enumerate(ordered), key=lambda pair: int(pair[1]) - pair[0])
    return f"{{{','.join(_run([number for _, number in run]) for _, run in runs)}}}"


def _run(numbers: Sequence[str]) -> str:
    return numbers[0] if len(numbers) == 1 else f"{numbers[0]}..{numbers[-1]}"


def _frames(name: str) -> list[tuple[tuple[str, str], str]]:
    """Each number in a name, behind what stands before and after it."""
    return [((name[: found.start()], name[found.end() :]), found.group()) for found in _NUMBER.finditer(name)]

"""A row of the benchmark: several ways to do the same job, held against each other in alternating runs."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from measure import Cost, Finished, measure

#: The names of what is measured.
FIGURES = tuple(figure.name for figure in fields(Cost))


class OutputsDifferError(Exception):
    """The contestants did not produce the same, so that there is nothing to time."""


class PreparationError(Exception):
    """The inputs of a row could not be made."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the job of a row.

    Attributes:
        name: How the tables call it.
        command: The program and its arguments.
        variables: Environment variables in addition to the usual ones.
        removed_before: Files and folders that are removed before each run, so that each run does the whole job.
        times_itself: Whether CPU and wall seconds are taken from the JSON object that it prints on its last line
            (``cpu_s``, ``wall_s``) and not from the whole process, whose start and imports are not the question.
        unavailable: Why it cannot run here, or None.
    """

    name: str
    command: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    removed_before: Sequence[Path] = ()
    times_itself: bool = False
    unavailable: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a row is built for: a figure of one contestant, as it is or as a share of another's, and its upper limit.

    Attributes:
        figure: A field of :class:`measure.Cost`.
        of: Name of the contestant.
        at_most: The limit.
        beside: Name of the contestant whose figure is 1, or None for an absolute limit.
    """

    figure: str
    of: str
    at_most: float
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One job.

    Attributes:
        id: Short name, ``group/what``; ``--rows`` selects by it.
        title: What is done, in words.
        contestants: Who does it.
        reference: Name of the contestant beside which the ratios stand.
        targets: What it is built for.
        notes: What a reader must know to judge the figures.
        prepare: Called before the first run: writes the inputs.
        check: Called when every contestant has run once: compares what they produced and returns what it found, in
            words; it is given the names of those that succeeded.
        check_runs: Whether the comparison runs the contestants itself; there is no run before it then.
        removed_after: Files and folders that no later row needs; they stay if the outputs differ.
        per_threads: Whether the row is measured once for each number of threads; otherwise the defaults of each program
            apply, as its user has them.
    """

    id: str
    title: str
    contestants: Sequence[Contestant]
    reference: str
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    prepare: Callable[[], None] | None = None
    check: Callable[[frozenset[str]], Sequence[str]] | None = None
    check_runs: bool = False
    removed_after: Sequence[Path] = ()
    per_threads: bool = False


def with_threads(row: Row, threads: int) -> Row:
    """The row with every contestant limited to a number of threads."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    contestants = [replace(one, variables={**one.variables, **limits}) for one in row.contestants]
    plural = "" if threads == 1 else "s"
    return replace(
        row, id=f"{row.id}@{threads}", title=f"{row.title}, {threads} thread{plural}", contestants=contestants
    )


def hold(row: Row, repeat: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Lets every contestant run once, compares what came out, then times them in turn.

    The first run also warms the page cache and the byte-code caches; it is not counted. The order is turned by one
    place from round to round, so that nobody always comes after the same neighbour.

    Returns:
        The row of the results file.
    """
    result: dict[str, Any] = {
        "id": row.id,
        "title": row.title,
        "reference": row.reference,
        "notes": list(row.notes),
        "checked": [],
        "failure": None,
    }
    failures = {one.name: one.unavailable for one in row.contestants if one.unavailable}
    costs: dict[str, list[Cost]] = {}
    try:
        result["checked"] = _rehearse(row, failures, say)
    except (PreparationError, OutputsDifferError) as error:
        result["failure"] = str(error)
    else:
        costs = _time([one for one in row.contestants if one.name not in failures], repeat, failures, say)
        for path in row.removed_after:
            _remove(path)
    result["contestants"] = [
        {
            "name": one.name,
            "command": list(one.command),
            "failure": failures.get(one.name),
            "median": _median(costs.get(one.name, [])),
            "runs": [asdict(cost) for cost in costs.get(one.name, [])],
        }
        for one in row.contestants
    ]
    result["targets"] = [asdict(target) for target in row.targets]
    return result


def _rehearse(row: Row, failures: dict[str, str], say: Callable[[str], None]) -> list[str]:
    """Runs every contestant once, adds those that fail to ``failures``, and compares what the others produced."""
    if row.prepare:
        row.prepare()
    for contestant in () if row.check_runs else row.contestants:
        if contestant.name not in failures:
            say(f"  first run, not counted: {contestant.name}")
            _, failure = _run(contestant)
            if failure:
                failures[contestant.name] = failure
    if not row.check:
        return []
    return list(row.check(frozenset(one.name for one in row.contestants) - failures.keys()))


def _time(
    contestants: Sequence[Contestant], repeat: int, failures: dict[str, str], say: Callable[[str], None]
) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {one.name: [] for one in contestants}
    for turn in range(repeat):
        shift = turn % max(1, len(contestants))
        for contestant in (*contestants[shift:], *contestants[:shift]):
            cost, failure = _run(contestant)
            if cost is None:
                failures[contestant.name] = failure or ""
                continue
            costs[contestant.name].append(cost)
            say(f"  {contestant.name}: {cost.cpu_s:.3f} s CPU, {cost.wall_s:.3f} s, {cost.peak_resident_mib:.0f} MiB")
    return costs


def _run(contestant: Contestant) -> tuple[Cost | None, str | None]:
    for path in contestant.removed_before:
        _remove(path)
    os.sync()  # what an earlier run has written is not this one's to wait for
    finished = measure(contestant.command, contestant.variables)
    if finished.status != 0:
        return None, finished.last_words
    return (_own_cost(finished) if contestant.times_itself else finished.cost), None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _own_cost(finished: Finished) -> Cost:
    said = json.loads(finished.answer)
    return replace(finished.cost, cpu_s=said["cpu_s"], wall_s=said["wall_s"])


def _median(costs: Sequence[Cost]) -> dict[str, float] | None:
    if not costs:
        return None
    return {figure: statistics.median(getattr(cost, figure) for cost in costs) for figure in FIGURES}

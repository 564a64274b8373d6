from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from report import draw, markdown

COSTS = {"cpu_s": 3.0, "wall_s": 4.0, "peak_anonymous_mib": 100.0, "peak_resident_mib": 1234.0}


def contestant(name: str, factor: float = 1, failure: str | None = None) -> dict[str, Any]:
    median = None if failure else {figure: factor * value for figure, value in COSTS.items()}
    return {"name": name, "failure": failure, "median": median}


def target(at_most: float, of: str = "ours", beside: str | None = "peer", figure: str = "cpu_s") -> dict[str, Any]:
    return {"figure": figure, "of": of, "at_most": at_most, "beside": beside}


def report(*contestants: dict[str, Any], targets: Sequence[dict[str, Any]] = (), failure: str | None = None) -> str:
    return markdown(results(*contestants, targets=targets, failure=failure))


def results(*contestants: dict[str, Any], targets: Sequence[dict[str, Any]] = (), failure: str | None = None) -> Any:
    row = {
        "id": "convert/x", "title": "convert X", "reference": "peer", "notes": ["a note"], "checked": ["equal"],
        "failure": failure, "others_share": 0.25, "contestants": contestants, "targets": targets,
    }  # fmt: skip
    machine = {"processor": "P", "cores": 2, "memory_gib": 8, "kernel": "6", "load_average": 0.1}
    versions = {"ours": {"torch": "2"}}
    return {
        "machine": machine, "commit": "abc", "started": "today", "repeat": 3, "environments": versions, "rows": [row],
    }  # fmt: skip


def test_a_contestant_stands_beside_the_reference() -> None:
    lines = report(contestant("ours", 0.25), contestant("peer")).splitlines()
    assert "| ours | 0.75 | 1 | 25 | 308 | 0.25 | 0.25 |" in lines
    assert "| peer | 3 | 4 | 100 | 1,234 | 1 | 1 |" in lines
    assert "- Other processes used 25% of the machine meanwhile." in lines
    assert {"- a note", "- Compared first: equal"} <= set(lines)


def test_a_failure_stands_in_the_place_of_figures() -> None:
    lines = report(contestant("ours"), contestant("peer", failure="Error: a | b")).splitlines()
    failed, ours = ([line for line in lines if line.startswith(f"| {name} ")] for name in ("peer", "ours"))
    assert failed == ["| peer | fails: Error: a / b | | | | | |"]
    assert ours == ["| ours | 3 | 4 | 100 | 1,234 | – | – |"]
    assert failed[0].count("|") == ours[0].count("|")


def test_a_row_that_was_not_timed_says_why() -> None:
    text = report({**contestant("ours"), "median": None}, failure="not equal: words")
    assert "Not timed: not equal: words" in text
    assert "| ours | – | – | – | – | – | – |" in text


@pytest.mark.parametrize(
    ("factor", "wanted", "line"),
    [
        (0.3, target(0.3), "| convert/x | ours: CPU s / peer | ≤ 0.3 | 0.3 | reached |"),
        (0.31, target(0.3), "| convert/x | ours: CPU s / peer | ≤ 0.3 | 0.31 | **missed** |"),
        (
            1,
            target(250, beside=None, figure="peak_resident_mib"),
            "| convert/x | ours: peak resident MiB | ≤ 250 | 1,234 | **missed** |",
        ),
        (1, target(0.3, beside="nobody"), "| convert/x | ours: CPU s / nobody | ≤ 0.3 | – | not measured |"),
        (1, target(0.3, of="nobody"), "| convert/x | nobody: CPU s / peer | ≤ 0.3 | – | not measured |"),
    ],
)
def test_targets_are_held_against_what_was_measured(factor: float, wanted: dict[str, Any], line: str) -> None:
    assert line in report(contestant("ours", factor), contestant("peer"), targets=[wanted]).splitlines()


def test_charts_name_who_failed(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (chart,) = draw(results(contestant("ours"), contestant("peer", failure="Error")), tmp_path / "latest")
    assert chart == tmp_path / "latest-convert.svg"
    for words in ("convert/x", "ours", "peer", "fails", "1,234"):
        assert f"<!-- {words} -->" in chart.read_text()


def test_a_row_that_was_not_timed_has_no_chart(tmp_path: Path) -> None:
    untimed = {**contestant("ours"), "median": None}
    assert draw(results(untimed, failure="not equal"), tmp_path / "latest") == []

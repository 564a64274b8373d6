from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from contest import Contestant, OutputsDifferError, PreparationError, Row, hold, with_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def busy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk is for figures that mean something."""
    monkeypatch.setattr("os.sync", lambda: None)


def held(*contestants: Contestant, repeat: int = 0, **parts: Any) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    return hold(Row("a/b", "a row", contestants, "peer", **parts), repeat, said.append), said


def shell(name: str, script: str, **parts: Any) -> Contestant:
    return Contestant(name, ("sh", "-c", script), **parts)


def test_contestants_take_turns_after_an_uncounted_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    contestants = [shell(name, f"echo {name} >> {log}") for name in "abc"]
    result, said = held(*contestants, repeat=2)
    assert log.read_text().split() == [*"abc", *"abc", *"bca"]
    assert [len(one["runs"]) for one in result["contestants"]] == [2, 2, 2]
    assert [line.split(":")[0] for line in said if "CPU" in line] == [f"  {name}" for name in "abcbca"]


def test_medians_of_what_a_program_says_of_itself(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = (
        f"echo x >> {count}; n=$(wc -l < {count}); echo noise; echo '{{\"cpu_s\": '$((n * n))', \"wall_s\": '$n'}}'"
    )
    result, _ = held(shell("a", script, times_itself=True), repeat=3)
    median = result["contestants"][0]["median"]
    assert (median["cpu_s"], median["wall_s"]) == (9, 3)  # of the second to the fourth run
    assert median["peak_resident_mib"] > 0


def test_who_fails_or_is_not_there_is_not_timed() -> None:
    gone = shell("gone", "true", unavailable="not installed")
    result, _ = held(shell("a", "true"), shell("b", "echo why >&2; false"), gone, repeat=1)
    assert [(one["failure"], len(one["runs"])) for one in result["contestants"]] == [
        (None, 1),
        ("why", 0),
        ("not installed", 0),
    ]
    assert result["failure"] is None
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize("error", [OutputsDifferError, PreparationError])
@pytest.mark.parametrize("step", ["prepare", "check"])
def test_nothing_is_timed_where_there_is_nothing_to_compare(error: type[Exception], step: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()

    def fail(*_: Any) -> list[str]:
        raise error("words")

    result, _ = held(shell("a", "true"), repeat=3, removed_after=[kept], **{step: fail})
    assert result["failure"] == "words"
    assert result["contestants"][0]["runs"] == []
    assert kept.exists()


def test_outputs_are_compared_by_those_who_made_them_and_then_removed(tmp_path: Path) -> None:
    output = tmp_path / "output"
    seen: list[frozenset[str]] = []

    def check(ran: frozenset[str]) -> list[str]:
        seen.append(ran)
        return [f"it has {len(list(output.iterdir()))} file"]

    script = f"mkdir {output} && touch {output}/file"  # fails if the folder is there already
    made = shell("a", script, removed_before=[output])
    result, _ = held(made, shell("b", "false"), repeat=2, check=check, removed_after=[output, tmp_path / "never"])
    assert result["checked"] == ["it has 1 file"]
    assert seen == [{"a"}]
    assert len(result["contestants"][0]["runs"]) == 2
    assert not output.exists()


def test_threads_are_limited() -> None:
    row = with_threads(Row("a/b", "a row", [shell("a", "true", variables={"X": "1"})], "peer"), 2)
    assert (row.id, row.title) == ("a/b@2", "a row, 2 threads")
    assert row.contestants[0].variables == {
        "X": "1", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2",
    }  # fmt: skip

from __future__ import annotations

import subprocess
import sys

import pytest
from measure import Cost, Finished, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    f()\n'


def finished(stdout: str = "", stderr: str = "", status: int = 1) -> Finished:
    return Finished(status, stdout, stderr, Cost(0, 0, 0, 0))


def python(program: str) -> Finished:
    return measure((sys.executable, "-c", program), {"GREETING": "hello"})


def test_a_command_is_run_and_measured() -> None:
    done = python("import os, time; x = bytearray(64 << 20); time.sleep(0.1); print(os.environ['GREETING'])")
    assert (done.status, done.answer) == (0, "hello")
    assert 64 < done.cost.peak_anonymous_mib <= done.cost.peak_resident_mib < 256
    assert done.cost.wall_s >= 0.1
    assert done.cost.cpu_s < done.cost.wall_s + 1


def test_children_count() -> None:
    alone = python("print()").cost
    burning = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', 'for _ in range(10_000_000): pass'])"
    assert python(burning).cost.cpu_s > alone.cpu_s + 0.08


def test_a_command_that_lasts_too_long_is_killed() -> None:
    assert measure(("sleep", "30"), {}, timeout_s=0.05).status == -9


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("warning\nerror: no such file\n\n", "error: no such file"),
        ("", "exit status 1"),
        (
            f"{TRACEBACK}KeyError: 1\n\nDuring …:\n\n{TRACEBACK}ValueError: this\n\tand that\nCheck it.\n",
            "ValueError: this",
        ),
    ],
)
def test_it_is_said_why_a_command_failed(stderr: str, words: str) -> None:
    assert finished(stderr=stderr).last_words == words


def test_python_tells_of_exceptions_in_this_form() -> None:
    program = (sys.executable, "-c", "raise ValueError('first line\\nsecond line')")
    stderr = subprocess.run(program, capture_output=True, text=True, check=False).stderr
    assert finished(stderr=stderr).last_words == "ValueError: first line"


def test_colours_are_left_out() -> None:
    assert python(r"raise SystemExit('\x1b[1mbold\x1b[0m')").last_words == "bold"

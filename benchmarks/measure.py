"""What one command costs: CPU and wall seconds, peak anonymous and peak resident memory of its whole process tree.

Linux only. This module imports nothing heavy on purpose: the memory of the measuring process is a floor under what the
kernel reports for its children (see :func:`_exact_peak`).
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks at the memory: closely at first, because a short process is over before long.
_FIRST_INTERVAL, _INTERVAL, _FIRST_SECONDS = 0.001, 0.005, 0.25

_KIB_PER_MIB = 1024

#: The line with which Python begins to tell of an exception that nothing has caught.
_TRACEBACK = "Traceback (most recent call last):"

#: Bold, colours and the like.
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Attributes:
        cpu_s: User and system seconds of the process and of every descendant that was waited for.
        wall_s: Seconds from the start to the end of the process.
        peak_resident_mib: Most memory in use at a time, mapped files included.
        peak_anonymous_mib: Most memory in use at a time that is not a mapped file and could not be given back.
    """

    cpu_s: float
    wall_s: float
    peak_resident_mib: float
    peak_anonymous_mib: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended.

    Attributes:
        status: The exit status; negative: the signal that ended it.
        stdout: What it wrote to standard output.
        stderr: What it wrote to standard error.
        cost: What it took.
    """

    status: int
    stdout: str
    stderr: str
    cost: Cost

    @property
    def answer(self) -> str:
        """The last line of its standard output: what a program that was asked for one thing has to say."""
        return self.stdout.rstrip().rpartition("\n")[2]

    @property
    def last_words(self) -> str:
        """Why it failed: what an exception said in its first line, or else the last line that it wrote."""
        lines = [line.rstrip() for line in f"{self.stdout}\n{self.stderr}".splitlines() if line.strip()]
        tracebacks = [number for number, line in enumerate(lines) if line == _TRACEBACK]
        raised = [line for line in lines[tracebacks[-1] + 1 :] if not line.startswith(" ")] if tracebacks else []
        return (raised[:1] or [line.strip() for line in lines[-1:]] or [f"exit status {self.status}"])[0]


def measure(command: Sequence[str], variables: Mapping[str, str], timeout_s: float = 900) -> Finished:
    """Runs a command in a process group of its own and measures it.

    Args:
        command: The program and its arguments.
        variables: Environment variables in addition to those of this process.
        timeout_s: Seconds after which the group is killed.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        floor_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **variables},
            start_new_session=True,
        )
        memory = _watch(process.pid, started + timeout_s)
        wall = time.perf_counter() - started
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left running, or all of it after the time limit
        _, wait_status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(wait_status)
        cost = Cost(
            cpu_s=usage.ru_utime + usage.ru_stime,
            wall_s=wall,
            peak_resident_mib=max(memory.resident_kib, _exact_peak(usage, floor_kib)) / _KIB_PER_MIB,
            peak_anonymous_mib=memory.anonymous_kib / _KIB_PER_MIB,
        )
        return Finished(process.returncode, _text(stdout.fileno()), _text(stderr.fileno()), cost)


@dataclass(slots=True)
class _Memory:
    """The peaks so far, and the processes of the last look."""

    resident_kib: int = 0
    anonymous_kib: int = 0
    seen: frozenset[int] = frozenset()


def _watch(pid: int, deadline: float) -> _Memory:
    """Looks at the memory of a process tree until its root has ended or the deadline has passed."""
    peak = _Memory()
    started = time.perf_counter()
    descriptor = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        while True:
            now = time.perf_counter()
            interval = _FIRST_INTERVAL if now - started < _FIRST_SECONDS else _INTERVAL
            if now > deadline or ended.poll(interval * 1000):
                return peak
            _look(pid, peak)
    finally:
        os.close(descriptor)


def _look(root: int, peak: _Memory) -> None:
    """Adds up the memory of the tree, but for processes seen for the first time: a fork still shows its parent's."""
    resident = anonymous = highest = 0
    present = frozenset(_tree(root))
    for pid in present & (peak.seen | {root}):
        fields = _memory_fields(pid)
        resident += fields.get("VmRSS", 0)
        anonymous += fields.get("RssAnon", 0)
        highest = max(highest, fields.get("VmHWM", 0))
    peak.seen = present
    peak.resident_kib = max(peak.resident_kib, resident, highest)
    peak.anonymous_kib = max(peak.anonymous_kib, anonymous)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - several times cheaper, two hundred times a second
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as children:  # noqa: PTH123
                for child in children.read().split():
                    yield from _tree(int(child))


def _memory_fields(pid: int) -> dict[str, int]:
    """The fields of ``/proc/PID/status`` that end in kB, or nothing if the process has gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if line.endswith(" kB"))
    return {name: int(value.split()[0]) for name, value in pairs}


def _exact_peak(usage: resource.struct_rusage, floor_kib: int) -> int:
    """The kernel's own high-water mark in KiB, or 0 where it speaks of this process.

    Between fork and exec a child shows the memory of its parent, so that a smaller child is given the parent's mark.
    """
    return usage.ru_maxrss if usage.ru_maxrss > floor_kib else 0


def _text(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, encoding="utf-8", errors="replace", closefd=False) as file:
        return _ESCAPES.sub("", file.read())

"""Feeds damaged checkpoints to the readers and makes sure that they read them or refuse them properly.

Whatever is in the files, opening and reading them may do nothing but succeed or raise `CheckpointError`, quickly and in
little memory. The damages are those of `tests/shared/mutations.py`; the same seed does the same again.

    python utils/fuzz_checkpoints.py --mutations 200000 --seed 7
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.shared.mutations import Case, Outcome, any_case, cases  # noqa: E402

#: Small beside what a hostile file of a few kilobytes may ask for, large beside what one needs.
SECONDS = 2.0
MEGABYTES = 64


def main(arguments: list[str] | None = None) -> int:
    """Runs the mutations; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=10_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: %(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGALRM, _too_slow)
    with tempfile.TemporaryDirectory(dir=_memory_disk()) as folder:
        checkpoints = cases(Path(folder))
        if any(case.read() is not Outcome.READ for case in checkpoints):
            raise AssertionError("a checkpoint that is well was refused")
        _limit_memory()
        return _run(checkpoints, options.seed, options.mutations)


def _run(checkpoints: list[Case], seed: int, mutations: int) -> int:
    start, memory = time.perf_counter(), _peak()
    outcomes: Counter[Outcome] = Counter()
    for number in range(mutations):
        random = Random(f"{seed}/{number}")
        case = any_case(random, checkpoints)
        names = case.damage(random)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            outcomes[case.read()] += 1
        except BaseException as error:
            error.add_note(f"mutation {number} of seed {seed}, in {', '.join(names)} of the case {case.folder.name}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        case.repair(names)
    seconds = time.perf_counter() - start
    counted = ", ".join(f"{count} {outcome.value}" for outcome, count in outcomes.most_common())
    print(f"{mutations} damaged checkpoints: {counted}. Nothing else happened.")
    print(f"{seconds:.0f} s ({mutations / seconds:.0f}/s); peak memory grew by {_peak() - memory} KiB.")
    return 0


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise AssertionError(f"reading took longer than {SECONDS} s")


def _limit_memory() -> None:
    """Makes an allocation that is out of proportion a MemoryError."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (MEGABYTES << 20), resource.RLIM_INFINITY))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _memory_disk() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())

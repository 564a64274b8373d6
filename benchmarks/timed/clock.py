"""What the timed programs share: how a job is repeated, and how its output is kept for a comparison."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: A job returns what it computed, by name.
Job = Callable[[], Mapping[str, Any]]


def report(job: Job, *, repeat: int, outputs: Path | None) -> None:
    """Keeps what a job computes, if a file for it is given; otherwise times it and prints medians as JSON.

    The job has run once before it is timed.
    """
    first = job()
    if outputs is not None:
        _save(first, outputs)
        return
    cpu, wall = [], []
    for _ in range(repeat):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        job()
        wall.append(time.perf_counter() - wall_start)
        cpu.append(time.process_time() - cpu_start)
    print(json.dumps({"cpu_s": statistics.median(cpu), "wall_s": statistics.median(wall)}))


def _save(computed: Mapping[str, Any], path: Path) -> None:
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: np.asarray(values) for name, values in computed.items()})

"""What a result depends on besides our code: the machine and the versions of what ran on it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from peers import Environment

_PACKAGES = (
    "torch", "numpy", "safetensors", "tokenizers", "huggingface_hub", "google-crc32c", "transformers", "tensorflow-cpu",
)  # fmt: skip

_LIST_VERSIONS = """
import importlib.metadata, json, platform, sys
versions = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(versions))
"""


def describe_machine() -> dict[str, Any]:
    """Processor, memory, kernel, and how busy the machine was before the first run."""
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "kernel": platform.release(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def describe_environment(environment: Environment) -> dict[str, str]:
    """Versions of Python and of the packages that matter, or why the environment cannot be used."""
    if environment.unavailable:
        return {"unavailable": environment.unavailable}
    command = [environment.program("python"), "-c", _LIST_VERSIONS, *_PACKAGES]
    versions: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return versions


class OthersShare:
    """How much of the machine other processes used since this was made: what tells a quiet run from a disturbed one."""

    def __init__(self) -> None:
        self._start = self._now()

    def value(self) -> float:
        """A share of all cores; this process and the children that it has waited for are not counted."""
        busy, total, own = (end - start for end, start in zip(self._now(), self._start, strict=True))
        return max(0.0, busy - own) / total if total else 0.0

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """Seconds of all cores that were busy, seconds of all cores, seconds that were our own."""
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        idle = ticks[3] + ticks[4]
        per_second = os.sysconf("SC_CLK_TCK")
        times = os.times()
        return (sum(ticks) - idle) / per_second, sum(ticks) / per_second, sum(times[:4])


def commit() -> str:
    """The commit that is checked out, with ``+changes`` if files differ from it; empty outside a repository."""
    here = str(Path(__file__).parent)
    command = ["git", "-C", here, "describe", "--always", "--abbrev=12", "--dirty=+changes", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0"

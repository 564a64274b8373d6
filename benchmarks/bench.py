"""What the rows share: the environments, the checkpoints, and the place for what is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contest import OutputsDifferError, PreparationError
from peers import Environment

#: The folder of the benchmark's own programs.
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark.

    Attributes:
        work: A folder for checkpoints and outputs.
        ours: The environment of the tool that is measured.
        peers: The environments of the others, by their names.
    """

    work: Path
    ours: Environment
    peers: Mapping[str, Environment]

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Ours, then the peers'."""
        return (self.ours, *self.peers.values())

    def checkpoint(self, model: str, *, slots: bool) -> Path:
        """The folder of a checkpoint, whether it has been written or not."""
        return self.work / "checkpoints" / (f"{model}-adam" if slots else model)

    def write_checkpoint(self, model: str, *, slots: bool) -> None:
        """Writes a checkpoint unless it is there."""
        folder = self.checkpoint(model, slots=slots)
        if folder.exists():
            return
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        flags = ["--slots"] if slots else []
        program = [sys.executable, "-m", "benchmarks.make_checkpoints"]
        call([*program, model, str(unfinished.resolve()), *flags], cwd=HERE.parent)
        unfinished.rename(folder)

    def output(self, *parts: str) -> Path:
        """A path for what a contestant writes."""
        return self.work.joinpath("output", *parts)


def call(command: Sequence[str], cwd: Path | None = None) -> None:
    """Runs a program that is not measured.

    Raises:
        PreparationError: If it fails.
    """
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    if finished.returncode != 0:
        raise PreparationError(f"{' '.join(command)} failed:\n{finished.stderr or finished.stdout}")


def compare(command: Sequence[str]) -> str:
    """Runs a program that compares outputs and returns what it found.

    Raises:
        OutputsDifferError: If it ends with a status other than 0; its standard error says what differs.
    """
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise OutputsDifferError((finished.stderr or finished.stdout).strip())
    return finished.stdout.strip()

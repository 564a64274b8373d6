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
        work: A folder for checkpoints and outputs, which is kept from run to run.
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
        """The prefix of a checkpoint, whether it has been written or not."""
        return self.work / "checkpoints" / (f"{model}-adam" if slots else model) / "model.ckpt"

    def write_checkpoint(self, model: str, *, slots: bool) -> None:
        """Writes a checkpoint unless an earlier run has."""
        folder = self.checkpoint(model, slots=slots).parent
        if folder.exists():
            return
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        call(
            [sys.executable, str(HERE / "make_checkpoints.py"), model, str(unfinished), *(["--slots"] if slots else [])]
        )
        unfinished.rename(folder)

    def output(self, *parts: str) -> Path:
        """A path for a contestant's output, whose folder exists."""
        path = self.work.joinpath("output", *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def call(command: Sequence[str]) -> None:
    """Runs a program that is not measured.

    Raises:
        PreparationError: If it fails.
    """
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
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

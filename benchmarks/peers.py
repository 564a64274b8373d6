"""The environments of the tools that stand beside ours, each with pinned versions and made when it is first needed.

pip is called as the user has configured it: where the project's own environment got a CPU build of torch from, the
peers' environments get it too. An environment that exists already is named by a variable, for example
``BENCHMARK_TRANSFORMERS_4_46_3=/path/to/environment``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Figures of different torch releases would not be comparable: the peers get the one of the project's constraints.
TORCH = "torch==2.13.0"


@dataclass(frozen=True, slots=True)
class Peer:
    """A released tool.

    Attributes:
        name: How tables and ``--peers`` call it.
        requirements: What pip installs, pinned.
    """

    name: str
    requirements: Sequence[str]

    @property
    def variable(self) -> str:
        """The environment variable that names an existing environment."""
        return "BENCHMARK_" + re.sub(r"\W", "_", self.name).upper()


#: The last release that converts original checkpoints and knows all families, with the TensorFlow that it needs.
CONVERTING_PEER = "transformers 4.46.3"
#: The newest release.
NEWEST_PEER = "transformers 5.23.0"

PEERS = (
    Peer(CONVERTING_PEER, (TORCH, "transformers==4.46.3", "tensorflow-cpu==2.18.1", "safetensors==0.8.0")),
    Peer(NEWEST_PEER, (TORCH, "transformers==5.23.0", "safetensors==0.8.0")),
)


#: Name of the environment in which this program runs.
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment with one of the tools in it, or the reason why there is none.

    Attributes:
        name: Name of the tool.
        folder: The environment's folder.
        unavailable: Why it cannot be used, or None.
    """

    name: str
    folder: Path
    unavailable: str | None = None

    def program(self, name: str) -> str:
        """The path of a program of the environment, such as ``python``."""
        return str(self.folder / "bin" / name)


def our_environment() -> Environment:
    """The environment in which this program runs."""
    return Environment(OURS, Path(sys.prefix))


def peer_environment(peer: Peer, work: Path, *, make: bool = True) -> Environment:
    """A peer's environment: the one that its variable names, or one under ``work``.

    Args:
        peer: Whose.
        work: Where environments are kept.
        make: Whether to install one that is not there yet.
    """
    named = os.environ.get(peer.variable)
    folder = Path(named) if named else work / "venvs" / peer.name.replace(" ", "-")
    stamp = folder / ".complete"
    if named or stamp.exists():
        exists = (folder / "bin" / "python").exists()
        return Environment(peer.name, folder, None if exists else f"{peer.variable} names no environment: {folder}")
    if not make:
        return Environment(peer.name, folder, "not installed yet")
    venv.create(folder, with_pip=True, clear=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    finished = subprocess.run([*command, *peer.requirements], capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines() or ["pip said nothing"]
        return Environment(peer.name, folder, f"could not be installed: {lines[-1]}")
    stamp.touch()
    return Environment(peer.name, folder)

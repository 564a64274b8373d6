"""The program ``transformers-cli``, also installed as ``transformers``: finds a command and calls it.

A command is a module of this package with two functions: ``register`` declares its arguments and must cost next to
nothing, because every start of the program calls it; ``run`` imports what the work needs and does it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from .. import __version__
from .._program import prepare, run_program

#: The commands, in the order of ``--help``. Each is the module of that name in this package.
COMMANDS = ("convert", "verify", "export", "inspect", "download", "env")

#: The names under which the program is installed; the first is used when it was started in another way.
PROGRAM_NAMES = ("transformers-cli", "transformers")


class Command(Protocol):
    """What a command's module offers."""

    def register(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Declares the command and its arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does the work and returns the exit status; what the user can put right is raised as a ``UserError``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that ``argv`` names and returns the exit status, see :func:`transformers._program.run_program`.

    Args:
        argv: The arguments without the program's name; those of the process if None.
    """
    return run_program(_parser(), argv, lambda arguments: _command(arguments.command).run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_program_name(),
        description="Original research checkpoints as PyTorch models: without TensorFlow, exact, proved.",
    )
    parser.add_argument("--version", action="version", version=f"transformers {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        _command(name).register(subparsers)
    for subparser in subparsers.choices.values():
        prepare(subparser)
    return parser


def _command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"{__package__}.{name}"))


def _program_name() -> str:
    started_as = Path(sys.argv[0]).name
    return started_as if started_as in PROGRAM_NAMES else PROGRAM_NAMES[0]


if __name__ == "__main__":
    sys.exit(main())

"""The program ``transformers-cli``, also installed as ``transformers``: finds a command, calls it, words its failure.

A command is a module of this package with two functions: ``register`` declares its arguments and must cost next to
nothing, because every start of the program calls it; ``run`` imports what the work needs and does it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from .. import __version__
from ..errors import UserError
from .termination import Terminated

#: The commands, in the order of ``--help``. Each is the module of that name in this package.
COMMANDS = ("convert", "verify", "export", "inspect", "download", "env")

#: The names under which the program is installed; the first is used when it was started in another way.
PROGRAM_NAMES = ("transformers-cli", "transformers")

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE
EXIT_TERMINATED = 143  # 128 + SIGTERM


class Command(Protocol):
    """What a command's module offers."""

    def register(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Declares the command and its arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does the work and returns the exit status; what the user can put right is raised as a ``UserError``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that ``argv`` names and returns the exit status.

    0 is success, 1 a failure (one message on standard error), 130 an interruption, 143 a termination. Wrong
    usage and ``--help`` leave through ``SystemExit`` (2 and 0), as is ``argparse``'s way.

    Args:
        argv: The arguments without the program's name; those of the process if None.
    """
    try:
        try:
            return _run(_parser().parse_args(argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone (`… | head`). The interpreter flushes once more when it ends: into nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE


def _run(arguments: argparse.Namespace) -> int:
    speaker = f"{_program_name()} {arguments.command}"
    try:
        return _command(arguments.command).run(arguments)
    except KeyboardInterrupt as interruption:
        if arguments.debug:
            raise
        if isinstance(interruption, Terminated):
            return _fail(speaker, "terminated", EXIT_TERMINATED)
        return _fail(speaker, "interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        raise
    except Exception as error:
        if arguments.debug:
            raise
        return _fail(speaker, _message(error), EXIT_FAILURE)


def _message(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}\nThis is an error of the program itself. --debug shows where it happened."


def _fail(speaker: str, message: str, status: int) -> int:
    print(f"{speaker}: {message}", file=sys.stderr)
    return status


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
        subparser.add_argument("--debug", action="store_true", help="on a failure, show the traceback")
    return parser


def _command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"{__package__}.{name}"))


def _program_name() -> str:
    started_as = Path(sys.argv[0]).name
    return started_as if started_as in PROGRAM_NAMES else PROGRAM_NAMES[0]


if __name__ == "__main__":
    sys.exit(main())

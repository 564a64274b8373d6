"""What all programs of this package have in common: how they end, and how they word a failure.

A program ends with 0 after success, 1 after a failure (one message on standard error), 2 after wrong usage, and with
128 + the signal after an interruption or a termination, as a shell reports it. Either of the two lets what is half done
be cleaned up.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .errors import UserError

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE
EXIT_TERMINATED = 143  # 128 + SIGTERM


class Terminated(KeyboardInterrupt):
    """The process was asked to end."""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Gives the parser of a program, or of one of its commands, what :func:`run_program` asks its arguments for."""
    parser.add_argument("--debug", action="store_true", help="on a failure, show the traceback")
    parser.set_defaults(speaker=parser.prog)


def run_program(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, run: Callable[[argparse.Namespace], int]
) -> int:
    """Runs a program and returns its exit status; wrong usage and ``--help`` leave through ``SystemExit``.

    Args:
        parser: Reads the arguments; it, or the parsers of all its commands, went through :func:`prepare`.
        argv: The arguments without the program's name; those of the process if None.
        run: Does the work and returns the exit status; what the user can put right is raised as a ``UserError``.
    """
    try:
        try:
            return _run(parser.parse_args(argv), run)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone (`… | head`). The interpreter flushes once more when it ends: into nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE


def _run(arguments: argparse.Namespace, run: Callable[[argparse.Namespace], int]) -> int:
    try:
        with _raising_on_termination():
            return run(arguments)
    except KeyboardInterrupt as interruption:
        if arguments.debug:
            raise
        if isinstance(interruption, Terminated):
            return _fail(arguments.speaker, "terminated", EXIT_TERMINATED)
        return _fail(arguments.speaker, "interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        raise
    except Exception as error:
        if arguments.debug:
            raise
        return _fail(arguments.speaker, _message(error), EXIT_FAILURE)


@contextmanager
def _raising_on_termination() -> Iterator[None]:
    """Lets SIGTERM raise :class:`Terminated`; a thread other than the main one gets no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _message(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}\nThis is an error of the program itself. --debug shows where it happened."


def _fail(speaker: str, message: str, status: int) -> int:
    print(f"{speaker}: {message}", file=sys.stderr)
    return status

"""From "these bytes break their format" to a message that names the file and the variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .base import CheckpointError

AGAIN = "The file was damaged or cut on its way here: download or copy it again."
_MOST_PROBLEMS = 20


class FormatError(ValueError):
    """Bytes do not follow their format. Whoever knows the file turns it into a :class:`CheckpointError`."""


class RefusedError(FormatError):
    """Bytes follow their format, but hold what is not read here.

    Args:
        problem: What that is.
        advice: What the user can do about it.
    """

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(problem)
        self.advice = advice


@contextmanager
def blamed_on(path: Path, what: str = "") -> Iterator[None]:
    """Turns what goes wrong inside into a :class:`CheckpointError` about a file.

    Args:
        path: The file that is being read.
        what: The part of it, such as ``variable bert/pooler/dense/kernel``.
    """
    try:
        yield
    except RefusedError as error:
        problem = f"{what}: {error}" if what else str(error)
        raise CheckpointError(f"{path} is refused:", [problem], error.advice) from error
    except FormatError as error:
        raise damaged(path, f"{what}: {error}" if what else str(error)) from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error


def damaged(path: Path, *problems: str) -> CheckpointError:
    """The error for a file whose bytes are wrong."""
    return CheckpointError(f"{path} is damaged:", shortened(problems), AGAIN)


def shortened(problems: Sequence[str]) -> list[str]:
    """As many problems as a person reads."""
    more = len(problems) - _MOST_PROBLEMS
    return [*problems[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]

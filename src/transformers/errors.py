"""The errors that a user can cause, as opposed to those that are our own.

Every such error is one message: what is wrong, each problem on a line of its own, and what to do. The command line
prints it without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence


class UserError(ValueError):
    """Something outside this program is wrong: an input, a flag, a file, the state of a disk.

    Args:
        headline: One sentence that says what is wrong and where. It ends in a colon if problems follow.
        problems: All problems that were found, one line each.
        advice: What the user can do about it.
    """

    def __init__(self, headline: str, problems: Sequence[str] = (), advice: str = "") -> None:
        self.headline = headline
        self.problems = tuple(problems)
        self.advice = advice
        lines = [headline, *(f"  {problem}" for problem in problems), *filter(None, [advice])]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[UserError], tuple[str, tuple[str, ...], str]]:
        return type(self), (self.headline, self.problems, self.advice)


class MissingDependencyError(UserError, ImportError):
    """An optional package is needed for what was asked; the message names the extra that installs it."""


class MissingFileError(UserError, OSError):
    """A file or folder that was named does not exist, neither here nor on the hub."""

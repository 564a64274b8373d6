"""The bar that commands show while they work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conversion.run import Progress


@contextmanager
def progress_bar(total: int, *, doing: str, quiet: bool) -> Iterator[Progress]:
    """A bar on a terminal, silence elsewhere.

    Args:
        total: The bytes that there are to be done.
        doing: What is done, in a word.
        quiet: Whether there is to be silence on a terminal, too.
    """
    from ..conversion.run import no_progress

    if quiet or not sys.stderr.isatty():
        yield no_progress
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024, desc=doing, leave=False) as bar:

        def update(done: int) -> None:
            bar.update(done)

        yield update

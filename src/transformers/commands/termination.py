"""SIGTERM as an exception: what is half done is cleaned up as after Ctrl-C."""

from __future__ import annotations

import signal


class Terminated(KeyboardInterrupt):
    """The process was asked to end."""


def raise_on_termination() -> None:
    """Lets SIGTERM raise :class:`Terminated` in the main thread."""

    def terminate(*_: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)

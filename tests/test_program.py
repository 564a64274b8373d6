from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from transformers._program import prepare, run_program


def run(work: Callable[[argparse.Namespace], int]) -> int:
    """The exit status of a program without arguments."""
    parser = argparse.ArgumentParser(prog="prog")
    prepare(parser)
    return run_program(parser, [], work)


def terminate(_: argparse.Namespace) -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    return 0


def test_a_termination_is_one_line_and_143(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)

    assert run(terminate) == 143

    assert capsys.readouterr().err == "prog: terminated\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_program_can_be_run_in_a_thread() -> None:
    """Where signals cannot be asked for."""
    statuses: list[int] = []

    thread = threading.Thread(target=lambda: statuses.append(run(lambda _: 5)))
    thread.start()
    thread.join()

    assert statuses == [5]

"""The command line in a process that is interrupted, or killed, at a chosen one of its changes to the file system.

Run as a script this is the server: it loads the program once and forks for every run, which takes milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Audit events (of Python itself) before changes to the file system.
_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate"}

#: Our own event before bytes are written to a weight file.
_WRITE = "tests.write"

#: Bytes from which on a write is such an event.
_LARGE = 8192


@dataclass(frozen=True)
class Run:
    """How a run ended.

    Attributes:
        status: Its exit status; minus the signal's number if one killed it.
        events: The changes that it was about to make, the last one being that at which it was interrupted.
        interrupted: Whether it got as far as the chosen change.
        err: Its standard error.
    """

    status: int
    events: list[str]
    interrupted: bool
    err: str


class ForkingProgram:
    """The command line, loaded once. A context manager ends its process."""

    def __enter__(self) -> ForkingProgram:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def run(self, arguments: Sequence[str], *, at: int | None = None, number: int = signal.SIGKILL) -> Run:
        """Runs the program.

        Args:
            arguments: Its arguments.
            at: The change before which the signal is sent, counted from 0; None for none.
            number: The signal.
        """
        assert self._server.stdin
        assert self._server.stdout
        print(json.dumps({"arguments": arguments, "at": at, "number": number}), file=self._server.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return Run(**answer)


def _serve() -> None:
    from transformers import BertConfig, BertTokenizer, XLMTokenizer  # noqa: F401 - loaded before the runs fork
    from transformers.commands import convert  # noqa: F401
    from transformers.models.auto import exporting, original_checkpoints  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryFile("w+") as err:
            child = os.fork()
            if child == 0:
                _child(request, log.fileno(), err.fileno())
            _, status = os.waitpid(child, 0)
            log.seek(0)
            err.seek(0)
            events = log.read().splitlines()
            interrupted = request["at"] is not None and len(events) > request["at"]
            answer = Run(os.waitstatus_to_exitcode(status), events, interrupted, err.read())
        print(json.dumps(vars(answer)), flush=True)


def _child(request: dict[str, Any], log: int, err: int) -> None:
    """Runs the program and leaves the process."""
    from transformers.commands.transformers_cli import main
    from transformers.conversion.weight_files import SafetensorsWriter

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(err, 2)
    seen = 0
    write = SafetensorsWriter._write

    def announced_write(writer: SafetensorsWriter, view: memoryview) -> None:
        half = len(view) // 2
        write(writer, view[:half])
        if len(view) >= _LARGE:
            sys.audit(_WRITE)
        write(writer, view[half:])

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        creates = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if event in _CHANGES or event == _WRITE or creates:
            os.write(log, f"{event} {arguments[0] if arguments else ''}\n".encode())
            seen += 1
            if seen - 1 == request["at"]:
                os.kill(os.getpid(), request["number"])

    SafetensorsWriter._write = announced_write  # type: ignore[method-assign]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.addaudithook(watch)
    status = 255
    try:
        status = main(request["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()

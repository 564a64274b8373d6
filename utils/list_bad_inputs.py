"""Prints the table of bad inputs and their messages, as Markdown, by running the cases of the tests."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.commands.test_bad_inputs import CASES, BadInput, Workplace

from transformers.commands.transformers_cli import main


def message_of(case: BadInput) -> str:
    """What the program says about a case."""
    output = io.StringIO()
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            place = Workplace()
            case.spoil(place)
            with contextlib.redirect_stderr(output), contextlib.suppress(SystemExit):
                main(place.command)
        finally:
            os.chdir(here)
    return output.getvalue()


def cell(message: str) -> str:
    """A message in one cell of a table; of a usage error, only the error."""
    lines = message.strip().splitlines()
    if lines[0].startswith("usage:"):
        lines = lines[-1:]
    lines[0] = lines[0].removeprefix("transformers-cli convert: ")
    return "<br>".join(line.strip().replace("|", "\\|").replace("<", "&lt;") for line in lines)


if __name__ == "__main__":
    sys.argv[0] = "transformers-cli"
    print("| input | message | status |\n|---|---|---|")
    for case in CASES:
        print(f"| {case.title} | {cell(message_of(case))} | {case.status} |")

"""Shell lines as documents print them, run in this process through the programs that ``pyproject.toml`` installs."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

#: An argument that a document shows as optional: ``[--config FILE]`` or ``[FILE]``.
_OPTIONAL = re.compile(r"\[([^\]]+)\]")


def installed_programs() -> Mapping[str, str]:
    """Name of each program -> module and function."""
    scripts: Mapping[str, str] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["scripts"]
    return scripts


def run_program(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs one of the programs as if it had been called by its name, or a module as ``python -m``; its exit status."""
    if words[0] == "python":
        finished = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False)
        print(finished.stdout, end="")
        return finished.returncode
    module, function = installed_programs()[words[0]].split(":")
    main: Any = getattr(importlib.import_module(module), function)
    monkeypatch.setattr(sys, "argv", list(words))
    try:
        return int(main())
    except SystemExit as left:
        return int(left.code or 0)


def commands(text: str, optional: Mapping[str, str]) -> Iterator[list[str]]:
    """The words of each command, variables expanded; ``export`` lines are left out, for the test sets variables.

    Args:
        text: Lines of shell. One that begins with a space belongs to the command above even where a ``\\`` is missing.
        optional: Placeholder in brackets -> what is given for it; arguments with others are left out.
    """
    for line in re.sub(r"\\?\n(?=[ \t])|\\\n?(?=$|\n)|\\\n", " ", text.strip()).splitlines():
        if line and not line.startswith("export "):
            yield shlex.split(os.path.expandvars(_OPTIONAL.sub(lambda match: _given(match[1], optional), line)))


def _given(argument: str, optional: Mapping[str, str]) -> str:
    *flag, placeholder = argument.split()
    return " ".join([*flag, shlex.quote(optional[placeholder])]) if placeholder in optional else ""

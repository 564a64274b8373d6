"""The commands in the texts print what the texts say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.shared.shell import run_program

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```console\n\$ (?P<command>[a-z].*?[^\\])\n(?P<output>.*?)```", re.DOTALL)


def blocks() -> list[tuple[str, str, str]]:
    """File, command and output of every block that converts or inspects a checkpoint of this repository."""
    texts = [ROOT / "README.md", *sorted(ROOT.glob("docs/source/*/*.md"))]
    found = ((path, block) for path in texts for block in BLOCK.finditer(path.read_text(encoding="utf-8")))
    return [
        (str(path.relative_to(ROOT)), block["command"], block["output"])
        for path, block in found
        if "tests/fixtures" in block["command"]
    ]


def without_time(output: str) -> str:
    return re.sub(r"\d+\.\d s\b", "… s", output)


def test_there_are_such_commands() -> None:
    assert {file for file, _, _ in blocks()} >= {
        "README.md",
        "docs/source/en/converting.md",
        "docs/source/en/older_command_lines.md",
    }


@pytest.mark.parametrize(("file", "command", "output"), blocks())
def test_a_command_prints_what_the_text_says(
    file: str,
    command: str,
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)

    assert run_program(shlex.split(command.replace("\\\n", " ")), monkeypatch) == 0

    assert without_time(capsys.readouterr().out) == without_time(output)

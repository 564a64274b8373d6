from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from transformers import __version__
from transformers.commands import env
from transformers.commands.transformers_cli import COMMANDS, main
from transformers.errors import UserError

MODULE = [sys.executable, "-m", "transformers.commands.transformers_cli"]


def failing_env(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Makes the command ``env`` fail."""

    def run(arguments: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(env, "run", run)


def test_help_lists_every_command_with_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    assert left.value.code == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert [name for name, summary in lines if summary] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])

    assert left.value.code == 0
    assert f"usage: transformers-cli {command}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])

    assert left.value.code == 0
    assert capsys.readouterr().out == f"transformers {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["env", "--nonsense"], ["download"]])
def test_wrong_usage_exits_with_2_and_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error:" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            UserError(
                "config.json does not fit:", ["hidden_size  file says 8", "layers  file says 2"], "Leave it out."
            ),
            "config.json does not fit:\n  hidden_size  file says 8\n  layers  file says 2\nLeave it out.",
        ),
        (FileNotFoundError(2, "No such file or directory", "a.txt"), "a.txt: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (
            RuntimeError("confused"),
            "RuntimeError: confused\nThis is an error of the program itself. --debug shows where it happened.",
        ),
    ],
)
def test_a_failure_is_one_message_and_1(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing_env(monkeypatch, error)

    assert main(["env"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"transformers-cli env: {message}\n")


@pytest.mark.parametrize("error", [UserError("wrong"), RuntimeError("confused"), KeyboardInterrupt()])
def test_debug_lets_the_error_through(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_env(monkeypatch, error)

    with pytest.raises(type(error)):
        main(["env", "--debug"])


def test_an_interruption_is_one_line_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing_env(monkeypatch, KeyboardInterrupt())

    assert main(["env"]) == 130
    assert capsys.readouterr().err == "transformers-cli env: interrupted\n"


@pytest.mark.parametrize(
    ("started_as", "name"),
    [
        ("/somewhere/bin/transformers", "transformers"),
        ("/somewhere/bin/transformers-cli", "transformers-cli"),
        ("/somewhere/commands/transformers_cli.py", "transformers-cli"),
    ],
)
def test_messages_speak_under_the_name_that_was_called(
    started_as: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [started_as])
    failing_env(monkeypatch, UserError("wrong"))

    main(["env"])

    assert capsys.readouterr().err == f"{name} env: wrong\n"


@pytest.mark.parametrize("arguments", [["--help"], ["env"]])
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)

    finished = subprocess.run(
        [*MODULE, *arguments],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # as everywhere: written when the buffer is flushed
    )

    os.close(write)
    assert (finished.returncode, finished.stderr) == (141, "")


def test_the_console_scripts_are_these() -> None:
    """Two names of one program, and the programs of the older packages."""
    from importlib.metadata import entry_points

    scripts = {script.name: script.value for script in entry_points(group="console_scripts")}

    assert scripts["transformers-cli"] == scripts["transformers"] == "transformers.commands.transformers_cli:main"
    for older in ("pytorch_transformers", "pytorch_pretrained_bert"):
        assert scripts[older] == f"{older}.command_line:main"

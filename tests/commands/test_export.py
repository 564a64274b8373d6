from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from tests.shared.way_back import CASES, FIXTURES, WayBackCase, variables

from transformers import convert_checkpoint
from transformers.commands.transformers_cli import main


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def export(folder: Path, prefix: Path, *flags: str) -> int:
    return main(
        ["export", "--model_type=bert", f"--pytorch_model={folder}", f"--tf_checkpoint_output={prefix}", *flags]
    )


def test_the_command_writes_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_checkpoint(FIXTURES / "bert/pretraining", tmp_path / "one")

    assert export(tmp_path / "one", tmp_path / "back" / "bert_model.ckpt", "--global_step", "7") == 0

    assert "written  62 variables" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "back").iterdir()} == {
        "bert_config.json", "bert_model.ckpt.data-00000-of-00001", "bert_model.ckpt.index", "checkpoint", "vocab.txt",
    }  # fmt: skip
    assert 'model_checkpoint_path: "bert_model.ckpt"' in (tmp_path / "back" / "checkpoint").read_text()


def test_nothing_is_replaced_unless_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_checkpoint(FIXTURES / "bert/pretraining", tmp_path / "one")
    assert export(tmp_path / "one", tmp_path / "back" / "m.ckpt", "--quiet") == 0
    before = contents(tmp_path / "back")

    assert export(tmp_path / "one", tmp_path / "back" / "m.ckpt", "--global_step", "7") == 1
    assert "exists already" in capsys.readouterr().err
    assert contents(tmp_path / "back") == before

    assert export(tmp_path / "one", tmp_path / "back" / "m.ckpt", "--global_step", "7", "--overwrite") == 0
    assert variables(tmp_path / "back")["global_step"] == 7

    assert export(tmp_path / "one", tmp_path / "new" / "m.ckpt.index") == 1
    assert f"Name all of them: {tmp_path}/new/m.ckpt." in capsys.readouterr().err
    assert export(tmp_path / "one", tmp_path / "back") == 1
    assert "Name a checkpoint in it" in capsys.readouterr().err
    assert export(tmp_path / "one", tmp_path / "one" / "m.ckpt", "--overwrite") == 1
    assert "would replace an input" in capsys.readouterr().err


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_family_is_exported_and_proved_by_commands(
    case: WayBackCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.convert(tmp_path / "one")
    task = [f"--finetuning_task_name={case.task}"] if case.task else []
    output = tmp_path / "back" / case.target

    exported = main(
        [
            "export", "--model_type=auto", f"--pytorch_model={tmp_path / 'one'}",
            f"--tf_checkpoint_output={output}", *task,
        ]
    )  # fmt: skip
    assert exported == 0
    assert "read back, bit for bit" in capsys.readouterr().out
    config = [f"--config={FIXTURES / case.name / case.config}"] if case.config else []
    for source in ([f"--tf_checkpoint={output}"], [f"--tf_checkpoint={case.source}", *config]):
        assert main(["verify", str(tmp_path / "one"), *source]) == 0
        assert "turned back into the source bit for bit" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "export"])
@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_shown_on_a_terminal_only(command: str, quiet: bool, tmp_path: Path) -> None:
    convert_checkpoint(FIXTURES / "bert/pretraining", tmp_path / "one")
    arguments = {
        "verify": ["verify", "one", f"--tf_checkpoint={FIXTURES / 'bert/pretraining'}"],
        "export": [
            "export",
            "--model_type=bert",
            "--pytorch_model=one",
            "--tf_checkpoint_output=back/m",
            "--overwrite",
        ],
    }[command]
    program = [sys.executable, "-m", "transformers.commands.transformers_cli", *arguments]
    program += ["--quiet"] if quiet else []
    leader, terminal = pty.openpty()
    termios.tcsetwinsize(leader, (24, 80))

    with subprocess.Popen(program, stderr=terminal, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        report, _ = process.communicate()
    os.close(terminal)
    shown = b"" if quiet else os.read(leader, 100)
    piped = subprocess.run(program, check=True, capture_output=True, cwd=tmp_path)
    os.close(leader)

    assert process.returncode == 0
    assert ({"verify": b"verifying", "export": b"exporting"}[command] in shown) is not quiet
    assert (report == b"") is quiet
    assert (piped.stderr, piped.stdout == b"") == (b"", quiet)

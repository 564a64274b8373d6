from __future__ import annotations

import platform
import sys

import numpy as np
import pytest

from transformers import __version__
from transformers.commands.transformers_cli import main


def test_versions_of_what_the_program_runs_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env"]) == 0

    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["transformers"] == __version__
    assert rows["Python"] == platform.python_version()
    assert rows["numpy"] == np.__version__
    assert {"safetensors", "tokenizers", "huggingface_hub", "torch", "tensorflow"} <= set(rows)


def test_absent_torch_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    assert main(["env"]) == 0

    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["torch"] == "not installed"
    assert "CUDA" not in rows

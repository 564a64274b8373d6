"""``convert`` for heads of the user's own, and for heads that are missing."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.shared.processes import program, run_python

from transformers.checkpoints import open_checkpoint, write_bundle
from transformers.commands.transformers_cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def tagger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, Any]:
    """A tagger with three labels whose head has names of its own, in ``tagger``; returns the head's matrix."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURES / "bert" / "classifier-3-labels", "source")
    with open_checkpoint("source") as checkpoint:
        arrays = {name: np.array(checkpoint.read(name)) for name in checkpoint.variables if "adam_" not in name}
    weights = arrays["loss/tagger/output_weights"] = arrays.pop("output_weights")
    arrays["loss/tagger/output_bias"] = arrays.pop("output_bias")
    Path("tagger").mkdir()
    shutil.copy("source/bert_config.json", "tagger")
    write_bundle(Path("tagger/model.ckpt"), {**arrays, "loss/crf/transitions": np.zeros((5, 5), np.float32)})
    return weights


def convert(*flags: str, source: str = "tagger", output: str = "out") -> int:
    return main(
        ["convert", "--model_type=bert", f"--tf_checkpoint={source}", f"--pytorch_dump_output={output}", *flags]
    )


@pytest.mark.parametrize(
    "maps",
    [
        ["loss/tagger/output_weights=classifier.weight", "loss/tagger/output_bias=classifier.bias"],
        ["loss/tagger=classifier"],
    ],
)
def test_a_head_is_mapped_by_its_variables_or_as_a_layer(maps: list[str], tagger: np.ndarray[Any, Any]) -> None:
    flags = ["--architecture=BertForTokenClassification", "--skip=loss/crf/*", "--num_labels=3", "--quiet"]

    assert convert(*flags, *(f"--map={each}" for each in maps)) == 0

    assert np.array_equal(load_file("out/model.safetensors")["classifier.weight"], tagger)
    assert json.loads(Path("out/config.json").read_text())["id2label"] == {str(n): f"LABEL_{n}" for n in range(3)}


def test_the_message_leads_to_the_command_that_works(
    tagger: np.ndarray[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--skip=loss/crf/*", "--quiet") == 1

    message = capsys.readouterr().err
    assert "loss/tagger/output_weights is not known (closest is classifier.weight)" in message
    lines = [shlex.split(line) for line in message.splitlines() if "--architecture BertForTokenClassification" in line]
    assert convert("--skip=loss/crf/*", "--quiet", *lines[0]) == 0
    assert np.array_equal(load_file("out/model.safetensors")["classifier.weight"], tagger)


def test_a_number_of_labels_that_the_head_does_not_have_is_refused(
    tagger: np.ndarray[Any, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--architecture=BertForTokenClassification", "--skip=loss/crf/*", "--map=loss/tagger=classifier"]

    assert convert(*flags, "--num_labels=4") == 1
    assert "--num_labels says 4, the head in the checkpoint has 3" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------- heads that are missing

NEW = ["--architecture=BertForSequenceClassification", "--num_labels=3", "--init_missing"]


@pytest.fixture
def squad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint without a classifier; the current folder is the one above."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURES / "bert" / "squad", "squad")
    return "squad"


def test_what_is_new_is_in_the_report_and_in_the_configuration(squad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("--architecture=BertForSequenceClassification", source=squad) == 1
    assert "output_weights is missing" in capsys.readouterr().err

    assert convert(*NEW, "--report=report.json", source=squad) == 0

    report = capsys.readouterr().out
    weight = "begin normal with deviation 0.02, seed 0"
    assert f"new      classifier.weight: no variable holds it ({weight})" in report.splitlines()
    assert "55 tensors turned back into the source bit for bit, 2 without a source" in report
    said = json.loads(Path("report.json").read_text())["newly_initialized"]
    assert said == {"classifier.weight": weight, "classifier.bias": "begin as zeros"}
    assert json.loads(Path("out/config.json").read_text())["newly_initialized"] == list(said)
    tensors = load_file("out/model.safetensors")
    assert tensors["classifier.weight"].shape == (3, 32)
    assert 0.015 < tensors["classifier.weight"].std() < 0.025


def test_a_dry_run_tells_what_would_be_new(squad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(*NEW, "--dry_run", source=squad) == 0

    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("classifier.weight ")]
    assert re.split("  +", line)[1:] == ["float32 [3, 32]", "begin normal with deviation 0.02, seed 0"]


def test_it_is_the_same_each_time_and_needs_no_torch(squad: str, tmp_path: Path) -> None:
    assert convert(*NEW, "--quiet", source=squad) == 0
    flags = ["--model_type=bert", f"--tf_checkpoint={tmp_path / squad}", f"--pytorch_dump_output={tmp_path / 'again'}"]
    run_python(program(["convert", *flags, *NEW]), without_torch=True)

    assert Path("out/model.safetensors").read_bytes() == Path("again/model.safetensors").read_bytes()


def test_a_narrow_output_is_rounded(squad: str) -> None:
    assert convert(*NEW, "--quiet", "--dtype=float16", source=squad) == 0

    assert load_file("out/model.safetensors")["classifier.weight"].dtype == np.float16


def test_verification_says_that_it_has_no_origin(squad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(*NEW, "--quiet", source=squad) == 0

    assert main(["verify", "out", f"--tf_checkpoint={squad}"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "new      classifier.weight: it has no origin in the checkpoint" in lines
    assert any("55 tensors turned back into the source bit for bit, 2 without a source" in line for line in lines)


def test_an_export_makes_variables_of_it(squad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(*NEW, "--quiet", source=squad) == 0
    assert main(["export", "--model_type=bert", "--pytorch_model=out", "--tf_checkpoint_output=back/model.ckpt"]) == 0

    note = "note     no file of the original says that these were never trained: classifier.weight, classifier.bias"
    assert note in capsys.readouterr().out.splitlines()
    assert "newly_initialized" not in json.loads(Path("back/bert_config.json").read_text())
    with open_checkpoint("back") as checkpoint:
        found = np.array(checkpoint.read("output_weights"))
    assert np.array_equal(found, load_file("out/model.safetensors")["classifier.weight"])

"""The way from a checkpoint to a ``.safetensors`` file needs neither torch nor TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from tests.shared.processes import loaded_after, program, run_python

FIXTURES = Path(__file__).parents[1] / "fixtures"
CHECKPOINTS = {
    "bert": FIXTURES / "bert" / "pretraining" / "model.ckpt-1500",
    "gpt2": FIXTURES / "gpt2" / "small" / "model.ckpt",
}


def arguments(model_type: str, output: Path) -> list[str]:
    """The command line that converts a fixture, without its configuration file being named."""
    return [
        "convert",
        f"--model_type={model_type}",
        f"--tf_checkpoint={CHECKPOINTS[model_type]}",
        f"--pytorch_dump_output={output}",
    ]


@pytest.mark.parametrize("model_type", CHECKPOINTS)
def test_a_folder_is_written_where_torch_is_absent(model_type: str, tmp_path: Path) -> None:
    run_python(program(arguments(model_type, tmp_path / "out")), without_torch=True)

    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == model_type
    assert load_file(tmp_path / "out" / "model.safetensors")


def test_torch_is_not_loaded_where_it_is_present(tmp_path: Path) -> None:
    code = program(arguments("bert", tmp_path / "model.safetensors"))

    assert loaded_after(code, ["torch", "tensorflow"]) == []
    assert (tmp_path / "model.safetensors").is_file()


def test_an_output_that_needs_torch_says_so_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    finished = run_python(program(arguments("bert", tmp_path / "model.bin")), without_torch=True, status=1)

    assert len(finished.stderr.splitlines()) == 1
    assert "pip install 'transformers[torch]'" in finished.stderr
    assert list(tmp_path.iterdir()) == []

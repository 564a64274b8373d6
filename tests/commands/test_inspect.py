from __future__ import annotations

from pathlib import Path

import pytest
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays, with_training_state

from transformers.checkpoints import write_bundle
from transformers.commands.transformers_cli import main
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT

SIZES = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2, "N": 3}


def bert(architecture: str = "BertForSequenceClassification") -> dict[str, Array]:
    return synthetic_arrays(BERT, architecture, SIZES)


def inspect(arrays: dict[str, Array], folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    write_bundle(folder / "model.ckpt", arrays)
    assert main(["inspect", str(folder), *flags]) == 0
    return capsys.readouterr().out.splitlines()


def test_it_says_what_a_checkpoint_is_and_how_to_convert_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = inspect(with_training_state(bert()), tmp_path, capsys)

    assert lines[0] == f"{tmp_path}: TensorFlow V2 bundle"
    assert "    layer_{0..1}" in lines
    assert not any("adam_m" in line for line in lines)
    assert "It is for BertForSequenceClassification: it has output_bias, output_weights." in lines
    assert "  num_labels = 3" in lines
    assert lines[-1] == (
        f"  transformers-cli convert --model_type bert --tf_checkpoint {tmp_path} --num_heads N --pytorch_dump_output X"
    )


def test_everything_can_be_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = inspect(with_training_state(bert()), tmp_path, capsys, "--all")

    assert any(line.strip().startswith("adam_m ") for line in lines)


def test_a_checkpoint_of_two_models_is_shown_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = {f"{scope}/{name}": values for name, values in bert().items() for scope in ("student", "teacher")}

    lines = inspect(two, tmp_path, capsys)

    assert "The checkpoint holds several models:" in lines
    assert lines[-1] == "Choose one: leave the others out, as with --skip 'teacher/*'."


def test_what_is_no_model_is_shown_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = inspect({"a": bert()["output_bias"]}, tmp_path, capsys)

    assert lines[3:] == ["a  float32 [3]", "", "It does not look like any family that is known here."]

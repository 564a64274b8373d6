from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from transformers.commands.transformers_cli import main
from transformers.models.auto.original_checkpoints import convert_checkpoint

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = {
    "bert": "bert/pretraining",
    "albert": "albert/pretraining-v2",
    "gpt2": "gpt2/small",
    "xlnet": "xlnet/pretrain",
    "t5": "t5/v1.1-gated-gelu-untied",
    "gpt": "gpt/lm-small",
    "xlm": "xlm/mlm-3langs-gelu",
}


@pytest.fixture
def source() -> Path:
    return FIXTURES / CASES["bert"]


def verify(folder: Path, source: Path, *flags: str) -> int:
    return main(["verify", str(folder), "--tf_checkpoint", str(source), *flags])


@pytest.mark.parametrize("family", CASES)
@pytest.mark.parametrize("output", ["out", "out/my.safetensors", "out/pytorch_model.bin"])
def test_a_conversion_is_proved_again(
    family: str, output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / output
    convert_checkpoint(FIXTURES / CASES[family], place, family)
    named = place if place.name.startswith("my") else tmp_path / "out"

    assert verify(named, FIXTURES / CASES[family]) == 0

    report = capsys.readouterr().out
    count = json.loads((FIXTURES / CASES[family] / "tensors.json").read_text()) if family == "gpt2" else None
    assert "turned back into the source bit for bit" in report
    assert f"same     {tmp_path / 'out' / 'config.json'}" in report
    assert count is None or f"all {len(count)} tensors" in report


@pytest.mark.parametrize("options", [{"max_shard_size": 20_000}, {"dtype": "bfloat16"}, {"dtype": "float16"}])
def test_shards_and_narrow_types_are_proved(options: dict[str, object], source: Path, tmp_path: Path) -> None:
    convert_checkpoint(source, tmp_path / "out", "bert", **options)  # type: ignore[arg-type]

    assert verify(tmp_path / "out", source, "--model_type", "bert", "--config", str(source / "bert_config.json")) == 0


def test_a_changed_tensor_is_named_with_its_file_and_its_variable(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_checkpoint(source, tmp_path / "out", "bert")
    weights = tmp_path / "out" / "model.safetensors"
    tensors = load_file(weights)
    tensors["cls.seq_relationship.weight"].view(np.uint32)[1, 2] ^= 1
    tensors["bert.pooler.dense.weight"] = tensors["bert.pooler.dense.weight"][1:]
    tensors["stranger"] = np.zeros(2, np.float32)
    del tensors["bert.embeddings.LayerNorm.bias"]
    save_file(tensors, weights, metadata={"format": "pt"})

    assert verify(tmp_path / "out", source) == 1

    said = capsys.readouterr().err
    assert (
        "model.safetensors: cls.seq_relationship.weight does not hold what cls/seq_relationship/output_weights holds"
    ) in said
    assert "model.safetensors: bert.pooler.dense.weight is float32 [23, 24], not float32 [24, 24]" in said
    assert "model.safetensors: stranger comes from no variable" in said
    assert "bert.embeddings.LayerNorm.bias is in no file" in said
    assert "bert.embeddings.word_embeddings" not in said


def test_a_key_that_is_stored_though_it_is_tied_has_to_agree(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_checkpoint(source, tmp_path / "out", "bert")
    weights = tmp_path / "out" / "model.safetensors"
    tensors = load_file(weights)
    tied = tensors["bert.embeddings.word_embeddings.weight"].copy()
    save_file({**tensors, "cls.predictions.decoder.weight": tied}, weights)
    assert verify(tmp_path / "out", source) == 0

    save_file({**tensors, "cls.predictions.decoder.weight": -tied}, weights)

    assert verify(tmp_path / "out", source) == 1
    assert "cls.predictions.decoder.weight differs from bert.embeddings.word_embeddings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("hidden_act", "gelu", 'hidden_act   bert_config.json says "gelu" (which means "gelu_new"), '),
        ("num_hidden_layers", 2, "num_hidden_layers"),
        ("num_attention_heads", 6, "num_attention_heads"),
        ("add_pooling_layer", False, "config.json: add_pooling_layer is false"),
    ],
)
def test_a_changed_configuration_is_named(
    field: str, value: object, said: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert_checkpoint(source, tmp_path / "out", "bert")
    config = tmp_path / "out" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {field: value}))

    assert verify(tmp_path / "out", source) == 1

    message = capsys.readouterr().err
    assert said in message


def test_another_checkpoint_is_told(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert_checkpoint(source, tmp_path / "out", "bert")

    assert verify(tmp_path / "out", FIXTURES / "gpt2" / "small") == 1
    assert verify(tmp_path / "out", FIXTURES / "bert" / "squad") == 1
    assert verify(tmp_path / "nowhere", source) == 1
    (tmp_path / "out" / "model.safetensors").unlink()
    assert verify(tmp_path / "out", source) == 1

    assert "has no weights" in capsys.readouterr().err

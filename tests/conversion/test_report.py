from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_arrays, with_training_state

from transformers.conversion import ConversionReport, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.report import plan_text
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT

REPORT = ConversionReport(
    source="bert/model.ckpt",
    source_format="TensorFlow V2 bundle",
    model_type="bert",
    architecture="BertForPreTraining",
    tensors=1234,
    parameters=1234567,
    tied=["cls.predictions.decoder.weight"],
    skipped={"state of the optimizer": ["a/adam_m", "a/adam_v", "b/adam_m", "b/adam_v"], "a counter": ["global_step"]},
    assumed=["hidden_act = gelu_new (the original's default)"],
    checksums="CRC-32C of every tensor",
    round_trip=True,
    rounded=[],
    newly_initialized={},
    seconds=1.2345,
    folder=Path("out"),
    files=["config.json", "model.safetensors"],
    load_line="transformers.BertForPreTraining.from_pretrained('out')",
)


def test_a_person_reads_what_was_done() -> None:
    assert str(REPORT).splitlines() == [
        "source   bert/model.ckpt (TensorFlow V2 bundle)",
        "model    BertForPreTraining (bert)",
        "written  1,234 tensors, 1,234,567 parameters",
        "skipped  4 variables: state of the optimizer (a/adam_m, a/adam_v, b/adam_m, b/adam_v)",
        "skipped  1 variable: a counter (global_step)",
        "assumed  hidden_act = gelu_new (the original's default)",
        "checked  CRC-32C of every tensor; all 1234 tensors turned back into the source bit for bit",
        "time     1.2 s",
        "output   out/config.json",
        "output   out/model.safetensors",
        "load it  transformers.BertForPreTraining.from_pretrained('out')",
    ]


def test_many_variables_are_told_by_their_number() -> None:
    names = [f"{number:02}/adam_m" for number in range(13)]
    report = replace(REPORT, skipped={"state of the optimizer": names})
    assert "skipped  13 variables: state of the optimizer (00/adam_m, …)" in str(report).splitlines()


@pytest.mark.parametrize(
    ("report", "checked"),
    [
        (
            replace(REPORT, rounded=["a", "b"]),
            "CRC-32C of every tensor; 1232 tensors turned back into the source bit for bit, 2 rounded and recomputed",
        ),
        (replace(REPORT, round_trip=False), "CRC-32C of every tensor; round trip not verified (--no_verify)"),
        (
            replace(REPORT, checksums=None),
            "no checksums in this format; all 1234 tensors turned back into the source bit for bit",
        ),
    ],
)
def test_it_says_what_was_proved_and_no_more(report: ConversionReport, checked: str) -> None:
    assert f"checked  {checked}" in str(report).splitlines()


def test_a_program_reads_the_same() -> None:
    content = json.loads(REPORT.to_json())

    assert content.keys() == set(ConversionReport.__dataclass_fields__)
    assert content["files"] == ["out/config.json", "out/model.safetensors"]
    assert content["skipped"]["a counter"] == ["global_step"]
    assert content["seconds"] == 1.234
    assert REPORT.to_json().endswith("}\n")


def test_a_dry_run_shows_every_tensor_and_why_variables_are_skipped() -> None:
    sizes = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2}
    arrays = with_training_state(synthetic_arrays(BERT, "BertForPreTraining", sizes))
    checkpoint = MemoryCheckpoint(arrays)
    heads = ConfigSource("--num_heads", {"num_attention_heads": 2}, literal=True)
    plan = make_plan(BERT, checkpoint, PlanRequest(configs=[heads]))

    text = plan_text(plan, checkpoint)

    lines = [line.split() for line in text.splitlines()]
    for row in plan.rows:
        assert [row.target, row.dtype] in [line[:2] for line in lines]
    assert {line[0] for line in lines if line} >= set(plan.tied)
    named = {word.rstrip(",") for line in lines for word in line}
    assert {source for row in plan.rows for source in row.sources} <= named
    assert ["skipped", "global_step", "(counter", "of", "the", "training)"] in lines
    for reason, skipped in plan.skipped_by_reason.items():
        assert len(skipped) <= 12 or f"skipped  {len(skipped)} variables: {reason} ({skipped[0].name}, …)" in text
    assert len(text.splitlines()) < len(plan.rows) + 20
    assert "bert.pooler.dense.weight" in text
    assert text.splitlines()[-1] == (
        f"{len(plan.rows):,} tensors, {plan.parameters:,} parameters, {plan.nbytes:,} bytes"
    )

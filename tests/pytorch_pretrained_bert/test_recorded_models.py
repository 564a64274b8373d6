"""Every model class against what pytorch-pretrained-bert 0.6.2 computed; see ``record.py``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.pytorch_pretrained_bert.recording import NAMES, Recording

from pytorch_pretrained_bert import BertAdam


@pytest.fixture(params=NAMES)
def recording(request: pytest.FixtureRequest) -> Recording:
    return Recording.read(request.param)


def test_results(recording: Recording) -> None:
    results = recording.run(recording.model())
    assert len(results) == len(recording.case["results"])
    for expected, result in zip(recording.case["results"], results, strict=True):
        recording.assert_same(expected, result)


@pytest.mark.parametrize("name", [name for name in NAMES if Recording.read(name).case["losses"]])
def test_trainings(name: str) -> None:
    """Without dropout, and with BertAdam; of several losses the sum, of those of words the mean."""
    recording = Recording.read(name)
    model = recording.model()
    optimizer = BertAdam(model.parameters(), lr=0.01, warmup=0.2, t_total=8)
    losses = []
    for _ in recording.case["losses"]:
        result = recording.run(model)[-1]
        loss = result[0].mean() if isinstance(result, tuple) else sum(result) if isinstance(result, list) else result
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses == pytest.approx(recording.case["losses"], abs=1e-4)
    assert losses[-1] < losses[0]


def test_the_state_dict_has_the_older_keys_and_shapes(recording: Recording) -> None:
    state = recording.model(loaded=False).state_dict()
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in recording.weights.items()
    }


def test_what_is_saved_is_what_was_loaded(recording: Recording, tmp_path: Path) -> None:
    torch.save(recording.model().state_dict(), tmp_path / "saved.bin")
    saved = torch.load(tmp_path / "saved.bin")
    assert all(torch.equal(saved[key], value) for key, value in recording.weights.items())


def test_the_configuration_is_written_as_it_was(recording: Recording, tmp_path: Path) -> None:
    config = recording.config()
    assert config.to_json_string() == recording.case["config"] == str(config)
    config.to_json_file(tmp_path / "config.json")
    assert (tmp_path / "config.json").read_text() == recording.case["config"]
    assert recording.config_class.from_json_file(tmp_path / "config.json") == config
    assert recording.config_class(str(tmp_path / "config.json")) == config
    assert recording.config_class.from_dict(json.loads(recording.case["config"])).to_dict() == config.to_dict()


def test_loaded_from_the_files_of_a_script(recording: Recording, tmp_path: Path) -> None:
    recording.write(tmp_path)
    model = recording.model_class.from_pretrained(str(tmp_path), *recording.case["extra"])
    assert model.training
    if recording.case["lengths"]:
        model.reset_length(*recording.case["lengths"])
    results = recording.run(model.eval())
    recording.assert_same(recording.case["results"][0], results[0])

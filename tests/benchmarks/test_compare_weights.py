from __future__ import annotations

from pathlib import Path

import pytest
import torch
from compare_weights import differences, main
from safetensors.torch import save_file

OURS = {"words": torch.tensor([[1.0, -0.0]]), "frequencies": torch.tensor([0.1, 0.2])}


def copy(**changed: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**{name: tensor.clone() for name, tensor in OURS.items()}, **changed}


def test_the_same_tensors_do_not_differ() -> None:
    assert differences(OURS, copy(), {}) == []


@pytest.mark.parametrize(
    "words", [torch.tensor([[1.0, 0.0]]), torch.tensor([1.0, -0.0]), torch.tensor([[1.0, -0.0]], dtype=torch.float64)]
)
def test_sign_of_zero_shape_and_type_count(words: torch.Tensor) -> None:
    assert differences(OURS, copy(words=words), {}) == ["not equal: words"]


def test_tensors_of_one_side_are_named() -> None:
    theirs = copy(more=torch.ones(1))
    del theirs["words"]
    assert differences(OURS, theirs, {}) == ["only ours: words", "only the peer's: more"]


def test_a_tied_copy_must_have_the_values_of_what_it_is_tied_to() -> None:
    tied = {"decoder": "words"}
    assert differences(OURS, copy(decoder=OURS["words"]), tied) == []
    assert differences(OURS, copy(decoder=OURS["words"] + 1), tied) == ["not equal: decoder"]


def test_only_what_is_computed_may_be_rounded() -> None:
    rounded = copy(frequencies=torch.nextafter(OURS["frequencies"], torch.ones(2)))
    assert differences(OURS, rounded, {}) == ["not equal: frequencies"]
    assert differences(OURS, rounded, {}, ["frequencies"]) == []
    assert differences(OURS, copy(frequencies=torch.tensor([0.1, 0.20001])), {}, ["frequencies"]) != []


@pytest.mark.parametrize("name", ["theirs.safetensors", "theirs.bin"])
def test_the_program_compares_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / name
    save_file({"transformer.words": OURS["words"]}, ours)
    (save_file if name.endswith("safetensors") else torch.save)({"words": OURS["words"]}, theirs)

    monkeypatch.setattr("sys.argv", ["", str(ours), str(theirs)])
    assert main() == 1
    assert "only the peer's: words" in capsys.readouterr().err

    monkeypatch.setattr("sys.argv", ["", str(ours), str(theirs), "--peer_prefix", "transformer."])
    assert main() == 0
    assert capsys.readouterr().out == "1 tensors equal bit for bit; the peer's names lack 'transformer.'\n"

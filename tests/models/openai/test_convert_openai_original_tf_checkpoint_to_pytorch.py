from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint

from transformers import convert_checkpoint
from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.torch_files import tensors_of
from transformers.errors import UserError
from transformers.models.openai.convert_openai_original_tf_checkpoint_to_pytorch import FAMILY

V, P, E = 7, 5, 4
BLOCK = [(1, E, 3 * E), (3 * E,), (1, E, E), (E,), (E,), (E,), (1, E, 4 * E), (4 * E,), (1, 4 * E, E), (E,), (E,), (E,)]
RELEASE = [(P, E), (V, E), *BLOCK, *BLOCK]
FINE_TUNED = [(V + 3 + P, E), *BLOCK, *BLOCK, (E, 1), (1,)]


def arrays(shapes: list[tuple[int, ...]]) -> dict[str, np.ndarray[Any, Any]]:
    generator = np.random.default_rng(0)
    return {f"{place:02d}": generator.standard_normal(shape).astype("f4") for place, shape in enumerate(shapes)}


def plan(shapes: list[tuple[int, ...]], config: Mapping[str, Any], **request: Any) -> ConversionPlan:
    checkpoint = MemoryCheckpoint(arrays(shapes))
    return make_plan(FAMILY, checkpoint, PlanRequest(configs=[ConfigSource("config.json", config)], **request))


def test_the_released_arrays_are_named_by_their_places() -> None:
    made = plan(RELEASE, {"n_head": 2})
    assert made.architecture == "OpenAIGPTLMHeadModel"
    sources = {row.target: row.sources for row in made.rows}
    assert sources["transformer.positions_embed.weight"] == ("00",)
    assert sources["transformer.tokens_embed.weight"] == ("01",)
    assert sources["transformer.h.1.ln_2.bias"] == ("25",)
    assert (made.config["vocab_size"], made.config["n_positions"], made.config["n_layer"]) == (V, P, 2)
    assert "vocabulary_entries" not in made.config


@pytest.mark.parametrize("config", [{"vocab_size": V + 3}, {"n_positions": P}, {"vocabulary_entries": V}])
def test_the_table_of_a_fine_tuned_model_is_divided_by_whatever_is_known(config: dict[str, int]) -> None:
    made = plan(FINE_TUNED, {"n_head": 2, **config})
    values = arrays(FINE_TUNED)
    tensors = tensors_of(made.rows, MemoryCheckpoint(values))
    assert made.architecture == "OpenAIGPTDoubleHeadsModel"
    assert np.array_equal(tensors["transformer.tokens_embed.weight"].numpy(), values["00"][: V + 3])
    assert np.array_equal(tensors["transformer.positions_embed.weight"].numpy(), values["00"][V + 3 :])
    assert np.array_equal(tensors["multiple_choice_head.summary.weight"].numpy(), values["25"].T)


@pytest.mark.parametrize(
    ("shapes", "config", "words"),
    [
        (FINE_TUNED, {}, "array 00 has 15 rows of tokens and positions"),
        (FINE_TUNED, {"vocab_size": 9, "n_positions": 9}, "n_positions   9 tokens and 9 positions do not make the 15"),
        (RELEASE, {"vocab_size": 9}, r"vocab_size .* says 9, 01 is \[7, 4\]"),
        (RELEASE, {"n_layer": 3}, r"the checkpoint has layers 0..1 \(2\)"),
        (RELEASE, {"layer_norm_epsilon": "x"}, 'layer_norm_epsilon .*"x" is not a number'),
        (RELEASE, {"n_head": 3}, "3 heads do not divide a width of 4"),
    ],
)
def test_contradictions_are_named(shapes: list[tuple[int, ...]], config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        plan(shapes, {"n_head": 2, **config})


def test_heads_cannot_be_told_from_the_arrays() -> None:
    with pytest.raises(ConversionError, match="n_head .* --num_heads N"):
        plan(RELEASE, {})


def folder_of(path: Path, values: np.ndarray[Any, Any], cuts: list[int]) -> Path:
    """A release folder whose vector is cut at the given places."""
    path.mkdir()
    (path / "params_shapes.json").write_text(json.dumps(RELEASE))
    for number, piece in enumerate(np.split(values, cuts)):
        np.save(path / f"params_{number}.npy", piece)
    return path


def test_a_folder_is_read_however_it_was_cut_and_refused_if_numbers_are_missing_or_left_over(tmp_path: Path) -> None:
    values = arrays(RELEASE)
    flat = np.concatenate([array.ravel() for array in values.values()])
    cuts = [*range(50, 550, 50), 550, 550]  # two digits in the names, and an empty piece
    report = convert_checkpoint(folder_of(tmp_path / "cut", flat, cuts), tmp_path / "out", "gpt", num_heads=2)
    assert report.parameters == flat.size

    for name, vector in (("short", flat[:-1]), ("long", np.append(flat, np.float32(1)))):
        with pytest.raises(UserError, match=str(vector.size)):
            convert_checkpoint(folder_of(tmp_path / name, vector, cuts), tmp_path / f"{name}-out", "gpt", num_heads=2)
        assert not (tmp_path / f"{name}-out").exists()


def test_arrays_of_a_head_of_the_user_s_own_are_mapped_by_their_numbers() -> None:
    shapes = [*RELEASE, (E, 3)]
    maps = ["26=score.weight"]

    made = plan(shapes, {"n_head": 2}, architecture="OpenAIGPTForSequenceClassification", maps=maps)

    (row,) = [row for row in made.rows if row.target == "score.weight"]
    assert (row.sources, row.shape, str(row.operation)) == (("26",), (3, E), "transpose")
    assert made.config["num_labels"] == 3
    with pytest.raises(ConversionError, match=r"26 is not known \(closest is .*score.weight"):
        plan(shapes, {"n_head": 2})


def test_the_classifier_of_a_fine_tuned_list_can_have_several_labels_and_no_bias() -> None:
    shapes, config = [*FINE_TUNED[:-2], (E, 3), (3,)], {"n_head": 2, "vocab_size": V + 3}
    asked = {"architecture": "OpenAIGPTForSequenceClassification"}

    with pytest.raises(ConversionError, match="26 is a bias, which the head of the class does not have"):
        plan(shapes, config, **asked)

    made = plan(shapes, config, skip=["26"], **asked)
    assert [row.sources for row in made.rows if row.target == "score.weight"] == [("25",)]


@pytest.mark.parametrize("shapes", [RELEASE[:-1], FINE_TUNED[:-3], [*RELEASE, *BLOCK[:-1]]])
def test_a_wrong_number_of_arrays_is_told(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(
        ConversionError, match=f"{len(shapes)} arrays do not make an OpenAI GPT: there are 12 for each block"
    ):
        plan(shapes, {"n_head": 2})

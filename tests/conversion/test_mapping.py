"""Heads under names of the user's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_arrays

from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.operations import Chain, Copy, DropAxis, Transpose
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY
from transformers.models.xlnet.convert_xlnet_original_tf_checkpoint_to_pytorch import FAMILY as XLNET

SIZES = {"H": 6, "I": 10, "V": 11, "P": 7, "T": 2, "i": 1}


def plan(extra: dict[str, tuple[int, ...]], maps: Sequence[str], skip: Sequence[str] = ()) -> ConversionPlan:
    """The plan for a tagger whose head has the given variables."""
    arrays = synthetic_arrays(FAMILY, "BertModel", SIZES)
    arrays |= {name: np.ones(shape, np.float32) for name, shape in extra.items()}
    request = PlanRequest(
        configs=[ConfigSource("flags", {"num_attention_heads": 2}, literal=True)],
        architecture="BertForTokenClassification",
        maps=maps,
        skip=skip,
    )
    return make_plan(FAMILY, MemoryCheckpoint(arrays), request)


def head(made: ConversionPlan) -> dict[str, tuple[tuple[str, ...], object, tuple[int, ...]]]:
    """Key -> sources, operation and shape of the head's rows."""
    return {row.target: (row.sources, row.operation, row.shape) for row in made.rows if row.target.startswith("class")}


def test_variables_are_mapped_one_by_one() -> None:
    made = plan({"loss/w": (3, 6), "loss/b": (3,)}, ["loss/w=classifier.weight", "loss/b=classifier.bias"])
    assert head(made) == {
        "classifier.weight": (("loss/w",), Copy(), (3, 6)),
        "classifier.bias": (("loss/b",), Copy(), (3,)),
    }
    assert made.config["num_labels"] == 3


@pytest.mark.parametrize(
    ("weight", "shape", "operation"),
    [
        ("tagger/output_weights", (6, 6), Copy()),
        ("tagger/kernel", (6, 6), Transpose()),
        ("tagger/w", (6, 4), Transpose()),
        ("tagger/w", (4, 6), Copy()),
    ],
)
def test_a_scope_is_mapped_to_a_module_in_the_orientation_that_name_or_shape_tell(
    weight: str, shape: tuple[int, int], operation: object
) -> None:
    labels = shape[0] if operation == Copy() else shape[1]
    made = plan({weight: shape, "tagger/b": (labels,)}, ["tagger=classifier"])
    assert head(made)["classifier.weight"] == ((weight,), operation, (labels, 6))


def test_a_square_matrix_of_an_unknown_name_is_asked_for_and_the_answer_is_followed() -> None:
    extra = {"t/w": (6, 6), "t/b": (6,)}
    with pytest.raises(ConversionError, match="fits both ways: put :transpose or :copy"):
        plan(extra, ["t/w=classifier.weight", "t/b=classifier.bias"])
    made = plan(extra, ["t/w=classifier.weight:transpose", "t/b=classifier.bias"])
    assert head(made)["classifier.weight"][1] == Transpose()


def test_the_answer_may_be_given_for_the_whole_layer() -> None:
    made = plan({"t/w": (6, 6), "t/b": (6,)}, ["t=classifier:copy"])
    assert head(made) == {
        "classifier.weight": (("t/w",), Copy(), (6, 6)),
        "classifier.bias": (("t/b",), Copy(), (6,)),
    }


def test_a_misspelled_scope_is_answered_with_the_right_one() -> None:
    with pytest.raises(ConversionError, match=r"no variable or scope loss/taggr \(did you mean loss/tagger\?\)"):
        plan({"loss/tagger/kernel": (6, 3), "loss/tagger/bias": (3,)}, ["loss/taggr=classifier"])


def test_all_mappings_that_cannot_be_followed_are_told_at_once_with_what_was_meant() -> None:
    form = "is not of the form VARIABLE=PARAMETER, with :transpose or :copy behind it if needed"
    with pytest.raises(ConversionError) as failure:
        plan(
            {"t/w": (3, 6)},
            ["t/w=classifer.weight", "t/v=classifier.bias", "nonsense", "t/w=classifier.weight:sideways"],
        )
    assert failure.value.problems == (
        "t/w=classifer.weight: there is no parameter classifer.weight (did you mean classifier.weight?)",
        "t/v=classifier.bias: there is no variable or scope t/v (did you mean t/w?)",
        f"nonsense {form}",
        f"t/w=classifier.weight:sideways {form}",
    )


def test_a_head_of_unknown_names_is_answered_with_the_lines_to_try() -> None:
    with pytest.raises(ConversionError) as failure:
        plan({"loss/out/kernel": (6, 3), "loss/out/bias": (3,)}, [])
    assert "--map loss/out/kernel=classifier.weight --map loss/out/bias=classifier.bias" in failure.value.advice


def test_shapes_that_fit_neither_way_are_told() -> None:
    with pytest.raises(ConversionError, match=r"\[3, 5\] does not fit \[N, 6\]"):
        plan({"t/w": (3, 5), "t/b": (3,)}, ["t/w=classifier.weight", "t/b=classifier.bias"])


def test_what_is_left_out_is_said() -> None:
    made = plan({"t/w": (3, 6), "t/b": (3,), "t/crf": (3, 3)}, ["t=classifier"], ["t/crf"])
    assert [skipped.name for skipped in made.skipped_by_reason["left out with --skip"]] == ["t/crf"]


def test_a_convolution_of_width_1_is_a_dense_layer() -> None:
    made = plan({"t/w": (1, 6, 6), "t/b": (6,)}, ["t=classifier"])
    assert head(made)["classifier.weight"] == (("t/w",), Chain((DropAxis(0), Transpose())), (6, 6))


def test_a_weight_of_pytorch_is_not_transposed() -> None:
    made = plan({"t/out.weight": (6, 6), "t/out.bias": (6,)}, ["t/out=classifier"])
    assert head(made)["classifier.weight"][1] == Copy()


def test_the_family_s_own_variable_has_to_be_left_out_first() -> None:
    extra = {"t/w": (3, 6), "t/b": (3,), "output_weights": (2, 6), "output_bias": (2,)}
    with pytest.raises(ConversionError, match="comes from output_weights: leave that out with --skip 'output_weights'"):
        plan(extra, ["t=classifier"])
    made = plan(extra, ["t=classifier"], ["output_*"])
    assert head(made)["classifier.weight"][0] == ("t/w",)


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (
            ["t/w=classifier.weight", "u/w=classifier.weight"],
            "classifier.weight is mapped by t/w=classifier.weight, too",
        ),
        (["t/w=classifier.weight", "t/w=classifier.bias"], "t/w is mapped by t/w=classifier.weight, too"),
        (["t/b=classifier.bias:copy"], "classifier.bias is no matrix that could be copied or transposed"),
        (["two=classifier"], "classifier.weight could be any of two/a, two/b: map the variables of two one by one"),
    ],
)
def test_one_variable_makes_one_parameter(maps: list[str], words: str) -> None:
    extra = {"t/w": (3, 6), "t/b": (3,), "u/w": (3, 6), "two/a": (3, 6), "two/b": (3, 6)}
    with pytest.raises(ConversionError) as failure:
        plan(extra, maps)
    assert any(words in problem for problem in failure.value.problems)


def test_a_mapped_variable_counts_as_the_family_s_own() -> None:
    """XLNet's summary has a projection if the checkpoint has one, whatever it is called."""
    arrays = synthetic_arrays(
        XLNET, "XLNetForSequenceClassification", {"V": 9, "M": 6, "N": 2, "D": 3, "I": 5, "l": 1, "C": 4}
    )
    summary = {name: name.replace("model/sequnece_summary/summary", "my_summary") for name in arrays}
    names = {name: each.replace("model/logit", "my_logit") for name, each in summary.items()}

    def plan_of(left_out: str, maps: Sequence[str]) -> ConversionPlan:
        kept = {names[name]: values for name, values in arrays.items() if not names[name].startswith(left_out)}
        source = ConfigSource("flags", {"ff_activation": "relu"}, literal=True)
        request = PlanRequest(configs=[source], architecture="XLNetForSequenceClassification", maps=maps)
        return make_plan(XLNET, MemoryCheckpoint(kept), request)

    with_summary = plan_of("-", ["my_logit=logits_proj", "my_summary=sequence_summary.summary"])
    without = plan_of("my_summary", ["my_logit=logits_proj"])

    assert with_summary.config["summary_use_proj"] is True
    assert without.config["summary_use_proj"] is False
    assert {row.target for row in with_summary.rows} - {row.target for row in without.rows} == {
        "sequence_summary.summary.weight", "sequence_summary.summary.bias",
    }  # fmt: skip


def test_a_norm_is_mapped_by_the_names_of_its_parts() -> None:
    arrays = synthetic_arrays(FAMILY, "BertForMaskedLM", SIZES)
    norm = "cls/predictions/transform/LayerNorm"
    own = {name.replace(norm, "mine/norm"): values for name, values in arrays.items()}
    source = ConfigSource("flags", {"num_attention_heads": 2}, literal=True)
    maps = ["mine/norm=cls.predictions.transform.LayerNorm"]
    request = PlanRequest(configs=[source], architecture="BertForMaskedLM", maps=maps)

    made = make_plan(FAMILY, MemoryCheckpoint(own), request)

    sources = {row.target: row.sources for row in made.rows}
    assert sources["cls.predictions.transform.LayerNorm.weight"] == ("mine/norm/gamma",)
    assert sources["cls.predictions.transform.LayerNorm.bias"] == ("mine/norm/beta",)

    del own["mine/norm/gamma"]
    with pytest.raises(ConversionError, match=r"mine/norm/beta could be .*weight or .*bias: map mine/norm one by one"):
        make_plan(FAMILY, MemoryCheckpoint(own), request)


def test_a_mapping_without_a_class_asks_for_one() -> None:
    arrays = synthetic_arrays(FAMILY, "BertModel", SIZES) | {"t/w": np.ones((3, 6), np.float32)}
    request = PlanRequest(
        configs=[ConfigSource("flags", {"num_attention_heads": 2}, literal=True)], maps=["t=classifier"]
    )
    with pytest.raises(ConversionError, match="there is no module classifier") as failure:
        make_plan(FAMILY, MemoryCheckpoint(arrays), request)
    assert failure.value.advice == "The variables show a BertModel: name another class with --architecture."

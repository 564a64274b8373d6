from __future__ import annotations

import pytest

from transformers.conversion.operations import Copy, DropAxis, Row, Rows, ShapeError, Transpose
from transformers.conversion.rules import (
    TRAINING_STATE,
    Rules,
    TensorRule,
    constant,
    convolution,
    layer_norm,
    linear,
    optimizer_slots,
    skip,
    table,
    tensor,
    tied,
    weight_rows,
    when_present,
)


def written(rules: Rules) -> list[tuple[str, str, str, object]]:
    """Source, shape, target and operation of each rule."""
    return [
        (rule.sources[0].name.text, rule.sources[0].shape, rule.target.text, rule.operation)
        for rule in rules
        if isinstance(rule, TensorRule)
    ]


# ------------------------------------------------------------------------------------------------------ the vocabulary


def test_a_dense_layer_is_transposed_and_its_bias_is_not() -> None:
    assert written(linear("a/dense", "b.dense", "H 4*H")) == [
        ("a/dense/kernel", "H 4*H", "b.dense.weight", Transpose()),
        ("a/dense/bias", "4*H", "b.dense.bias", Copy()),
    ]
    assert len(linear("a/dense", "b.dense", "H H", bias=False)) == 1


def test_a_head_built_by_hand_is_not_transposed() -> None:
    assert written(weight_rows("cls", "head", "N H")) == [
        ("cls/output_weights", "N H", "head.weight", Copy()),
        ("cls/output_bias", "N", "head.bias", Copy()),
    ]
    assert written(weight_rows("", "head", "N H"))[0][0] == "output_weights"


def test_a_layer_norm_has_gain_and_offset() -> None:
    assert written(layer_norm("a", "b", "H")) == [
        ("a/gamma", "H", "b.weight", Copy()),
        ("a/beta", "H", "b.bias", Copy()),
    ]
    assert [source for source, *_ in written(layer_norm("a", "b", "H", gain="g", offset="b"))] == ["a/g", "a/b"]


def test_a_convolution_of_width_1_loses_that_axis_only() -> None:
    assert written(convolution("a", "b", "E 3*E")) == [
        ("a/w", "1 E 3*E", "b.weight", DropAxis(0)),
        ("a/b", "3*E", "b.bias", Copy()),
    ]


def test_a_constant_has_the_size_that_the_symbols_have() -> None:
    (rule,) = constant("b.weight", "identity", "E E")

    assert isinstance(rule, TensorRule)
    assert rule.make_operation({}, {"E": 3}).target_shape([]) == (3, 3)
    with pytest.raises(ShapeError, match=r"nothing shows the size \[E, E\] of the identity"):
        rule.make_operation({}, {})


# ---------------------------------------------------------------------------------------------------------- one-to-one


@pytest.mark.parametrize(
    "groups",
    [
        (tensor("a", "x", "H"), tensor("b", "x", "H")),
        (tensor("a", "x", "H"), tensor("a", "y", "H")),
        (tensor("a", "x", "H"), tied("x", "y")),
        (tensor("a/{p}", "x.{p}", "H", p=("q", "k")), tensor("a/k", "y", "H")),
        (tensor("a/{p}", "x.{p}", "H", p=("q", "k")), tensor("b", "x.q", "H")),
        (tensor("a/{i}", "x.{i}", "H"), tensor("a/{i}", "y.{i}", "H")),
    ],
    ids=["targets", "sources", "a tied target", "sources in words", "targets in words", "indices"],
)
def test_a_table_that_is_not_one_to_one_is_refused(groups: tuple[Rules, ...]) -> None:
    with pytest.raises(ValueError, match="not one-to-one: "):
        table(*groups)


@pytest.mark.parametrize(("source", "target"), [("a/{i}", "x"), ("a", "x.{i}"), ("a/{i}", "x.{j}")])
def test_a_rule_that_cannot_be_read_backwards_is_refused(source: str, target: str) -> None:
    with pytest.raises(ValueError, match="different placeholders"):
        table(tensor(source, target, "H"))


def test_parts_of_one_variable_may_become_several_parameters() -> None:
    rules = table(
        tensor("a", "x", "2*H H", Rows(0, 1)), tensor("a", "y", "2*H H", Rows(1)), tensor("a", "z", "2*H H", Row(0))
    )

    assert len(rules) == 3


def test_choices_are_kept() -> None:
    assert len(table(when_present("a", tensor("a", "x", "H")), tensor("b", "y", "H"))) == 2


# --------------------------------------------------------------------------------------------------------------- skips


def test_a_skip_is_about_whole_names() -> None:
    rule = skip("global_step", "*/step", reason="counter")

    assert rule.matches("global_step")
    assert rule.matches("a/b/step")
    assert not rule.matches("my_global_step")
    assert not rule.matches("global_step/a")
    assert not rule.matches("GLOBAL_STEP")


def test_a_slot_stands_behind_the_name_of_its_variable() -> None:
    rule = optimizer_slots("adam_m")

    assert rule.matches("bert/pooler/dense/kernel/adam_m")
    assert not rule.matches("bert/pooler/dense/kernel")
    assert not rule.matches("adam_m")


@pytest.mark.parametrize(
    "name",
    [
        "bert/a/kernel/adam_m",
        "bert/a/kernel/adam_v",
        "bert/a/kernel/Adam",
        "bert/a/kernel/Adam_1",
        "bert/a/kernel/Momentum",
        "bert/a/kernel/RMSProp_1",
        "bert/a/kernel/lamb_v",
        "bert/a/kernel/ExponentialMovingAverage",
        "bert/a/kernel/AdamWeightDecayOptimizer",
        "bert/a/kernel/AdamWeightDecayOptimizer_1",
        "beta1_power",
        "training/beta2_power",
        "global_step",
        "optimizer/iter",
        "save_counter",
        "current_loss_scale",
        "loss_scale/good_steps",
    ],
)
def test_what_trainings_leave_behind_is_known_by_its_name(name: str) -> None:
    assert [rule.reason for rule in TRAINING_STATE if rule.matches(name)]


@pytest.mark.parametrize(
    "name",
    [
        "bert/encoder/layer_0/output/dense/kernel",
        "bert/Adam/kernel",
        "cls/step/weights",
        "model/h0/attn/c_attn/w",
        "momentum_encoder/kernel",
    ],
)
def test_weights_are_not_taken_for_the_state_of_a_training(name: str) -> None:
    assert [rule.reason for rule in TRAINING_STATE if rule.matches(name)] == []

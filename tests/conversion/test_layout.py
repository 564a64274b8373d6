from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import pytest

from transformers.checkpoints import Variable
from transformers.conversion.layout import ConversionError, Layout, VariableTable
from transformers.conversion.rules import (
    Rules,
    constant,
    for_each_present,
    table,
    tensor,
    tied,
    when_different,
    when_present,
)
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT

FAMILY = replace(BERT, anchor="model/wte", canonical_names=None)


def variables(*names: str, family_name: str = "model/wte") -> dict[str, Variable]:
    return {name: Variable(name, (2,), "float32") for name in (family_name, *names)}


def layout(rules: Rules, names: Iterable[str]) -> Layout:
    return Layout.of(table(rules), VariableTable(variables(*names), FAMILY))


def targets(placed: Layout) -> list[str]:
    return [each.target for each in placed.placed]


# -------------------------------------------------------------------------------------------------------------- scopes


@pytest.mark.parametrize("scope", ["", "module/", "a/b/"])
def test_an_outer_scope_is_taken_off(scope: str) -> None:
    names = VariableTable(variables(f"{scope}model/x", "head/y", family_name=f"{scope}model/wte"), FAMILY)

    assert names.scope == scope
    assert set(names) == {"model/wte", "model/x", "head/y"}
    assert names["model/x"].name == f"{scope}model/x"
    assert names.stored_name("model/x") == f"{scope}model/x"
    assert names.stored_name("model/absent") == f"{scope}model/absent"
    assert len(names) == 3


@pytest.mark.parametrize("prefix", ["encoder/", "model/module."])
def test_absent_variables_are_spelled_like_their_neighbours(prefix: str) -> None:
    def rename(names: Iterable[str]) -> dict[str, str]:
        return {name: "model/" + name.removeprefix(prefix) for name in names if name.startswith(prefix)}

    names = VariableTable(variables("other/y", family_name=f"{prefix}wte"), replace(FAMILY, canonical_names=rename))

    assert set(names) == {"model/wte", "other/y"}
    assert names.stored_name("model/wte") == f"{prefix}wte"
    assert names.stored_name("model/absent") == f"{prefix}absent"
    assert names.stored_name("other/absent") == "other/absent"


def test_the_anchor_is_a_whole_name() -> None:
    assert not VariableTable(variables(family_name="my_model/wte"), FAMILY).is_of_family
    assert not VariableTable(variables(family_name="model/wte/adam_m"), FAMILY).is_of_family
    assert VariableTable(variables(family_name="my/model/wte"), FAMILY).is_of_family


def test_two_models_are_an_error_that_names_them() -> None:
    with pytest.raises(ConversionError, match=r"several models:\n  model/wte\n  other/model/wte"):
        VariableTable(variables("other/model/wte"), FAMILY)


def test_a_variable_inside_and_outside_of_the_scope_is_an_error() -> None:
    with pytest.raises(ConversionError, match=r"inside and outside of the scope module/:\n  head$"):
        VariableTable(variables("module/head", "head", family_name="module/model/wte"), FAMILY)


# -------------------------------------------------------------------------------------------------------------- copies


COPY = when_different("model/out", "model/wte", tensor("model/out", "out", "V"), tied("out", "wte", copy="model/out"))


@pytest.mark.parametrize(
    ("there", "same", "tied_keys", "copies"),
    [
        (["model/out"], True, {"out": "wte"}, {"model/out"}),
        (["model/out"], False, {}, set()),
        ([], False, {"out": "wte"}, {"model/out"}),
    ],
)
def test_a_variable_that_repeats_another_one_makes_a_tied_key(
    there: list[str], same: bool, tied_keys: dict[str, str], copies: set[str]
) -> None:
    asked = []

    def same_values(*names: str) -> bool:
        asked.append(names)
        return same

    seen = Layout.of(
        table(tensor("model/wte", "wte", "V"), COPY),
        VariableTable(
            variables(*(f"scope/{name}" for name in there), family_name="scope/model/wte"), FAMILY, same_values
        ),
    )

    assert targets(seen) == (["wte"] if tied_keys else ["wte", "out"])
    assert seen.tied == tied_keys
    assert seen.copies == copies
    assert set(asked) == ({("scope/model/out", "scope/model/wte")} if there else set())


# ------------------------------------------------------------------------------------------------------------- indices


def test_indices_run_as_far_as_the_variables_go() -> None:
    rules = tensor("h{i}/w", "h.{i}.w", "N") + tensor("h{i}/b", "h.{i}.b", "N")

    placed = layout(rules, [f"h{i}/{name}" for i in range(11) for name in "wb"])

    assert placed.counts == {"i": 11}
    assert targets(placed)[:4] == ["h.0.w", "h.0.b", "h.1.w", "h.1.b"]
    assert targets(placed)[-1] == "h.10.b"


def test_layers_in_between_are_missing_and_not_passed_over() -> None:
    placed = layout(tensor("h{i}/w", "h.{i}.w", "N"), ["h0/w", "h2/w", "other"])

    assert placed.counts == {"i": 3}
    assert placed.missing == ("h1/w",)


def test_no_layers_are_none() -> None:
    assert layout(tensor("h{i}/w", "h.{i}.w", "N"), []).placed == ()


@pytest.mark.parametrize("first", [1, 2, 5])
@pytest.mark.parametrize("second", [1, 2, 5])
def test_two_indices_run_independently(first: int, second: int) -> None:
    names = [f"group_{i}/inner_{j}/w" for i in range(first) for j in range(second)]

    placed = layout(tensor("group_{i}/inner_{j}/w", "g.{i}.{j}.w", "N"), names)

    assert placed.counts == {"i": first, "j": second}
    assert not placed.missing
    assert len(placed.placed) == first * second


def test_an_index_of_a_source_alone_gathers_all_of_its_values() -> None:
    from transformers.conversion.operations import Concatenate

    placed = layout(tensor("part_{i}/w", "whole", "N", Concatenate()), [f"part_{i}/w" for i in range(3)])

    (rule,) = placed.placed
    assert rule.sources == ("part_0/w", "part_1/w", "part_2/w")


def test_words_are_placed_for_every_layer() -> None:
    rules = tensor("h{i}/{p}", "h.{i}.{p}", "N", p=("q", "k"))

    assert targets(layout(rules, ["h0/q", "h1/k"])) == ["h.0.q", "h.0.k", "h.1.q", "h.1.k"]


def test_a_hostile_number_costs_neither_memory_nor_time() -> None:
    started = time.monotonic()

    placed = layout(tensor("h{i}/w", "h.{i}.w", "N"), ["h0/w", "h999999999/w"])

    assert len(placed.placed) == 1
    assert time.monotonic() - started < 1


# ------------------------------------------------------------------------------------------------------ choices, sizes


def test_choices_follow_the_variables() -> None:
    rules = when_present("a", tensor("a", "x", "N"), otherwise=tensor("b", "y", "N"))

    assert targets(layout(rules, ["a", "b"])) == ["x"]
    assert targets(layout(rules, ["b"])) == ["y"]


def test_a_choice_for_each_index_follows_the_variable_of_that_index() -> None:
    own = tensor("part_{k}/own", "x.{k}", "N")
    rules = tensor("part_{k}/w", "w.{k}", "N") + for_each_present("part_{k}/own", own, otherwise=tied("x.{k}", "w.{k}"))
    placed = layout(rules, ["part_0/w", "part_0/own", "part_1/w", "part_2/w", "part_2/own"])

    assert placed.counts == {"k": 3}
    assert targets(placed) == ["w.0", "x.0", "w.1", "w.2", "x.2"]
    assert placed.tied == {"x.1": "w.1"}
    assert placed.missing == ()


def test_an_index_runs_as_far_as_either_side_of_a_choice_goes() -> None:
    placed = layout(for_each_present("a_{k}", tensor("a_{k}", "x.{k}", "N"), constant("x.{k}", "zeros", "2")), ["a_1"])

    assert targets(placed) == ["x.0", "x.1"]
    assert [each.sources for each in placed.placed] == [(), ("a_1",)]


def test_ties_are_placed_for_every_layer() -> None:
    rules = tensor("h{i}/w", "h.{i}.w", "N") + tied("copy.{i}.w", "h.{i}.w") + tied("head", "h.0.w")

    assert layout(rules, ["h0/w", "h1/w"]).tied == {"copy.0.w": "h.0.w", "copy.1.w": "h.1.w", "head": "h.0.w"}


def test_sizes_have_witnesses() -> None:
    rules = tensor("a", "x", "2*N") + tensor("b", "y", "N")
    placed = layout(rules, ["a", "b"])

    assert placed.sizes["N"] == 1
    assert placed.witness("N") == "b"
    assert placed.witness("M") is None
    assert placed.sources == {"a", "b"}

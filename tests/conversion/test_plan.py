from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays, with_training_state

from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.family import Architecture, Family
from transformers.conversion.operations import Concatenate, Rows
from transformers.conversion.plan import align
from transformers.conversion.rules import Source, TensorRule, table, tensor
from transformers.conversion.templates import Template
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT

SIZES = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2, "N": 3}
HEADS = ConfigSource("--num_heads", {"num_attention_heads": 2}, literal=True)


def bert(architecture: str = "BertForPreTraining", **sizes: int) -> dict[str, Array]:
    return synthetic_arrays(BERT, architecture, {**SIZES, **sizes})


def plan(arrays: Mapping[str, Array], family: Family = BERT, **request: Any) -> ConversionPlan:
    configs = [HEADS] if family is BERT else []
    return make_plan(family, MemoryCheckpoint(arrays), PlanRequest(configs=configs, **request))


def reasons(made: ConversionPlan) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in made.skipped}


# ---------------------------------------------------------------------------------------------------------- the rows


def test_every_variable_is_used_or_skipped_for_a_reason() -> None:
    arrays = with_training_state(bert())

    made = plan(arrays)

    used = {source for row in made.rows for source in row.sources}
    assert used == set(bert())
    assert used | reasons(made).keys() == set(arrays)
    assert used.isdisjoint(reasons(made))
    assert set(made.skipped_by_reason) == set(reasons(made).values())


def test_the_plan_knows_what_it_will_write() -> None:
    made = plan(bert("BertModel"), dtype="float16")

    count = sum(values.size for values in bert("BertModel").values())
    assert made.parameters == count
    assert made.nbytes == 2 * count
    assert {row.dtype for row in made.rows} == {"float16"}
    assert made.config["dtype"] == "float16"


def test_the_base_model_has_no_prefix() -> None:
    assert all(not row.target.startswith("bert.") for row in plan(bert("BertModel")).rows)
    assert any(row.target.startswith("bert.") for row in plan(bert()).rows)


@pytest.mark.parametrize(
    ("source", "target", "rounds"),
    [
        (np.float32, "float32", False),
        (np.float16, "float32", False),
        (np.uint16, "float32", False),
        (np.float64, "float32", True),
        (np.float32, "float16", True),
        (np.float32, "bfloat16", True),
        (np.float16, "float16", False),
    ],
)
def test_the_plan_knows_what_is_rounded(source: type, target: str, rounds: bool) -> None:
    arrays = {name: values.astype(source) for name, values in bert("BertModel").items()}

    made = plan(arrays, dtype=target)

    assert {made.rounds(row, MemoryCheckpoint(arrays)) for row in made.rows} == {rounds}


def test_a_data_type_that_no_file_holds_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"int8 .*\n.*float16, bfloat16, float32, float64"):
        plan(bert(), dtype="int8")


# ---------------------------------------------------------------------------------------------------------- problems


def test_all_problems_are_told_together() -> None:
    arrays = bert()
    del arrays["bert/embeddings/LayerNorm/beta"]
    arrays["bert/embeddings/LayerNorm/bate"] = np.ones(8, np.float32)
    arrays["bert/pooler/dense/bias"] = np.ones(9, np.float32)
    arrays["bert/pooler/dense/kernel"] = np.ones((8, 8), np.int64)
    config = ConfigSource("bert_config.json", {"num_attention_heads": 3, "vocab_size": 12})

    with pytest.raises(ConversionError) as raised:
        make_plan(BERT, MemoryCheckpoint(arrays), PlanRequest(configs=[config]))

    message = str(raised.value)
    for words in (
        "vocab_size",
        "bert/embeddings/LayerNorm/beta is missing",
        "bert/embeddings/LayerNorm/bate is not known (closest is bert.embeddings.LayerNorm.bias)",
        "bert/pooler/dense/bias is [9], expected [8] = [H]",
        "bert/pooler/dense/kernel holds int64",
        "Nothing was written.",
        "--skip",
    ):
        assert words in message


def test_problems_of_many_layers_are_told_together() -> None:
    arrays = {name: values for name, values in bert(i=9).items() if "/layer_1/" not in name}
    arrays = {name: values for name, values in arrays.items() if "/layer_3/output" not in name}
    adapters = {f"adapter_{layer}/weights": np.ones(1, np.float32) for layer in range(9)}

    with pytest.raises(ConversionError) as raised:
        plan(arrays | adapters)

    lines = str(raised.value).splitlines()
    assert "  bert/encoder/layer_{1,3}/output/dense/kernel are missing" in lines
    assert "  bert/encoder/layer_1/attention/self/query/bias is missing" in lines
    assert "  adapter_{0..8}/weights are not known" in lines


def test_field_names_form_a_column() -> None:
    assert align(["a   one", "bcd   two", "three"]) == ["a     one", "bcd   two", "three"]


# ------------------------------------------------------------------------------------------------------------- --skip


def test_what_the_user_leaves_out_is_as_if_it_were_not_there() -> None:
    made = plan(bert(), skip=["cls/*"])

    assert made.architecture == "BertModel"
    assert set(reasons(made).values()) == {"left out with --skip"}
    assert reasons(made).keys() == set(bert()) - set(bert("BertModel"))


def test_a_variable_that_is_needed_cannot_be_left_out() -> None:
    with pytest.raises(ConversionError, match="bert/embeddings/LayerNorm/beta is missing"):
        plan(bert(), skip=["*/embeddings/LayerNorm/beta"])


def test_a_pattern_that_leaves_nothing_out_is_told_of() -> None:
    made = plan(bert(), skip=["cls/*", "tager/*"])

    assert made.assumed[0] == "--skip 'tager/*' leaves nothing out: no variable matches it"
    assert "cls/*" not in "".join(made.assumed)


def test_a_pattern_is_about_whole_names() -> None:
    with pytest.raises(ConversionError, match="tagger/kernel is not known"):
        plan({**bert(), "tagger/kernel": np.ones((2, 2), np.float32)}, skip=["tagger"])

    assert plan({**bert(), "tagger/kernel": np.ones((2, 2), np.float32)}, skip=["tagger/*"])


# ----------------------------------------------------------------------------------------- parts of one variable, gaps


def toy(*rules: TensorRule) -> Family:
    """A family with one variable ``all`` [6, 2], and what rules make of it."""
    base = tensor("model/wte", "wte", "V")
    return replace(
        BERT,
        anchor="model/wte",
        encoder=table(base, rules),
        base_prefix="",
        base_model="Toy",
        headless="Toy",
        architectures={"Toy": Architecture()},
        fields=(),
        released=(),
        finish_config=None,
    )


def rows(target: str, start: int, stop: int | None) -> TensorRule:
    return TensorRule((Source(Template("all"), "6 2"),), Template(target), Rows(start, stop))


ALL = {"model/wte": np.ones(3, np.float32), "all": np.ones((6, 2), np.float32)}


def test_a_variable_may_be_cut_into_parts() -> None:
    made = plan(ALL, toy(rows("a", 0, 2), rows("b", 2, None)))

    assert [(row.target, row.shape) for row in made.rows] == [("wte", (3,)), ("a", (2, 2)), ("b", (4, 2))]


@pytest.mark.parametrize(
    ("parts", "gaps"),
    [([(0, 2)], ["2 to 5"]), ([(1, 2), (4, None)], ["0 to 0", "2 to 3"]), ([(3, None)], ["0 to 2"])],
)
def test_a_part_that_ends_up_nowhere_is_an_error(parts: list[tuple[int, int | None]], gaps: list[str]) -> None:
    family = toy(*(rows(f"t{start}", start, stop) for start, stop in parts))

    with pytest.raises(ConversionError) as raised:
        plan(ALL, family)

    assert [line.strip() for line in str(raised.value).splitlines()[1:-1]] == [
        f"all: rows {gap} are not used" for gap in gaps
    ]


def test_an_operation_that_does_not_fit_is_an_error_that_names_the_variables() -> None:
    sources = (Source(Template("all"), "6 2"), Source(Template("model/wte"), "V"))
    joined = TensorRule(sources, Template("joined"), Concatenate())

    with pytest.raises(ConversionError, match=r"all, model/wte: \[6, 2\], \[3\] cannot be put together"):
        plan(ALL, toy(joined))

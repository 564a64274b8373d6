from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_arrays

from transformers.conversion.configs import ConfigResult, ConfigSource, settle_config
from transformers.conversion.family import UNKNOWN_TO_THE_ORIGINAL, ConfigField
from transformers.conversion.layout import ConversionError, Layout, VariableTable
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT

SIZES = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2}
VARIABLES = VariableTable(MemoryCheckpoint(synthetic_arrays(BERT, "BertModel", SIZES)).variables, BERT)
LAYOUT = Layout.of(BERT.encoder, VARIABLES)


def spell(word: str) -> str:
    if word not in ("one", "two"):
        raise ValueError(f"{word} is no number")
    return {"one": "1", "two": "2"}[word]


FIELDS = (
    ConfigField("hidden_size", int, "n_hidden", size="H"),
    ConfigField("word", str, default="one", translate=spell),
    ConfigField("rate", float, default=0.5, most=1),
    ConfigField("flag", bool, default=False),
    ConfigField("end", int, default=None, nullable=True),
    ConfigField("epsilon", float, default=UNKNOWN_TO_THE_ORIGINAL),
)


class Config:
    """Knows ``width`` as another name of ``hidden_size``."""

    attribute_map = {"width": "hidden_size"}  # noqa: RUF012


def settle(*sources: ConfigSource | Mapping[str, Any], fields: tuple[ConfigField, ...] = FIELDS) -> ConfigResult:
    family = replace(BERT, fields=fields, config_class=Config, released=(), finish_config=None)  # type: ignore[arg-type]
    named = [
        source if isinstance(source, ConfigSource) else ConfigSource(f"{number}.json", source, "model_type" in source)
        for number, source in enumerate(sources)
    ]
    return settle_config(family, named, LAYOUT)


# ------------------------------------------------------------------------------------------------------- where from


def test_nothing_said_means_tensors_and_the_originals_defaults() -> None:
    result = settle()

    assert result.problems == []
    assert result.fields == {"hidden_size": 8, "word": "1", "rate": 0.5, "flag": False, "end": None}
    assert result.assumptions == [
        'word = "1" (the original\'s default)',
        "rate = 0.5 (the original's default)",
        "flag = false (the original's default)",
        "end = null (the original's default)",
    ]


def test_a_file_is_taken_at_its_word() -> None:
    result = settle({"n_hidden": 8, "word": "two", "rate": 0, "flag": True, "end": 0, "epsilon": 1e-6})

    assert result.fields == {"hidden_size": 8, "word": "2", "rate": 0, "flag": True, "end": 0, "epsilon": 1e-6}
    assert result.assumed == {}


@pytest.mark.parametrize("spelling", ["n_hidden", "hidden_size", "width"])
def test_a_field_has_several_names_in_the_originals_dialect(spelling: str) -> None:
    (problem,) = settle({spelling: 9}).problems

    assert problem == f"{spelling}   0.json says 9, bert/embeddings/word_embeddings is [11, 8]"


def test_the_originals_own_spelling_is_no_word_of_the_ecosystem() -> None:
    result = settle({"model_type": "bert", "n_hidden": 9, "width": 8})

    assert result.problems == []
    assert result.fields["hidden_size"] == 8


def test_words_are_translated_in_the_originals_dialect_only() -> None:
    assert settle({"model_type": "bert", "word": "anything"}).fields["word"] == "anything"
    assert settle({"word": "anything"}).problems == ["word   0.json: anything is no number"]


def test_the_more_explicit_source_wins_for_the_fields_it_has() -> None:
    result = settle({"word": "two"}, {"rate": 0.25, "word": "two"})

    assert (result.problems, result.fields["word"], result.fields["rate"]) == ([], "2", 0.25)


def test_a_contradiction_between_two_files_is_an_error_in_their_own_words() -> None:
    result = settle({"model_type": "bert", "word": "one"}, {"word": "one"})

    assert result.problems == ['word   0.json says "one", 1.json says "one" (which means "1")']


def test_other_fields_are_kept_but_not_what_follows_anyway() -> None:
    result = settle(
        {"flag": True, "extra": [1], "torch_dtype": "float16", "architectures": ["X"]}, {"extra": 2, "x": 3}
    )

    assert result.fields["extra"] == [1]
    assert result.fields["x"] == 3
    assert result.fields.keys().isdisjoint({"torch_dtype", "architectures"})


# ------------------------------------------------------------------------------------------------------- wrong values


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("n_hidden", 0, "a whole number from 1 on"),
        ("n_hidden", 8.0, "a whole number from 1 on"),
        ("n_hidden", "8", "a whole number from 1 on"),
        ("n_hidden", None, "a whole number from 1 on"),
        ("n_hidden", True, "a whole number from 1 on"),
        ("n_hidden", [8], "a whole number from 1 on"),
        ("rate", -0.1, "a number from 0 to 1"),
        ("rate", 1.1, "a number from 0 to 1"),
        ("rate", float("nan"), "a number from 0 to 1"),
        ("rate", "0.1", "a number from 0 to 1"),
        ("rate", True, "a number from 0 to 1"),
        ("epsilon", float("inf"), "a number from 0 on"),
        ("flag", 1, "true or false"),
        ("flag", None, "true or false"),
        ("end", -1, "a whole number from 0 on"),
        ("word", 1, "a string"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_it_should_be(field: str, value: Any, expected: str) -> None:
    assert settle({field: value}).problems == [f"{field}   0.json: {json.dumps(value)} is not {expected}"]


def test_a_field_with_a_wrong_value_is_not_reported_as_absent() -> None:
    fields = (ConfigField("heads", int, least=1), ConfigField("other", int))

    assert settle({"heads": 0}, fields=fields).problems == [
        "heads   0.json: 0 is not a whole number from 1 on",
        "other   no file has it and no tensor shows it: give a --config with just that field",
    ]


def test_the_number_of_heads_can_be_given_by_a_flag() -> None:
    fields = (ConfigField("num_attention_heads", int),)

    assert "give --num_heads N, or a --config with just that field" in settle(fields=fields).problems[0]


def test_a_file_that_speaks_of_something_else_is_refused() -> None:
    assert settle({"n_embd": 8, "n_layer": 2}).problems == [
        "0.json has no field of a BERT configuration, but n_embd, n_layer"
    ]
    assert settle({}).problems == []
    assert settle({"finetuning_task": "mnli"}).problems == []
    assert settle({"num_labels": 3}).problems == []


def test_another_model_type_is_refused() -> None:
    assert settle({"model_type": "gpt2"}).problems[0] == (
        'model_type   0.json says "gpt2", this is a conversion of BERT'
    )


# ----------------------------------------------------------------------------------------------------------- reading


def test_a_file_is_in_the_ecosystems_dialect_if_it_says_so(tmp_path: Path) -> None:
    for number, (content, literal) in enumerate(
        [({"a": 1}, False), ({"model_type": "bert"}, True), ({"architectures": []}, True)]
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(content))
        assert ConfigSource.read(path, BERT) == ConfigSource(path.name, content, literal)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[" * 100_000, b"\xff"])
def test_a_file_that_is_no_configuration_is_one_message(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "my.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ConversionError, match=r"configuration cannot be read: (?s:.)*leave --config out") as raised:
        ConfigSource.read(path, BERT)

    assert "my.json" in str(raised.value)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.conversion.templates import LONGEST_INDEX, Template, expand_values

WORDS = (("p", ("query", "key", "value")),)

#: Templates as families write them, with the words of their placeholders.
TEMPLATES = [
    Template("bert/embeddings/LayerNorm/gamma"),
    Template("bert/encoder/layer_{i}/output/dense/kernel"),
    Template("model/h{i}/attn/c_attn/w"),
    Template("encoder/block_{i:03d}/layer_{j:03d}/layer_norm/scale"),
    Template("group_{i}/inner_group_{j}/attention_{i}/kernel"),
    Template("layer_{i}/{p}/kernel", WORDS),
    Template("{p}_{i}", WORDS),
    Template("{{braces}}_{i}"),
]

indices = st.integers(0, 10**LONGEST_INDEX - 1)


def test_a_template_without_placeholders_matches_itself_only() -> None:
    template = Template("model/wte")

    assert template.fill({}) == "model/wte"
    assert template.match("model/wte") == {}
    assert template.match("model/wte/Adam") is None
    assert template.match("model/wt") is None
    assert template.match("") is None


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.text)
@given(data=st.data())
def test_matching_undoes_filling(template: Template, data: st.DataObject) -> None:
    words = dict(template.words)
    values = {
        name: data.draw(st.sampled_from(words[name]) if name in words else indices) for name in template.placeholders
    }

    assert template.match(template.fill(values)) == values


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.text)
@given(text=st.text(st.sampled_from("0123456789_/{}layerquykvbockhmdngt"), max_size=40))
def test_filling_undoes_matching(template: Template, text: str) -> None:
    for name in (text, template.text.partition("{")[0] + text):
        values = template.match(name)

        assert values is None or template.fill(values) == name


@pytest.mark.parametrize("digits", ["07", "00", "٣", "²", "-1", "+1", "1_0", " 1", "1.0", "", "1234567890"])
def test_an_index_is_matched_only_as_it_would_be_written(digits: str) -> None:
    assert Template("layer_{i}/kernel").match(f"layer_{digits}/kernel") is None


@pytest.mark.parametrize(("digits", "value"), [("007", 7), ("1234", 1234), ("7", None), ("0007", None)])
def test_an_index_of_fixed_width_is_matched_only_in_that_width(digits: str, value: int | None) -> None:
    matched = Template("block_{i:03d}").match(f"block_{digits}")

    assert matched == (None if value is None else {"i": value})


def test_an_index_that_stands_twice_has_one_value() -> None:
    template = Template("layer_{i}/copy_{i}")

    assert template.match("layer_3/copy_3") == {"i": 3}
    assert template.match("layer_3/copy_4") is None


def test_an_index_before_a_digit_is_found() -> None:
    assert Template("h{i}0").match("h120") == {"i": 12}


def test_words_are_not_taken_for_the_beginning_of_longer_ones() -> None:
    template = Template("{w}", (("w", ("key", "keys")),))

    assert template.match("keys") == {"w": "keys"}
    assert template.match("keyss") is None


def test_placeholders_and_indices() -> None:
    template = Template("layer_{i:03d}/{p}/{j}", WORDS)

    assert template.placeholders == {"i", "j", "p"}
    assert template.indices == {"i", "j"}


def test_values_are_expanded_with_indices_varying_slowest() -> None:
    values = list(expand_values(["p", "i"], {"p": ("a", "b")}, {"i": 2}))

    assert values == [{"i": 0, "p": "a"}, {"i": 0, "p": "b"}, {"i": 1, "p": "a"}, {"i": 1, "p": "b"}]
    assert list(expand_values([], {}, {})) == [{}]
    assert list(expand_values(["i"], {}, {"i": 0})) == []

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel
from transformers.errors import MissingFileError, UserError
from transformers.generation.configuration import OPTIONS


def test_options_have_defaults_and_others_are_kept() -> None:
    config = GenerationConfig(max_new_tokens=7, num_beams=4, from_the_future=1)
    assert (config.max_length, config.max_new_tokens, config.do_sample, config.top_k) == (20, 7, False, 50)
    assert config.from_the_future == 1
    assert config.to_diff_dict() == {"max_new_tokens": 7, "num_beams": 4, "from_the_future": 1}


def test_every_option_is_described() -> None:
    description = GenerationConfig.__doc__ or ""
    assert [name for name in OPTIONS if f"    {name}: " not in description] == []
    assert [name for name in OPTIONS if name not in GenerationConfig.__annotations__] == []


def test_none_is_the_default_or_turns_off() -> None:
    config = GenerationConfig(num_beams=None, temperature=None, top_k=None, top_p=None, max_length=None)
    assert config.to_diff_dict() == {"top_k": None, "top_p": None}
    config.update(num_beams=3)
    config.update(num_beams=None)
    assert config.num_beams == 1


def test_a_folder_without_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"generation_config\.json"):
        GenerationConfig.from_pretrained(tmp_path)


def test_update_returns_what_is_no_option() -> None:
    config = GenerationConfig()
    assert config.update(top_k=3, num_beams=2, token_type_ids="x") == {"token_type_ids": "x"}
    assert (config.top_k, config.num_beams) == (3, 2)


@pytest.mark.parametrize(("given", "expected"), [(None, []), (5, [5]), ([5, 7], [5, 7]), ([], [])])
def test_there_may_be_several_ends(given: int | list[int] | None, expected: list[int]) -> None:
    assert GenerationConfig(eos_token_id=given).end_tokens == expected


def test_options_that_would_be_ignored_are_named_unless_they_change_nothing() -> None:
    harmless = {"num_beam_groups": 1, "diversity_penalty": 0.0, "constraints": None, "transformers_version": "4.46.3"}
    assert GenerationConfig(**harmless, num_beams=3, _from_model_config=True).unsupported() == []
    problems = GenerationConfig(num_beam_groups=2, penalty_alpha=0.6, from_the_future=1).unsupported()
    assert [problem.split("=")[0] for problem in problems] == ["num_beam_groups", "penalty_alpha", "from_the_future"]


# Files


def test_all_is_as_before_after_saving_and_loading(tmp_path: Path) -> None:
    config = GenerationConfig(do_sample=True, eos_token_id=[5, 7], num_beams=4, _from_model_config=True)
    config.save_pretrained(tmp_path / "new")
    assert json.loads((tmp_path / "new" / "generation_config.json").read_text()) == {
        "do_sample": True,
        "eos_token_id": [5, 7],
        "num_beams": 4,
        "_from_model_config": True,
    }
    loaded = GenerationConfig.from_pretrained(tmp_path / "new")
    assert loaded == config
    assert GenerationConfig.from_pretrained(tmp_path / "new", top_k=3).top_k == 3
    assert GenerationConfig.from_pretrained(tmp_path, subfolder="new") == config


def test_a_folder_may_have_several_files(tmp_path: Path) -> None:
    for top_k, name in ((3, "generation_config.json"), (4, "other.json")):
        GenerationConfig(top_k=top_k).save_pretrained(tmp_path, name)
    assert GenerationConfig.from_pretrained(tmp_path).top_k == 3
    assert GenerationConfig.from_pretrained(tmp_path, config_file_name="other.json").top_k == 4
    with pytest.raises(MissingFileError, match=r"none\.json"):
        GenerationConfig.from_pretrained(tmp_path, "none.json")


TOKEN = st.integers(0, 99)
TOKENS = st.lists(TOKEN, min_size=1, max_size=3)
NUMBER = st.floats(0.1, 5.0)
SHARE = st.floats(0.01, 0.99)
VALUES = {
    "max_length": st.integers(1, 99), "min_new_tokens": st.integers(0, 9), "max_time": NUMBER,
    "stop_strings": st.text(min_size=1) | st.lists(st.text(min_size=1), min_size=1),
    "exponential_decay_length_penalty": st.tuples(st.integers(0, 9), NUMBER).map(list),
    "num_beams": st.integers(1, 9), "length_penalty": st.floats(-2, 2),
    "early_stopping": st.sampled_from([True, False, "never"]),
    "temperature": NUMBER, "top_k": st.none() | st.integers(0, 9), "top_p": st.none() | SHARE, "min_p": SHARE,
    "repetition_penalty": NUMBER, "bad_words_ids": st.lists(TOKENS, min_size=1),
    "sequence_bias": st.dictionaries(TOKENS.map(tuple), st.floats(-9, 9), min_size=1),
    "forced_eos_token_id": TOKEN | TOKENS, "suppress_tokens": TOKENS, "output_scores": st.booleans(),
}  # fmt: skip


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_whatever_the_options_are(options: dict[str, Any]) -> None:
    config = GenerationConfig(**options)
    assert all(getattr(config, name) == value for name, value in options.items())
    loaded = GenerationConfig.from_dict(json.loads(config.to_json_string()))
    assert loaded == config
    assert loaded.sequence_bias == config.sequence_bias


@pytest.mark.parametrize(
    "stored", [[[[5, 7], -2.0], [[3], 1.0]], {"(5, 7)": -2.0, "(3,)": 1.0}], ids=["pairs", "written tuples"]
)
def test_biases_of_sequences_as_files_have_them(stored: Any) -> None:
    config = GenerationConfig.from_dict({"sequence_bias": stored})
    assert config.sequence_bias == {(5, 7): -2.0, (3,): 1.0}
    assert config.to_dict()["sequence_bias"] == [[[5, 7], -2.0], [[3], 1.0]]


# The configuration of a model


def test_a_model_says_what_its_special_tokens_are() -> None:
    config = GenerationConfig.from_model_config(GPT2Config(bos_token_id=3, eos_token_id=4, use_cache=False, top_k=9))
    assert config.to_diff_dict() == {"bos_token_id": 3, "eos_token_id": 4, "use_cache": False, "top_k": 9}


def test_options_in_the_configuration_of_an_older_release_count(tmp_path: Path) -> None:
    """Before ``generation_config.json`` the options stood among the fields of the model."""
    model = GPT2LMHeadModel(GPT2Config(vocab_size=31, n_positions=24, n_embd=6, n_layer=1, n_head=2, eos_token_id=4))
    model.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    fields = json.loads((tmp_path / "config.json").read_text())
    older = {
        "max_length": 9, "num_beams": 3, "no_repeat_ngram_size": 2, "early_stopping": True, "length_penalty": 2.0,
        "num_beam_groups": 1, "diversity_penalty": 0.0, "output_scores": False, "bad_words_ids": None,
        "output_hidden_states": True, "task_specific_params": {"text-generation": {"do_sample": True, "top_k": 5}},
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps({**fields, **older}))
    config = GPT2LMHeadModel.from_pretrained(tmp_path).generation_config
    assert config.to_diff_dict() == {
        "max_length": 9, "num_beams": 3, "no_repeat_ngram_size": 2, "early_stopping": True, "length_penalty": 2.0,
        "bos_token_id": 50256, "eos_token_id": 4,
    }  # fmt: skip


def test_what_such_a_configuration_asks_for_in_vain_is_refused() -> None:
    config = GenerationConfig.from_model_config(GPT2Config(num_beam_groups=2, diversity_penalty=0.5))
    assert config.unsupported() == [
        "num_beam_groups=2 is not supported: beams are not searched in groups",
        "diversity_penalty=0.5 is not supported: beams are not searched in groups",
    ]


# Values


BAD_VALUES = [
    ("max_length", 0), ("max_new_tokens", 2.5), ("max_new_tokens", 0), ("num_beams", 0), ("num_beams", True),
    ("num_return_sequences", -1), ("min_length", -1), ("min_new_tokens", "3"), ("top_k", -1), ("top_k", 2.0),
    ("no_repeat_ngram_size", -1), ("encoder_no_repeat_ngram_size", 1.5), ("temperature", 0.0), ("temperature", -1),
    ("temperature", "hot"), ("temperature", math.inf), ("repetition_penalty", 0), ("repetition_penalty", math.nan),
    ("encoder_repetition_penalty", -2.0), ("max_time", 0), ("length_penalty", math.inf), ("length_penalty", "long"),
    ("top_p", 0.0), ("top_p", 1.5), ("typical_p", 0), ("typical_p", 1.01), ("min_p", -0.1), ("min_p", 1.1),
    ("epsilon_cutoff", 1), ("eta_cutoff", -0.1), ("do_sample", "yes"), ("use_cache", 1), ("output_scores", 1),
    ("early_stopping", "always"), ("early_stopping", 1), ("stop_strings", ""), ("stop_strings", []),
    ("stop_strings", ["a", ""]), ("stop_strings", [3]), ("exponential_decay_length_penalty", 1.2),
    ("exponential_decay_length_penalty", (3,)), ("exponential_decay_length_penalty", (1.5, 1.2)),
    ("exponential_decay_length_penalty", (3, 0.0)), ("bos_token_id", 1.5), ("pad_token_id", [1]),
    ("forced_bos_token_id", "<s>"), ("eos_token_id", "</s>"), ("eos_token_id", [1, None]),
    ("forced_eos_token_id", [[1]]), ("suppress_tokens", 3), ("suppress_tokens", [-1]),
    ("begin_suppress_tokens", ["a"]), ("bad_words_ids", []), ("bad_words_ids", [3]), ("bad_words_ids", [[]]),
    ("bad_words_ids", [[1, -2]]), ("bad_words_ids", "ab"), ("sequence_bias", {}), ("sequence_bias", {3: 1.0}),
    ("sequence_bias", {(): 1.0}), ("sequence_bias", {(1,): "much"}), ("sequence_bias", [[[1], 1.0, 2.0]]),
    ("sequence_bias", {"(1": 1.0}), ("sequence_bias", 1.0), ("sequence_bias", [[1, 2.0]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_VALUES, ids=str)
def test_values_without_meaning_are_refused(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"{name} must be "):
        GenerationConfig(**{name: value})


def test_all_of_them_at_once() -> None:
    with pytest.raises(UserError) as error:
        GenerationConfig(temperature=0.0, top_p=2.0, num_beams=2, bad_words_ids=[[]])
    assert error.value.problems == (
        "temperature must be a number above 0, not 0.0",
        "top_p must be a number above 0 and at most 1, not 2.0",
        "bad_words_ids must be a list of lists of tokens, none of them empty, not [[]]",
    )


def test_they_are_not_saved_and_not_loaded(tmp_path: Path) -> None:
    config = GenerationConfig()
    config.num_beams = 0
    with pytest.raises(UserError, match="num_beams must be a whole number of at least 1, not 0"):
        config.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "generation_config.json").write_text('{"top_p": 3}')
    with pytest.raises(UserError, match=r"generation_config\.json.*\n.*top_p must be .* at most 1, not 3"):
        GenerationConfig.from_pretrained(tmp_path)


def test_every_option_has_its_values() -> None:
    """What no test of values names here would be accepted whatever it is."""
    assert OPTIONS.keys() - {name for name, _ in BAD_VALUES} == {
        "output_attentions", "output_hidden_states", "output_logits", "remove_invalid_values", "renormalize_logits",
        "return_dict_in_generate", "decoder_start_token_id",
    }  # fmt: skip
    for name in ("return_dict_in_generate", "decoder_start_token_id", "renormalize_logits", "output_logits"):
        with pytest.raises(UserError, match=name):
            GenerationConfig(**{name: "x"})

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transformers import GenerationConfig, GPT2Config
from transformers.errors import MissingFileError


def test_options_have_defaults_and_others_are_kept() -> None:
    config = GenerationConfig(max_new_tokens=7, num_beams=4)
    assert (config.max_length, config.max_new_tokens, config.do_sample, config.top_k) == (20, 7, False, 50)
    assert config.num_beams == 4
    assert config.to_diff_dict() == {"max_new_tokens": 7, "num_beams": 4}


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


def test_a_folder_without_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"generation_config\.json"):
        GenerationConfig.from_pretrained(tmp_path)


def test_a_model_says_what_its_special_tokens_are() -> None:
    config = GenerationConfig.from_model_config(GPT2Config(bos_token_id=3, eos_token_id=4, use_cache=False, top_k=9))
    assert config.to_diff_dict() == {"bos_token_id": 3, "eos_token_id": 4, "use_cache": False, "top_k": 9}


def test_update_returns_what_is_no_option() -> None:
    config = GenerationConfig()
    assert config.update(top_k=3, num_beams=2, token_type_ids="x") == {"token_type_ids": "x"}
    assert (config.top_k, config.num_beams) == (3, 2)


@pytest.mark.parametrize(("given", "expected"), [(None, []), (5, [5]), ([5, 7], [5, 7]), ([], [])])
def test_there_may_be_several_ends(given: int | list[int] | None, expected: list[int]) -> None:
    assert GenerationConfig(eos_token_id=given).end_tokens == expected


def test_options_that_would_be_ignored_are_named_unless_they_change_nothing() -> None:
    harmless = {"num_beam_groups": 1, "diversity_penalty": 0.0, "constraints": None, "transformers_version": "4.46.3"}
    assert GenerationConfig(**harmless, num_beams=2, _from_model_config=True).unsupported() == []
    problems = GenerationConfig(num_beam_groups=2, penalty_alpha=0.6, from_the_future=1).unsupported()
    assert [problem.split("=")[0] for problem in problems] == ["num_beam_groups", "penalty_alpha", "from_the_future"]

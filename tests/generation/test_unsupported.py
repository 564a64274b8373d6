"""Options that other tools have: each does what it says, or it is refused by name, with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.tiny_writers import tiny_gpt2, token_ids

from transformers import GenerationConfig, GPT2LMHeadModel
from transformers.errors import UserError
from transformers.generation.configuration import OPTIONS

#: What ``GenerationConfig`` and ``generate()`` of transformers 4.46 and 5.23 know beside what is supported here, each
#: with a value at which it would change something.
ELSEWHERE: dict[str, Any] = {
    "num_beam_groups": 2, "diversity_penalty": 0.5, "penalty_alpha": 0.6, "low_memory": True, "dola_layers": "high",
    "top_h": 0.4, "constraints": [object()], "force_words_ids": [[1]], "forced_decoder_ids": [[1, 2]],
    "assistant_model": object(), "assistant_tokenizer": object(), "assistant_early_exit": 1,
    "prompt_lookup_num_tokens": 3, "speculation_type": "mtp", "is_assistant": True, "use_mtp": True,
    "guidance_scale": 1.5, "negative_prompt_ids": torch.ones(1, 2), "negative_prompt_attention_mask": torch.ones(1, 2),
    "watermarking_config": {"bias": 2.0}, "token_healing": True, "cache_implementation": "static",
    "cache_config": {"nbits": 4}, "max_cache_len": 9, "return_legacy_cache": True, "prefill_chunk_size": 2,
    "compile_config": {}, "continuous_batching_config": {}, "synced_gpus": True, "custom_generate": "folder",
    "trust_remote_code": True, "use_model_defaults": True,
}  # fmt: skip

#: Those that only say how tokens are guessed in advance.
IDLE: dict[str, Any] = {
    "num_assistant_tokens": 20, "num_assistant_tokens_schedule": "constant", "assistant_confidence_threshold": 0.4,
    "assistant_lookbehind": 10, "target_lookbehind": 10, "assistant_ensemble_weight": 0.5,
    "max_matching_ngram_size": 2,
}  # fmt: skip

NEUTRAL: dict[str, Any] = {
    "num_beam_groups": 1, "diversity_penalty": 0.0, "penalty_alpha": 0, "low_memory": False, "dola_layers": None,
    "constraints": [], "force_words_ids": None, "assistant_model": None, "is_assistant": False, "guidance_scale": 1,
    "token_healing": False, "cache_implementation": "dynamic", "return_legacy_cache": False, "disable_compile": True,
    "synced_gpus": False, "trust_remote_code": False, "use_model_defaults": False, "num_assistant_tokens": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), ELSEWHERE.items(), ids=ELSEWHERE.keys())
def test_each_is_refused_with_a_reason(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"  {name}=.* is not supported: \w"):
        tiny_gpt2().generate(token_ids(1, 3), **{name: value})


def test_a_model_in_a_message_takes_one_line() -> None:
    with pytest.raises(UserError) as error:
        tiny_gpt2().generate(token_ids(1, 3), assistant_model=tiny_gpt2())
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(("name", "value"), IDLE.items(), ids=IDLE.keys())
def test_what_does_nothing_by_itself_is_refused_in_a_call_and_waits_in_a_file(name: str, value: Any) -> None:
    model, prompt = tiny_gpt2(), token_ids(1, 3)
    with pytest.raises(UserError, match=f"{name}=.* has no effect: tokens are not guessed in advance"):
        model.generate(prompt, **{name: value})
    expected = model.generate(prompt)
    model.generation_config.update(**{name: value})
    assert torch.equal(model.generate(prompt), expected)


def test_values_that_change_nothing_are_accepted() -> None:
    model, prompt = tiny_gpt2(), token_ids(1, 3)
    assert torch.equal(model.generate(prompt, **NEUTRAL), model.generate(prompt))


def test_files_keep_them(tmp_path: Path) -> None:
    """Also what nobody here knows."""
    kept = {**IDLE, "guidance_scale": 1.5, "from_the_future": None, "max_new_tokens": 4}
    model = tiny_gpt2()
    model.generation_config = GenerationConfig(**kept, num_beam_groups=1, top_h=None)
    model.save_pretrained(tmp_path)
    loaded = GPT2LMHeadModel.from_pretrained(tmp_path)
    loaded.save_pretrained(tmp_path / "again")
    for folder in (tmp_path, tmp_path / "again"):
        assert json.loads((folder / "generation_config.json").read_text()) == kept
    with pytest.raises(UserError, match=r"guidance_scale=1\.5 is not supported"):
        loaded.generate(token_ids(1, 3))
    assert loaded.generate(token_ids(1, 3), guidance_scale=1.0).shape == (1, 7)


def test_no_option_is_both() -> None:
    assert not OPTIONS.keys() & (ELSEWHERE.keys() | IDLE.keys())

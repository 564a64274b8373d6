from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from transformers import BertConfig, BertLMHeadModel, GenerationConfig, GPT2Config, GPT2LMHeadModel
from transformers.errors import UserError
from transformers.modeling_utils import PreTrainedModel

PAD = 28
SIZES = {"vocab_size": 31, "tie_word_embeddings": False, "bos_token_id": 29, "eos_token_id": 30, "pad_token_id": None}


def with_visible_weights(model: PreTrainedModel) -> Any:
    """Random matrices that are large enough for texts that do not repeat one token."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(generator=generator)
    return model.eval()


def gpt2(**fields: Any) -> Any:
    config = GPT2Config(**{**SIZES, "n_positions": 24, "n_embd": 12, "n_layer": 2, "n_head": 3, **fields})
    return with_visible_weights(GPT2LMHeadModel(config))


def bert(**fields: Any) -> Any:
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20}
    config = BertConfig(**{**SIZES, **sizes, "max_position_embeddings": 24, "is_decoder": True, **fields})
    return with_visible_weights(BertLMHeadModel(config))


FAMILIES = pytest.mark.parametrize("make", [gpt2, bert])


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(0, 28, shape, generator=torch.Generator().manual_seed(sum(shape)))


def greedy_by_hand(model: Any, prompt: torch.Tensor, steps: int) -> torch.Tensor:
    for _ in range(steps):
        with torch.no_grad():
            best = model(prompt).logits[:, -1].argmax(-1)
        prompt = torch.cat([prompt, best[:, None]], dim=1)
    return prompt


def left_padded(prompts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(len(prompt) for prompt in prompts)
    tokens = torch.full((len(prompts), length), PAD)
    for row, prompt in enumerate(prompts):
        tokens[row, length - len(prompt) :] = prompt
    return tokens, (tokens != PAD).long()


class TestGreedy:
    @FAMILIES
    @pytest.mark.parametrize("use_cache", [True, False])
    def test_the_likeliest_token_follows(self, make: Any, use_cache: bool) -> None:
        model, prompt = make(), ids(3, 5)
        expected = greedy_by_hand(model, prompt, 12)
        assert len(expected[:, 5:].unique()) > 5, "texts of one token would prove little"
        actual = model.generate(prompt, max_new_tokens=12, eos_token_id=None, use_cache=use_cache)
        assert torch.equal(actual, expected)

    @FAMILIES
    @pytest.mark.parametrize("use_cache", [True, False])
    def test_each_prompt_of_a_padded_batch_goes_on_as_alone(self, make: Any, use_cache: bool) -> None:
        model = make()
        prompts = [ids(1, length)[0] for length in (2, 7, 4, 1)]
        tokens, mask = left_padded(prompts)
        together = model.generate(
            tokens, attention_mask=mask, max_new_tokens=10, eos_token_id=None, use_cache=use_cache
        )
        for row, prompt in enumerate(prompts):
            alone = model.generate(prompt[None], max_new_tokens=10, eos_token_id=None)
            assert torch.equal(together[row, 7:], alone[0, len(prompt) :])

    def test_padding_is_found_without_a_mask(self) -> None:
        model = gpt2()
        tokens, mask = left_padded([ids(1, 3)[0], ids(1, 6)[0]])
        with_mask = model.generate(tokens, attention_mask=mask, max_new_tokens=8, pad_token_id=PAD)
        assert torch.equal(model.generate(tokens, max_new_tokens=8, pad_token_id=PAD), with_mask)
        unpadded = model.generate(tokens, max_new_tokens=8, pad_token_id=PAD, eos_token_id=PAD)
        assert not torch.equal(unpadded[0, :8], with_mask[0, :8])

    def test_a_text_may_start_from_nothing(self) -> None:
        model = gpt2()
        assert torch.equal(model.generate(max_new_tokens=4), greedy_by_hand(model, torch.tensor([[29]]), 4))
        model.generation_config.bos_token_id = None
        with pytest.raises(UserError, match="bos_token_id"):
            model.generate(max_new_tokens=4)

    def test_gradients_and_modes_stay_out_of_it(self) -> None:
        model = gpt2()
        assert not model.generate(ids(1, 2), max_new_tokens=2).requires_grad
        with torch.inference_mode():
            inference = model.generate(ids(1, 2), max_new_tokens=2)
        assert torch.equal(inference, model.generate(ids(1, 2), max_new_tokens=2))
        assert torch.is_grad_enabled()


class TestLength:
    def test_ends_are_followed_by_padding_until_all_texts_ended(self) -> None:
        model, prompt = gpt2(), ids(3, 5)
        free = greedy_by_hand(model, prompt, 15)
        ends = [int(free[0, 7]), int(free[1, 10])]
        actual = model.generate(prompt, max_new_tokens=15, eos_token_id=ends, pad_token_id=PAD)
        lengths = []
        for row in range(3):
            found = [index for index in range(5, 20) if int(free[row, index]) in ends]
            lengths.append(found[0] + 1 if found else 20)
            assert torch.equal(actual[row, : lengths[row]], free[row, : lengths[row]])
            assert (actual[row, lengths[row] :] == PAD).all()
        assert len(set(lengths)) > 1
        assert actual.shape[1] == max(lengths)

    @pytest.mark.parametrize("pad", [None, -1])
    def test_the_first_end_is_the_padding_if_there_is_none(self, pad: int | None) -> None:
        model, prompt = gpt2(), ids(2, 5)
        free = greedy_by_hand(model, prompt, 8)
        place, end = next((index, int(token)) for index, token in enumerate(free[0, 5:]) if token not in free[1, 5:])
        actual = model.generate(prompt, max_new_tokens=8, eos_token_id=end, pad_token_id=pad)
        assert (actual[0, 5 + place :] == end).all()
        assert torch.equal(actual[1], free[1])

    def test_no_end_before_the_least_number_of_tokens(self) -> None:
        model, prompt = gpt2(), ids(1, 5)
        end = int(greedy_by_hand(model, prompt, 1)[0, 5])
        assert model.generate(prompt, max_new_tokens=9, eos_token_id=end).shape == (1, 6)
        longer = model.generate(prompt, max_new_tokens=9, eos_token_id=end, min_new_tokens=4)
        assert longer.shape[1] >= 9
        assert end not in longer[0, 5:9]

    def test_without_an_end_token_texts_always_have_the_least_number_of_tokens(self) -> None:
        model, prompt = gpt2(eos_token_id=None), ids(2, 5)
        assert torch.equal(
            model.generate(prompt, max_new_tokens=4, min_new_tokens=4, min_length=7),
            model.generate(prompt, max_new_tokens=4),
        )

    def test_max_length_counts_the_prompt(self) -> None:
        model, prompt = gpt2(eos_token_id=None), ids(2, 5)
        assert model.generate(prompt, max_length=9).shape == (2, 9)
        assert model.generate(prompt).shape == (2, 20)
        model.generation_config.max_new_tokens = 3
        assert model.generate(prompt).shape == (2, 8)
        assert model.generate(prompt, max_length=9).shape == (2, 9)

    @pytest.mark.parametrize("options", [{"max_length": 5}, {"max_length": 3}, {"max_new_tokens": 0}])
    def test_a_text_to_which_nothing_may_be_added_is_an_error(self, options: dict[str, int]) -> None:
        with pytest.raises(UserError, match="max_new_tokens"):
            gpt2().generate(ids(1, 5), **options)

    @FAMILIES
    def test_texts_longer_than_the_model_are_refused_before_they_start(self, make: Any) -> None:
        model, calls = make(eos_token_id=None), []
        model.register_forward_hook(lambda *_: calls.append(1))
        with pytest.raises(UserError, match="20 tokens of the prompt and 5 new ones do not fit in the 24 positions"):
            model.generate(ids(1, 20), max_new_tokens=5)
        assert not calls
        assert model.generate(ids(1, 20), max_new_tokens=4).shape == (1, 24)

    def test_padding_takes_no_positions(self) -> None:
        tokens = torch.cat([torch.full((2, 10), PAD), ids(2, 12)], dim=1)
        assert gpt2(eos_token_id=None).generate(tokens, max_new_tokens=12, pad_token_id=PAD).shape == (2, 34)


class TestSampling:
    def test_seeds_decide(self) -> None:
        model, prompt = gpt2(eos_token_id=None), ids(2, 5)

        def drawn(seed: int, **options: Any) -> torch.Tensor:
            torch.manual_seed(seed)
            return model.generate(prompt, max_new_tokens=12, do_sample=True, **options)

        assert torch.equal(drawn(1), drawn(1))
        assert not torch.equal(drawn(1), drawn(2))
        own = [drawn(seed, generator=torch.Generator().manual_seed(1)) for seed in (1, 2)]
        assert torch.equal(*own)

    def test_tokens_are_drawn_by_their_probabilities(self) -> None:
        model, prompt = gpt2(), ids(1, 3)
        with torch.no_grad():
            expected = (model(prompt).logits[0, -1] / 1.5).softmax(-1)
        draws = model.generate(
            prompt.expand(20000, -1), max_new_tokens=1, do_sample=True, temperature=1.5, top_k=0,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        seen = draws[:, 3].bincount(minlength=31) / 20000
        assert (seen - expected).abs().max() < 0.015

    @pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-6, "top_k": 0}, {"temperature": 1e-6}])
    def test_with_one_candidate_it_is_greedy(self, options: dict[str, float]) -> None:
        model, prompt = gpt2(eos_token_id=None), ids(2, 5)
        expected = greedy_by_hand(model, prompt, 8)
        assert torch.equal(model.generate(prompt, max_new_tokens=8, do_sample=True, **options), expected)

    def test_unlikely_tokens_are_left_out(self) -> None:
        model, prompt = gpt2(), ids(1, 3)
        with torch.no_grad():
            best = set(model(prompt).logits[0, -1].topk(3).indices.tolist())
        draws = model.generate(prompt.expand(500, -1), max_new_tokens=1, do_sample=True, top_k=3, temperature=5.0)
        assert set(draws[:, 3].tolist()) == best


class TestModelInputs:
    def test_a_cache_spares_the_first_tokens(self) -> None:
        model, prompt, lengths = gpt2(), ids(2, 7), []
        expected = model.generate(prompt, max_new_tokens=5)
        with torch.no_grad():
            cache = model(prompt[:, :4]).past_key_values
        model.register_forward_pre_hook(
            lambda _, __, inputs: lengths.append(inputs["input_ids"].shape[1]), with_kwargs=True
        )
        for past in (cache.to_legacy_cache(), cache):
            assert torch.equal(model.generate(prompt, past_key_values=past, max_new_tokens=5), expected)
            assert [lengths.pop(0) for _ in range(5)] == [3, 1, 1, 1, 1]
        assert cache.get_seq_length() == 11
        with pytest.raises(UserError, match="11 positions, the prompt has 7"):
            model.generate(prompt, past_key_values=cache, max_new_tokens=5)

    @FAMILIES
    def test_segments_go_on_with_the_last_one(self, make: Any) -> None:
        model, prompt = make(), ids(2, 5)
        types = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 1, 0]])
        expected = prompt
        for _ in range(6):
            longer = torch.cat([types, types[:, -1:].expand(-1, expected.shape[1] - 5)], dim=1)
            with torch.no_grad():
                best = model(expected, token_type_ids=longer).logits[:, -1].argmax(-1)
            expected = torch.cat([expected, best[:, None]], dim=1)
        for use_cache in (True, False):
            options = {"token_type_ids": types, "max_new_tokens": 6, "eos_token_id": None, "use_cache": use_cache}
            assert torch.equal(model.generate(prompt, **options), expected)

    @FAMILIES
    def test_a_decoder_reads_its_encoder(self, make: Any) -> None:
        model, prompt = make(add_cross_attention=True), ids(2, 3)
        states, mask = torch.randn(2, 4, 12, generator=torch.Generator().manual_seed(0)), torch.ones(2, 4)
        mask[1, 2:] = 0
        inputs = {"encoder_hidden_states": states, "encoder_attention_mask": mask, "eos_token_id": None}
        together = model.generate(prompt, **inputs, max_new_tokens=6)
        assert torch.equal(model.generate(prompt, **inputs, max_new_tokens=6, use_cache=False), together)
        alone = model.generate(prompt[1:], encoder_hidden_states=states[1:, :2], eos_token_id=None, max_new_tokens=6)
        assert torch.equal(together[1:], alone)

    def test_nothing_is_computed_twice(self) -> None:
        """One position after the first step, scores of one position always, and no mask where there is no padding."""
        model, seen = gpt2(eos_token_id=None), []
        model.transformer.register_forward_pre_hook(
            lambda _, __, inputs: seen.append((inputs["input_ids"].shape, inputs["attention_mask"])), with_kwargs=True
        )
        scores = []
        model.lm_head.register_forward_hook(lambda _, __, output: scores.append(output.shape[1]))
        model.generate(ids(2, 5), attention_mask=torch.ones(2, 5), max_new_tokens=4)
        assert seen == [((2, 5), None), ((2, 1), None), ((2, 1), None), ((2, 1), None)]
        assert scores == [1, 1, 1, 1]


class TestRefusals:
    def test_all_that_cannot_be_honoured_is_named(self) -> None:
        with pytest.raises(UserError) as error:
            gpt2().generate(
                ids(1, 3), num_beam_groups=4, penalty_alpha=1.3, no_such_option=1, temperature=0.5, max_length=9,
                max_new_tokens=3,
            )  # fmt: skip
        for name in ("num_beam_groups=4", "penalty_alpha=1.3", "no_such_option", "temperature=0.5", "max_length and"):
            assert name in str(error.value)
        assert "max_new_tokens, min_length" in str(error.value)
        assert "token_type_ids" in str(error.value)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"min_new_tokens": 9, "max_new_tokens": 3}, "min_new_tokens=9 is more than max_new_tokens=3"),
            ({"min_length": 9, "max_length": 8}, "min_length=9 is more than max_length=8"),
        ],
    )
    def test_texts_cannot_be_longer_than_they_may(self, options: dict[str, int], message: str) -> None:
        model, prompt = gpt2(), ids(1, 3)
        with pytest.raises(UserError, match=message):
            model.generate(prompt, **options)
        least, most = options
        model.generation_config.update(**{least: options[least]})  # of a file, which another call may need
        assert model.generate(prompt, **{most: options[most]}).shape == (
            1,
            3 * (most == "max_new_tokens") + options[most],
        )

    def test_values_that_change_nothing_are_accepted(self) -> None:
        model, prompt = gpt2(), ids(1, 3)
        neutral = {"num_beams": 1, "temperature": 1.0, "top_k": 50, "repetition_penalty": 1.0, "streamer": None}
        assert torch.equal(model.generate(prompt, **neutral), model.generate(prompt))

    def test_options_of_a_file_count_too(self) -> None:
        model = gpt2()
        model.generation_config.num_beam_groups = 3
        with pytest.raises(UserError, match="num_beam_groups=3"):
            model.generate(ids(1, 3))
        assert model.generate(ids(1, 3), num_beam_groups=1, max_new_tokens=2, eos_token_id=None).shape == (1, 5)
        assert model.generation_config.num_beam_groups == 3

    @pytest.mark.parametrize(
        ("prompt", "options", "message"),
        [
            (torch.zeros(3, dtype=torch.long), {}, r"shape \[3\]"),
            (torch.zeros(2, 0, dtype=torch.long), {}, r"shape \[2, 0\]"),
            (torch.zeros(0, 3, dtype=torch.long), {}, r"shape \[0, 3\]"),
            (torch.zeros(2, 3), {}, "float32"),
            (torch.zeros(2, 3, dtype=torch.bool), {}, "bool"),
            (ids(1, 3), {"token_type_ids": [[0, 0, 0]]}, "token_type_ids is no tensor"),
            (ids(2, 3), {"attention_mask": torch.ones(2, 4)}, r"\[2, 4\]"),
            (ids(1, 3), {"attention_mask": torch.tensor([[1, 1, 0]])}, "padding_side = 'left'"),
            (ids(1, 3), {"do_sample": True, "temperature": 0.0}, "temperature"),
        ],
    )
    def test_inputs_from_which_no_text_can_go_on(
        self, prompt: torch.Tensor, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UserError, match=message):
            gpt2().generate(prompt, **options)


class TestGenerationConfig:
    def test_it_belongs_to_the_model(self, tmp_path: Path) -> None:
        model = gpt2()
        assert model.generation_config == GenerationConfig(bos_token_id=29, eos_token_id=30)
        model.generation_config.max_new_tokens = 3
        model.save_pretrained(tmp_path)
        loaded = GPT2LMHeadModel.from_pretrained(tmp_path)
        assert loaded.generation_config == model.generation_config
        assert loaded.generate(ids(1, 4), eos_token_id=None).shape == (1, 7)

    def test_one_can_be_given(self) -> None:
        model, config = gpt2(), GenerationConfig(max_new_tokens=3)
        assert model.generate(ids(1, 4), config).shape == (1, 7)
        assert model.generate(ids(1, 4), generation_config=config, max_new_tokens=2).shape == (1, 6)
        assert config.max_new_tokens == 3

    def test_inputs_have_two_names(self) -> None:
        model = gpt2()
        assert torch.equal(model.generate(input_ids=ids(1, 4)), model.generate(inputs=ids(1, 4)))

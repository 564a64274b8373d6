"""What every model that writes texts has to do, as one test class.

A family's test module derives from :class:`GenerationTester` and states a tiny model::

    class TestGPT2(GenerationTester):
        model_class = GPT2LMHeadModel
        config = GPT2Config(vocab_size=31, n_positions=24, ...)

A vocabulary of about 30 tokens and 24 positions are enough. Texts are compared with what bare forward passes give.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from transformers import PretrainedConfig, PreTrainedModel
from transformers.errors import UserError
from transformers.generation.outputs import (
    GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
)

#: Largest difference between two ways to compute the same scores in float32.
CLOSE = 1e-4

#: How texts may be written without chance, and how many come back for each prompt.
STRATEGIES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "beams that stop early": {"num_beams": 4, "num_return_sequences": 4, "early_stopping": True, "length_penalty": 0.6},
    "penalised": {"num_beams": 2, "no_repeat_ngram_size": 2, "repetition_penalty": 1.3},
}
EVERY_STRATEGY = pytest.mark.parametrize("options", STRATEGIES.values(), ids=STRATEGIES.keys())

BATCH, TIME, NEW = 3, 5, 10


def with_visible_weights(model: PreTrainedModel, std: float = 0.8, seed: int = 1) -> Any:
    """The model with random matrices that are large enough for texts which do not repeat one token."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=std, generator=generator)
    return model.eval()


class GenerationTester:
    """The tests; see the module's docstring for what a family has to state."""

    model_class: ClassVar[type[PreTrainedModel]]
    config: ClassVar[PretrainedConfig]
    #: Standard deviation and seed of the weights; to be chosen so that texts do not repeat one token.
    std: ClassVar[float] = 0.8
    seed: ClassVar[int] = 1
    #: Ids from here on are special: prompts have none of them.
    special: ClassVar[int] = 27
    #: Padding, and the tokens that end a text; they need be no special tokens of the model.
    pad: ClassVar[int] = 28
    ends: ClassVar[list[int]] = [3, 7, 11]
    #: Whether the model remembers something between two steps.
    remembers: ClassVar[bool] = True
    #: Whether it takes ``inputs_embeds``.
    reads_embeddings: ClassVar[bool] = True

    # What a family may override

    def arguments(self, tokens: Tensor) -> dict[str, Any]:
        """Further arguments of ``generate()`` and of the forward pass, for prompts ``[batch, time]``."""
        return {}

    def next_scores(self, model: Any, prompt: Tensor, tokens: Tensor) -> Tensor:
        """The scores of the next token by a bare forward pass, ``[batch, vocabulary]``.

        Args:
            model: The model.
            prompt: What ``generate()`` got.
            tokens: The text so far: the prompt and more, or what the decoder has written about it.
        """
        if model.config.is_encoder_decoder:
            return model(prompt, decoder_input_ids=tokens, **self.arguments(prompt)).logits[:, -1]
        return model(tokens, **self.arguments(tokens)).logits[:, -1]

    # Helpers

    def model(self) -> Any:
        torch.manual_seed(0)
        return with_visible_weights(self.model_class(self.config), self.std, self.seed)

    def prompt(self, rows: int = BATCH, time: int = TIME, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, self.special, (rows, time), generator=generator)

    def start(self, model: Any, prompt: Tensor) -> Tensor:
        """With what the texts begin."""
        if model.config.is_encoder_decoder:
            return torch.full((prompt.shape[0], 1), model.config.decoder_start_token_id)
        return prompt

    def generate(self, model: Any, prompt: Tensor, **options: Any) -> Any:
        settings = {"max_new_tokens": NEW, "eos_token_id": self.ends, "pad_token_id": self.pad, **options}
        return model.generate(prompt, **self.arguments(prompt), **settings)

    def detailed(self, model: Any, prompt: Tensor, **options: Any) -> Any:
        """The same with all that can come back."""
        wanted = {"output_scores": True, "output_logits": True, "output_hidden_states": True, "output_attentions": True}
        return self.generate(model, prompt, return_dict_in_generate=True, **wanted, **options)

    def log_probabilities(self, model: Any, prompt: Tensor, texts: Tensor) -> Tensor:
        """Of each new token given those before it, ``[batch, new tokens]``."""
        begin = self.start(model, prompt).shape[1]
        columns = []
        with torch.no_grad():
            for length in range(begin, texts.shape[1]):
                scores = self.next_scores(model, prompt, texts[:, :length]).log_softmax(-1)
                columns.append(scores.gather(1, texts[:, length : length + 1]))
        return torch.cat(columns, 1)

    # Which tokens

    @pytest.mark.parametrize("use_cache", [True, False])
    def test_the_likeliest_token_follows(self, use_cache: bool) -> None:
        model, prompt = self.model(), self.prompt()
        expected = self.start(model, prompt)
        with torch.no_grad():
            for _ in range(NEW):
                best = self.next_scores(model, prompt, expected).argmax(-1)
                expected = torch.cat([expected, best[:, None]], dim=1)
        assert len(expected[:, -NEW:].unique()) > 3, "texts of one token would prove little"
        actual = self.generate(model, prompt, eos_token_id=None, use_cache=use_cache)
        assert torch.equal(actual, expected)

    def test_beams_for_everything_find_the_best_text(self) -> None:
        model, prompt = self.model(), self.prompt(2)
        vocabulary = model.config.vocab_size
        found = self.generate(model, prompt, max_new_tokens=2, num_beams=vocabulary, eos_token_id=None)
        for row in range(2):
            texts = self.start(model, prompt[row : row + 1]).expand(vocabulary, -1)
            firsts = torch.cat([texts, torch.arange(vocabulary)[:, None]], dim=1)
            with torch.no_grad():
                inputs = prompt[row : row + 1].expand(vocabulary, -1)
                seconds = self.next_scores(model, inputs, firsts).log_softmax(-1)
                totals = self.next_scores(model, inputs, texts).log_softmax(-1).diagonal()[:, None] + seconds
            best = divmod(int(totals.argmax()), vocabulary)
            assert found[row, -2:].tolist() == list(best)

    @pytest.mark.parametrize("length_penalty", [1.0, 2.0, 0.0])
    def test_a_beams_score_is_that_of_its_tokens(self, length_penalty: float) -> None:
        model, prompt = self.model(), self.prompt()
        options = {"num_beams": 4, "num_return_sequences": 3, "length_penalty": length_penalty}
        output = self.detailed(model, prompt, **options)
        begin = self.start(model, prompt).shape[1]
        new = output.beam_indices >= 0
        tokens = self.log_probabilities(model, prompt.repeat_interleave(3, dim=0), output.sequences) * new
        expected = tokens.sum(1) / new.sum(1) ** length_penalty
        torch.testing.assert_close(output.sequences_scores, expected, atol=CLOSE, rtol=CLOSE)
        assert (output.sequences[:, begin:][~new] == self.pad).all()
        ranked = output.sequences_scores.view(BATCH, 3)
        assert (ranked[:, :-1] >= ranked[:, 1:]).all()
        assert all(len(texts.unique(dim=0)) == 3 for texts in output.sequences.split(3))

    @EVERY_STRATEGY
    def test_what_is_remembered_changes_nothing(self, options: dict[str, Any]) -> None:
        model, prompt = self.model(), self.prompt()
        expected = self.detailed(model, prompt, use_cache=False, **options)
        actual = self.detailed(model, prompt, **options)
        assert torch.equal(actual.sequences, expected.sequences)
        torch.testing.assert_close(torch.stack(actual.scores), torch.stack(expected.scores), atol=CLOSE, rtol=CLOSE)
        assert expected.past_key_values is None
        assert (actual.past_key_values is not None) == self.remembers

    @EVERY_STRATEGY
    @pytest.mark.parametrize("use_cache", [True, False])
    def test_each_prompt_of_a_padded_batch_goes_on_as_alone(self, options: dict[str, Any], use_cache: bool) -> None:
        model, lengths = self.model(), (2, 7, 4, 1)
        prompts = [self.prompt(1, length, seed=length) for length in lengths]
        padded = torch.full((len(prompts), max(lengths)), self.pad)
        for row, prompt in enumerate(prompts):
            padded[row, max(lengths) - prompt.shape[1] :] = prompt
        options = {**options, "use_cache": use_cache, "output_scores": True, "return_dict_in_generate": True}
        together = self.generate(model, padded, attention_mask=(padded != self.pad).long(), **options)
        without_mask = self.generate(model, padded, **options)
        assert torch.equal(without_mask.sequences, together.sequences)
        copies = len(together.sequences) // len(prompts)
        begin = self.start(model, padded).shape[1]
        for row, prompt in enumerate(prompts):
            alone = self.generate(model, prompt, **options)
            expected = alone.sequences[:, self.start(model, prompt).shape[1] :]
            actual = together.sequences[row * copies : (row + 1) * copies, begin:]
            assert torch.equal(actual[:, : expected.shape[1]], expected)
            assert (actual[:, expected.shape[1] :] == self.pad).all()
            if "num_beams" in options:
                scores = together.sequences_scores[row * copies : (row + 1) * copies]
                torch.testing.assert_close(scores, alone.sequences_scores, atol=CLOSE, rtol=CLOSE)

    def test_seeds_decide(self) -> None:
        model, prompt = self.model(), self.prompt()

        def drawn(seed: int, **options: Any) -> Tensor:
            torch.manual_seed(seed)
            return self.generate(model, prompt, do_sample=True, top_k=0, **options)

        for options in ({}, {"num_return_sequences": 3}, {"num_beams": 3, "num_return_sequences": 2}):
            assert torch.equal(drawn(1, **options), drawn(1, **options))
            assert torch.equal(drawn(1, **options), drawn(1, use_cache=False, **options))
            first, second = drawn(1, **options), drawn(2, **options)
            assert len(first) == len(second) == BATCH * options.get("num_return_sequences", 1)
            assert first.shape != second.shape or not torch.equal(first, second)
            own = [drawn(seed, generator=torch.Generator().manual_seed(1), **options) for seed in (1, 2)]
            assert torch.equal(*own)

    def test_texts_of_one_prompt_stand_together_and_differ(self) -> None:
        model, prompt = self.model(), self.prompt()
        torch.manual_seed(0)
        texts = self.generate(model, prompt, do_sample=True, top_k=0, num_return_sequences=4, temperature=9.0)
        assert torch.equal(texts[:, : self.start(model, prompt).shape[1]][::4], self.start(model, prompt))
        assert all(len(group.unique(dim=0)) > 1 for group in texts.split(4))

    # What comes back

    @EVERY_STRATEGY
    @pytest.mark.parametrize("use_cache", [True, False])
    def test_details_have_a_row_for_each_text(self, options: dict[str, Any], use_cache: bool) -> None:
        model, prompt = self.model(), self.prompt()
        output = self.detailed(model, prompt, use_cache=use_cache, **options)
        encoder, beams = model.config.is_encoder_decoder, "num_beams" in options
        kinds = (
            (GenerateDecoderOnlyOutput, GenerateEncoderDecoderOutput),
            (GenerateBeamDecoderOnlyOutput, GenerateBeamEncoderDecoderOutput),
        )
        assert type(output) is kinds[beams][encoder]
        texts = BATCH * options.get("num_beams", 1)
        steps = len(output.scores)
        assert output.sequences.shape[1] <= self.start(model, prompt).shape[1] + steps
        for scores in (*output.scores, *output.logits):
            assert scores.shape == (texts, model.config.vocab_size)
        prefix = "decoder_" if encoder else ""
        for name in (f"{prefix}hidden_states", f"{prefix}attentions"):
            assert len(output[name]) == steps
            assert all(layer.shape[0] == texts for step in output[name] for layer in step)
        if encoder:
            assert len(output.cross_attentions) == steps
            assert all(layer.shape[0] == BATCH for layer in output.encoder_hidden_states + output.encoder_attentions)

    def test_logits_are_those_of_the_model(self) -> None:
        model, prompt = self.model(), self.prompt()
        output = self.detailed(model, prompt, eos_token_id=None, max_new_tokens=4)
        for step, logits in enumerate(output.logits):
            tokens = output.sequences[:, : output.sequences.shape[1] - 4 + step]
            with torch.no_grad():
                expected = self.next_scores(model, prompt, tokens)
            torch.testing.assert_close(logits, expected, atol=CLOSE, rtol=CLOSE)

    def test_the_scores_of_the_chosen_tokens(self) -> None:
        model, prompt = self.model(), self.prompt()
        output = self.detailed(model, prompt, eos_token_id=None, max_new_tokens=4)
        scores = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
        expected = self.log_probabilities(model, prompt, output.sequences)
        torch.testing.assert_close(scores, expected, atol=CLOSE, rtol=CLOSE)
        output = self.detailed(model, prompt, num_beams=3, num_return_sequences=2, length_penalty=0.0)
        scores = model.compute_transition_scores(output.sequences, output.scores, output.beam_indices)
        torch.testing.assert_close(scores.sum(1), output.sequences_scores, atol=CLOSE, rtol=CLOSE)

    def test_only_what_was_asked_for_comes_back(self) -> None:
        model, prompt = self.model(), self.prompt()
        for options in STRATEGIES.values():
            output = self.generate(model, prompt, return_dict_in_generate=True, use_cache=False, **options)
            assert list(output) == (["sequences", "beam_indices"] if "num_beams" in options else ["sequences"])

    # Embeddings in the place of prompts

    @pytest.mark.parametrize("options", [{}, {"num_beams": 3, "num_return_sequences": 2}], ids=["greedy", "beams"])
    @pytest.mark.parametrize("use_cache", [True, False])
    def test_prompts_may_be_embeddings(self, options: dict[str, Any], use_cache: bool) -> None:
        if not self.reads_embeddings:
            pytest.skip("the model reads tokens only")
        model, prompt = self.model(), self.prompt()
        embeds = model.get_input_embeddings()(prompt).detach()
        settings = {"max_new_tokens": NEW, "eos_token_id": self.ends, "pad_token_id": self.pad, "use_cache": use_cache}
        options = {**settings, **self.arguments(prompt), **options}
        expected = model.generate(prompt, **options)
        new = expected if model.config.is_encoder_decoder else expected[:, TIME:]
        assert torch.equal(model.generate(inputs_embeds=embeds, **options), new)
        if not model.config.is_encoder_decoder:
            assert torch.equal(model.generate(prompt, inputs_embeds=embeds, **options), expected)

    def test_embeddings_of_padded_prompts_go_on_as_alone(self) -> None:
        if not self.reads_embeddings:
            pytest.skip("the model reads tokens only")
        model, prompt = self.model(), self.prompt(2)
        embeds, mask = model.get_input_embeddings()(prompt).detach(), torch.ones_like(prompt)
        mask[0, :2] = 0
        settings = {"max_new_tokens": NEW, "eos_token_id": None, **self.arguments(prompt)}
        together = model.generate(inputs_embeds=embeds, attention_mask=mask, **settings)
        settings |= self.arguments(prompt[:1, 2:])
        assert torch.equal(together[:1], model.generate(inputs_embeds=embeds[:1, 2:], **settings))

    # Other states of a model

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
    def test_models_of_half_precision_write(self, dtype: torch.dtype) -> None:
        model, prompt = self.model().to(dtype), self.prompt()
        wanted = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
        for options in STRATEGIES.values():
            with torch.inference_mode():
                output = self.generate(model, prompt, **wanted, **options)
            assert output.scores[0].dtype == output.logits[0].dtype == torch.float32
            assert torch.equal(output.sequences, self.generate(model, prompt, **options))
        torch.manual_seed(0)
        drawn = self.generate(model, prompt, do_sample=True, eos_token_id=None)
        assert drawn.shape == (BATCH, self.start(model, prompt).shape[1] + NEW)

    def test_tokens_that_were_added_are_read_and_written(self) -> None:
        model, prompt = self.model(), self.prompt()
        added = model.config.vocab_size
        model.resize_token_embeddings(added + 2)
        prompt[:, 1] = added + 1
        free = self.detailed(model, prompt, eos_token_id=None, suppress_tokens=list(range(added)))
        assert free.logits[0].shape == (BATCH, added + 2)
        assert (free.sequences[:, self.start(model, prompt).shape[1] :] >= added).all()

    # What is refused

    def test_what_cannot_be_honoured_is_named(self) -> None:
        model, prompt = self.model(), self.prompt()
        refused = {
            "num_beam_groups": 2, "penalty_alpha": 0.6, "no_such_option": 1, "temperature": 0.5, "labels": prompt,
            "num_return_sequences": 2, "length_penalty": 2.0, "output_scores": True, "streamer": object(),
        }  # fmt: skip
        with pytest.raises(UserError) as error:
            self.generate(model, prompt, **refused)
        assert [name for name in refused if name not in str(error.value)] == []
        with pytest.raises(UserError, match="num_return_sequences=4 is more than num_beams=3"):
            self.generate(model, prompt, num_beams=3, num_return_sequences=4)

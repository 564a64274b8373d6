from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    BATCH,
    CLOSE,
    TIME,
    Inputs,
    ModelCase,
    ModelTester,
    assert_same,
    class_labels,
    difference,
    randomise,
    token_labels,
)

from transformers import (
    AdaptiveEmbedding,
    TransfoXLConfig,
    TransfoXLForSequenceClassification,
    TransfoXLLMHeadModel,
    TransfoXLModel,
)
from transformers.errors import UserError
from transformers.models.transfo_xl.modeling_transfo_xl import ProjectedAdaptiveLogSoftmax


def tiny(**fields: Any) -> TransfoXLConfig:
    sizes = {"vocab_size": 31, "cutoffs": [9, 17], "d_model": 12, "d_embed": 16, "n_head": 3, "d_head": 5}
    others = {"d_inner": 20, "n_layer": 2, "div_val": 2, "mem_len": 4, "clamp_len": -1, "same_length": False}
    return TransfoXLConfig(**{**sizes, **others, "dropout": 0.0, "pad_token_id": 0, **fields})


def made(model_class: Any = TransfoXLLMHeadModel, **fields: Any) -> Any:
    model = model_class(tiny(**fields)).eval()
    randomise(model)
    return model


def ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, 31, shape, generator=torch.Generator().manual_seed(seed))


LAYER = {
    "dec_attn.r_r_bias": (3, 5),
    "dec_attn.r_w_bias": (3, 5),
    "dec_attn.qkv_net.weight": (45, 12),
    "dec_attn.o_net.weight": (12, 15),
    "dec_attn.layer_norm.weight": (12,),
    "dec_attn.layer_norm.bias": (12,),
    "dec_attn.r_net.weight": (15, 12),
    "pos_ff.CoreNet.0.weight": (20, 12),
    "pos_ff.CoreNet.0.bias": (20,),
    "pos_ff.CoreNet.3.weight": (12, 20),
    "pos_ff.CoreNet.3.bias": (12,),
    "pos_ff.layer_norm.weight": (12,),
    "pos_ff.layer_norm.bias": (12,),
}
CLUSTERS = ((9, 16), (8, 8), (14, 4))


class TestTransfoXL(ModelTester):
    config = tiny(num_labels=4)
    prunes: ClassVar[dict[int, list[int]]] = {}
    base = ModelCase(
        TransfoXLModel,
        keys={
            **{f"word_emb.emb_layers.{k}.weight": shape for k, shape in enumerate(CLUSTERS)},
            **{f"word_emb.emb_projs.{k}": (12, width) for k, (_, width) in enumerate(CLUSTERS)},
            **{f"layers.{layer}.{key}": shape for layer in range(2) for key, shape in LAYER.items()},
            "pos_emb.inv_freq": (6,),
        },
    )
    heads = (
        ModelCase(TransfoXLForSequenceClassification, keys={"score.weight": (4, 12)}, labels=class_labels),
        ModelCase(
            TransfoXLLMHeadModel,
            keys={
                "crit.cluster_weight": (2, 16),
                "crit.cluster_bias": (2,),
                **{f"crit.out_layers.{k}.weight": shape for k, shape in enumerate(CLUSTERS)},
                **{f"crit.out_layers.{k}.bias": (size,) for k, (size, _) in enumerate(CLUSTERS)},
                **{f"crit.out_projs.{k}": (12, width) for k, (_, width) in enumerate(CLUSTERS)},
            },
            labels=token_labels,
        ),
    )

    # There is no attention mask: segments are full.

    test_a_mask_of_ones_is_no_mask: ClassVar[None] = None  # type: ignore[assignment]
    test_padding_changes_nothing: ClassVar[None] = None  # type: ignore[assignment]

    def inputs(self, case: ModelCase) -> Inputs:
        return {"input_ids": super().inputs(case)["input_ids"]}

    def test_attention_is_the_same_with_and_without_its_weights(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        assert_same(model(**inputs, output_attentions=True), model(**inputs))

    def test_hidden_states_and_attentions(self, case: ModelCase) -> None:
        model = self.build(case)
        output = model(**self.inputs(case), output_hidden_states=True, output_attentions=True)
        assert [tuple(state.shape) for state in output.hidden_states] == [(BATCH, TIME, 12)] * 3
        assert [tuple(weight.shape) for weight in output.attentions] == [(BATCH, 3, TIME, 4 + TIME)] * 2
        assert all(torch.allclose(weight.sum(-1), torch.ones(()), atol=1e-5) for weight in output.attentions)
        plain = model(**self.inputs(case))
        assert "hidden_states" not in plain
        assert "attentions" not in plain

    def test_wrong_inputs_are_refused_in_words(self) -> None:
        model, tokens = self.build(self.base), self.inputs(self.base)["input_ids"]
        mems = model.init_mems(BATCH)
        for inputs, word in (
            ({}, "input_ids"),
            ({"input_ids": tokens, "inputs_embeds": model.word_emb(tokens)}, "inputs_embeds"),
            ({"input_ids": tokens[0]}, r"\[batch, time\]"),
            ({"input_ids": tokens + 30}, "are 0 to 30"),
            ({"input_ids": tokens - 31}, "are 0 to 30"),
            ({"input_ids": tokens, "head_mask": torch.ones(99, 99)}, "head_mask"),
            ({"input_ids": tokens, "mems": mems[:1]}, "1 mems for the 2 layers"),
            ({"input_ids": tokens, "mems": [mem[:, :2] for mem in mems]}, r"mems\[0\] has shape \[4, 2, 12\]"),
            ({"input_ids": tokens, "mems": [mems[0], mems[0][:2]]}, r"mems\[1\] has shape \[2, 3, 12\]"),
        ):
            with pytest.raises(UserError, match=word):
                model(**inputs)

    def test_the_vocabulary_can_be_resized(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        before = model(**inputs)
        assert model.resize_token_embeddings(34) is model.get_input_embeddings()
        assert model.config.vocab_size == 34
        assert model.get_input_embeddings().num_embeddings == 34
        assert difference(first_states(model(**inputs)), first_states(before)) < CLOSE
        model(input_ids=torch.full((1, 3), 33))
        with pytest.raises(UserError, match="no place for the 17"):
            model.resize_token_embeddings(17)

    def test_tied_weights_are_one(self, head: ModelCase) -> None:
        if head.model is TransfoXLLMHeadModel:
            check_ties(self.build(head), words=True, projections=[False, True, True])
            check_ties(self.build(head, tie_word_embeddings=False), words=False, projections=[False, True, True])
            check_ties(self.build(head, tie_projs=[True, False, True]), words=True, projections=[True, False, True])


def first_states(output: Any) -> torch.Tensor:
    """States that do not depend on the size of the vocabulary."""
    return torch.stack(output.mems)


def check_ties(model: Any, *, words: bool, projections: list[bool]) -> None:
    embedding, softmax = model.transformer.word_emb, model.crit
    for cluster, tied in enumerate(projections):
        assert (softmax.out_layers[cluster].weight is embedding.emb_layers[cluster].weight) == words
        assert (softmax.out_projs[cluster] is embedding.emb_projs[cluster]) == tied


# ------------------------------------------------------------------------------------------------------------ memories


def test_it_makes_no_difference_where_a_text_is_cut_if_all_is_remembered() -> None:
    model, tokens, nothing = made(mem_len=12), ids(2, 10), [torch.zeros(0, 2, 12)] * 2
    mems, scores = nothing, []
    for part in tokens.split([3, 1, 4, 2], dim=1):
        output = model(part, mems=mems)
        mems = output.mems
        scores.append(output.prediction_scores)
    whole = model(tokens, mems=nothing)
    assert difference(torch.cat(scores, 1), whole.prediction_scores) < CLOSE
    assert difference(torch.stack(mems), torch.stack(whole.mems)) < CLOSE
    assert mems[0].shape == (10, 2, 12)


def test_the_memory_begins_with_zeros_of_full_length() -> None:
    model, tokens = made(), ids(2, 5)
    mems = model.init_mems(2)
    assert [tuple(mem.shape) for mem in mems] == [(4, 2, 12)] * 2
    assert not torch.stack(mems).any()
    assert_same(model(tokens), model(tokens, mems=mems))
    assert difference(model(tokens).logits, model(tokens, mems=[mem[:0] for mem in mems]).logits) > 1e-3


def test_the_memory_is_what_went_into_each_layer_and_has_no_gradient() -> None:
    model, tokens = made(), ids(2, 3)
    output = model(tokens, output_hidden_states=True)
    for memory, states in zip(output.mems, output.hidden_states[:-1], strict=True):
        assert not memory[:1].any()
        assert torch.equal(memory[1:], states.transpose(0, 1))
        assert not memory.requires_grad


def test_another_length_of_the_memory() -> None:
    model, tokens = made(), ids(2, 6)
    model.reset_memory_length(2)
    assert [len(mem) for mem in model(tokens).mems] == [2, 2]
    assert_same({"logits": model(tokens).logits}, {"logits": made(mem_len=2)(tokens).logits})
    model.reset_memory_length(0)
    assert model.init_mems(2) is None
    assert model(tokens).mems is None


def visible(**fields: Any) -> list[list[int]]:
    """For each query the keys that it sees, as distances."""
    model = made(TransfoXLModel, **fields)
    weights = model(ids(1, 3), output_attentions=True).attentions[0][0, 0]
    memory = weights.shape[1] - 3
    return [[memory + i - j for j, weight in enumerate(row) if weight > 0] for i, row in enumerate(weights.tolist())]


@pytest.mark.parametrize(
    ("fields", "farthest"),
    [
        ({}, [4, 5, 6]),
        ({"same_length": True}, [3, 3, 3]),
        ({"same_length": True, "same_length_inclusive": True}, [4, 4, 4]),
        ({"same_length": True, "mem_len": 0}, [0, 0, 0]),
        ({"same_length": True, "same_length_inclusive": True, "mem_len": 0}, [0, 0, 0]),
        ({"mem_len": 0}, [0, 1, 2]),
    ],
)
def test_which_positions_are_seen(fields: dict[str, Any], farthest: list[int]) -> None:
    assert visible(**fields) == [list(range(last, -1, -1)) for last in farthest]


# ---------------------------------------------------------------------------------------------- probabilities and words


@pytest.mark.parametrize("fields", [{}, {"div_val": 1}, {"div_val": 1, "cutoffs": []}, {"cutoffs": [], "d_embed": 12}])
def test_probabilities_sum_to_one_and_losses_are_in_the_order_of_the_words(fields: dict[str, Any]) -> None:
    model, tokens = made(**fields), torch.arange(1, 31).view(2, 15)
    scores = model(tokens).prediction_scores
    assert torch.allclose(scores.exp().sum(-1), torch.ones(()), atol=1e-5)
    output = model(tokens, labels=tokens)
    expected = -scores[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]
    assert difference(output.losses, expected) < CLOSE
    assert difference(output.loss, expected.mean()) < CLOSE
    assert output.logits is None


def test_labels_that_are_ignored_have_no_loss() -> None:
    model, tokens = made(), ids(2, 6)
    labels = tokens.clone()
    labels[0, 2:] = -100
    output, whole = model(tokens, labels=labels), model(tokens, labels=tokens)
    assert not output.losses[0, 1:].any()
    counted = torch.cat([whole.losses[0, :1], whole.losses[1]])
    assert difference(output.loss, counted.mean()) < CLOSE


def test_word_vectors_are_those_of_their_clusters() -> None:
    embedding = AdaptiveEmbedding(31, 16, 12, [9, 17], div_val=2)
    randomise(embedding)
    words = torch.tensor([[0, 8, 9], [16, 17, 30]])
    rows = ((0, 0), (0, 8), (1, 0), (1, 7), (2, 0), (2, 13))
    expected = [embedding.emb_projs[k] @ embedding.emb_layers[k].weight[row] * 12**0.5 for k, row in rows]
    assert difference(embedding(words), torch.stack(expected).view(2, 3, 12)) < CLOSE


def test_the_softmax_alone() -> None:
    softmax = ProjectedAdaptiveLogSoftmax(31, 16, 12, [9, 17], div_val=2)
    randomise(softmax)
    hidden = torch.randn(2, 4, 12, generator=torch.Generator().manual_seed(1))
    assert torch.equal(softmax(hidden), softmax.log_prob(hidden))
    assert softmax(hidden, torch.tensor([[1, 10, 20, 30]] * 2)).shape == (2, 3)


# --------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("fields", [{}, {"untie_r": False}, {"div_val": 1}])
def test_files_with_and_without_copies_of_what_is_tied_are_read(fields: dict[str, Any], tmp_path: Path) -> None:
    model = made(**fields)
    model.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert "crit.out_layers.0.weight" not in stored
    assert "transformer.layers.1.dec_attn.r_w_bias" in stored, "older readers look for shared biases there as well"
    everything = {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    assert len(everything) > len(stored)
    (tmp_path / "copies").mkdir()
    model.config.save_pretrained(tmp_path / "copies")
    save_file(everything, tmp_path / "copies" / "model.safetensors")
    for folder in (tmp_path, tmp_path / "copies"):
        loaded, info = TransfoXLLMHeadModel.from_pretrained(folder, output_loading_info=True)
        assert not any(info.values())
        assert_same(loaded(ids(2, 5)), model(ids(2, 5)))
        assert loaded.crit.out_layers[0].weight is loaded.transformer.word_emb.emb_layers[0].weight


def test_shared_biases_stay_one(tmp_path: Path) -> None:
    made(untie_r=False).save_pretrained(tmp_path)
    model = TransfoXLLMHeadModel.from_pretrained(tmp_path).transformer
    assert all(layer.dec_attn.r_w_bias is model.r_w_bias for layer in model.layers)
    assert all(layer.dec_attn.r_r_bias is model.r_r_bias for layer in model.layers)
    assert model.r_w_bias is not model.r_r_bias


def test_distances_are_coded_exactly_in_half_precision(tmp_path: Path) -> None:
    """A rounded frequency, times a distance of some hundreds, would be another angle altogether."""
    made(TransfoXLModel, mem_len=900).save_pretrained(tmp_path)
    wide, narrow = (TransfoXLModel.from_pretrained(tmp_path, dtype=dtype) for dtype in ("float32", "bfloat16"))
    distances = torch.arange(900)
    assert narrow.pos_emb.inv_freq.dtype == torch.bfloat16
    codes = (model.pos_emb(distances, torch.float32) for model in (wide, narrow))
    assert torch.equal(*codes)


def test_new_weights_begin_as_in_the_original() -> None:
    torch.manual_seed(0)
    model = TransfoXLLMHeadModel(tiny(d_model=100, vocab_size=300, init_std=0.5, proj_init_std=2.0, untie_r=False))
    assert 0.4 < model.transformer.layers[0].dec_attn.qkv_net.weight.std() < 0.6
    assert 0.3 < model.transformer.r_w_bias.std() < 0.8
    assert 1.6 < model.transformer.word_emb.emb_projs[0].std() < 2.4
    assert 0.4 < model.transformer.layers[0].pos_ff.layer_norm.weight.std() < 0.6
    assert not model.crit.out_layers[1].bias.any()
    assert not model.crit.cluster_bias.any()
    assert torch.allclose(model.transformer.pos_emb.inv_freq[[0, 25]], torch.tensor([1.0, 0.01]))
    uniform = TransfoXLModel(tiny(init="uniform", init_range=0.25))
    assert 0.2 < uniform.word_emb.emb_layers[2].weight.abs().max() <= 0.25


def next_scores(model: Any, tokens: torch.Tensor, prompt: int, mems: Any = None) -> torch.Tensor:
    """The scores of the next word: the prompt is a segment, and each word behind it."""
    output = model(tokens[:, :prompt], mems=mems)
    for word in tokens[:, prompt:].unbind(1):
        output = model(word[:, None], mems=output.mems)
    return output.logits[:, -1]


#: A model whose likeliest word is not the one that it has just read.
UNTIED: dict[str, Any] = {
    "tie_word_embeddings": False, "tie_projs": (False, False), "cutoffs": [17], "eos_token_id": None,
    "pad_token_id": None,
}  # fmt: skip


class TestGeneration(GenerationTester):
    model_class = TransfoXLLMHeadModel
    config = tiny(**UNTIED)
    std = 0.5

    def next_scores(self, model: Any, prompt: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return next_scores(model, tokens, prompt.shape[1])


class TestGenerationWithoutMemory(GenerationTester):
    """The text is one segment."""

    model_class = TransfoXLLMHeadModel
    config = tiny(**UNTIED, mem_len=0)
    std = 0.5
    remembers = False


class TestWriting:
    def test_texts_go_on_from_what_is_remembered(self) -> None:
        model, prompt = made(mem_len=6), ids(2, 4)
        with torch.no_grad():
            mems = model(ids(2, 9, seed=1)).mems
            expected = prompt
            for _ in range(8):
                best = next_scores(model, expected, 4, mems).argmax(-1)
                expected = torch.cat([expected, best[:, None]], dim=1)
        settings: dict[str, Any] = {"max_new_tokens": 8, "eos_token_id": None, "pad_token_id": 0}
        with_scores = {**settings, "return_dict_in_generate": True, "output_logits": True}
        actual, fresh = model.generate(prompt, mems=mems, **with_scores), model.generate(prompt, **with_scores)
        assert torch.equal(actual.sequences, expected)
        assert difference(actual.logits[0], fresh.logits[0]) > 100 * CLOSE
        padded = torch.cat([torch.zeros(2, 2, dtype=torch.long), prompt], dim=1)
        beams: dict[str, Any] = {**settings, "num_beams": 3, "mems": mems}
        assert torch.equal(model.generate(padded, **beams)[:, 2:], model.generate(prompt, **beams))

    def test_each_word_is_read_once(self) -> None:
        model, seen, scored = made(), [], []
        model.transformer.register_forward_pre_hook(
            lambda _, __, inputs: seen.append(inputs["input_ids"].shape[1]), with_kwargs=True
        )
        model.crit.register_forward_pre_hook(lambda _, inputs: scored.append(inputs[0].shape[1]))
        model.generate(ids(2, 5), max_new_tokens=4, eos_token_id=None)
        assert seen == [5, 1, 1, 1]
        assert scored == [1, 1, 1, 1]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"mems": [torch.zeros(4, 2, 12)] * 2, "use_cache": False}, "mems cannot be given with use_cache=False"),
            ({"past_key_values": ((torch.zeros(1),) * 2,)}, "past_key_values are not"),
            ({"mems": [torch.zeros(3, 2, 12)] * 2}, "mems shorter than mem_len"),
            ({"return_dict_in_generate": True, "output_hidden_states": True}, "prompts of one length"),
        ],
    )
    def test_what_cannot_be_honoured_is_refused(self, options: dict[str, Any], message: str) -> None:
        padded = torch.tensor([[0, 5, 6], [7, 8, 9]])
        with pytest.raises(UserError, match=message):
            made(pad_token_id=0, eos_token_id=None).generate(padded, max_new_tokens=2, **options)

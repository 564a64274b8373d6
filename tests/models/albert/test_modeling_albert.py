from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from tests.shared.model_tester import (
    CLOSE,
    ModelCase,
    choice_labels,
    class_labels,
    difference,
    randomise,
    span_labels,
    token_class_labels,
    token_labels,
)
from tests.shared.padding_tester import PaddingTester

from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForMultipleChoice,
    AlbertForPreTraining,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
    AlbertModel,
)
from transformers.errors import UserError

V, P, E, H, F, N = 40, 20, 10, 24, 32, 3

TINY = AlbertConfig(
    vocab_size=V,
    max_position_embeddings=P,
    embedding_size=E,
    hidden_size=H,
    intermediate_size=F,
    num_hidden_layers=2,
    num_hidden_groups=2,
    num_attention_heads=4,
    classifier_dropout_prob=0.0,
    num_labels=N,
)


def linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm(name: str, size: int = H) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def block(name: str) -> dict[str, tuple[int, ...]]:
    return {
        **linear(f"{name}.attention.query", H, H),
        **linear(f"{name}.attention.key", H, H),
        **linear(f"{name}.attention.value", H, H),
        **linear(f"{name}.attention.dense", H, H),
        **norm(f"{name}.attention.LayerNorm"),
        **linear(f"{name}.ffn", F, H),
        **linear(f"{name}.ffn_output", H, F),
        **norm(f"{name}.full_layer_layer_norm"),
    }


BASE = {
    "embeddings.word_embeddings.weight": (V, E),
    "embeddings.position_embeddings.weight": (P, E),
    "embeddings.token_type_embeddings.weight": (2, E),
    **norm("embeddings.LayerNorm", E),
    **linear("encoder.embedding_hidden_mapping_in", H, E),
    **block("encoder.albert_layer_groups.0.albert_layers.0"),
    **block("encoder.albert_layer_groups.1.albert_layers.0"),
    **linear("pooler", H, H),
}
WORDS = {
    "predictions.bias": (V,),
    **linear("predictions.dense", E, H),
    **norm("predictions.LayerNorm", E),
    **linear("predictions.decoder", V, E),
}
ORDER = linear("sop_classifier.classifier", 2, H)


def pretraining_labels(config: Any) -> dict[str, torch.Tensor]:
    return {**token_labels(config), "sentence_order_label": torch.tensor([0, 1, 1])}


class TestAlbertModels(PaddingTester):
    config = TINY
    base = ModelCase(AlbertModel, BASE)
    heads = (
        ModelCase(AlbertForPreTraining, {**WORDS, **ORDER}, labels=pretraining_labels),
        ModelCase(AlbertForMaskedLM, WORDS, lacks=("pooler",), labels=token_labels),
        ModelCase(AlbertForSequenceClassification, linear("classifier", N, H), labels=class_labels),
        ModelCase(AlbertForMultipleChoice, linear("classifier", 1, H), labels=choice_labels, choices=True),
        ModelCase(
            AlbertForTokenClassification, linear("classifier", N, H), lacks=("pooler",), labels=token_class_labels
        ),
        ModelCase(AlbertForQuestionAnswering, linear("qa_outputs", 2, H), lacks=("pooler",), labels=span_labels),
    )
    skipping: ClassVar[dict[type, str]] = {AlbertForSequenceClassification: "right", AlbertForMultipleChoice: "right"}


def build(**fields: Any) -> Any:
    model = AlbertModel(AlbertConfig(**{**TINY.to_dict(), **fields}))
    randomise(model)
    return model.eval()


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(1, V, (2, 7), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("layers", "groups", "layer", "group"), [(12, 1, 11, 0), (12, 3, 4, 1), (18, 14, 9, 7), (22, 22, 15, 14)]
)
def test_a_layer_uses_the_group_that_the_originals_rounding_gives(
    layers: int, groups: int, layer: int, group: int
) -> None:
    assert AlbertConfig(num_hidden_layers=layers, num_hidden_groups=groups).group_of(layer) == group


def test_a_group_that_no_layer_uses_has_no_parameters() -> None:
    model = build(num_hidden_layers=22, num_hidden_groups=22)
    groups = {key.split(".")[2] for key in model.state_dict() if "albert_layer_groups" in key}
    assert groups == {str(group) for group in range(22) if group != 15}


def test_layers_run_their_groups_and_their_inner_blocks_in_order(ids: torch.Tensor) -> None:
    """Three layers in two groups of two blocks: 0, 0, 1 by the original's rule, each block after the other."""
    model = build(num_hidden_layers=3, inner_group_num=2)
    outputs = model(ids, output_hidden_states=True)
    groups = [model.encoder.albert_layer_groups[group].albert_layers for group in ("0", "0", "1")]
    assert len(outputs.hidden_states) == 4
    from transformers.nn.layers import AttentionInputs

    hidden = outputs.hidden_states[0]
    for blocks, expected in zip(groups, outputs.hidden_states[1:], strict=True):
        for inner in blocks:
            hidden, _, _ = inner(hidden, AttentionInputs(), None)
        assert difference(hidden, expected) < CLOSE


def test_all_that_is_no_albert_is_refused_at_once() -> None:
    with pytest.raises(UserError) as error:
        AlbertModel(
            AlbertConfig(
                hidden_size=30, num_attention_heads=4, num_hidden_groups=13, position_embedding_type="relative_key"
            )
        )
    for word in ("hidden_size 30", "num_hidden_groups 13", "relative_key"):
        assert word in str(error.value)

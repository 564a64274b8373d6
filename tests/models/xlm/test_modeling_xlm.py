from __future__ import annotations

from typing import Any

import torch
from tests.shared.model_tester import (
    BATCH,
    TIME,
    ModelCase,
    ModelTester,
    choice_labels,
    class_labels,
    randomise,
    span_labels,
    token_class_labels,
    token_labels,
)
from torch import Tensor

from transformers import (
    XLMConfig,
    XLMForMultipleChoice,
    XLMForQuestionAnswering,
    XLMForQuestionAnsweringSimple,
    XLMForSequenceClassification,
    XLMForTokenClassification,
    XLMModel,
    XLMWithLMHeadModel,
)
from transformers.modeling_utils import PreTrainedModel

WIDTH, WORDS = 12, 31


def tiny(**fields: Any) -> XLMConfig:
    sizes = {
        "vocab_size": WORDS, "emb_dim": WIDTH, "n_layers": 2, "n_heads": 3, "n_langs": 3,
        "max_position_embeddings": 16,
    }  # fmt: skip
    no_dropout = {"dropout": 0.0, "attention_dropout": 0.0, "summary_first_dropout": 0.0}
    return XLMConfig(**{**sizes, **no_dropout, "pad_index": 0, "pad_token_id": 0, **fields})


def made(model_class: type[PreTrainedModel], **fields: Any) -> Any:
    model = model_class(tiny(**fields))
    randomise(model)
    return model.eval()


def ids(*shape: int) -> Tensor:
    return torch.randint(1, WORDS, shape, generator=torch.Generator().manual_seed(sum(shape)))


def module(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def layer(number: int) -> dict[str, tuple[int, ...]]:
    keys: dict[str, tuple[int, ...]] = {}
    for projection in ("q_lin", "k_lin", "v_lin", "out_lin"):
        keys |= module(f"attentions.{number}.{projection}", WIDTH, WIDTH)
    keys |= module(f"layer_norm1.{number}", WIDTH) | module(f"layer_norm2.{number}", WIDTH)
    return keys | module(f"ffns.{number}.lin1", 4 * WIDTH, WIDTH) | module(f"ffns.{number}.lin2", WIDTH, 4 * WIDTH)


class TestXLM(ModelTester):
    config = tiny(num_labels=4)
    base = ModelCase(
        XLMModel,
        keys={
            "embeddings.weight": (WORDS, WIDTH),
            "position_embeddings.weight": (16, WIDTH),
            "lang_embeddings.weight": (3, WIDTH),
            **module("layer_norm_emb", WIDTH),
            **layer(0),
            **layer(1),
        },
    )
    heads = (
        ModelCase(XLMWithLMHeadModel, keys=module("pred_layer.proj", WORDS, WIDTH), labels=token_labels),
        ModelCase(XLMForSequenceClassification, keys=module("sequence_summary.summary", 4, WIDTH), labels=class_labels),
        ModelCase(XLMForTokenClassification, keys=module("classifier", 4, WIDTH), labels=token_class_labels),
        ModelCase(
            XLMForMultipleChoice,
            keys=module("sequence_summary.summary", 4, WIDTH) | module("logits_proj", 1, 4),
            labels=choice_labels,
            choices=True,
        ),
        ModelCase(XLMForQuestionAnsweringSimple, keys=module("qa_outputs", 2, WIDTH), labels=span_labels),
        ModelCase(
            XLMForQuestionAnswering,
            keys={
                **module("qa_outputs.start_logits.dense", 1, WIDTH),
                **module("qa_outputs.end_logits.dense_0", WIDTH, 2 * WIDTH),
                **module("qa_outputs.end_logits.LayerNorm", WIDTH),
                **module("qa_outputs.end_logits.dense_1", 1, WIDTH),
                **module("qa_outputs.answer_class.dense_0", WIDTH, 2 * WIDTH),
                "qa_outputs.answer_class.dense_1.weight": (1, WIDTH),
            },
            labels=lambda config: {
                **span_labels(config),
                "cls_index": torch.tensor([0, 2, 1]),
                "is_impossible": torch.tensor([0, 1, 0]),
            },
        ),
    )

    def inputs(self, case: ModelCase) -> dict[str, Any]:
        """Every row has a language of its own; in the middle of the first, another one begins."""
        inputs = super().inputs(case)
        langs = torch.arange(BATCH)[:, None].repeat(1, TIME)
        langs[0, 3:] = 2
        inputs["langs"] = torch.stack([langs] * 2, 1) if case.choices else langs
        return inputs

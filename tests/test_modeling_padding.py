"""When padding is left out; what it does to each family is in the families' tests."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from transformers import BertConfig, BertForSequenceClassification, BertModel, GPT2Config, GPT2Model
from transformers.errors import UserError
from transformers.modeling_padding import LEAST_PER_ROW, LEAST_SHARE, View, choose_layout, looking_at

WIDTH = 32
TIME = LEAST_PER_ROW // WIDTH * 6
TOKENS = torch.zeros(2, TIME, dtype=torch.long)


class Encoder(nn.Module):
    def __init__(self, setting: bool | str) -> None:
        super().__init__()
        self.config = BertConfig(hidden_size=WIDTH, skip_padding=setting)


def mask(*lengths: int, time: int = TIME) -> Tensor:
    return (torch.arange(time) < torch.tensor(lengths)[:, None]).long()


def is_packed(setting: bool | str, attention_mask: Tensor | None, view: View = View.FIRST, **arguments: Any) -> bool:
    call = {"tokens": TOKENS, "inspected": False, **arguments}
    with looking_at(view):
        return choose_layout(Encoder(setting), attention_mask, **call).packed


HALF = mask(TIME, TIME // 4)


class TestAuto:
    def test_padding_is_left_out_where_nobody_sees_it(self) -> None:
        assert is_packed("auto", HALF)
        assert is_packed("auto", HALF.bool())
        assert is_packed("auto", HALF.float())
        assert not is_packed("auto", HALF, View.ALL)
        assert not is_packed("auto", HALF, inspected=True)
        assert not is_packed("auto", None)

    @pytest.mark.parametrize(
        ("real", "views"),
        [
            (HALF, {View.FIRST, View.REAL}),
            (HALF.flip(1), {View.LAST, View.REAL}),
            (torch.cat([HALF[:1], HALF[1:].roll(9)]), {View.REAL}),
            (mask(TIME, 0), set()),
        ],
    )
    def test_the_positions_that_are_looked_at_must_be_real(self, real: Tensor, views: set[View]) -> None:
        assert {view for view in View if is_packed("auto", real, view)} == views

    def test_it_has_to_pay(self) -> None:
        enough = 3 * LEAST_PER_ROW // WIDTH + 1
        assert is_packed("auto", mask(TIME, TIME - enough))
        assert not is_packed("auto", few := mask(TIME, TIME - enough + 2))
        assert is_packed(True, few)
        long = 10 * TIME
        share = int(2 * long * LEAST_SHARE)
        assert is_packed("auto", mask(long, long - share, time=long), tokens=torch.zeros(2, long))
        assert not is_packed("auto", mask(long, long - share + 1, time=long), tokens=torch.zeros(2, long))

    def test_a_context_ends_and_is_that_of_a_thread(self) -> None:
        found = []
        with looking_at(View.FIRST):
            thread = threading.Thread(target=lambda: found.append(choose()))
            thread.start()
            thread.join()
            assert choose()
        assert found == [False]
        assert not choose()


def choose() -> bool:
    return choose_layout(Encoder("auto"), HALF, TOKENS, inspected=False).packed


class TestTrue:
    def test_it_is_for_everything_that_has_padding(self) -> None:
        for view in View:
            assert is_packed(True, HALF if view is not View.LAST else HALF.flip(1), view)
        assert is_packed(True, HALF, inspected=True)
        assert not is_packed(True, mask(TIME, TIME))

    @pytest.mark.parametrize("other", [HALF[:, None], HALF[:, None, None], HALF[:1], HALF * 2, HALF * 0.5])
    def test_masks_of_other_kinds_leave_all_positions(self, other: Tensor) -> None:
        assert not is_packed(True, other)


def test_never() -> None:
    assert not is_packed(False, HALF)


def test_values_that_are_unknown_are_not_read() -> None:
    assert not is_packed("auto", HALF.to("meta"))

    def trace(attention_mask: Tensor) -> Tensor:
        assert not is_packed("auto", attention_mask)
        return attention_mask

    torch.vmap(trace)(HALF[None])


class TestModelsWithoutIt:
    def test_they_refuse_to_be_told(self) -> None:
        with pytest.raises(UserError, match="GPT2Model cannot leave padding out"):
            GPT2Model(GPT2Config(vocab_size=9, n_embd=4, n_layer=1, n_head=1, skip_padding=True))
        with pytest.raises(UserError, match="for encoders"):
            BertModel(BertConfig(is_decoder=True, skip_padding=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("setting", ["auto", True])
@torch.no_grad()
def test_a_cuda_graph_has_all_positions(setting: bool | str) -> None:
    sizes = {"vocab_size": 9, "hidden_size": WIDTH, "intermediate_size": WIDTH, "max_position_embeddings": TIME}
    config = BertConfig(**sizes, num_hidden_layers=2, num_attention_heads=2, skip_padding=setting)
    model = BertForSequenceClassification(config).cuda().eval()
    inputs = {"input_ids": TOKENS.cuda(), "attention_mask": HALF.cuda()}
    model(**inputs)  # what a library sets up at its first call cannot be captured
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = model(**inputs).logits
    for real in (HALF, torch.ones_like(HALF)):
        inputs["attention_mask"].copy_(real)
        graph.replay()
        assert torch.allclose(logits, model(**inputs).logits, atol=1e-5)

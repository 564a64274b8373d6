from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm

from transformers.errors import UserError
from transformers.nn.embeddings import SummedEmbeddings, check_length, embed_words, look_up

IDS = torch.tensor([[3, 0, 7], [1, 1, 2]])


@pytest.fixture
def summed() -> SummedEmbeddings:
    torch.manual_seed(0)
    return SummedEmbeddings(
        vocab_size=8, size=6, positions=5, segments=2, layer_norm_eps=1e-3, dropout=0.0, padding_id=0
    )


def test_the_sum_is_normed(summed: SummedEmbeddings) -> None:
    words = summed.word_embeddings(IDS)
    plain = words + summed.token_type_embeddings.weight[0] + summed.position_embeddings.weight[:3]
    expected = layer_norm(plain, (6,), eps=1e-3)
    assert torch.allclose(summed(IDS), expected)
    assert torch.allclose(summed(inputs_embeds=words), expected)
    assert torch.allclose(summed(IDS, torch.zeros_like(IDS), torch.arange(3)[None]), expected)


def test_positions_count_on_from_the_cache(summed: SummedEmbeddings) -> None:
    given = summed(IDS, position_ids=torch.tensor([[2, 3, 4]]))
    assert torch.allclose(summed(IDS, past=2), given)
    assert not torch.allclose(summed(IDS), given)
    with pytest.raises(UserError, match="3 positions in past_key_values and 3 new"):
        summed(IDS, past=3)


def test_padding_has_no_gradient(summed: SummedEmbeddings) -> None:
    summed(IDS).square().sum().backward()
    gradient = summed.word_embeddings.weight.grad
    assert gradient is not None
    assert not gradient[0].any()
    assert gradient[3].any()


@pytest.mark.parametrize("bad", [8, -1])
def test_ids_outside_the_table_are_named(bad: int) -> None:
    with pytest.raises(UserError, match=rf"lang_ids holds {min(bad, 0)} to {max(bad, 7)}, its embeddings are 0 to 7"):
        look_up(nn.Embedding(8, 2), torch.tensor([0, 7, bad]), "lang_ids")


def test_ids_or_embeddings() -> None:
    table = nn.Embedding(8, 2)
    assert torch.equal(embed_words(table, IDS, None), table(IDS))
    given = torch.zeros(2, 3, 2)
    assert embed_words(table, None, given) is given
    with pytest.raises(UserError, match="Neither"):
        embed_words(table, None, None)
    with pytest.raises(UserError, match="Both"):
        embed_words(table, IDS, given)
    with pytest.raises(UserError, match=r"input_ids has shape \[3\]"):
        embed_words(table, IDS[0], None)
    with pytest.raises(UserError, match=r"inputs_embeds has shape \[2, 3\]"):
        embed_words(table, None, given[..., 0])


def test_the_longest_sequence_is_allowed() -> None:
    table = nn.Embedding(5, 2)
    check_length(5, table)
    check_length(1, table, past=4)
    with pytest.raises(UserError, match="6 tokens: the model has position embeddings for 5"):
        check_length(6, table)

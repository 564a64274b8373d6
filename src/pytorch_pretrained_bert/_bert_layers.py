"""The parts of BERT that scripts built models of their own from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from transformers.models.bert.configuration_bert import BertConfig
from transformers.nn.activations import gelu
from transformers.nn.heads import Pooler, PredictionTransform


def swish(x: Tensor) -> Tensor:
    """x·σ(x)."""
    return nn.functional.silu(x)


#: The activations that a configuration may name.
ACT2FN: Mapping[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": nn.functional.relu, "swish": swish}


class BertLayerNorm(nn.LayerNorm):
    """Layer normalisation with the epsilon of BERT.

    Args:
        hidden_size: Width of what is normalised.
        eps: Epsilon.
    """

    def __init__(self, hidden_size: int, eps: float = 1e-12) -> None:
        super().__init__(hidden_size, eps=eps)


class BertPooler(Pooler):
    """tanh(W h_0 + b) of the first token.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config.hidden_size)


class BertLMPredictionHead(nn.Module):
    """The scores of words: the products of transformed states with the word embeddings, and a bias.

    Args:
        config: The hyper-parameters.
        bert_model_embedding_weights: The word embeddings, which are shared.
    """

    def __init__(self, config: BertConfig, bert_model_embedding_weights: Tensor) -> None:
        super().__init__()
        vocabulary, size = bert_model_embedding_weights.shape
        self.transform = PredictionTransform(config.hidden_size, size, config.hidden_act, config.layer_norm_eps)
        self.decoder = nn.Linear(size, vocabulary, bias=False, device="meta")
        self.decoder.weight = cast("nn.Parameter", bert_model_embedding_weights)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden_states: Tensor) -> Tensor:
        """``[..., hidden]`` -> ``[..., vocabulary]``."""
        scores: Tensor = self.decoder(self.transform(hidden_states)) + self.bias
        return scores


class BertOnlyMLMHead(nn.Module):
    """The head of the masked words alone; see :class:`BertLMPredictionHead` for the arguments."""

    def __init__(self, config: BertConfig, bert_model_embedding_weights: Tensor) -> None:
        super().__init__()
        self.predictions = BertLMPredictionHead(config, bert_model_embedding_weights)

    def forward(self, sequence_output: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``."""
        scores: Tensor = self.predictions(sequence_output)
        return scores


class BertOnlyNSPHead(nn.Module):
    """The head of the next sentence alone.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.seq_relationship = nn.Linear(config.hidden_size, 2)

    def forward(self, pooled_output: Tensor) -> Tensor:
        """``[batch, hidden]`` -> ``[batch, 2]``."""
        scores: Tensor = self.seq_relationship(pooled_output)
        return scores


class BertPreTrainingHeads(nn.Module):
    """Both heads of the pre-training; see :class:`BertLMPredictionHead` for the arguments."""

    def __init__(self, config: BertConfig, bert_model_embedding_weights: Tensor) -> None:
        super().__init__()
        self.predictions = BertLMPredictionHead(config, bert_model_embedding_weights)
        self.seq_relationship = nn.Linear(config.hidden_size, 2)

    def forward(self, sequence_output: Tensor, pooled_output: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of the words ``[batch, time, vocabulary]`` and of the sentences ``[batch, 2]``."""
        return self.predictions(sequence_output), self.seq_relationship(pooled_output)

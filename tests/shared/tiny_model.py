"""A model that is as small as can be and has all that the base class cares about: a base model, heads, ties, layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from transformers.configuration_utils import PretrainedConfig
from transformers.modeling_outputs import ModelOutput
from transformers.modeling_utils import LayerStack, PreTrainedModel


class TinyConfig(PretrainedConfig):
    model_type = "tiny"
    attribute_map: ClassVar[Mapping[str, str]] = {"width": "hidden_size", "num_hidden_layers": "n_layer"}

    def __init__(
        self, vocab_size: int = 11, hidden_size: int = 4, n_layer: int = 2, mem_len: int = 0, **fields: Any
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.n_layer = n_layer
        self.mem_len = mem_len
        super().__init__(**fields)


@dataclass
class TinyOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None


class TinyLayer(nn.Module):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size)
        self.calls = 0

    def forward(self, states: Tensor) -> Tensor:
        self.calls += 1
        return self.LayerNorm(states + self.dense(states).relu())


class TinyEncoder(LayerStack):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList([TinyLayer(config) for _ in range(config.n_layer)])

    def forward(self, states: Tensor) -> Tensor:
        for layer in self.layer:
            states = self._layer_call(layer)(states)
        return states


class TinyPreTrainedModel(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "tiny"
    supports_gradient_checkpointing = True
    ignored_on_load = ("*embeddings.position_ids",)


class TinyModel(TinyPreTrainedModel):
    word_embeddings = "embeddings"

    def __init__(self, config: TinyConfig, add_pooler: bool = True) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=0)
        self.encoder = TinyEncoder(config)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if add_pooler else None
        self.kept = {layer: list(range(4)) for layer in range(config.n_layer)}
        self.post_init()

    def _prune_heads(self, heads_to_prune: Mapping[int, Sequence[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            self.kept[layer] = [head for head in self.kept[layer] if head not in heads]

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.encoder(self.embeddings(input_ids))


class TinyHead(nn.Module):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, states: Tensor) -> Tensor:
        return self.decoder(states)


class TinyForMaskedLM(TinyPreTrainedModel):
    tied_weights: ClassVar[Mapping[str, str]] = {
        "cls.decoder.weight": "tiny.embeddings.weight",
        "cls.decoder.bias": "cls.bias",
    }

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.tiny = TinyModel(config, add_pooler=False)
        self.cls = TinyHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        return self.cls.decoder

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.cls.decoder = new_embeddings

    def forward(self, input_ids: Tensor, output_hidden_states: bool = False) -> TinyOutput:
        states = self.tiny(input_ids)
        return TinyOutput(logits=self.cls(states), hidden_states=(states,) if output_hidden_states else None)


class TinyForSequenceClassification(TinyPreTrainedModel):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.tiny = TinyModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor) -> TinyOutput:
        return TinyOutput(logits=self.classifier(self.tiny.pooler(self.tiny(input_ids)[:, 0])))


def same_state(model: nn.Module, other: nn.Module) -> bool:
    """Whether two models have the same keys and values."""
    ours, theirs = model.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())

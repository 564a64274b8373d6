"""What forward passes return: dataclasses that are read by attribute, by key or by position.

The classes here are shared by all families; an output that one family alone has stands in its modeling file. In the
shapes below, ``batch`` is the number of sequences, ``time`` the number of positions, ``hidden`` the size of a state.

All fields are optional. The most frequent ones always mean the same:

- ``loss``: a scalar, when labels were given.
- ``logits``: scores before the softmax.
- ``last_hidden_state``: states after the last layer, ``[batch, time, hidden]``.
- ``hidden_states``: the embeddings' output and that of each layer, each ``[batch, time, hidden]``.
- ``attentions``: attention weights of each layer after the softmax, each ``[batch, heads, queries, keys]``.
- ``cross_attentions``: the same for a decoder's attention to the encoder's states.
- ``past_key_values``: the keys and values of the positions seen so far, to be passed to the next call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, overload

import torch
from torch.utils import _pytree as pytree

from .nn.padding import EVERYTHING, Layout

if TYPE_CHECKING:
    from .nn.cache import Cache


Tensors = tuple[torch.Tensor, ...]


class ModelOutput(dict[str, Any]):
    """Base class of outputs: a dataclass whose fields are also the items of a dictionary.

    Fields that are None are left out of the dictionary and of the tuple, so that ``output[0]`` is the loss if there is
    one and the next field otherwise. The items stay in the order of the fields, whatever is set later.

    A subclass is decorated with :func:`dataclasses.dataclass` and all its fields are optional. Instead of fields the
    constructor takes one mapping or iterator of pairs, which is how ``DataParallel`` builds what it gathered.

    Attributes:
        layout: Which positions a base model computed, for the head on it. No field, and not in copies.
    """

    layout: Layout = EVERYTHING

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        pytree.register_pytree_node(
            cls,
            lambda output: (list(output.values()), list(output.keys())),
            lambda values, names: cls(**dict(zip(names, values, strict=True))),
        )

    def __post_init__(self) -> None:
        names = self._field_names()
        first = getattr(self, names[0])
        if not isinstance(first, Mapping | Iterator) or any(getattr(self, name) is not None for name in names[1:]):
            return
        setattr(self, names[0], None)
        for name, value in dict(first).items():
            self[name] = value

    @classmethod
    def _field_names(cls) -> tuple[str, ...]:
        return tuple(cls.__dataclass_fields__)  # type: ignore[attr-defined]  # subclasses are dataclasses

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name not in self._field_names():
            return
        if value is None:
            super().pop(name, None)
        elif name in self or self._comes_last(name):
            super().__setitem__(name, value)
        else:
            present = {field: getattr(self, field) for field in self._field_names()}
            super().clear()
            super().update({field: item for field, item in present.items() if item is not None})

    def _comes_last(self, name: str) -> bool:
        names = self._field_names()
        return not any(later in self for later in names[names.index(name) :])

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._field_names():
            raise KeyError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(self._field_names())}")
        setattr(self, name, value)

    @overload
    def __getitem__(self, key: str) -> Any: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, key: str | SupportsIndex | slice) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def to_tuple(self) -> tuple[Any, ...]:
        """The fields that are not None, in order."""
        return tuple(self.values())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), None, None, iter(self.items())

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__} has the fields that it has: set one to None to leave it out")

    __delitem__ = clear = pop = popitem = setdefault = update = _refuse


# Base models


@dataclass
class BaseModelOutput(ModelOutput):
    """States of an encoder."""

    last_hidden_state: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class BaseModelOutputWithPooling(ModelOutput):
    """States of an encoder, and one vector per sequence (``pooler_output``, ``[batch, hidden]``)."""

    last_hidden_state: torch.Tensor | None = None
    pooler_output: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class BaseModelOutputWithPast(ModelOutput):
    """States of a decoder without an encoder."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class BaseModelOutputWithCrossAttentions(ModelOutput):
    """States of layers that may attend to an encoder."""

    last_hidden_state: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """States of a model that is used as an encoder or as a decoder, with ``pooler_output``, ``[batch, hidden]``."""

    last_hidden_state: torch.Tensor | None = None
    pooler_output: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    past_key_values: Cache | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class BaseModelOutputWithPastAndCrossAttentions(ModelOutput):
    """States of a decoder that may attend to an encoder."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class Seq2SeqModelOutput(ModelOutput):
    """States of a decoder (``last_hidden_state``) and of the encoder before it."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: Cache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: torch.Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


# Heads whose result is one tensor of scores


@dataclass
class _Scores(ModelOutput):
    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class CausalLMOutput(_Scores):
    """Scores of the next token at each position, ``[batch, time, vocabulary]``."""


@dataclass
class MaskedLMOutput(_Scores):
    """Scores of the token at each position, ``[batch, time, vocabulary]``."""


@dataclass
class NextSentencePredictorOutput(_Scores):
    """Scores of "the second sentence follows" and "it does not", ``[batch, 2]``."""


@dataclass
class SequenceClassifierOutput(_Scores):
    """Scores of the labels of a sequence, ``[batch, labels]``; the predicted number itself in regression."""


@dataclass
class MultipleChoiceModelOutput(_Scores):
    """Scores of the choices, ``[batch, choices]``."""


@dataclass
class TokenClassifierOutput(_Scores):
    """Scores of the labels of each position, ``[batch, time, labels]``."""


@dataclass
class _ScoresWithPast(ModelOutput):
    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class CausalLMOutputWithPast(_ScoresWithPast):
    """Scores of the next token at each position, ``[batch, time, vocabulary]``."""


@dataclass
class CausalLMOutputWithCrossAttentions(_ScoresWithPast):
    """Scores of the next token at each position, ``[batch, time, vocabulary]``, by a decoder with an encoder."""

    cross_attentions: Tensors | None = None


@dataclass
class SequenceClassifierOutputWithPast(_ScoresWithPast):
    """Scores of the labels of a sequence, ``[batch, labels]``; the predicted number itself in regression."""


@dataclass
class _Seq2SeqScores(ModelOutput):
    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Cache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: torch.Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass
class Seq2SeqLMOutput(_Seq2SeqScores):
    """Scores of the next token at each position of the decoder, ``[batch, time, vocabulary]``."""


@dataclass
class Seq2SeqSequenceClassifierOutput(_Seq2SeqScores):
    """Scores of the labels of a sequence, ``[batch, labels]``; the predicted number itself in regression."""


# Question answering: the scores of each position to be the first or the last of the answer, ``[batch, time]``


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """Where the answer starts and ends."""

    loss: torch.Tensor | None = None
    start_logits: torch.Tensor | None = None
    end_logits: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class Seq2SeqQuestionAnsweringModelOutput(ModelOutput):
    """Where the answer starts and ends, by a model with encoder and decoder."""

    loss: torch.Tensor | None = None
    start_logits: torch.Tensor | None = None
    end_logits: torch.Tensor | None = None
    past_key_values: Cache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: torch.Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None

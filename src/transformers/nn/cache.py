"""Keys and values of the positions that an attention has already seen, so that each step computes only its own.

A model takes and returns a :class:`Cache` as ``past_key_values``. A cache that is handed in is **extended in place**:
after the call it also holds the positions of that call. To go on twice from the same place, hand in the tuples of
:meth:`Cache.to_legacy_cache`, which are never written to.

A beam search makes rows of the batch into what other rows were, at every step. Rows that go back to one prompt hold the
same numbers up to the place where they parted, so that only what stands behind it is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from ..errors import UserError
from .ancestry import Ancestry, RowChange
from .growing import GrowingStates

#: Keys and values of one layer; where there is a cross-attention, followed by its keys and values.
LayerTensors: TypeAlias = tuple[Tensor, ...]

#: What a caller may pass as ``past_key_values``.
PastKeyValues: TypeAlias = "Cache | Sequence[Sequence[Tensor]]"


class CacheLayer:
    """The cache of one layer: keys and values, and those of its cross-attention.

    Args:
        capacity: Positions to reserve when the first keys arrive; 0 keeps the first keys as they are.
    """

    def __init__(self, capacity: int = 0) -> None:
        self._keys = GrowingStates(capacity)
        self._values = GrowingStates(capacity)
        self.cross: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def batch(self) -> int:
        """The number of rows."""
        return self._keys.batch

    @property
    def keys(self) -> Tensor:
        """All keys so far, ``[batch, heads, time, size]``."""
        return self._keys.shared()

    @property
    def values(self) -> Tensor:
        """All values so far, ``[batch, heads, time, size]``."""
        return self._values.shared()

    @property
    def tensors(self) -> LayerTensors:
        """Keys and values, followed by those of the cross-attention if there are any."""
        return (self.keys, self.values, *(self.cross or ()))

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the keys and values of further positions, ``[batch, heads, new, size]``, and returns all."""
        return self._keys.append(key), self._values.append(value)

    def reorder(self, change: RowChange) -> None:
        """Makes rows of the batch into what others were; there may be more or fewer rows than before."""
        self._keys.reorder(change)
        self._values.reorder(change)
        if self.cross is not None and change.prompts_change:
            self.cross = (self.cross[0].index_select(0, change.rows), self.cross[1].index_select(0, change.rows))


class Cache:
    """The keys and values of all layers of a model. Reads like a sequence of ``(keys, values)``, one for each layer.

    Args:
        layers: Keys and values to start with, layer by layer; they are not written to.
        capacity: Positions to reserve in every layer from the start, where the final length is known.
    """

    def __init__(self, layers: Iterable[Sequence[Tensor]] = (), *, capacity: int = 0) -> None:
        self._capacity = capacity
        self.layers: list[CacheLayer] = []
        self._ancestry: Ancestry | None = None
        for index, tensors in enumerate(layers):
            if len(tensors) not in (2, 4):
                raise UserError(
                    f"past_key_values[{index}] has {len(tensors)} tensors.",
                    advice="A layer is (keys, values), or (keys, values, cross keys, cross values).",
                )
            self.update(index, tensors[0], tensors[1])
            if len(tensors) == 4:
                self.layers[index].cross = (tensors[2], tensors[3])

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, layer: int) -> LayerTensors:
        return self.layers[layer].tensors

    def __iter__(self) -> Iterator[LayerTensors]:
        return (layer.tensors for layer in self.layers)

    def update(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the keys and values of new positions to a layer.

        Args:
            layer: Index of the layer. Layers are first filled in order.
            key: ``[batch, heads, new, size]``.
            value: ``[batch, heads, new, size]``.

        Returns:
            All keys and all values of the layer, old ones first: ``[batch, heads, time, size]`` each. They are for use
            at once: :meth:`reorder` may write over them.
        """
        return self._layer(layer).append(key, value)

    def cross(self, layer: int) -> tuple[Tensor, Tensor] | None:
        """Keys and values of a layer's cross-attention, if they have been stored."""
        return self.layers[layer].cross if layer < len(self.layers) else None

    def store_cross(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Keeps the keys and values of a layer's cross-attention: the encoder's states do not change between steps."""
        self._layer(layer).cross = (key, value)

    def get_seq_length(self, layer: int = 0) -> int:
        """The number of positions that a layer holds."""
        return len(self.layers[layer]) if layer < len(self.layers) else 0

    def reorder(self, rows: Tensor) -> None:
        """Makes row ``i`` of the batch what row ``rows[i]`` was; rows may repeat, and there may be more than before.

        What rows hold from their common prompt, and behind it up to where they parted, is copied once: when their
        number changes. Keys and values of a cross-attention are only copied for rows that go over to another prompt.
        """
        if not self.layers:
            return
        if self._ancestry is None:
            self._ancestry = Ancestry(self.layers[0].batch)
        change = self._ancestry.follow(rows, min(map(len, self.layers)))
        if len(change.targets):
            for layer in self.layers:
                layer.reorder(change)

    def to_legacy_cache(self) -> tuple[LayerTensors, ...]:
        """The cache as a tuple of ``(keys, values)``; later calls with this cache do not change it."""
        return tuple(self)

    @classmethod
    def from_legacy_cache(cls, past_key_values: Iterable[Sequence[Tensor]] | None = None) -> Cache:
        """A cache that starts with the given keys and values, which are not written to."""
        return cls(past_key_values or ())

    def _layer(self, index: int) -> CacheLayer:
        if index == len(self.layers):
            self.layers.append(CacheLayer(self._capacity))
        return self.layers[index]


def as_cache(past_key_values: PastKeyValues | None) -> Cache:
    """The cache that a model's ``past_key_values`` argument means: the given one itself, or a new one."""
    return past_key_values if isinstance(past_key_values, Cache) else Cache(past_key_values or ())


def cache_for_call(past_key_values: PastKeyValues | None, *, wanted: bool, recomputed: bool) -> Cache | None:
    """The cache that a forward pass extends, or None if it needs none.

    Args:
        past_key_values: What the caller gave.
        wanted: Whether the caller wants a cache back.
        recomputed: Whether the layers run again in a backward pass (gradient checkpointing), which would extend the
            cache twice.

    Raises:
        UserError: A cache was given and the layers run again.
    """
    if not (recomputed and torch.is_grad_enabled()):
        return as_cache(past_key_values) if wanted or past_key_values is not None else None
    if past_key_values is not None:
        raise UserError(
            "Gradient checkpointing and past_key_values cannot be used together.",
            advice="Give all the tokens at once, or call model.gradient_checkpointing_disable().",
        )
    return None

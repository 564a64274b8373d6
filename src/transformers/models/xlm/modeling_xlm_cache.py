"""The cache of XLM as the ecosystem passes it: a dictionary that the caller keeps and the model writes to.

Under ``"slen"`` stands the number of positions, under the index of each layer its keys and values,
``[batch, heads, slen, size]``. A new one is ``{"slen": 0}``.
"""

from __future__ import annotations

from typing import Any

from ...errors import UserError
from ...nn.cache import Cache, cache_for_call

CacheDict = dict[Any, Any]


def cached_length(cache: CacheDict | Cache | None) -> int:
    """The number of positions that a cache holds.

    Raises:
        UserError: It is something else than a cache of XLM.
    """
    if cache is None:
        return 0
    if isinstance(cache, Cache):
        return cache.get_seq_length()
    try:
        return int(cache["slen"])
    except (KeyError, TypeError, IndexError) as error:
        raise UserError(
            f"cache is of type {type(cache).__name__}, and not as XLM has it.",
            advice='Begin with the dictionary {"slen": 0}.',
        ) from error


def opened(cache: CacheDict | Cache | None, layers: int, *, recomputed: bool) -> Cache | None:
    """What the attentions extend; the dictionary itself stays as it is.

    Args:
        cache: The dictionary, or None for no cache. A :class:`~transformers.nn.cache.Cache` is extended itself.
        layers: Number of layers.
        recomputed: See :func:`~transformers.nn.cache.cache_for_call`.

    Raises:
        UserError: There is a cache, and the layers run again in a backward pass.
    """
    if isinstance(cache, dict):
        cache = Cache(cache[layer] for layer in range(layers if cache["slen"] else 0))
    return cache_for_call(cache, wanted=False, recomputed=recomputed)


def write_back(extended: Cache | None, cache: CacheDict | Cache | None) -> None:
    """Puts what the attentions have extended into the dictionary."""
    if isinstance(cache, dict) and extended is not None:
        cache["slen"] = extended.get_seq_length()
        for layer, tensors in enumerate(extended):
            cache[layer] = tensors

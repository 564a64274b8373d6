"""Object-based checkpoints (TensorFlow 2): from paths through an object graph to the variables' own names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from .messages import TrackableObjectGraph
from .protobuf import decode
from .varint import ReadBuffer

#: The string tensor that holds the object graph.
GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_SLOT = "/.OPTIMIZER_SLOT/"


def own_names(graph: ReadBuffer, keys: Collection[str]) -> dict[str, str]:
    """Finds for every key of a checkpoint the name to work with; no two are the same.

    A variable has its own full name, such as ``dense/kernel``, if it is given and no other variable has it, else its
    path in the object graph. An optimizer's slot has the name of its variable, followed by ``/.OPTIMIZER_SLOT/``, the
    optimizer's path and the name of the slot.

    Args:
        graph: The serialized object graph.
        keys: All keys of the checkpoint but the graph's.

    Raises:
        FormatError: If the graph is damaged.
    """
    full_names = {
        attribute.checkpoint_key: attribute.full_name
        for node in decode(TrackableObjectGraph, graph).nodes
        for attribute in node.attributes
        if attribute.full_name and _SLOT not in attribute.checkpoint_key
    }
    names = _unless_ambiguous({key: full_names.get(key, _path(key)) for key in keys}, {key: _path(key) for key in keys})
    named = {_path(key): name for key, name in names.items()}
    with_slots = {}
    for key, name in names.items():
        variable, slot, rest = key.partition(_SLOT)
        with_slots[key] = f"{named.get(variable, variable)}{_SLOT}{_path(rest)}" if slot else name
    return _unless_ambiguous(with_slots, {key: key for key in keys})


def _path(key: str) -> str:
    return key.removesuffix(_VALUE)


def _unless_ambiguous(names: dict[str, str], instead: dict[str, str]) -> dict[str, str]:
    count = Counter(names.values())
    return {key: name if count[name] == 1 else instead[key] for key, name in names.items()}

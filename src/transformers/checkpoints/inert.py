"""What takes the place of objects when a pickle is read: data that does nothing.

A format says in a :class:`Dialect` which names its pickles may mention and which function of ours stands for each.
Such a function looks at its arguments and returns inert data. It copies nothing that a pickle could hand to it again
and again: a few bytes must not become many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .damage import FormatError

#: Makes inert data from the arguments of what a pickle would have called.
Maker: TypeAlias = Callable[[tuple[Any, ...]], Any]

_DEEPEST = 100
_MOST_KEY_PARTS = 16
_SCALARS = (str, bytes, bool, type(None))


@dataclass(frozen=True, slots=True)
class Global:
    """A name that a pickle mentions and its dialect has. It can be part of the data like any other value.

    Attributes:
        name: Module and name with a dot between them.
        make: What is done in the place of a call; None if it is only ever mentioned.
    """

    name: str
    make: Maker | None


@dataclass(frozen=True)
class Dialect:
    """What the pickles of a kind of file may contain besides plain values.

    Attributes:
        names: (module, name) -> what is made of a call; None for names that are only mentioned.
        persistent: Makes data of a reference to something outside of the pickle; None if there are no such references.
    """

    names: Mapping[tuple[str, str], Maker | None]
    persistent: Callable[[Any], Any] | None = None


class Holder:
    """Inert data in the place of an object."""

    __slots__ = ()

    def set_state(self, state: Any) -> None:
        """Takes the object's state.

        Raises:
            FormatError: If such an object has no such state.
        """
        raise FormatError(f"the state of an object that has none is {kind_of(state)}")

    def end_of_values(self, data: memoryview, position: int) -> int:
        """Where the pickle goes on after the state: elsewhere than at ``position`` if values stand in between.

        Raises:
            FormatError: If they are not there.
        """
        return position

    def children(self) -> Iterable[Any]:
        """The pickled values that it holds."""
        return ()


class Ordered(dict[Any, Any], Holder):
    """An ``OrderedDict``. Attributes, such as PyTorch's ``_metadata``, are dropped."""

    __slots__ = ()

    def set_state(self, state: Any) -> None:
        """Drops the attributes."""


class Record(Holder):
    """An object that is nothing but its attributes.

    Attributes:
        attributes: They.
    """

    __slots__ = ("attributes",)

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def set_state(self, state: Any) -> None:
        """Takes the attributes."""
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise FormatError(f"the attributes of an object are {kind_of(state)}")
        self.attributes = state

    def children(self) -> Iterable[Any]:
        """The attributes' values."""
        return self.attributes.values()


@dataclass(frozen=True, slots=True)
class LongText:
    """A long text, still in the file.

    Attributes:
        encoded: Its bytes in UTF-8.
    """

    encoded: memoryview


def make_ordered(arguments: tuple[Any, ...]) -> Ordered:
    """For ``OrderedDict``: empty, to be filled, or of a list of pairs."""
    match arguments:
        case ():
            return Ordered()
        case (list(pairs),) if all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            made = Ordered((checked_key(key), value) for key, value in pairs)
            pairs.clear()  # it is good for one dictionary only
            return made
    raise FormatError("an OrderedDict is made of something else than pairs")


def make_counter(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """For ``Counter``: the very dictionary that it is made of."""
    match arguments:
        case ():
            return {}
        case (dict(counts),):
            return counts
    raise FormatError("a Counter is made of something else than a dictionary")


def make_record(arguments: tuple[Any, ...]) -> Record:
    """For objects that are made of nothing and then given attributes."""
    if arguments:
        raise FormatError(f"an object that should be made without arguments has {len(arguments)}")
    return Record()


def _make_bytes(arguments: tuple[Any, ...]) -> bytes:
    if arguments:
        raise FormatError("empty bytes are made of something")
    return b""


def _make_set(arguments: tuple[Any, ...]) -> list[Any]:
    match arguments:
        case ():
            return []
        case (list(members),):
            return members
    raise FormatError("a set is made of something else than a list")


#: Python's own data types that the older protocols spell as calls.
PLAIN_NAMES: Mapping[tuple[str, str], Maker | None] = {
    ("collections", "OrderedDict"): make_ordered,
    ("collections", "Counter"): make_counter,
    **{(module, "bytes"): _make_bytes for module in ("__builtin__", "builtins")},
    **{(module, name): _make_set for module in ("__builtin__", "builtins") for name in ("set", "frozenset")},
}


def kind_of(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, Global):
        return value.name
    return f"a value of the type {type(value).__name__}"


def checked_key(key: Any) -> Any:
    """A key of a dictionary, if real ones look like it: comparing others may take any amount of time.

    Raises:
        FormatError: If they do not.
    """
    if isinstance(key, _SCALARS) or (isinstance(key, int) and -(1 << 31) <= key < 1 << 32):
        return key
    if isinstance(key, tuple) and len(key) <= _MOST_KEY_PARTS and not any(isinstance(part, tuple) for part in key):
        for part in key:
            checked_key(part)
        return key
    raise FormatError(f"{kind_of(key)} is the key of a dictionary")


def check_tree(value: Any, most: int) -> None:
    """Makes sure that a value can be walked through by a function that calls itself.

    Args:
        value: The value.
        most: How many values it may consist of. One that is held in two places counts twice.

    Raises:
        FormatError: If it contains itself, is nested more than 100 deep or consists of more values.
    """
    size, _ = _measured(value, 0, {})
    if size > most:
        raise FormatError(f"it stands for {size} values, which is out of proportion to its bytes")


def _measured(value: Any, depth: int, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """The number of values and levels; each container is looked at once and counted wherever it is held."""
    if id(value) in known:
        measured = known[id(value)]
        if measured is None:
            raise FormatError("a part of it contains itself")
        return measured
    known[id(value)] = None
    size, levels = 1, 0
    for child in _children(value):
        if not isinstance(child, dict | list | tuple | Holder):
            size += 1
        elif depth >= _DEEPEST:
            raise FormatError(f"it is nested more than {_DEEPEST} deep")
        else:
            child_size, child_levels = _measured(child, depth + 1, known)
            size, levels = size + child_size, max(levels, child_levels)
    if levels >= _DEEPEST:
        raise FormatError(f"it is nested more than {_DEEPEST} deep")
    known[id(value)] = size, levels + 1
    return size, levels + 1


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    return value.children() if isinstance(value, Holder) else ()

"""Python pickles, read as the data that they describe; nothing in them is ever called.

A pickle is a program for a small stack machine, and two of its instructions make it dangerous: one looks up any
function of any installed package by name, the other calls it. This module has a machine of its own instead of the
standard library's with some methods overridden, because only then everything else is under control, too:

* A name is looked up in the table of its :class:`.inert.Dialect`, never in a module. What is called is a function of
  ours that returns inert data; attributes are never set, registries never asked.
* Nothing is believed. Announced lengths are held against the file; numbers, keys and nesting against what real files
  have; time and memory stay in proportion to the bytes. (The standard unpickler lets five bytes ask for gigabytes, and
  a tuple that holds another one twice, and so on thirty times, is hashed for minutes.)
* The file is mapped, and long strings, such as the values of arrays, stay where they are until they are asked for.
* Values that stand between the instructions, where joblib puts them, are stepped over.

All protocols are understood. Strings of Python 2 become text where they are valid UTF-8, else bytes: encoding such text
gives the bytes of the file back, whatever they were meant for. Sets come as lists.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from .damage import FormatError, RefusedError
from .inert import Dialect, Global, Holder, LongText, check_tree, checked_key, kind_of

#: Strings of this many bytes and more stay in the file: text as :class:`.inert.LongText`, bytes as ``memoryview``.
LONG = 1 << 16

_NEWEST_PROTOCOL = 5
_LONGEST_NUMBER = 255
_LINE = 256
_MOST_OBJECTS = 1 << 23

_STOP = ord(".")
_UINT16, _INT32, _UINT32, _UINT64 = (struct.Struct(f"<{letter}") for letter in "HiIQ")
_DOUBLE = struct.Struct(">d")
_ESCAPE = re.compile(rb"""\\(?:x([0-9a-fA-F]{2})|([\\'"nrt]))|(\\)""")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}

_ADVICE = (
    "A pickle can be a program. It is read as data here, so that only what such files need is understood, and nothing "
    "of it was run. If you trust the file, save its weights anew with the program that it comes from."
)


def unpickle(data: memoryview, dialect: Dialect, start: int = 0) -> tuple[Any, int]:
    """Reads the pickle that begins at a byte.

    Args:
        data: The bytes of the file.
        dialect: What the pickle may contain besides plain values.
        start: Where it begins.

    Returns:
        The value, a tree that a recursive function can walk through, and where the pickle ends.

    Raises:
        RefusedError: If the pickle mentions anything that its dialect does not have.
        FormatError: If it is damaged.
    """
    machine = _Machine(data, dialect, start)
    value = machine.run()
    check_tree(value, 1000 + 4 * (machine.position - start))
    return value, machine.position


class _Machine:
    """The stack machine. Its methods are the instructions, under the names that :mod:`pickletools` has for them."""

    def __init__(self, data: memoryview, dialect: Dialect, start: int) -> None:
        self.position = start
        self._data = data
        self._globals = {key: Global(".".join(key), make) for key, make in dialect.names.items()}
        self._persistent = dialect.persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._floor = 0  # the newest mark: what lies below it is out of reach
        self._memo: dict[int, Any] = {}
        self._objects = 0

    def run(self) -> Any:
        """Follows the instructions to their end; returns the value that is left."""
        try:
            while (code := self._data[self.position]) != _STOP:
                self.position += 1
                instruction = _INSTRUCTIONS.get(code)
                if instruction is None:
                    raise FormatError(f"byte {self.position - 1}, {code:#04x}, is not an instruction for data")
                instruction(self)
        except (IndexError, struct.error):
            raise FormatError("a pickle in it has no end") from None
        except UnicodeError as error:
            raise FormatError(f"the text before byte {self.position} cannot be: {error}") from None
        self.position += 1
        return self._pop()

    # The stack and the bytes.

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _push_new(self, value: Any) -> None:
        self._count()
        self._stack.append(value)

    def _count(self) -> None:
        self._objects += 1
        if self._objects > _MOST_OBJECTS:
            raise FormatError(f"it has more than {_MOST_OBJECTS} objects")

    def _pop(self) -> Any:
        if len(self._stack) <= self._floor:
            raise FormatError(f"the instruction before byte {self.position} lacks a value")
        return self._stack.pop()

    def _top(self) -> Any:
        if len(self._stack) <= self._floor:
            raise FormatError(f"the instruction before byte {self.position} lacks a value")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        if not self._marks:
            raise FormatError(f"the instruction before byte {self.position} lacks a mark")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        self._floor = self._marks[-1] if self._marks else 0
        return values

    def _take(self, size: int) -> memoryview:
        start = self.position
        if size > len(self._data) - start:
            raise FormatError(f"{size} bytes are announced at byte {start}, {len(self._data) - start} are left")
        self.position += size
        return self._data[start : self.position]

    def _number(self, layout: struct.Struct) -> int:
        (number,) = layout.unpack_from(self._data, self.position)
        self.position += layout.size
        return int(number)

    def _byte(self) -> int:
        number = self._data[self.position]
        self.position += 1
        return number

    def _line(self) -> bytes:
        for size in (_LINE, LONG):
            line, end, _ = bytes(self._data[self.position : self.position + size]).partition(b"\n")
            if end:
                self.position += len(line) + 1
                return line
        raise FormatError(f"the line at byte {self.position} has no end")

    # Values that stand for themselves.

    def none(self) -> None:
        self._push(None)

    def newtrue(self) -> None:
        self._push(True)

    def newfalse(self) -> None:
        self._push(False)

    def int_(self) -> None:
        line = self._line()
        self._push({b"00": False, b"01": True}[line] if line in (b"00", b"01") else _decimal(line))

    def binint(self) -> None:
        self._push(self._number(_INT32))

    def binint1(self) -> None:
        self._push(self._byte())

    def binint2(self) -> None:
        self._push(self._number(_UINT16))

    def long(self) -> None:
        self._push(_decimal(self._line().removesuffix(b"L")))

    def long1(self) -> None:
        self._push(_integer(self._take(self._byte())))

    def long4(self) -> None:
        self._push(_integer(self._take(self._number(_UINT32))))

    def float_(self) -> None:
        line = self._line()
        try:
            self._push(float(line))
        except ValueError:
            raise FormatError(f"{line[:40]!r} is no number") from None

    def binfloat(self) -> None:
        (number,) = _DOUBLE.unpack_from(self._data, self.position)
        self.position += _DOUBLE.size
        self._push(number)

    def string(self) -> None:
        line = self._line()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise FormatError(f"the text {line[:40]!r} is not quoted")
        self._push(_python2_string(_ESCAPE.sub(_unescaped, line[1:-1])))

    def binstring(self) -> None:
        self._push_string(self._number(_UINT32))

    def short_binstring(self) -> None:
        self._push_string(self._byte())

    def _push_string(self, size: int) -> None:
        data = self._take(size)
        self._push(data if size >= LONG else _python2_string(bytes(data)))

    def unicode(self) -> None:
        self._push(str(self._line(), "raw-unicode-escape"))

    def binunicode(self) -> None:
        self._push_text(self._number(_UINT32))

    def short_binunicode(self) -> None:
        self._push_text(self._byte())

    def binunicode8(self) -> None:
        self._push_text(self._number(_UINT64))

    def _push_text(self, size: int) -> None:
        data = self._take(size)
        self._push(LongText(data) if size >= LONG else str(data, "utf-8"))

    def binbytes(self) -> None:
        self._push_bytes(self._number(_UINT32))

    def short_binbytes(self) -> None:
        self._push_bytes(self._byte())

    def binbytes8(self) -> None:
        self._push_bytes(self._number(_UINT64))

    def _push_bytes(self, size: int) -> None:
        data = self._take(size)
        self._push(data if size >= LONG else bytes(data))

    # Containers.

    def empty_tuple(self) -> None:
        self._push(())

    def tuple1(self) -> None:
        self._push_new((self._pop(),))

    def tuple2(self) -> None:
        second, first = self._pop(), self._pop()
        self._push_new((first, second))

    def tuple3(self) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self._push_new((first, second, third))

    def tuple_(self) -> None:
        self._push_new(tuple(self._pop_to_mark()))

    def empty_list(self) -> None:
        self._push_new([])

    def list_(self) -> None:
        self._push_new(self._pop_to_mark())

    def append(self) -> None:
        value = self._pop()
        self._of_type(list).append(value)

    def appends(self) -> None:
        values = self._pop_to_mark()
        self._of_type(list).extend(values)

    def empty_dict(self) -> None:
        self._push_new({})

    def dict_(self) -> None:
        items = self._pop_to_mark()
        self._push_new({})
        self._set_items(items)

    def setitem(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def setitems(self) -> None:
        self._set_items(self._pop_to_mark())

    def _set_items(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise FormatError(f"the instruction before byte {self.position} has a key without a value")
        target = self._of_type(dict)
        for number in range(0, len(items), 2):
            target[checked_key(items[number])] = items[number + 1]

    def _of_type(self, kind: type[Any]) -> Any:
        target = self._top()
        if not isinstance(target, kind):
            raise FormatError(f"{kind_of(target)} is treated as a {kind.__name__} before byte {self.position}")
        return target

    # The stack itself, and the memo.

    def mark(self) -> None:
        self._floor = len(self._stack)
        self._marks.append(self._floor)

    def pop(self) -> None:
        if len(self._stack) == self._floor:
            self._pop_to_mark()
        else:
            self._pop()

    def pop_mark(self) -> None:
        self._pop_to_mark()

    def dup(self) -> None:
        self._push(self._top())

    def get(self) -> None:
        self._push_known(_decimal(self._line()))

    def binget(self) -> None:
        self._push_known(self._byte())

    def long_binget(self) -> None:
        self._push_known(self._number(_UINT32))

    def _push_known(self, number: Any) -> None:
        if number not in self._memo:
            raise FormatError(f"the value {number} is used before byte {self.position} and never made")
        self._push(self._memo[number])

    def put(self) -> None:
        self._remember(_decimal(self._line()))

    def binput(self) -> None:
        self._remember(self._byte())

    def long_binput(self) -> None:
        self._remember(self._number(_UINT32))

    def memoize(self) -> None:
        self._remember(len(self._memo))

    def _remember(self, number: Any) -> None:
        self._count()
        self._memo[number] = self._top()

    # Objects.

    def global_(self) -> None:
        module, name = self._line(), self._line()
        self._push(self._global(str(module, "utf-8"), str(name, "utf-8")))

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise FormatError(f"a name before byte {self.position} is made of other things than text")
        self._push(self._global(module, name))

    def _global(self, module: str, name: str) -> Global:
        found = self._globals.get((module, name))
        if found is None:
            raise self._refusal(f"it asks for {_shown(module)}.{_shown(name)}")
        return found

    def extension(self) -> None:
        raise self._refusal("it asks for an entry of Python's extension registry")

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        self._push_made(function, arguments)

    def newobj_ex(self) -> None:
        keywords, arguments, cls = self._pop(), self._pop(), self._pop()
        if keywords != {}:
            raise FormatError(f"an object is made with keywords before byte {self.position}")
        self._push_made(cls, arguments)

    def obj(self) -> None:
        values = self._pop_to_mark()
        self._push_made(values[0] if values else None, tuple(values[1:]))

    def inst(self) -> None:
        self.global_()
        cls = self._pop()
        self._push_made(cls, tuple(self._pop_to_mark()))

    def _push_made(self, function: Any, arguments: Any) -> None:
        if not isinstance(function, Global) or function.make is None or not isinstance(arguments, tuple):
            raise self._refusal(f"it calls {kind_of(function)} with {kind_of(arguments)}")
        self._push_new(function.make(arguments))

    def build(self) -> None:
        state, target = self._pop(), self._top()
        if not isinstance(target, Holder):
            raise self._refusal(f"it sets the state of {kind_of(target)}")
        target.set_state(state)
        end = target.end_of_values(self._data, self.position)
        self._take(end - self.position)

    def persid(self) -> None:
        self._push_persistent(str(self._line(), "utf-8"))

    def binpersid(self) -> None:
        self._push_persistent(self._pop())

    def _push_persistent(self, reference: Any) -> None:
        if self._persistent is None:
            raise self._refusal("it asks for something outside of it")
        self._push_new(self._persistent(reference))

    def _refusal(self, problem: str) -> RefusedError:
        return RefusedError(f"before byte {self.position} {problem}", _ADVICE)

    # The outer form.

    def proto(self) -> None:
        version = self._byte()
        if version > _NEWEST_PROTOCOL:
            raise FormatError(f"it is a pickle of protocol {version}, the newest known is {_NEWEST_PROTOCOL}")

    def frame(self) -> None:
        size = self._number(_UINT64)
        if size > len(self._data) - self.position:
            raise FormatError(f"a frame of {size} bytes at byte {self.position} ends beyond the file")


def _decimal(line: bytes) -> int:
    if len(line) > _LONGEST_NUMBER or not re.fullmatch(rb"[-+]?[0-9]+", line):
        raise FormatError(f"{line[:40]!r} is no number")
    return int(line)


def _integer(data: memoryview) -> int:
    if len(data) > _LONGEST_NUMBER:
        raise FormatError(f"a number of {len(data)} bytes is longer than any that is meant")
    return int.from_bytes(data, "little", signed=True)


def _python2_string(data: bytes) -> str | bytes:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        return data


def _unescaped(match: re.Match[bytes]) -> bytes:
    hexadecimal, letter, stray = match.groups()
    if stray:
        raise FormatError("a text has a backslash that means nothing")
    return bytes([int(hexadecimal, 16)]) if hexadecimal else _ESCAPED.get(letter, letter)


def _shown(name: str) -> str:
    """A name for a message: hostile ones may be anything."""
    return name if len(name) <= 80 and name.isprintable() else f"{name[:80]!r}"


_INSTRUCTIONS: Mapping[int, Callable[[_Machine], None]] = {
    ord(code): instruction
    for code, instruction in {
        "(": _Machine.mark, ")": _Machine.empty_tuple, "0": _Machine.pop, "1": _Machine.pop_mark, "2": _Machine.dup,
        "B": _Machine.binbytes, "C": _Machine.short_binbytes, "F": _Machine.float_, "G": _Machine.binfloat,
        "I": _Machine.int_, "J": _Machine.binint, "K": _Machine.binint1, "L": _Machine.long, "M": _Machine.binint2,
        "N": _Machine.none, "P": _Machine.persid, "Q": _Machine.binpersid, "R": _Machine.reduce,
        "S": _Machine.string, "T": _Machine.binstring, "U": _Machine.short_binstring, "V": _Machine.unicode,
        "X": _Machine.binunicode, "]": _Machine.empty_list, "a": _Machine.append, "b": _Machine.build,
        "c": _Machine.global_, "d": _Machine.dict_, "e": _Machine.appends, "g": _Machine.get, "h": _Machine.binget,
        "i": _Machine.inst, "j": _Machine.long_binget, "l": _Machine.list_, "o": _Machine.obj, "p": _Machine.put,
        "q": _Machine.binput, "r": _Machine.long_binput, "s": _Machine.setitem, "t": _Machine.tuple_,
        "u": _Machine.setitems, "}": _Machine.empty_dict, "\x80": _Machine.proto, "\x81": _Machine.reduce,
        "\x82": _Machine.extension, "\x83": _Machine.extension, "\x84": _Machine.extension, "\x85": _Machine.tuple1,
        "\x86": _Machine.tuple2, "\x87": _Machine.tuple3, "\x88": _Machine.newtrue, "\x89": _Machine.newfalse,
        "\x8a": _Machine.long1, "\x8b": _Machine.long4, "\x8c": _Machine.short_binunicode,
        "\x8d": _Machine.binunicode8, "\x8e": _Machine.binbytes8, "\x8f": _Machine.empty_list,
        "\x90": _Machine.appends, "\x91": _Machine.list_, "\x92": _Machine.newobj_ex,
        "\x93": _Machine.stack_global, "\x94": _Machine.memoize, "\x95": _Machine.frame, "\x96": _Machine.binbytes8,
    }.items()
}  # fmt: skip

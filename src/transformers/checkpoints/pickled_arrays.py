"""NumPy's arrays, scalars and data types in pickles, without NumPy's own functions that pickles name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .damage import FormatError, RefusedError, blamed_on
from .inert import Global, Holder, LongText, Maker, kind_of
from .shapes import checked_dims

_ITEM_SIZES = {
    "b1": 1, "i1": 1, "u1": 1, "i2": 2, "u2": 2, "i4": 4, "u4": 4, "i8": 8, "u8": 8,
    "f2": 2, "f4": 4, "f8": 8, "c8": 8, "c16": 16,
}  # fmt: skip

_SHORT = 256  # text is decoded at once up to here; a pickle can ask for it again and again


class ArrayType(Holder):
    """For ``numpy.dtype``: a data type of numbers.

    Args:
        code: Kind and size, such as ``f4``.

    Attributes:
        numpy: The data type.
    """

    __slots__ = ("numpy",)

    def __init__(self, code: str) -> None:
        self.numpy = np.dtype(code)

    def set_state(self, state: Any) -> None:
        """Takes the byte order."""
        match state:
            case (int(), "<" | ">" | "|" | "=" as order, None, None, None, *_):
                self.numpy = self.numpy.newbyteorder("<" if order in "|=" else order)
            case _:
                raise FormatError("a data type has a state that those of numbers do not have")


class Latin1(Holder):
    """For ``_codecs.encode``: bytes that protocol 2 of Python 3 writes as text, one character for each byte.

    Args:
        text: The text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | LongText) -> None:
        self._text = text

    def encoded(self) -> bytes:
        """The bytes, made anew each time.

        Raises:
            FormatError: If the text has other characters than bytes.
        """
        try:
            text = self._text if isinstance(self._text, str) else str(self._text.encoded, "utf-8")
            return text.encode("latin-1")
        except UnicodeError:
            raise FormatError("the bytes of an array are text with other characters than bytes have") from None

    def can_hold(self, size: int) -> bool:
        """Whether the bytes may be so many; it is not known before they are decoded."""
        if isinstance(self._text, str):
            return len(self._text) == size
        return size <= len(self._text.encoded) <= 2 * size


#: Bytes as pickles spell them: as such, left in the file, as text of Python 2, as text in another encoding.
RawBytes: TypeAlias = bytes | memoryview | str | Latin1


class PickledArray(Holder):
    """For ``numpy.ndarray``. The values are looked at when they are asked for.

    Attributes:
        shape: Its shape.
        dtype: The data type of its elements.
    """

    __slots__ = ("_fortran", "_raw", "dtype", "shape")

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (0,)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._fortran = False
        self._raw: RawBytes = b""

    def set_state(self, state: Any) -> None:
        """Takes shape, data type, order and values."""
        match state:
            case (int(), tuple(shape), ArrayType(numpy=dtype), bool() | 0 | 1 as fortran, raw):
                pass
            case _:
                raise FormatError("the state of an array is not one of numbers")
        self.shape = checked_dims(shape)
        size = math.prod(self.shape) * dtype.itemsize
        if not isinstance(raw, bytes | memoryview | str | Latin1) or not _can_hold(raw, size):
            raise FormatError(f"an array of {size} bytes, {dtype.name} {list(shape)}, has {_amount(raw)}")
        self.dtype, self._fortran, self._raw = dtype, bool(fortran), raw

    def values(self) -> NDArray[Any]:
        """The array, read-only.

        Raises:
            FormatError: If its bytes are not what it needs.
        """
        raw = _bytes_of(self._raw)
        if len(raw) != math.prod(self.shape) * self.dtype.itemsize:
            raise FormatError(f"an array {self.dtype.name} {list(self.shape)} has {len(raw)} bytes")
        return array_from(raw, self.dtype, self.shape, fortran=self._fortran)


@dataclass(frozen=True, slots=True)
class ArrayInFile:
    """An array that a file has besides its variables.

    Attributes:
        path: The file.
        array: What its pickle says of it.
    """

    path: Path
    array: PickledArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of its elements."""
        return self.array.dtype

    def values(self) -> NDArray[Any]:
        """Reads it. The result is read-only.

        Raises:
            CheckpointError: If its bytes are damaged.
        """
        with blamed_on(self.path, f"an array of the shape {list(self.shape)}"):
            return self.array.values()


def array_from(
    raw: bytes | memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], *, fortran: bool = False
) -> NDArray[Any]:
    """The array of these bytes, read-only and not copied.

    Args:
        raw: As many bytes as it needs.
        dtype: The type of its elements.
        shape: Its shape.
        fortran: Whether the first index runs fastest.
    """
    values = np.frombuffer(raw, dtype)
    if dtype == np.bool_:
        values = values.view(np.uint8) != 0  # other bytes than 0 and 1 are no values of NumPy's
    values = values.reshape(shape, order="F" if fortran else "C")
    values.flags.writeable = False
    return values


def _make_type(arguments: tuple[Any, ...]) -> ArrayType:
    match arguments:
        case (str(code), *_) if code in _ITEM_SIZES:
            return ArrayType(code)
        case (str(code), *_):
            raise RefusedError(f"an array has elements of the type {code[:20]!r}, which are no numbers")
    raise FormatError("a data type has no name")


def _make_array(arguments: tuple[Any, ...]) -> PickledArray:
    match arguments:
        case (Global(name="numpy.ndarray"), (0,), _):
            return PickledArray()
    raise FormatError("an array is not made as arrays are")


def _make_scalar(arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (ArrayType(numpy=dtype), bytes() | str() as raw) if _can_hold(raw, dtype.itemsize):
            return array_from(_bytes_of(raw), dtype, ()).item()
    raise FormatError("a number of NumPy's is not made as they are")


def _make_latin1(arguments: tuple[Any, ...]) -> bytes | Latin1:
    match arguments:
        case (str(text), "latin1" | "latin-1") if len(text) <= _SHORT:
            return Latin1(text).encoded()
        case (str() | LongText() as text, "latin1" | "latin-1"):
            return Latin1(text)
    raise FormatError("text is encoded otherwise than as bytes are")


def _can_hold(raw: RawBytes, size: int) -> bool:
    if isinstance(raw, Latin1):
        return raw.can_hold(size)
    return len(raw.encode() if isinstance(raw, str) else raw) == size


def _bytes_of(raw: RawBytes) -> bytes | memoryview:
    if isinstance(raw, Latin1):
        return raw.encoded()
    return raw.encode() if isinstance(raw, str) else raw


def _amount(raw: Any) -> str:
    return f"{len(raw)} bytes" if isinstance(raw, bytes | memoryview | str) else kind_of(raw)


_CORE = ("numpy.core.multiarray", "numpy._core.multiarray")

#: What arrays and scalars need, in the spellings of all versions of NumPy and Python.
ARRAY_NAMES: Mapping[tuple[str, str], Maker | None] = {
    **{(module, "_reconstruct"): _make_array for module in _CORE},
    **{(module, "scalar"): _make_scalar for module in _CORE},
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): _make_type,
    ("_codecs", "encode"): _make_latin1,
}

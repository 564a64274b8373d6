from __future__ import annotations

import collections
import pickle
import struct
from argparse import Namespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.pickles import Call, Instructions, Name, encoded, numpy_array, numpy_type, op, pickled

from transformers.checkpoints import unpickling
from transformers.checkpoints.damage import FormatError, RefusedError
from transformers.checkpoints.inert import PLAIN_NAMES, Dialect, LongText, Record, make_record
from transformers.checkpoints.pickled_arrays import ARRAY_NAMES, PickledArray
from transformers.checkpoints.unpickling import LONG, unpickle

PLAIN = Dialect({})
ALL = Dialect({**PLAIN_NAMES, **ARRAY_NAMES, ("argparse", "Namespace"): make_record})

KEYS = (
    st.text(max_size=5) | st.integers(-(2**31), 2**32 - 1) | st.tuples(st.text(max_size=2), st.none() | st.booleans())
)
LEAVES = KEYS | st.floats(allow_nan=False) | st.integers() | st.binary(max_size=200) | st.text(max_size=300)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=4),
)


def read(data: bytes, dialect: Dialect = PLAIN) -> Any:
    value, end = unpickle(memoryview(data), dialect)
    assert end == len(data)
    return value


def python2_string(data: bytes) -> Instructions:
    return Instructions(op("SHORT_BINSTRING", bytes([len(data)]) + data))


class TestPlainValues:
    @pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
    @given(value=VALUES)
    def test_binary_protocols(self, value: Any, protocol: int) -> None:
        assert read(pickle.dumps(value, protocol)) == value

    @pytest.mark.parametrize("protocol", range(3))
    @given(value=VALUES)
    def test_older_protocols(self, value: Any, protocol: int) -> None:
        assert read(pickle.dumps(value, protocol), ALL) == value

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_python_s_own_containers(self, protocol: int) -> None:
        value = {
            "set": {3},
            "frozen": frozenset({"a"}),
            "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
            "counter": collections.Counter("aab"),
            "nothing": b"",
            "array": bytearray(b"abc") if protocol == 5 else None,
        }
        result = read(pickle.dumps(value, protocol), ALL)
        assert (list(result["set"]), list(result["frozen"])) == ([3], ["a"])
        assert list(result["ordered"].items()) == [("b", 1), ("a", 2)]
        assert result["counter"] == {"a": 2, "b": 1}
        assert result["nothing"] == b""
        assert result["array"] == value["array"]

    def test_what_is_held_twice_stays_one(self) -> None:
        shared = ["x"]
        first, second = read(pickle.dumps([shared, shared], 2))
        assert first is second

    def test_several_pickles_in_a_row(self) -> None:
        data = memoryview(pickle.dumps("a") + pickle.dumps("b"))
        first, position = unpickle(data, PLAIN)
        assert (first, unpickle(data, PLAIN, position)) == ("a", ("b", len(data)))

    def test_objects_of_attributes(self) -> None:
        made = read(pickle.dumps(Namespace(a=1, b=[2]), 2), ALL)
        assert isinstance(made, Record)
        assert made.attributes == {"a": 1, "b": [2]}

    def test_attributes_of_dictionaries_are_dropped(self) -> None:
        value = collections.OrderedDict(a=1)
        value._metadata = {"version": 1}  # type: ignore[attr-defined]
        result = read(pickle.dumps(value, 2), ALL)
        assert result == {"a": 1}
        assert not hasattr(result, "_metadata")


class TestWaysToMakeObjects:
    NAME = op("GLOBAL", b"argparse\nNamespace\n")
    STATE = op("EMPTY_DICT") + op("SHORT_BINUNICODE", b"\1a") + op("NEWTRUE") + op("SETITEM") + op("BUILD") + op("STOP")

    @pytest.mark.parametrize(
        "made",
        [
            NAME + b")R",
            NAME + b")\x81",
            NAME + b")}\x92",
            b"(" + NAME + b"o",
            b"(iargparse\nNamespace\n",
            b"\x8c\x08argparse\x8c\x09Namespace\x93)\x81",
        ],
    )
    def test_all_are_the_same(self, made: bytes) -> None:
        result = read(made + self.STATE, ALL)
        assert isinstance(result, Record)
        assert result.attributes == {"a": True}

    def test_values_are_put_twice(self) -> None:
        first, second = read(b"]2\x86.")
        assert first is second

    @pytest.mark.parametrize("module", ["builtins", "__builtin__"])
    def test_without_arguments(self, module: str) -> None:
        assert read(pickled(Call(Name("collections", "Counter"))), ALL) == {}
        assert read(pickled(Call(Name(module, "set"))), ALL) == []
        assert read(pickled(Call(Name(module, "bytes"))), ALL) == b""

    @pytest.mark.parametrize(
        "code",
        [
            NAME + b")}I1\nNs\x92" + STATE,
            NAME + b"N\x85R" + STATE,
            b"NN\x93.",
            b"\x8b\0\1\0\0" + bytes(256) + b".",
            pickled(Call(Call(Name("numpy", "dtype"), ("f4",)), ())),
            pickled(Call(Name("numpy", "dtype"), ())),
            pickled(Call(Name("numpy", "dtype"), ("f4", 0, 1), (3, "<", ("f8", (2,)), None, None))),
            pickled(Call(Name("numpy.core.multiarray", "scalar"), (numpy_type("f4"), b"abc"))),
            pickled(Call(Name("numpy.core.multiarray", "scalar"), ())),
            pickled(Call(Name("numpy.core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (0,), b"b"), ())),
            pickled(Call(Name("collections", "Counter"), (1,))),
        ],
    )
    def test_what_they_are_not_made_of(self, code: bytes) -> None:
        with pytest.raises(FormatError):
            read(code, ALL)

    def test_arrays_have_one_state_of_an_object(self) -> None:
        array = numpy_array(np.arange(3))
        code = encoded(array) + encoded({"a": 1}) + op("BUILD")
        with pytest.raises(FormatError, match="the state of an array"):
            read(code + b".", ALL)


class TestPython2:
    """What ``cPickle`` and ``pickle`` of Python 2 write; there is no Python 2 to ask any more."""

    def test_strings_are_text_where_they_can_be(self) -> None:
        data = pickled([python2_string("grün".encode()), python2_string(b"\xff\0")])
        assert read(data) == ["grün", b"\xff\0"]

    @pytest.mark.parametrize(
        ("line", "value"),
        [
            (rb"'a\'\"\\\n\r\t\x41'", "a'\"\\\n\r\tA"),
            (rb'"it\'s"', "it's"),
            (rb"'\xff'", b"\xff"),
            (rb"'gr\xc3\xbcn'", "grün"),
        ],
    )
    def test_text_protocol(self, line: bytes, value: str | bytes) -> None:
        assert read(op("STRING", line + b"\n") + b".") == value

    @pytest.mark.parametrize("line", [b"'", b"abc", b"'abc\"", rb"'\q'", rb"'a\'", rb"'\x4'", rb"'\x'"])
    def test_texts_that_are_none(self, line: bytes) -> None:
        with pytest.raises(FormatError):
            read(op("STRING", line + b"\n") + b".")

    def test_numbers_of_the_text_protocol(self) -> None:
        assert read(b"(I01\nI00\nI-7\nL12L\nF1.5\nV\\u00fc\nt.") == (True, False, -7, 12, 1.5, "ü")

    def test_ordered_dicts_are_made_of_lists(self) -> None:
        pairs = [[python2_string(b"b"), 1], [python2_string(b"a"), 2]]
        assert list(read(pickled(Call(Name("collections", "OrderedDict"), (pairs,))), ALL).items()) == [
            ("b", 1),
            ("a", 2),
        ]

    def test_arrays(self) -> None:
        for array in (np.arange(3), np.array([[0.5, -1e9]])):
            raw = Instructions(op("BINSTRING", struct.pack("<i", array.nbytes) + array.tobytes()))
            result = read(pickled(numpy_array(array, raw=raw)), ALL)
            assert np.array_equal(result.values(), array)


class TestArrays:
    @pytest.mark.parametrize("protocol", [2, 3, 4])
    @pytest.mark.parametrize(
        "array",
        [
            np.arange(6, dtype=np.int64).reshape(2, 3),
            np.linspace(-1e9, 1e9, 20000),
            np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
            np.arange(3, dtype=">i4"),
            np.array([True, False]),
            np.zeros((0, 3)),
            np.array(2.5),
            np.array([1 + 2j]),
        ],
        ids=str,
    )
    def test_round_trip(self, array: np.ndarray[Any, Any], protocol: int) -> None:
        result = read(pickle.dumps(array, protocol), ALL)
        assert isinstance(result, PickledArray)
        assert result.shape == array.shape
        assert result.values().dtype == array.dtype
        assert np.array_equal(result.values(), array)
        assert not result.values().flags.writeable

    @pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
    def test_both_spellings_of_numpy(self, module: str) -> None:
        assert read(pickled(numpy_array(np.arange(3), module)), ALL).values().tolist() == [0, 1, 2]

    @pytest.mark.parametrize("protocol", [2, 4])
    @pytest.mark.parametrize("scalar", [np.float64(0.1), np.float32(0.5), np.int64(-7), np.bool_(True)], ids=repr)
    def test_scalars_are_plain_numbers(self, scalar: np.generic, protocol: int) -> None:
        result = read(pickle.dumps(scalar, protocol), ALL)
        assert result == scalar
        assert type(result) in (float, int, bool)

    def test_flags_are_zero_or_one(self) -> None:
        result = read(pickled(numpy_array(np.array([False, True]), raw=b"\0\7")), ALL).values()
        assert result.view(np.uint8).tolist() == [0, 1]

    @pytest.mark.parametrize(
        "array", [np.array([{}]), np.array(["text"]), np.zeros(1, "i4,f4"), np.array(["2020"], "M8")]
    )
    def test_other_arrays_are_refused(self, array: np.ndarray[Any, Any]) -> None:
        with pytest.raises(FormatError):
            read(pickle.dumps(array, 2), ALL)

    @pytest.mark.parametrize(
        ("shape", "raw"),
        [
            ((3,), b"abc"),
            ((2**40,), b"abcd"),
            ((-1,), b""),
            ((True,), b"abcd"),
            ((1.0,), b"abcd"),
            ((1,), [1]),
            ((1,) * 99, b"abcd"),
        ],
    )
    def test_states_that_cannot_be(self, shape: tuple[Any, ...], raw: Any) -> None:
        call = numpy_array(np.zeros(1, np.float32), raw=raw)
        state = (1, shape, numpy_type(), False, raw)
        with pytest.raises(FormatError):
            read(pickled(Call(call.function, call.arguments, state)), ALL)

    def test_text_that_is_no_bytes(self) -> None:
        text = Call(Name("_codecs", "encode"), ("€" * 400, "latin1"))
        array = read(pickled(numpy_array(np.zeros(100, np.float32), raw=text)), ALL)
        with pytest.raises(FormatError, match="other characters than bytes"):
            array.values()
        with pytest.raises(FormatError, match="other characters than bytes"):
            read(pickled(Call(Name("_codecs", "encode"), ("€", "latin1"))), ALL)


class TestLongStrings:
    def test_they_stay_in_the_file(self) -> None:
        data = pickle.dumps(["x" * LONG, b"y" * LONG, "x" * (LONG - 1)], 4)
        text, raw, short = read(data)
        assert isinstance(text, LongText)
        assert bytes(text.encoded) == b"x" * LONG
        assert isinstance(raw, memoryview)
        assert raw == b"y" * LONG
        assert short == "x" * (LONG - 1)

    def test_long_arrays_of_protocol_2(self) -> None:
        array = np.arange(LONG, dtype=np.uint8)
        result = read(pickle.dumps(array, 2), ALL)
        assert np.array_equal(result.values(), array)

    def test_long_arrays_that_lack_bytes(self) -> None:
        text = Call(Name("_codecs", "encode"), ("ü" * LONG, "latin1"))
        array = read(pickled(numpy_array(np.zeros(LONG + 1, np.uint8), raw=text)), ALL)
        with pytest.raises(FormatError, match=f"has {LONG} bytes"):
            array.values()


class TestDamage:
    @pytest.mark.parametrize(
        "code",
        [
            b"",
            b"\x80\x02",
            b"\x80\x06N.",
            b".",
            b"0.",
            b"N0.",
            b"(.",
            b"t.",
            b"e.",
            b"]e.",
            b"Na.",
            b"NNs.",
            b"](Ne0.",
            b"}(Nu.",
            b"](Na.",
            b"h\0.",
            b"gx\n.",
            b"q\0.",
            b"J\0\0.",
            b"X\xff\xff\xff\xffabc.",
            b"X\2\0\0\0\xff\xff.",
            b"Ix\n.",
            b"I" + b"1" * 5000 + b"\n.",
            b"F--\n.",
            b"V" + b"x" * 100_000,
            b"V\\uD8\n.",
            b"\x95\xff\xff\xff\xff\0\0\0\0N.",
            b"\x8b\xff\xff\0\0.",
            b"}]Ns.",
            b"}G\0\0\0\0\0\0\0\0Ns.",
            b"}J\xff\xff\xff\x7f\x8a\x09\0\0\0\0\0\0\0\0\1Ns.",
            b"\x97.",
            b"\x98.",
            b"\0.",
        ],
    )
    def test_is_said(self, code: bytes) -> None:
        with pytest.raises(FormatError):
            read(code, ALL)

    @given(value=VALUES, cut=st.integers(1, 50))
    def test_cut(self, value: Any, cut: int) -> None:
        data = pickle.dumps(value, 4)
        with pytest.raises(FormatError):
            read(data[: max(0, len(data) - cut)])


class TestOutOfProportion:
    def test_cycles(self) -> None:
        value: list[Any] = []
        value.append([value])
        with pytest.raises(FormatError, match="contains itself"):
            read(pickle.dumps(value))

    @pytest.mark.parametrize("code", [b"]" * 300 + b"a" * 299, b"N" + b"\x85" * 300, b"}N" * 300 + b"N" + b"s" * 299])
    def test_depth(self, code: bytes) -> None:
        with pytest.raises(FormatError, match="nested more than 100 deep|lacks|key"):
            read(code + b".")

    def test_what_is_nested_in_an_inner_part_that_is_held_twice_counts(self) -> None:
        inner: list[Any] = []
        for _ in range(60):
            inner = [inner]
        outer: Any = inner
        for _ in range(60):
            outer = [outer]
        with pytest.raises(FormatError, match="nested more than 100 deep"):
            read(pickle.dumps([inner, outer]))

    def test_the_deepest_that_is_read(self) -> None:
        value: list[Any] = []
        for _ in range(99):
            value = [value]
        assert read(pickle.dumps(value)) == value

    def test_the_number_of_objects(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unpickling, "_MOST_OBJECTS", 10)
        with pytest.raises(FormatError, match="more than 10 objects"):
            read(b"]" * 11 + b".")
        with pytest.raises(FormatError, match="more than 10 objects"):
            read(b"N" + b"\x94" * 11 + b".")


class TestRefusals:
    @pytest.mark.parametrize("protocol", [0, 2, 4])
    def test_the_name_is_said(self, protocol: int) -> None:
        with pytest.raises(RefusedError, match=r"fractions.Fraction") as caught:
            read(pickle.dumps(collections.OrderedDict(a=__import__("fractions").Fraction(1, 2)), protocol), ALL)
        assert "nothing of it was run" in caught.value.advice

    def test_names_that_would_spoil_the_message(self) -> None:
        with pytest.raises(RefusedError) as caught:
            read(pickled(Name("x" * 9999, "\x1b[2J")))
        assert len(str(caught.value)) < 300
        assert "\x1b" not in str(caught.value)

    @pytest.mark.parametrize(
        "module", ["", "numpy.core", "numpy.core.multiarray ", "numpy", "NUMPY", "collections.abc"]
    )
    def test_names_must_agree_exactly(self, module: str) -> None:
        with pytest.raises(RefusedError):
            read(pickled(Name(module, "_reconstruct")), ALL)
        with pytest.raises(RefusedError):
            read(op("SHORT_BINUNICODE", b"\5numpy") + op("SHORT_BINUNICODE", b"\rndarray.dumps") + b"\x93.", ALL)

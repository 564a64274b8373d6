"""Pickles that do harm when they are unpickled, at each of the places where pickles are read."""

from __future__ import annotations

import copyreg
import pickle
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared.pickles import (
    Call,
    Instructions,
    Name,
    Persistent,
    corpus_file,
    encoded,
    joblib_array,
    joblib_file,
    legacy_torch_file,
    numpy_type,
    op,
    pickled,
    torch_tensor,
    zip_torch_file,
)

from transformers.checkpoints import CheckpointError, open_checkpoint, read_corpus, read_vocabulary

MEGABYTE = 1 << 20
EXTENSION = 0x7F
MARKER = "it-has-run"
TOUCH = f"open({MARKER!r}, 'w').close()"

VOCABULARY = {"idx2sym": ["a"], "sym2idx": {"a": 0}}
WEIGHTS = {"0": np.zeros(3, np.float32)}


def text(value: str) -> bytes:
    return op("SHORT_BINUNICODE", bytes([len(value)]) + value.encode())


def stack_global(module: str, name: str) -> bytes:
    return op("PROTO", b"\4") + text(module) + text(name) + op("STACK_GLOBAL")


SYSTEM = Name("posix", "system")
COMMAND = f"touch {MARKER}"
OBJECT_TYPE = Call(Name("numpy", "dtype"), ("O8", 0, 1), (3, "|", None, None, None, -1, -1, 63))

#: What runs a program when it is unpickled as usual.
PROGRAMS: dict[str, Any] = {
    "a shell command": Call(SYSTEM, (COMMAND,)),
    "a name of protocol 4": Instructions(stack_global("posix", "system") + encoded((COMMAND,)) + op("REDUCE")),
    "python code": Call(Name("builtins", "exec"), (TOUCH,)),
    "python code under its old name": Call(Name("__builtin__", "eval"), (TOUCH,)),
    "an instance of protocol 0": Instructions(f"(S'{COMMAND}'\niposix\nsystem\n".encode()),
    "an object of protocol 1": Instructions(op("MARK") + encoded(SYSTEM) + encoded(COMMAND) + op("OBJ")),
    "a new object": Instructions(
        encoded(Name("subprocess", "Popen"))
        + encoded((["touch", MARKER],))
        + op("NEWOBJ")
        # an object of this class begins its life here, and this is where it gets its arguments
        + op("POP")
        + encoded(Call(Name("subprocess", "call"), (["touch", MARKER],)))
    ),
    "a new object with keywords": Instructions(
        encoded(Name("pathlib", "PosixPath"))
        + encoded((MARKER,))
        + encoded({})
        + op("NEWOBJ_EX")
        + op("POP")
        + encoded(Call(SYSTEM, (COMMAND,)))
    ),
    "a name with a dot": Instructions(
        stack_global("pathlib", "Path.touch") + encoded((Call(Name("pathlib", "Path"), (MARKER,)),)) + op("REDUCE")
    ),
    "a name with a dot in a module that is known": Instructions(
        stack_global("argparse", "_os.system") + encoded((COMMAND,)) + op("REDUCE")
    ),
    "an entry of the registry": Instructions(op("EXT1", bytes([EXTENSION])) + encoded((COMMAND,)) + op("REDUCE")),
    "an entry of the registry by a longer number": Instructions(
        op("EXT4", struct.pack("<i", EXTENSION)) + encoded((COMMAND,)) + op("REDUCE")
    ),
    "a method of what was made": Call(
        Call(Name("builtins", "getattr"), (Call(Name("pathlib", "Path"), (MARKER,)), "touch"))
    ),
    "a method by its name": Call(
        Call(Name("operator", "methodcaller"), ("touch",)), (Call(Name("pathlib", "Path"), (MARKER,)),)
    ),
    "a part of a function": Call(Call(Name("functools", "partial"), (SYSTEM, COMMAND))),
    "a pickle in a pickle": Call(Name("pickle", "loads"), (pickled(Call(SYSTEM, (COMMAND,))),)),
    "an object among an array's": Call(
        Name("numpy.core.multiarray", "_reconstruct"),
        (Name("numpy", "ndarray"), (0,), b"b"),
        (1, (1,), OBJECT_TYPE, False, [Call(SYSTEM, (COMMAND,))]),
    ),
    "a call among attributes": Call(Name("argparse", "Namespace"), (), {"lr": Call(SYSTEM, (COMMAND,))}),
    "a call as a key": Instructions(op("EMPTY_DICT") + encoded(Call(SYSTEM, (COMMAND,))) + encoded(1) + op("SETITEM")),
    "a call that is thrown away": Instructions(encoded(Call(SYSTEM, (COMMAND,))) + op("POP") + op("NONE")),
}

LONG_KEY = "k" * 60_000


def doubled(start: bytes, combine: Callable[[bytes], bytes], times: int) -> bytes:
    """Something that holds something twice that holds something twice, and so on."""
    code = start + op("BINPUT", b"\0")
    for _ in range(times):
        code += combine(op("BINGET", b"\0") * 2) + op("BINPUT", b"\0")
    return code


BOMB = doubled(op("EMPTY_TUPLE"), lambda twice: twice + op("TUPLE2"), 60)

#: What takes memory or time when it is unpickled as usual, or makes objects that are not what they should be.
TRAPS: dict[str, Any] = {
    "tuples that double": Instructions(BOMB),
    "lists that double": Instructions(
        doubled(op("EMPTY_LIST"), lambda twice: op("EMPTY_LIST") + op("MARK") + twice + op("APPENDS"), 60)
    ),
    "dictionaries that double": Instructions(
        doubled(
            op("EMPTY_DICT"),
            lambda twice: (
                op("EMPTY_DICT") + op("MARK") + text("a") + twice[:2] + text("b") + twice[2:] + op("SETITEMS")
            ),
            60,
        )
    ),
    "a key that takes forever to hash": Instructions(op("EMPTY_DICT") + BOMB + op("NONE") + op("SETITEM")),
    "a shape that takes forever to print": Call(
        Name("numpy.core.multiarray", "_reconstruct"),
        (Name("numpy", "ndarray"), (0,), b"b"),
        (1, (Instructions(BOMB),), numpy_type(), False, b""),
    ),
    "keys that collide": dict.fromkeys((number * ((1 << 61) - 1) for number in range(2, 1_000)), 0),
    "a list in itself": Instructions(op("EMPTY_LIST") + op("BINPUT", b"\0") + op("BINGET", b"\0") + op("APPEND")),
    "a deep list": Instructions(op("EMPTY_LIST") * 10_000 + op("APPEND") * 9_999),
    "a deep tuple": Instructions(op("NONE") + op("TUPLE1") * 10_000),
    "deep attributes": Instructions(
        encoded(Name("argparse", "Namespace"))
        + op("BINPUT", b"\1")
        + op("EMPTY_TUPLE")
        + op("REDUCE")
        + (op("EMPTY_DICT") + text("a") + op("BINGET", b"\1") + op("EMPTY_TUPLE") + op("REDUCE")) * 2_000
        + (op("SETITEM") + op("BUILD")) * 10_000
    ),
    "marks": Instructions(op("MARK") * 30_000),
    "bytes that are not there": Instructions(op("BINBYTES8", struct.pack("<Q", 1 << 40))),
    "bytes beyond all numbers": Instructions(op("BINBYTES8", struct.pack("<Q", (1 << 64) - 1))),
    "text that is not there": Instructions(op("BINUNICODE8", struct.pack("<Q", 1 << 40))),
    "a bytearray that is not there": Instructions(op("BYTEARRAY8", struct.pack("<Q", 1 << 36))),
    "a string that is not there": Instructions(op("BINSTRING", struct.pack("<I", (1 << 32) - 1))),
    "a number that is not there": Instructions(op("LONG4", struct.pack("<i", (1 << 31) - 1))),
    "a number of negative length": Instructions(op("LONG4", struct.pack("<i", -1))),
    "a number of many digits": Instructions(op("LONG", b"9" * 50_000 + b"L\n")),
    "a frame that is not there": Instructions(op("FRAME", struct.pack("<Q", 1 << 62)) + op("NONE")),
    "values out of band": Instructions(op("NEXT_BUFFER")),
    "bytes of a number": Call(Name("builtins", "bytes"), (1 << 40,)),
    "a set of a number": Call(Name("builtins", "set"), (1 << 40,)),
    "text in another encoding": Call(Name("_codecs", "encode"), ("a" * 50_000, "idna")),
    "an array of nothing": Call(
        Name("numpy.core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (1 << 40,), b"b")
    ),
    "an array of another class": Call(
        Name("numpy.core.multiarray", "_reconstruct"), (Name("collections", "OrderedDict"), (0,), b"b")
    ),
    "a scalar that is an object": Call(Name("numpy.core.multiarray", "scalar"), (OBJECT_TYPE, b"N.")),
    "a data type of many fields": Call(Name("numpy", "dtype"), ("i4," * 10_000 + "i4", 0, 1)),
    "a data type of any size": Call(Name("numpy", "dtype"), ("V1099511627776", 0, 1)),
    "an array larger than its bytes": Call(
        Name("numpy.core.multiarray", "_reconstruct"),
        (Name("numpy", "ndarray"), (0,), b"b"),
        (1, (1 << 40,), numpy_type(), False, b"abcd"),
    ),
    "the state of a class": Instructions(
        encoded(Name("collections", "OrderedDict")) + encoded({"__call__": 1}) + op("BUILD")
    ),
    "slots": Call(Name("argparse", "Namespace"), (), (None, {"__class__": 1})),
    "attributes without names": Call(Name("argparse", "Namespace"), (), {1: 2}),
    "arguments that are no tuple": Instructions(
        encoded(Name("collections", "OrderedDict")) + op("EMPTY_LIST") + op("REDUCE")
    ),
    "a call of no function": Call("posix.system", ("true",)),
    "a call of data": Call([1], ()),
    "a call of what is only mentioned": Call(Name("numpy", "ndarray"), ((1 << 40,),)),
    "pairs that are none": Call(Name("collections", "OrderedDict"), ([[1, 2, 3]],)),
    "a counter of a function": Call(Name("collections", "Counter"), (Name("collections", "OrderedDict"),)),
    "a reference to a module": Persistent(("module", Name("collections", "OrderedDict"), "file.py", "source")),
    "a reference to nothing": Instructions(op("PERSID", b"anything\n")),
    "another PyTorch file": Call(Name("torch.storage", "_load_from_bytes"), (b"",)),
    "a module of PyTorch": Name("torch.nn.modules.linear", "Linear"),
    "an array of old versions of joblib": Call(Name("joblib.numpy_pickle", "NDArrayWrapper"), ("/etc/passwd",)),
    "no end": Instructions(op("POP_MARK") * 3),
}

#: What is read, or refused, without taking more than its bytes allow for.
AMPLIFIERS: dict[str, Any] = {
    "a dictionary that is copied": Instructions(
        encoded(Name("collections", "OrderedDict")) + op("BINPUT", b"\0")
        + encoded(([[str(number), number] for number in range(1000)],)) + op("BINPUT", b"\1")
        + op("EMPTY_LIST") + op("MARK") + (op("BINGET", b"\0") + op("BINGET", b"\1") + op("REDUCE")) * 2_000
        + op("APPENDS")
    ),
    "text that is encoded again and again": Instructions(
        encoded(Name("_codecs", "encode")) + op("BINPUT", b"\0")
        + encoded(("x" * 60_000, "latin1")) + op("BINPUT", b"\1")
        + op("EMPTY_LIST") + op("MARK") + (op("BINGET", b"\0") + op("BINGET", b"\1") + op("REDUCE")) * 2_000
        + op("APPENDS")
    ),
    "a long key": Instructions(
        op("EMPTY_LIST") + encoded(LONG_KEY) + op("BINPUT", b"\0") + op("POP") + encoded(LONG_KEY) + op("BINPUT", b"\1")
        + op("POP") + op("EMPTY_DICT") + op("BINGET", b"\0") + op("NONE") + op("SETITEM")
        + (op("BINGET", b"\1") + op("NONE") + op("SETITEM")) * 5_000 + op("APPEND")
    ),
    "a tuple of long keys": Instructions(
        encoded(LONG_KEY) + op("BINPUT", b"\0") + op("POP") + op("EMPTY_LIST") + op("MARK")
        + (op("EMPTY_DICT") + op("MARK") + op("BINGET", b"\0") * 16 + op("TUPLE") + op("NONE") + op("SETITEM")) * 2_000
        + op("APPENDS")
    ),
    "the memo at its end": Instructions(op("NONE") + op("LONG_BINPUT", struct.pack("<I", (1 << 32) - 1))),
    "attributes with special names": Call(
        Name("argparse", "Namespace"), (), {"__class__": 1, "__reduce__": 2, "__dict__": {}, "attributes": 3}
    ),
    "a dictionary's attributes": Call(Name("collections", "OrderedDict"), (), {"__class__": 1, "update": 2}),
}  # fmt: skip


def read_all(path: Path) -> None:
    with open_checkpoint(path) as checkpoint:
        for name in checkpoint.variables:
            checkpoint.read(name)


def legacy_with_system(value: Any) -> bytes:
    """A file of the legacy layout with something hostile before its object."""
    head = b"".join(map(pickled, (0x1950A86A20F9469CFC6C, 1001, value)))
    return head + pickled({}) + pickled([])


Entry = tuple[str, Callable[[Any], bytes], Callable[[Path], object]]
ENTRIES: dict[str, Entry] = {
    "legacy": (
        "m.pth",
        lambda it: legacy_torch_file({"model": {"w": torch_tensor("0", (3,))}, "params": it}, WEIGHTS),
        read_all,
    ),
    "legacy head": ("m.pth", legacy_with_system, read_all),
    "zip": (
        "m.pth",
        lambda it: zip_torch_file({"model": {"w": torch_tensor("0", (3,), legacy=False)}, "params": it}, WEIGHTS),
        read_all,
    ),
    "joblib": ("m.jl", lambda it: joblib_file([joblib_array(WEIGHTS["0"]), it]), read_all),
    "corpus": ("cache.pkl", lambda it: corpus_file(VOCABULARY, train=it), read_corpus),
    "vocabulary": ("vocab.pkl", lambda it: pickled({**VOCABULARY, "counter": it}), read_vocabulary),
    "vocabulary by PyTorch": (
        "vocab.bin",
        lambda it: zip_torch_file({**VOCABULARY, "counter": it}, {}),
        read_vocabulary,
    ),
}


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def registry() -> Iterator[None]:
    copyreg.add_extension("posix", "system", EXTENSION)
    yield
    copyreg.remove_extension("posix", "system", EXTENSION)


@pytest.fixture(scope="module", autouse=True)
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def hold(entry: str, payload: Any, *, must_be_refused: bool) -> str:
    """Reads a file with something hostile in it, in little time and memory; returns what is said of it."""
    name, make, read = ENTRIES[entry]
    Path(name).write_bytes(make(payload))
    size = Path(name).stat().st_size
    tracemalloc.reset_peak()
    before, start = tracemalloc.get_traced_memory()[0], time.process_time()
    said = ""
    try:
        read(Path(name))
    except CheckpointError as error:
        said = str(error)
    finally:
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1] - before
    assert seconds < 5
    assert peak < MEGABYTE + 150 * size
    assert [file.name for file in Path().iterdir()] == [name]
    assert bool(said) or not must_be_refused
    assert len(said) < 3000
    return said


@pytest.mark.parametrize("kind", PROGRAMS)
def test_programs_run_when_they_are_unpickled_as_usual(kind: str, registry: None) -> None:
    with suppress(TypeError, ValueError, AttributeError):  # not before it has run
        pickle.loads(pickled(PROGRAMS[kind]))
    assert Path(MARKER).exists()


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", PROGRAMS)
def test_programs_are_refused_and_never_run(kind: str, entry: str, registry: None) -> None:
    said = hold(entry, PROGRAMS[kind], must_be_refused=True)
    assert "is refused" in said
    assert ENTRIES[entry][0] in said
    assert "nothing of it was run" in said or "elements of the type 'O8'" in said


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", TRAPS)
def test_traps_are_refused(kind: str, entry: str) -> None:
    hold(entry, TRAPS[kind], must_be_refused=True)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", AMPLIFIERS)
def test_nothing_grows_out_of_proportion(kind: str, entry: str) -> None:
    hold(entry, AMPLIFIERS[kind], must_be_refused=False)


@pytest.mark.parametrize("name", ["posix.system", "builtins.eval", "torch.storage._load_from_bytes", "numpy.load"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_the_refusal_names_what_was_asked_for(entry: str, name: str) -> None:
    module, _, function = name.rpartition(".")
    assert name in hold(entry, Call(Name(module, function), ("x",)), must_be_refused=True)


@pytest.mark.parametrize(
    "tensor",
    [
        torch_tensor("0", (3,), start=-1),
        torch_tensor("0", (3,), start=1),
        torch_tensor("0", (2, 2), size=3),
        torch_tensor("0", (3,), strides=(2,)),
        torch_tensor("0", (3,), strides=(-1,)),
        torch_tensor("0", (2, 3), size=3, strides=(0, 1)),
        torch_tensor("0", (3,), size=1 << 40),
        torch_tensor("0", (3,), size=-3),
        torch_tensor("0", (3,), strides=(1, 1)),
        torch_tensor("0", (1 << 40, 0), strides=(1, 1), size=3),
        torch_tensor("0", (0, 1 << 61, 1 << 61), strides=(1, 1, 1), size=3),
        torch_tensor("1", (3,)),
        torch_tensor("0" * 1000, (3,)),
        torch_tensor("0", (3,), kind="QInt8Storage"),
        torch_tensor("0", (3,), kind="DoubleStorage"),
        Call(Name("torch._utils", "_rebuild_tensor_v2"), ()),
        Call(Name("torch._utils", "_rebuild_parameter"), (1,)),
    ],
)
def test_tensors_outside_of_their_storages(tensor: Call) -> None:
    data = legacy_torch_file({"w": tensor}, WEIGHTS)
    Path("m.pth").write_bytes(data)
    if tensor.arguments[2:3] == ((1 << 40, 0),):
        assert open_checkpoint("m.pth").read("w").shape == (1 << 40, 0)
        return
    with pytest.raises(CheckpointError):
        read_all(Path("m.pth"))

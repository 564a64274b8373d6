from __future__ import annotations

import collections
import io
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints.pickle_writer import Called, Instance, Named, Reference, write_pickle

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(-300, 70_000), inner)
    ),
)


def written(value: Any) -> bytes:
    stream = io.BytesIO()
    write_pickle(stream, value)
    return stream.getvalue()


@given(values)
def test_plain_values_are_read_by_python(value: Any) -> None:
    found = pickle.loads(written(value))

    assert found == value
    assert repr(found) == repr(value)  # which tells booleans from numbers, and the signs of zeros


@pytest.mark.parametrize("size", [999, 1000, 1001, 2500])
def test_containers_of_any_length(size: int) -> None:
    value = {"list": list(range(size)), "dict": {str(number): number for number in range(size)}}

    assert pickle.loads(written(value)) == value


def test_objects_are_made_as_they_are_described() -> None:
    counts = Called(Named("collections", "Counter"), ({"a": 2},))
    error = Called(Named("builtins", "ValueError"), ("wrong",), {"place": 3})
    plain = Instance(Named("argparse", "Namespace"), {"one": 1})

    found_counts, found_error, found_plain = pickle.loads(written([counts, error, plain]))

    assert found_counts == collections.Counter(a=2)
    assert type(found_counts) is collections.Counter
    assert (found_error.args, found_error.place) == (("wrong",), 3)
    assert found_plain.one == 1


def test_what_is_outside_is_referred_to() -> None:
    class Reader(pickle.Unpickler):
        def persistent_load(self, key: Any) -> Any:
            return f"found {key[0]} {key[1]}"

    assert Reader(io.BytesIO(written([Reference(("storage", 7))]))).load() == ["found storage 7"]


def test_what_stands_behind_an_object_follows_its_attributes() -> None:
    data = written([Instance(Named("m", "C"), {"n": 1}, lambda stream: stream.write(b"<values>")), 2])

    before, _, after = data.partition(b"<values>")
    assert before.endswith(b"ub")
    assert after == b"K\x02e."


@pytest.mark.parametrize("value", [object(), b"bytes", {1}, [1j], {"a": print}])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no place in these files"):
        written(value)

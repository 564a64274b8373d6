from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.errors import UserError
from transformers.models.t5.gin import GinFile

TEXT = r"""
import mesh_tensorflow.transformer.transformer
# width = 1
width = 24  # 25
twice = %width
Part.width = %twice
encoder/module.Part.width = 3
module.PartOfAnother.width = 4
other/deep/Part.names = ['a # b', "it's", '%width', 'a\'b']
Part.long = \
    [@module.first,
     %width,  # with a comment
     (1, 2.5e-3)]
Part.mapping = {'inputs': 12, 'targets': 10}
Part.none = None
Part.function = @module.make()
"""


def test_settings_are_found_by_the_last_parts_of_their_names() -> None:
    file = GinFile(TEXT)
    assert file.settings("Part.width") == {"": 24, "encoder": 3}
    assert file.settings("PartOfAnother.width") == {"": 4}
    assert file.settings("rt.width") == {}
    assert file.settings("width")[""] in (24, 4)


def test_values() -> None:
    file = GinFile(TEXT)
    assert file.settings("Part.names") == {"other/deep": ["a # b", "it's", "%width", "a'b"]}
    assert file.settings("Part.long") == {"": [b"@module.first", 24, [1, 2.5e-3]]}
    assert file.settings("Part.mapping") == {"": {"inputs": 12, "targets": 10}}
    assert file.settings("Part.none") == {"": None}
    assert file.settings("Part.function") == {"": b"@module.make()"}
    assert file.settings("Part.absent") == {}


def test_lines_may_end_as_they_do_on_windows(tmp_path: Path) -> None:
    path = tmp_path / "operative_config.gin"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert GinFile.read(path).settings("Part.long") == GinFile(TEXT).settings("Part.long")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b = %absent", "a.b refers to %absent"),
        ("x = %y\ny = %x\na.b = %x", "circle"),
        ("a.b = __import__('os').system('true')", "cannot be understood"),
        ("a.b = [1, 2", "cannot be understood"),
        ("a.b = " + "[" * 5000 + "]" * 5000, "cannot be understood"),
        ("a.b = 'open", "cannot be understood"),
        ("a.b = 1 + name", "cannot be understood"),
    ],
)
def test_what_is_no_literal_is_refused_and_never_run(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        GinFile(text).settings("a.b")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "operative_config.gin"
    path.write_bytes(b"a.b = 1\n\xff\xfe")
    with pytest.raises(UserError, match=r"operative_config.gin is no text in UTF-8 \(byte 8\)"):
        GinFile.read(path)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=9))
def test_literals_are_read_as_python_writes_them(value: object) -> None:
    assert GinFile(f"before = 1\nscope/module.Name.parameter = {value!r}\n").settings("Name.parameter") == {
        "scope": value
    }


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UserError):
        GinFile(text).settings("a")

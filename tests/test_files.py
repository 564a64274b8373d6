"""Files that appear whole or not at all, and sizes as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from transformers import UserError
from transformers._files import parse_size, replacing, write_json


@pytest.mark.parametrize(
    ("text", "size"), [(300, 300), ("300", 300), ("5GB", 5 * 10**9), ("1.5 kb", 1500), ("2MiB", 2 * 2**20)]
)
def test_sizes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "5 apples", "-1", 0, "0.1", "1e3"])
def test_what_is_no_size(text: str | int) -> None:
    with pytest.raises(UserError, match=f"{text!r} is not a size"):
        parse_size(text)


def test_a_file_is_replaced_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent, "renaming stays within one file system"
    assert path.read_text() == "new"
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_is_what_it_was_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_equal_values_make_equal_files(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"x": 1, "y": 2})
    write_json(tmp_path / "b", {"y": 2, "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

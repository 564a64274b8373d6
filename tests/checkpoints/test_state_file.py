from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints import CheckpointError, write_state_file
from transformers.checkpoints.state_file import is_state_file, read_state_file

names = st.binary(min_size=1, max_size=30).filter(
    lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")
)


@given(names)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, name: bytes) -> None:
    folder = tmp_path_factory.mktemp("state")
    path = write_state_file(folder, folder / os.fsdecode(name))
    assert read_state_file(path) == os.fsdecode(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('model_checkpoint_path: "model.ckpt-1"\nall_model_checkpoint_paths: "model.ckpt-0"\n', "model.ckpt-1"),
        ('all_model_checkpoint_paths: "model.ckpt-0"\nmodel_checkpoint_path: "model.ckpt-1"', "model.ckpt-1"),
        ("model_checkpoint_path:'/far/away/m\\'s.ckpt'", "/far/away/m's.ckpt"),
        (r'model_checkpoint_path: "gr\303\266\xc3\x9fe\n\"\\"', 'größe\n"\\'),
        ('last_preserved_timestamp: 1.5e9 model_checkpoint_path : "ä"', "ä"),
        ('model_checkpoint_path: "m-?????-of-00003"', "m-?????-of-00003"),
    ],
)
def test_examples(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "checkpoint"
    path.write_text(text, encoding="utf-8")
    assert is_state_file(path)
    assert read_state_file(path) == expected


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        (b"", "no line"),
        (b'all_model_checkpoint_paths: "a"', "no line"),
        (b'model_checkpoint_path: "a', "no line"),
        (b'model_checkpoint_path: "a\n"', "no line"),
        (b'model_checkpoint_path: ""', "it names b''"),
        (b'model_checkpoint_path: "a\\000b"', "it names"),
        (b" " * (1 << 20) + b"\n", "too large"),
    ],
)
def test_damage(tmp_path: Path, contents: bytes, problem: str) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(contents)
    with pytest.raises(CheckpointError, match=f"(?s){path}.*{problem}"):
        read_state_file(path)


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    write_state_file(tmp_path, "one")
    with pytest.raises(FileExistsError):
        write_state_file(tmp_path, "other")
    assert read_state_file(tmp_path / "checkpoint") == "one"

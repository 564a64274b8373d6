"""From what a user passes - a prefix, any file, a folder - to the checkpoint that is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from .base import CheckpointError
from .damage import AGAIN, blamed_on, shortened
from .other_formats import OtherFormat, other_format, other_formats_in
from .state_file import is_state_file, read_state_file
from .table import has_table_footer

#: The file beside the folder of a saved model's variables.
SAVED_MODEL = "saved_model.pb"

_BUNDLE_FILE = re.compile(r"(.+)\.(?:index|meta|data-[0-9]{5}-of-[0-9]{5})", re.DOTALL)
_SHARD_OF_SLICES = re.compile(r"(.+)-(?:[0-9]{5}|\?{5})-of-([0-9]{5})", re.DOTALL)
_ADVICE = "Pass one of its files, its path without `.index`, or its folder."
_ONE = "Pass the one that you mean."


@dataclass(frozen=True, slots=True)
class Bundle:
    """A V2 checkpoint: the path without ``.index``."""

    prefix: Path


@dataclass(frozen=True, slots=True)
class TensorSlices:
    """A V1 checkpoint: all its files."""

    files: tuple[Path, ...]


Location: TypeAlias = Bundle | TensorSlices | OtherFormat


def locate(path: Path) -> Location:
    """Finds the checkpoint that a path means.

    Raises:
        CheckpointError: If there is none, it cannot be told which, or files of it are absent.
    """
    with blamed_on(path):
        if path.is_dir():
            return _in_folder(path)
        if path.name == SAVED_MODEL and path.is_file():
            return _in_folder(path.parent)
        if is_state_file(path):
            return _named_by(path)
        location = _at(path)
        if location is None:
            raise _nothing_at(path)
        return location


def files_beside(prefix: Path) -> list[Path]:
    """Files that belong to a checkpoint although none of its values is in them."""
    if shard := _SHARD_OF_SLICES.fullmatch(prefix.name):
        prefix = prefix.with_name(shard[1])
    files = [Path(f"{prefix}.meta"), prefix.with_name("checkpoint")]
    if prefix == _variables(prefix.parent.parent):
        files.append(prefix.parent.parent / SAVED_MODEL)
    return [file for file in files if file.is_file()]


def _at(path: Path) -> Location | None:
    """The checkpoint that has this prefix, or a file of this name."""
    prefix = _prefix(path)
    if _index(prefix).is_file():
        return Bundle(prefix)
    if shard := _SHARD_OF_SLICES.fullmatch(prefix.name):
        return _sharded_slices(prefix.with_name(shard[1]), int(shard[2]))
    if prefix.is_file():
        return _without_index(prefix)
    if not prefix.parent.is_dir():
        return None
    shards = (_SHARD_OF_SLICES.fullmatch(file.name) for file in prefix.parent.iterdir())
    counts = sorted({int(shard[2]) for shard in shards if shard and shard[1] == prefix.name})
    if len(counts) > 1:
        raise CheckpointError(
            f"{prefix} is there in {len(counts)} ways:",
            [f"{prefix}-?????-of-{count:05}" for count in counts],
            _ADVICE,
        )
    return _sharded_slices(prefix, counts[0]) if counts else None


def _without_index(file: Path) -> Location:
    other = None if has_table_footer(file) else other_format(file)
    return other or TensorSlices((file,))


def _prefix(path: Path) -> Path:
    part = _BUNDLE_FILE.fullmatch(path.name)
    return path.with_name(part[1]) if part else path


def _index(prefix: Path) -> Path:
    return Path(f"{prefix}.index")


def _sharded_slices(prefix: Path, count: int) -> TensorSlices | None:
    files = tuple(prefix.with_name(f"{prefix.name}-{number:05}-of-{count:05}") for number in range(count))
    absent = [f"{file} is absent" for file in files if not file.is_file()]
    if len(absent) == count:
        return None
    if absent:
        raise CheckpointError(f"{prefix} is not complete:", shortened(absent), AGAIN)
    return TensorSlices(files)


def _in_folder(folder: Path) -> Location:
    """The checkpoint of a folder: the one its state file names, a saved model's, or the only one."""
    if (state := folder / "checkpoint").is_file():
        return _named_by(state)
    if (saved_model := folder / SAVED_MODEL).is_file() or _index(_variables(folder)).is_file():
        location = _at(_variables(folder))
        if location is None:
            index = _index(_variables(folder))
            raise CheckpointError(f"{saved_model} has no variables:", [f"{index} is absent"], AGAIN)
        return location
    found = sorted(_names_in(folder))
    location = _at(folder / found[0]) if len(found) == 1 else None
    if location is not None:
        return location
    others = other_formats_in(folder) if not found else []
    if len(others) == 1:
        return others[0]
    found = found or [other.place.name for other in others]
    if found:
        raise CheckpointError(f"{folder} has {len(found)} checkpoints:", shortened(found), _ONE)
    raise CheckpointError(f"There is no checkpoint in '{folder}'.", _data_without_index(folder), _ADVICE)


def _variables(folder: Path) -> Path:
    return folder / "variables" / "variables"


def _names_in(folder: Path) -> set[str]:
    """What to add to a folder's path for each checkpoint in it."""
    names = set()
    for file in folder.iterdir():
        if file.name.endswith(".index"):
            names.add(file.name.removesuffix(".index"))
        elif not _BUNDLE_FILE.fullmatch(file.name) and file.is_file() and has_table_footer(file):
            shard = _SHARD_OF_SLICES.fullmatch(file.name)
            names.add(f"{shard[1]}-?????-of-{shard[2]}" if shard else file.name)
    return names


def _data_without_index(folder: Path) -> list[str]:
    prefixes = {_prefix(file) for file in folder.iterdir() if _BUNDLE_FILE.fullmatch(file.name)}
    return shortened([f"{_index(prefix)} is absent" for prefix in sorted(prefixes) if not _index(prefix).is_file()])


def _named_by(state: Path) -> Location:
    """The checkpoint that a state file names. It may have been written on another machine."""
    named = read_state_file(state)
    base_name = re.split(r"[/\\]", named)[-1]
    for path in (state.parent / named, state.parent / base_name):
        location = _at(path) if path.name else None
        if location is not None:
            return location
    found = [f"there is {name}" for name in sorted(_names_in(state.parent))]
    raise CheckpointError(f"{state} names {named}, which is not there.", shortened(found), _ADVICE)


def _nothing_at(path: Path) -> CheckpointError:
    prefix, folder = _prefix(path), path.parent
    if not folder.is_dir():
        return CheckpointError(f"There is no checkpoint {path}: there is no folder {folder}.")
    if path.exists() or any(_prefix(file) == prefix != file for file in folder.iterdir()):
        return CheckpointError(f"{prefix} is not complete:", [f"{_index(prefix)} is absent"], AGAIN)
    found = [f"in {folder} there is {name}" for name in sorted(_names_in(folder))]
    return CheckpointError(f"There is no checkpoint {path}.", shortened(found), _ADVICE)

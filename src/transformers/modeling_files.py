"""The weight files of models: found, read into tensors that stay mapped, and written.

``model.safetensors`` or ``pytorch_model.bin``, or several shards of either with an index beside them.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ._files import parse_size, read_json_object, replacing, write_json
from .checkpoints import CheckpointError, open_checkpoint
from .errors import MissingFileError, UserError
from .hub import HubOptions, find_file, missing_files

SAFE_NAME = "model.safetensors"
TORCH_NAME = "pytorch_model.bin"
TORCH_SUFFIXES = (".bin", ".pt", ".pth")
WEIGHT_SUFFIXES = (".safetensors", *TORCH_SUFFIXES)

StateDict = dict[str, torch.Tensor]


# Names


def _with_variant(name: str, variant: str | None) -> str:
    """``model.fp16.safetensors`` of ``model.safetensors``."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{variant}.{suffix}" if variant else name


def _index_name(name: str, variant: str | None) -> str:
    return _with_variant(f"{name}.index.json", variant)


def _shard_name(name: str, number: int, count: int) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{number:05d}-of-{count:05d}.{suffix}"


# Finding


def find_weights(
    source: str | os.PathLike[str], options: HubOptions, *, variant: str | None, use_safetensors: bool | None
) -> tuple[Path, ...]:
    """The weight files of a model; safetensors come first.

    Args:
        source: A folder, the id of a repository on the hub, or a weight file.
        options: How to fetch from the hub.
        variant: The ``fp16`` of ``model.fp16.safetensors``.
        use_safetensors: True takes only safetensors, False only what ``torch.save`` wrote.

    Raises:
        MissingFileError: If there is none, or shards are absent.
    """
    if Path(source).is_file():
        return (Path(source),)
    names = [name for name, is_safe in ((SAFE_NAME, True), (TORCH_NAME, False)) if use_safetensors in (None, is_safe)]
    for name in names:
        if path := find_file(source, _with_variant(name, variant), options):
            return (path,)
        if index := find_file(source, _index_name(name, variant), options):
            return _find_shards(source, index, options)
    raise missing_files(source, [_with_variant(name, variant) for name in names], options)


def _find_shards(source: str | os.PathLike[str], index: Path, options: HubOptions) -> tuple[Path, ...]:
    names = _shards_in(index)
    paths = {name: find_file(source, name, options) for name in names}
    if absent := [name for name, path in paths.items() if path is None]:
        raise MissingFileError(f"{index} names files that {os.fspath(source)} does not have:", absent)
    return tuple(path for path in paths.values() if path is not None)


def _shards_in(index: Path) -> list[str]:
    files = read_json_object(index).get("weight_map")
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise UserError(f"{index} is not an index of weight files: its weight_map should map tensors to files.")
    names = sorted(set(files.values()))
    if outside := [name for name in names if Path(name).name != name]:
        raise UserError(f"{index} names files outside of its folder:", outside)
    return names


# Original checkpoints

_ORIGINAL_NAME = re.compile(r".*(\.index|\.meta|\.ckpt|\.ckpt-\d+|\.data-\d{5}-of-\d{5})")
_ORIGINAL_IN_FOLDER = ("checkpoint", "*.index", "*.ckpt*", "saved_model.pb", "params_shapes.json")


def is_original_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a checkpoint as the original code writes it, and not of files of this library."""
    place = Path(path)
    if _ORIGINAL_NAME.fullmatch(place.name):
        return True
    if place.is_file():
        may_be_ours = place.suffix in WEIGHT_SUFFIXES or zipfile.is_zipfile(place)
        return not may_be_ours or _holds_dictionaries(place)
    if place.is_dir():
        ours = any(next(place.glob(pattern), None) for pattern in ("model*.safetensors*", "pytorch_model*.bin*"))
        return not ours and any(next(place.glob(pattern), None) for pattern in _ORIGINAL_IN_FOLDER)
    return Path(f"{place}.index").is_file()


def _holds_dictionaries(file: Path) -> bool:
    """Whether the tensors in a file of PyTorch are in dictionaries inside of it, unlike those of a state dict."""
    if file.suffix == ".safetensors":
        return False
    try:
        with open_checkpoint(file) as checkpoint:
            return any("/" in name for name in checkpoint.variables)
    except CheckpointError:
        return False


# Reading


def read_weights(paths: Iterable[Path]) -> StateDict:
    """All tensors of some weight files. They are views of the mapped files and take no memory until they are used.

    Raises:
        UserError: If a file is damaged, or holds anything but tensors; no code in a pickle is ever run.
    """
    tensors: StateDict = {}
    for path in paths:
        tensors.update(_read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path))
    return tensors


def _read_safetensors(path: Path) -> StateDict:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error


def _read_torch(path: Path) -> StateDict:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds something else than tensors, or is damaged; pickled objects are never loaded.",
            advice="Save the state dict of the model, best as safetensors.",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged or not a file that torch.save wrote: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"{path} is no state dict: it should map names to tensors and nothing else.")
    return content


# Writing


def write_weights(
    folder: Path, tensors: Mapping[str, torch.Tensor], *, safe: bool, max_shard_size: int | str, variant: str | None
) -> None:
    """Writes the weight files of a model into a folder, each in one step, and removes those that they replace.

    Args:
        folder: The folder.
        tensors: The state dict.
        safe: Writes safetensors; otherwise the format of ``torch.save``.
        max_shard_size: Size above which the tensors are spread over several files, such as ``"5GB"``.
        variant: The ``fp16`` of ``model.fp16.safetensors``.
    """
    tensors = _with_memory_of_their_own(tensors)
    base = SAFE_NAME if safe else TORCH_NAME
    name = _with_variant(base, variant)
    shards = _split(tensors, parse_size(max_shard_size))
    if len(shards) == 1:
        _write(folder / name, tensors)
        written = {name}
    else:
        files = {_shard_name(name, number, len(shards)): shard for number, shard in enumerate(shards, 1)}
        for file, shard in files.items():
            _write(folder / file, {key: tensors[key] for key in shard})
        _write_index(folder / _index_name(base, variant), tensors, files)
        written = {*files, _index_name(base, variant)}
    for stale in _replaced_by(base, folder, variant) - written:
        (folder / stale).unlink()


def _with_memory_of_their_own(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Tensors as a file can hold them: detached, on the CPU, contiguous, copied where they overlap others."""
    plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    end = 0
    for name, tensor in sorted(plain.items(), key=lambda item: item[1].data_ptr()):
        if tensor.data_ptr() < end:
            plain[name] = tensor.clone()
        else:
            end = tensor.data_ptr() + tensor.nbytes
    return plain


def _split(tensors: Mapping[str, torch.Tensor], limit: int) -> list[list[str]]:
    """Names in order, in groups of at most ``limit`` bytes (but at least one tensor)."""
    shards: list[list[str]] = [[]]
    room = limit
    for name, tensor in tensors.items():
        if tensor.nbytes > room and shards[-1]:
            shards.append([])
            room = limit
        shards[-1].append(name)
        room -= tensor.nbytes
    return shards


def _write(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            save_file(dict(tensors), temporary, metadata={"format": "pt"})
        else:
            torch.save({name: _without_surroundings(tensor) for name, tensor in tensors.items()}, temporary)


def _without_surroundings(tensor: torch.Tensor) -> torch.Tensor:
    """``torch.save`` writes all the memory that a tensor is a view of, such as a whole mapped file."""
    return tensor if tensor.nbytes == tensor.untyped_storage().nbytes() else tensor.clone()


def _write_index(path: Path, tensors: Mapping[str, torch.Tensor], files: Mapping[str, Iterable[str]]) -> None:
    total = sum(tensor.nbytes for tensor in tensors.values())
    places = {name: file for file, names in files.items() for name in names}
    write_json(path, {"metadata": {"total_size": total}, "weight_map": places})


def _replaced_by(base: str, folder: Path, variant: str | None) -> set[str]:
    """Weight files in a folder: those of the format just written, and those that are loaded in preference to it."""
    found: set[str] = set()
    for name in {base, SAFE_NAME}:
        stem, _, suffix = _with_variant(name, variant).rpartition(".")
        for pattern in (f"{stem}.{suffix}", f"{stem}-[0-9]*-of-[0-9]*.{suffix}", _index_name(name, variant)):
            found.update(path.name for path in folder.glob(pattern))
    return found

"""What a file is that should have been part of a checkpoint and is not: a word that saves the user a search."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = 512

_KINDS = (
    (rb"\Z", "it is empty"),
    (
        rb"version https://git-lfs",
        "it is a Git LFS pointer, not the file itself: run `git lfs pull` where it comes from",
    ),
    (rb"\s*(?i:<!doctype html|<html|<\?xml)", "it is a web page that was saved in place of the file"),
    (rb"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (rb"BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd", "it is compressed: unpack it first"),
    (rb"PK\x03\x04", "it is a zip archive or a PyTorch file"),
    (rb"\x89HDF\r\n", "it is an HDF5 file, as Keras saves them"),
    (rb"\x80[\x02-\x05]", "it is a Python pickle, as old PyTorch files are"),
    (rb".{8}\{\"", "it is a safetensors file"),
    (rb"\s*[\[{]", "it is a JSON file"),
)


def recognised(path: Path, before: str = "") -> str:
    """What a file is, for a message, behind ``before``; empty if it is not known or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head.strip(b"\0") == b"" and head:
                return f"{before}it begins with zeros, so that its contents were lost"
    except OSError:
        return ""
    return next((before + words for pattern, words in _KINDS if re.match(pattern, head, re.DOTALL)), "")

"""Files that appear whole or not at all, and JSON whose faults are reported by file and line."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import MissingFileError, UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary neighbour of ``path`` to write to, which takes its name when everything went well.

    The file is synced before it is renamed, so that whatever happens, ``path`` is either what it was or complete.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces a text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replaces a JSON file in one step; keys are sorted, so that equal values make equal files."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        MissingFileError: If there is no such file.
        UserError: If the file is not JSON, or its value is not an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingFileError(f"{path} does not exist.") from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid JSON: byte {error.start} is not UTF-8.") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} should hold a JSON object, but holds a {type(value).__name__}.")
    return value


_UNITS = {
    "": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}


def parse_size(size: str | int) -> int:
    """The bytes in ``"5GB"``, ``"200MiB"`` or a number.

    Raises:
        UserError: If it is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(size).strip())
    number = int(float(found[1]) * _UNITS.get(found[2].upper(), 0)) if found else 0
    if number <= 0:
        raise UserError(f"{size!r} is not a size.", advice="Write a number of bytes, or one with a unit: 5GB, 200MiB.")
    return number

"""The text file ``checkpoint``, with which TensorFlow says which checkpoint of a folder is the newest."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .damage import FormatError, blamed_on

_LARGEST = 1 << 20
_FIELD = "model_checkpoint_path"
_VALUE = re.compile(rb"""(?:\A|\s)model_checkpoint_path\s*:\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')""")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def is_state_file(path: Path) -> bool:
    """Whether a file is a state file, by its name or its first words.

    Raises:
        OSError: If it cannot be read.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.name == "checkpoint" or file.read(len(_FIELD)) == _FIELD.encode()


def read_state_file(path: Path) -> str:
    """The path of the newest checkpoint, as the file spells it; it may be one of another machine.

    Raises:
        CheckpointError: If the file does not name a checkpoint or cannot be read.
    """
    with blamed_on(path), path.open("rb") as file:
        text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise FormatError(f"it is too large ({path.stat().st_size} bytes) to be a state file")
        match = _VALUE.search(text)
        if match is None:
            raise FormatError(f'there is no line `{_FIELD}: "..."` in it')
        named = _ESCAPE.sub(_unescaped, match[1] or match[2] or b"")
        if not named or b"\0" in named:
            raise FormatError(f"it names {named!r} as its checkpoint")
        return os.fsdecode(named)


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    return _ESCAPED.get(letter, letter)


def write_state_file(folder: str | os.PathLike[str], prefix: str | os.PathLike[str]) -> Path:
    """Writes the state file of a folder that holds one checkpoint.

    Args:
        folder: The folder.
        prefix: The checkpoint in it; only its last component is written, so that the folder can be moved.

    Returns:
        The file that was written.

    Raises:
        FileExistsError: If there is one already.
        OSError: If it cannot be written.
    """
    escaped = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in os.fsencode(Path(prefix).name)
    )
    path = Path(folder, "checkpoint")
    with path.open("x", encoding="ascii") as file:
        file.write(f'{_FIELD}: "{escaped}"\nall_model_checkpoint_paths: "{escaped}"\n')
    return path

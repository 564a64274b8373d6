"""Reads files of gin-config, in which Mesh-TensorFlow writes down all settings of a training. Nothing is executed.

Of the language (github.com/google/gin-config): ``scope/module.Name.parameter = value`` and ``macro = value``, where a
value is a Python literal that may hold ``%macro`` and ``@function``. A statement goes on over backslashes and open
brackets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError

#: Strings, in which nothing else is looked for; comments; line ends that do not count; references; brackets; line ends.
_TOKENS = re.compile(
    r"""(?P<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?P<comment>\#[^\n]*)|(?P<joined>\\\r?\n)"""
    r"""|(?P<reference>[%@][\w./]+(?:\(\))?)|(?P<open>[\[({])|(?P<close>[\])}])|(?P<end>\n)""",
    re.ASCII,
)
_STATEMENT = re.compile(r"(?P<name>[\w./]+)\s*=(?P<value>.*)", re.DOTALL)

#: Longer chains of macros than any file has.
_DEEPEST = 20


class GinFile:
    """The settings of a file by name.

    Args:
        text: Its content.
    """

    def __init__(self, text: str) -> None:
        matches = map(_STATEMENT.fullmatch, _statements(text))
        self._values = {match["name"]: match["value"].strip() for match in matches if match is not None}

    @classmethod
    def read(cls, path: Path) -> GinFile:
        """Reads a file.

        Raises:
            UserError: It is no text.
        """
        try:
            return cls(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(f"{path.name} is no text in UTF-8 (byte {error.start}).") from error

    def settings(self, name: str) -> Mapping[str, Any]:
        """The values of ``Name.parameter`` (of whatever module), or of a macro, by scope; ``""`` stands for no scope.

        ``@function`` is given as bytes.

        Raises:
            UserError: A value is no literal, or its macro is not defined.
        """
        found = {}
        for full, text in self._values.items():
            scope, _, path = full.rpartition("/")
            if path == name or path.endswith(f".{name}"):
                found[scope] = self._value(full, text)
        return found

    def _value(self, name: str, text: str, depth: int = 0) -> Any:
        """The value of an expression; macros in it are replaced by their values."""
        if depth > _DEEPEST:
            raise UserError(f"{name}: its macros refer to one another in a circle.")
        try:
            literal = ast.literal_eval(_TOKENS.sub(_as_literal, text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise UserError(f"{name} = {text[:100]} cannot be understood.") from error
        return self._resolved(name, literal, depth)

    def _resolved(self, name: str, literal: Any, depth: int) -> Any:
        if isinstance(literal, list | tuple):
            return [self._resolved(name, each, depth) for each in literal]
        if not (isinstance(literal, bytes) and literal.startswith(b"%")):
            return literal
        macro = literal[1:].decode()
        if macro not in self._values:
            raise UserError(f"{name} refers to %{macro}, which is not defined.")
        return self._value(name, self._values[macro], depth + 1)


def _as_literal(token: re.Match[str]) -> str:
    """References as bytes, which no value of these files is."""
    return f"b'{token[0]}'" if token["reference"] else token[0]


def _statements(text: str) -> Iterator[str]:
    """The statements without comments, each on one line; the last may be cut off."""
    depth, start = 0, 0
    pieces: list[str] = []
    for token in _TOKENS.finditer(text + "\n"):
        pieces.append(text[start : token.start()])
        start, kind = token.end(), token.lastgroup
        depth += (kind == "open") - (kind == "close")
        if kind == "end" and depth <= 0:
            yield "".join(pieces).strip()
            pieces, depth = [], 0
        elif kind in ("end", "joined"):
            pieces.append(" ")
        elif kind != "comment":
            pieces.append(token[0])
    yield "".join(pieces).strip()

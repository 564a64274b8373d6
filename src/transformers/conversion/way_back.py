"""How models of a family become original checkpoints: what its rules, read backwards, do not say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .export_targets import Bundle, Target
from .rules import Rules


class ExportedModel(Protocol):
    """What a family is told about a model that becomes an original checkpoint."""

    @property
    def config(self) -> Any:
        """Its configuration."""

    @property
    def architecture(self) -> str:
        """Its class."""

    @property
    def folder(self) -> Path:
        """Where it is stored, its vocabulary included."""

    @property
    def further_fields(self) -> Mapping[str, Any]:
        """Fields of the configuration that the original passes over, and a conversion keeps."""

    def has(self, key: str) -> bool:
        """Whether a parameter is stored."""

    def is_zero(self, pattern: str) -> bool:
        """Whether all parameters that fit a shell wildcard are zero; so it is if there are none."""

    def is_identity(self, key: str) -> bool:
        """Whether a parameter is the identity matrix; so it is if it is not stored."""


#: Further files of a release: name -> content.
Contents = Mapping[str, str | bytes]


def as_json(fields: Mapping[str, Any]) -> str:
    """A configuration file of most originals."""
    return json.dumps(fields, indent=2) + "\n"


def present_if(conditions: Mapping[str, Callable[[ExportedModel], bool]]) -> Callable[[ExportedModel], list[str]]:
    """Variables that the original has under a condition."""
    return lambda model: [name for name, holds in conditions.items() if holds(model)]


def _nothing(model: ExportedModel) -> tuple[str, ...]:  # noqa: ARG001
    return ()


def _bundle(model: ExportedModel, path: Path) -> Target:  # noqa: ARG001  # the signature of all such functions
    return Bundle(path)


@dataclass(frozen=True)
class WayBack:
    """How models of a family become original checkpoints: what the rules, read backwards, do not say.

    Attributes:
        classes: The model classes that the original has; any if it is empty. The heads of others are written under the
            names of their rules, of which the original's programs know nothing.
        config_file: Name of the original's configuration file; empty if it has none.
        config_fields: The fields that are in it.
        write_config: From these, in the original's words, to its text.
        keeps_unknown: Whether it may hold further fields, which the original's code passes over.
        fixed: Further fields -> the values that the original computes; it cannot express others.
        flags: Fields that the original's scripts have flags for -> their defaults.
        check: What else it cannot express.
        vocabulary: Names of our vocabulary files -> their names in a release.
        files: Further files of a release, which are not just copied.
        notes: What is worth knowing about what is written.
        sizes: Symbols and indices of the rules that no single field of the configuration gives.
        present: Variables that decide between rules and that the original has.
        zeros: Rules of variables that the original builds for all tasks: they are zero if a class leaves them unused.
        target: The format of the checkpoint at a path.
        original_name: The name of a variable, from the family's name for it and the configuration.
        buffers: Shell wildcards for stored tensors that are no parameters.
    """

    classes: tuple[str, ...] = ()
    config_file: str = ""
    config_fields: tuple[str, ...] = ()
    write_config: Callable[[Mapping[str, Any]], str] = as_json
    keeps_unknown: bool = False
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[ExportedModel], list[str]] | None = None
    vocabulary: Mapping[str, str] = field(default_factory=dict)
    files: Callable[[ExportedModel], Contents] | None = None
    notes: Callable[[ExportedModel], Iterable[str]] = _nothing
    sizes: Callable[[Any], Mapping[str, int]] | None = None
    present: Callable[[ExportedModel], Iterable[str]] = _nothing
    zeros: Callable[[ExportedModel], Rules] | None = None
    target: Callable[[ExportedModel, Path], Target] = _bundle
    original_name: Callable[[str, Any], str] | None = None
    buffers: tuple[str, ...] = ()

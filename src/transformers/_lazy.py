"""Public names that are imported when they are first used.

Importing the package must cost next to nothing: the command line starts in a tenth of a second, and the way from a
checkpoint to a ``.safetensors`` file must not load torch. A package therefore declares which module defines which name
and hands the table to :func:`lazy_names`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import MissingDependencyError


def lazy_names(
    package: str, table: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package whose names are imported on first use.

    Args:
        package: The ``__name__`` of the package.
        table: Module (relative to the package) -> the public names that it defines.
    """
    home = {name: module for module, names in table.items() for name in names}

    def get_attribute(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_for(f"{package}.{home[name]}", name), name)

    return get_attribute, lambda: sorted(home)


def import_for(module: str, name: str) -> Any:
    """Imports a module of ours on behalf of a public name; an absent optional package is reported in one line."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "torch":
            raise
        raise MissingDependencyError(
            f"{name} needs PyTorch, which is not installed: pip install 'transformers[torch]'"
        ) from error

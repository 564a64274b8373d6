"""Checks that imports go down only: prints every import that does not, and fails if there is one.

The package is a house of floors, and a floor is made of rooms. A module imports from its own room and from the floors
below, never from a room beside it or above. This holds for imports inside functions and for those that only type
checkers see, too, for they tie modules together all the same. On the roof stand the packages that keep the names of
older releases: they import from any floor and from the older ones among them, and nothing below imports from them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "transformers"

#: The floors from the ground up; on each its rooms, a room being the modules and packages that it consists of
#: (patterns of their names).
FLOORS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("_files", "_lazy", "_program", "errors"),),
    (("checkpoints",), ("nn",)),
    (("configuration_*", "hub", "modeling_*", "tokenization_*"), ("optimization*",)),
    (("conversion",), ("generation",)),
    (("models",),),  # every family in it is a room of its own
    (("models.auto",),),
    (("commands",),),
)

#: The packages from the ground up.
PACKAGES = (PACKAGE, "pytorch_pretrained_bert", "pytorch_transformers")

ROOMS = [(level, room) for level, floor in enumerate(FLOORS) for room in floor]

#: The imports upwards that the design permits, inside a function only: importing module, imported module. Loading an
#: original checkpoint, and running a family's conversion file as the script that it once was, hand over to what knows
#: all families.
PERMITTED = {
    ("modeling_sources", "models.auto.original_checkpoints"),
    ("conversion.script", "models.auto.original_checkpoints"),
}

#: What a module may take from the package itself, whose other names would hide where they come from.
PACKAGE_NAMES = {"__version__"}


@dataclass(frozen=True)
class Import:
    """A module of ours (names relative to the package) that is imported at a line, perhaps inside a function."""

    module: str
    line: int
    late: bool


def room_of(module: str) -> tuple[int, str] | None:
    """Floor and room of a module, or None if it has no place in the house."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        for level, room in ROOMS:
            if any(fnmatchcase(prefix, pattern) for pattern in room):
                return level, ".".join(parts[:2]) if prefix == "models" else room[0]
    return None


def imports_of(tree: ast.Module, module: str, modules: Mapping[str, Path]) -> Iterator[Import]:
    """The modules of ours that a module imports."""
    late = {id(inner) for node in ast.walk(tree) if _is_function(node) for inner in ast.walk(node)}
    package = module if modules[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        for name in _imported_names(node, package):
            yield Import(_module_of(name, modules), getattr(node, "lineno", 0), id(node) in late)


def violations(source: Path) -> Iterator[str]:
    """A line for every import below ``source`` (the folder of the package) that does not go down."""
    modules = {_module_name(path.relative_to(source)): path for path in sorted(source.rglob("*.py"))}
    for module, path in modules.items():
        if not module:  # the package itself: the front door, which finds public names wherever they are
            continue
        here = room_of(module)
        if here is None:
            yield f"{path}: {module} belongs to no floor: give it one in FLOORS of {Path(__file__).name}"
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for found in dict.fromkeys(imports_of(tree, module, modules)):
            if not _allowed(module, here, found):
                yield f"{path}:{found.line}: {module} must not import {found.module}"


def package_violations(source: Path) -> Iterator[str]:
    """A line for every import by which a package below ``source`` knows one above it."""
    for position, package in enumerate(PACKAGES):
        above = PACKAGES[position + 1 :]
        for path in sorted((source / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for name in _absolute_names(node):
                    if name.partition(".")[0] in above:
                        yield f"{path}:{getattr(node, 'lineno', 0)}: {package} must not import {name}"


def _absolute_names(node: ast.AST) -> list[str]:
    """The modules that an import statement names in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


def _allowed(module: str, here: tuple[int, str], found: Import) -> bool:
    if found.module in PACKAGE_NAMES or (found.late and (module, found.module) in PERMITTED):
        return True
    there = room_of(found.module)
    return there is not None and (there == here or there[0] < here[0])


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _imported_names(node: ast.AST, package: str) -> Iterator[str]:
    """The full names below our package that an import statement in ``package`` speaks of."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node.module or "", node.level, package)
        names = [f"{base}.{alias.name}" for alias in node.names]
    else:
        return
    for name in names:
        if name.partition(".")[0] == PACKAGE:
            yield name.partition(".")[2]


def _absolute(name: str, level: int, package: str) -> str:
    if level == 0:
        return name
    parts = [PACKAGE, *filter(None, package.split("."))]
    return ".".join([*parts[: len(parts) - level + 1], *filter(None, [name])])


def _module_of(name: str, modules: Mapping[str, Path]) -> str:
    """The module in which a full name lies: ``nn.masks.causal_mask`` lies in ``nn.masks``."""
    while name not in modules and "." in name:
        name = name.rpartition(".")[0]
    return name


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def main() -> int:
    """Prints the violations in this repository and returns the exit status."""
    found = [*violations(ROOT / "src" / PACKAGE), *package_violations(ROOT / "src")]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

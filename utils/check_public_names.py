"""Checks the tables of public names against the source: prints every fault, and fails if there is one.

A name in a table must be defined in the module that the table gives, classes and functions with a docstring. Every
configuration, model and tokenizer class of a family must be in its table. Every class that the families' table names
must be public in its family. The source is read, not imported, so that this needs no torch.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "transformers"

#: The packages that keep the names of older releases.
OLDER_PACKAGES = [ROOT / "src" / name for name in ("pytorch_pretrained_bert", "pytorch_transformers")]

#: How the assigned tables are called: in the package itself, in those that hand theirs to it, in the older ones.
TABLE_NAMES = ("_CORE", "PUBLIC_NAMES", "_PUBLIC")

#: Classes of the library whose descendants are public.
PUBLIC_BASES = {"PretrainedConfig", "PreTrainedModel", "PreTrainedTokenizer", "PreTrainedTokenizerFast"}

Definitions = Mapping[str, ast.stmt]


def faults(package: Path) -> Iterator[str]:
    """A line for every fault of the tables in a package and in the packages below it."""
    for init in sorted(package.rglob("__init__.py")):
        table = public_names(init)
        for module, names in table.items():
            yield from _faults_of_module(_module_path(init.parent, module), names)
        if init.parent.parent.name == "models":
            yield from _unlisted(init.parent, {name for names in table.values() for name in names})


def family_faults(package: Path) -> Iterator[str]:
    """A line for every class of the families' table that is not public in its family."""
    from transformers.models.auto.tables import FAMILIES

    for model_type, entry in FAMILIES.items():
        table = public_names(package / "models" / entry.folder / "__init__.py")
        listed = {*table, *(name for names in table.values() for name in names)}
        for name in sorted({entry.config, entry.tokenizer, entry.converter, *entry.classes.values()} - listed):
            yield f"models/auto/tables.py: {model_type} names {name}, which models/{entry.folder} does not list"


def public_names(init: Path) -> dict[str, tuple[str, ...]]:
    """The table in a package's ``__init__.py``: module -> names; empty if it has none."""
    for node in _parse(init).body:
        if isinstance(node, ast.Assign) and any(_is_table(target) for target in node.targets):
            table: dict[str, tuple[str, ...]] = ast.literal_eval(node.value)
            return table
    return {}


def _is_table(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id in TABLE_NAMES


def _faults_of_module(path: Path, names: tuple[str, ...]) -> Iterator[str]:
    if not path.exists():
        yield f"{path}: does not exist, though a table of public names has it"
        return
    definitions = _definitions(_parse(path))
    handed_on = {name for names in public_names(path).values() for name in names}
    for name in sorted(set(names) - handed_on):
        node = definitions.get(name)
        if node is None:
            yield f"{path}: {name} is public but not defined here"
        elif isinstance(node, ast.ClassDef | ast.FunctionDef) and not ast.get_docstring(node):
            yield f"{path}:{node.lineno}: {name} is public but has no docstring"


def _unlisted(family: Path, listed: set[str]) -> Iterator[str]:
    public = set(PUBLIC_BASES)
    for path in sorted(family.glob("*.py")):
        for node in _parse(path).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if public.isdisjoint(base.id for base in node.bases if isinstance(base, ast.Name)):
                continue
            public.add(node.name)
            if node.name not in listed:
                yield f"{path}:{node.lineno}: {node.name} is not in the family's table of public names"


def _definitions(tree: ast.Module) -> Definitions:
    """What a module defines or imports at its top level, by name."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update({target.id: node for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: node for alias in node.names})
    return found


def _module_path(package: Path, module: str) -> Path:
    path = package.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def main() -> int:
    """Prints the faults in this repository and returns the exit status."""
    found = [fault for package in (PACKAGE, *OLDER_PACKAGES) for fault in faults(package)] + [*family_faults(PACKAGE)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Nothing in the package hands a file to a function that may run what is in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))

#: Modules that unpickle, or run, whatever they are given.
FORBIDDEN_MODULES = {"_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}

#: All that may be used of :mod:`pickle`: what other packages raise.
HARMLESS = {"UnpicklingError"}

#: A function that unpickles -> the keyword and the value with which it does not.
SAFE_WITH = {
    "torch.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
    "np.load": ("allow_pickle", False),
}


def problems(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in FORBIDDEN_MODULES)
            yield from (f"pickle as {name.asname}" for name in node.names if name.name == "pickle" and name.asname)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle" and node.attr not in HARMLESS:
            yield f"pickle.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = (node.module or "").partition(".")[0]
            names = {name.name for name in node.names}
            yield from {module} & FORBIDDEN_MODULES
            yield from {f"{module}.{name}" for name in names} & SAFE_WITH.keys()
            yield from names - HARMLESS if module == "pickle" else ()
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if name in SAFE_WITH:
                keyword, value = SAFE_WITH[name]
                if keywords.get(keyword) != str(value):
                    yield f"{name} without {keyword}={value}"
            if keywords.get("allow_pickle") == "True" or name in ("eval", "exec"):
                yield ast.unparse(node)


def test_no_module_unpickles() -> None:
    assert len(SOURCES) > 50
    assert {str(path): found for path in SOURCES if (found := list(problems(path.read_text("utf-8"))))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.Unpickler(file).load()",
        "import pickle as p",
        "import joblib.numpy_pickle",
        "from pickle import loads",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "from torch import load",
        "np.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "read(path, allow_pickle=True)",
        "eval(text)",
    ],
)
def test_what_is_looked_for_is_found(source: str) -> None:
    assert list(problems(source))


def test_what_is_safe_is_let_through() -> None:
    calls = "torch.load(path, weights_only=True, mmap=True)\nnp.load(path, allow_pickle=False)\nmodel.eval()"
    assert not list(problems(f"import pickle, pickletools\npickle.UnpicklingError\n{calls}"))

"""What an import loads, and what works without torch: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

#: Prints which of the given packages are loaded after a piece of code has run.
LOADED_AFTER = """
import sys
{code}
print(*[name for name in {packages!r} if name in sys.modules])
"""

#: Makes torch and TensorFlow as good as absent.
BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "tensorflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(code: str, *, status: int = 0) -> subprocess.CompletedProcess[str]:
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == status, finished.stderr
    return finished


def loaded_after(code: str, *packages: str) -> str:
    return run(LOADED_AFTER.format(code=code, packages=packages)).stdout.splitlines()[-1]


def modules_without_torch() -> list[str]:
    """Every module that must do its work where torch is not installed."""
    patterns = (
        "transformers/*.py",
        "transformers/checkpoints/**/*.py",
        "transformers/commands/*.py",
        "transformers/conversion/**/*.py",
        "transformers/models/*/configuration_*.py",
        "transformers/models/*/convert_*.py",
        "transformers/models/*/tokenization_*.py",
        "transformers/models/auto/*.py",
    )
    paths = {path.relative_to(SOURCE) for pattern in patterns for path in SOURCE.glob(pattern)}
    return sorted(
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in paths
        if not path.name.startswith("modeling_")
    )


def test_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import transformers", "numpy", "tokenizers", "torch", "tensorflow", "huggingface_hub")

    assert loaded == ""


def test_the_names_of_the_package_are_listed_without_loading_anything() -> None:
    loaded = loaded_after("import transformers; assert 'BertModel' in dir(transformers)", "numpy", "torch")

    assert loaded == ""


@pytest.mark.parametrize("command", ["", "convert", "download", "env"])
def test_help_loads_neither_numpy_nor_torch(command: str) -> None:
    arguments = [*filter(None, [command]), "--help"]
    code = f"""
from transformers.commands.transformers_cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
"""

    assert loaded_after(code, "numpy", "tokenizers", "torch", "tensorflow", "huggingface_hub") == ""


def test_a_configuration_and_a_tokenizer_load_no_torch() -> None:
    loaded = loaded_after("from transformers import BertConfig, BertTokenizer, AutoConfig, AutoTokenizer", "torch")

    assert loaded == ""


def test_all_but_models_can_be_imported_without_torch() -> None:
    names = modules_without_torch()
    assert "transformers.conversion" in names

    run(BLOCKED + f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)")


@pytest.mark.parametrize("name", ["BertModel", "GPT2LMHeadModel", "AutoModel", "PreTrainedModel"])
def test_a_model_without_torch_says_in_one_line_what_to_install(name: str) -> None:
    finished = run(BLOCKED + f"from transformers import {name}", status=1)

    assert finished.stderr.splitlines()[-1] == (
        f"transformers.errors.MissingDependencyError: {name} needs PyTorch, which is not installed: "
        "pip install 'transformers[torch]'"
    )


def test_an_unknown_name_is_an_import_error() -> None:
    finished = run("from transformers import BertForNothing", status=1)

    assert "ImportError: cannot import name 'BertForNothing' from 'transformers'" in finished.stderr

"""What an import loads, and what works without torch: each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shared.processes import loaded_after, program, run_python
from transformers.commands.transformers_cli import COMMANDS

SOURCE = Path(__file__).parents[1] / "src"

#: A module that is for torch alone, and modules that run a program when they are imported.
TORCH_OR_PROGRAM = ("torch_files.py", "__main__.py")

HEAVY = ("huggingface_hub", "numpy", "safetensors", "tensorflow", "tokenizers", "torch")


def modules_without_torch() -> list[str]:
    """Every module that must do its work where torch is not installed."""
    patterns = (
        "transformers/*.py",
        "transformers/checkpoints/**/*.py",
        "transformers/commands/*.py",
        "transformers/conversion/**/*.py",
        "transformers/models/*/*.py",
        "pytorch_transformers/*.py",
    )
    paths = {path.relative_to(SOURCE) for pattern in patterns for path in SOURCE.glob(pattern)}
    return sorted(
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in paths
        if not path.name.startswith(("modeling_", "optimization")) and path.name not in TORCH_OR_PROGRAM
    )


@pytest.mark.parametrize(
    "code",
    [
        "import transformers",
        "import transformers; assert 'BertModel' in dir(transformers)",
        "from transformers import BertConfig",
    ],
)
def test_the_package_its_names_and_its_configurations_load_nothing_heavy(code: str) -> None:
    assert loaded_after(code, HEAVY) == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy(command: str) -> None:
    assert loaded_after(program([*filter(None, [command]), "--help"]), HEAVY) == []


def test_tokenizers_and_auto_classes_load_no_torch() -> None:
    code = "from transformers import AutoConfig, AutoTokenizer, BertTokenizer, GPT2Tokenizer, convert_checkpoint"

    assert loaded_after(code, ["torch", "tensorflow"]) == []


def test_all_but_models_can_be_imported_without_torch() -> None:
    names = modules_without_torch()
    assert {
        "transformers.conversion.plan",
        "transformers.models.bert.configuration_bert",
        "pytorch_transformers.tokenization_bert",
    } <= set(names)

    run_python(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)", without_torch=True)


@pytest.mark.parametrize("name", ["BertModel", "GPT2LMHeadModel", "AutoModel", "PreTrainedModel"])
def test_a_model_without_torch_says_in_one_line_what_to_install(name: str) -> None:
    finished = run_python(f"from transformers import {name}", without_torch=True, status=1)

    assert finished.stderr.splitlines()[-1] == (
        f"transformers.errors.MissingDependencyError: {name} needs PyTorch, which is not installed: "
        "pip install 'transformers[torch]'"
    )


def test_all_names_can_be_imported_at_once() -> None:
    run_python("from transformers import *\nassert BertModel and GPT2Tokenizer and convert_checkpoint")


def test_an_unknown_name_is_an_import_error() -> None:
    finished = run_python("from transformers import BertForNothing", status=1)

    assert "ImportError: cannot import name 'BertForNothing' from 'transformers'" in finished.stderr

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from utils.check_layering import PACKAGE, ROOT, package_violations, violations

FILES = (
    "checkpoints/base.py",
    "commands/convert.py",
    "errors.py",
    "modeling_sources.py",
    "modeling_utils.py",
    "models/auto/original_checkpoints.py",
    "models/bert/modeling_bert.py",
    "models/gpt2/modeling_gpt2.py",
    "nn/masks.py",
)


def build(folder: Path, sources: Mapping[str, str]) -> Path:
    """A package made of the given files (others than these are empty), below ``folder``."""
    package = folder / PACKAGE
    empty = dict.fromkeys(FILES, "")
    for name, source in {**empty, **sources}.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    for below in [package, *package.rglob("*/")]:
        (below / "__init__.py").touch()
    return package


def test_this_repository_keeps_the_rule() -> None:
    assert [*violations(ROOT / "src" / PACKAGE), *package_violations(ROOT / "src")] == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("nn/masks.py", "from ..errors import UserError"),
        ("models/bert/modeling_bert.py", "from ...nn.masks import causal_mask\nfrom ... import __version__"),
        ("models/bert/modeling_bert.py", "import transformers.modeling_utils"),
        ("models/auto/__init__.py", "from ..bert import BertModel\nfrom . import original_checkpoints"),
        ("commands/convert.py", "def run():\n    from ..models.auto.original_checkpoints import convert_checkpoint"),
        ("modeling_sources.py", "def load():\n    from .models.auto.original_checkpoints import load_original"),
        ("errors.py", "import torch\nfrom numpy import ndarray"),
        ("__init__.py", "from .models import auto"),
    ],
)
def test_imports_that_go_down_are_silent(tmp_path: Path, file: str, source: str) -> None:
    assert list(violations(build(tmp_path, {file: source}))) == []


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("errors.py", "from .nn import masks", "errors must not import nn.masks"),
        ("nn/masks.py", "from ..checkpoints.base import Variable", "nn.masks must not import checkpoints.base"),
        (
            "nn/masks.py",
            "def f():\n    import transformers.commands.convert",
            "nn.masks must not import commands.convert",
        ),
        (
            "checkpoints/base.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..modeling_utils import PreTrainedModel",
            "checkpoints.base must not import modeling_utils",
        ),
        (
            "models/bert/modeling_bert.py",
            "from ..gpt2.modeling_gpt2 import GPT2Model",
            "models.bert.modeling_bert must not import models.gpt2.modeling_gpt2",
        ),
        (
            "models/bert/modeling_bert.py",
            "from ..auto import tables",
            "models.bert.modeling_bert must not import models.auto",
        ),
        (
            "modeling_sources.py",
            "from .models.auto.original_checkpoints import load_original",
            "modeling_sources must not import models.auto.original_checkpoints",
        ),
        ("commands/convert.py", "from .. import BertModel", "commands.convert must not import BertModel"),
    ],
)
def test_other_imports_are_named_with_their_line(tmp_path: Path, file: str, source: str, complaint: str) -> None:
    package = build(tmp_path, {file: source})
    line = 1 + source[: source.index("transformers" if "import transformers" in source else "from .")].count("\n")

    assert list(violations(package)) == [f"{package / file}:{line}: {complaint}"]


def test_a_module_without_a_floor_is_a_fault(tmp_path: Path) -> None:
    package = build(tmp_path, {"stray.py": ""})

    assert list(violations(package)) == [
        f"{package / 'stray.py'}: stray belongs to no floor: give it one in FLOORS of check_layering.py"
    ]


@pytest.mark.parametrize(
    ("package", "source", "complaint"),
    [
        ("transformers", "import pytorch_pretrained_bert.modeling", "import pytorch_pretrained_bert.modeling"),
        ("transformers", "def f():\n    from pytorch_transformers import AdamW", "import pytorch_transformers"),
        ("pytorch_pretrained_bert", "from pytorch_transformers import AdamW", "import pytorch_transformers"),
        ("pytorch_transformers", "from pytorch_pretrained_bert import BertAdam\nimport transformers.nn", None),
        ("pytorch_pretrained_bert", "from transformers import BertModel\nfrom .file_utils import CONFIG_NAME", None),
    ],
)
def test_nothing_below_knows_the_older_packages(
    package: str, source: str, complaint: str | None, tmp_path: Path
) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "module.py").write_text(source)

    lines = list(package_violations(tmp_path))

    assert len(lines) == (complaint is not None)
    assert all(line.endswith(f"{package} must not {complaint}") for line in lines)

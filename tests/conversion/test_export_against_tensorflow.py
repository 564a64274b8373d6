"""TensorFlow restores what an export wrote. Needs TensorFlow, and no PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.shared.way_back import CASES, FIXTURES, modern, variables

from transformers import convert_checkpoint
from transformers.models.auto.exporting import export_checkpoint

tensorflow = pytest.importorskip("tensorflow")


@pytest.mark.parametrize("case", CASES)
def test_tensorflow_restores_it(case: str, tmp_path: Path) -> None:
    family, _, task = CASES[case]
    convert_checkpoint(FIXTURES / case, tmp_path / "one", family)
    prefix = tmp_path / "back" / "model.ckpt-9"
    export_checkpoint(tmp_path / "one", prefix, family, finetuning_task_name=task, global_step=9)

    assert tensorflow.train.latest_checkpoint(str(prefix.parent)) == str(prefix)
    reader = tensorflow.train.load_checkpoint(str(prefix.parent))
    original = {modern(name): values for name, values in variables(FIXTURES / case).items()}
    shapes = reader.get_variable_to_shape_map()
    assert shapes.pop("global_step") == []
    for name in shapes:
        assert np.array_equal(reader.get_tensor(name), original[name]), name

"""TensorFlow restores what an export wrote. Needs TensorFlow, and no PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.shared.way_back import CASES, WayBackCase, modern, variables

tensorflow = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("case", [case for case in CASES if case.is_of_tensorflow], ids=str)
def test_tensorflow_restores_it(case: WayBackCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "one")
    report = case.export(tmp_path / "one", tmp_path / "back", global_step=9)

    assert tensorflow.train.latest_checkpoint(str(tmp_path / "back")) == str(tmp_path / "back" / case.target)
    reader = tensorflow.train.load_checkpoint(str(tmp_path / "back"))
    original = {modern(name): values for name, values in variables(case.source).items()}
    shapes = reader.get_variable_to_shape_map()
    assert shapes.pop("global_step") == []
    assert reader.get_tensor("global_step") == 9
    assert len(shapes) == report.variables
    for name, shape in shapes.items():
        values = reader.get_tensor(name)
        assert list(values.shape) == shape
        assert np.array_equal(values, 0 * values if name in report.zeros else original[name]), name

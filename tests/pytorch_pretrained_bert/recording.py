"""What ``record.py`` recorded from pytorch-pretrained-bert 0.6.2, ready to be held against ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pytorch_pretrained_bert as package

FOLDER = Path(__file__).with_name("recorded")
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@dataclass
class Recording:
    """A model and its calls.

    Attributes:
        case: How it was made and called, see ``record.py``.
        weights: The state dict.
        inputs: By name.
        results: The tensors in the results.
    """

    case: dict[str, Any]
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    inputs: dict[str, torch.Tensor] = field(default_factory=dict)
    results: dict[str, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str) -> Recording:
        with np.load(FOLDER / f"{name}.npz") as file:
            recording = cls(json.loads(str(file["case"])))
            places = {"weight": recording.weights, "input": recording.inputs, "result": recording.results}
            for key in file.files:
                kind, _, rest = key.partition("/")
                if rest:
                    places[kind][rest] = torch.from_numpy(file[key])
        return recording

    @property
    def model_class(self) -> Any:
        return getattr(package, self.case["class"])

    @property
    def config_class(self) -> Any:
        return self.model_class.config_class

    def config(self) -> Any:
        return self.config_class(**self.case["settings"])

    def model(self, *, loaded: bool = True) -> Any:
        model = self.model_class(self.config(), *self.case["extra"])
        if loaded:
            model.load_state_dict(self.weights)
        if self.case["lengths"]:
            model.reset_length(*self.case["lengths"])
        return model.eval()

    def write(self, folder: Path, config_name: str = "config.json") -> None:
        """The files that a script of the time saved."""
        torch.save(self.weights, folder / "pytorch_model.bin")
        (folder / config_name).write_text(self.case["config"])

    def run(self, model: Any) -> list[Any]:
        """What our model gives for the recorded calls; a past comes from our own results."""
        results: list[Any] = []
        for call in self.case["calls"]:
            args = [self._argument(value, results) for value in call["args"]]
            kwargs = {name: self._argument(value, results) for name, value in call["kwargs"].items()}
            results.append(model(*args, **kwargs))
        return results

    def _argument(self, value: Any, results: list[Any]) -> Any:
        if not isinstance(value, str):
            return value
        if not value.startswith("@"):
            return self.inputs[value]
        number, *path = value[1:].split(".")
        result = results[int(number)]
        for step in path:
            result = result[int(step)]
        return result

    def assert_same(self, spelled: Any, result: Any, tolerance: float = 1e-5) -> None:
        """Holds a result against one that was recorded: the same kinds of containers around the same numbers."""
        if not isinstance(spelled, list):
            assert result is spelled
        elif spelled[0] == "tensor":
            torch.testing.assert_close(result, self.results[str(spelled[1])], rtol=0, atol=tolerance)
        else:
            assert type(result).__name__ == spelled[0]
            assert len(result) == len(spelled) - 1
            for expected, member in zip(spelled[1:], result, strict=True):
                self.assert_same(expected, member, tolerance)

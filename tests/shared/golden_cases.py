"""Golden cases: small checkpoints that the original code wrote, and what that code computed with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import transformers
from transformers.commands.transformers_cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures"

#: The recorded numbers are float32 themselves, up to 5e-6 off; mistakes show as 1e-4 and more.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class GoldenCase:
    """A folder with a checkpoint, ``case.json`` (what it is), ``io.npz`` and ``tensors.json`` (what to expect)."""

    folder: Path

    def __str__(self) -> str:
        return self.folder.name

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """What it is and how it is converted."""
        description: Mapping[str, Any] = json.loads((self.folder / "case.json").read_text(encoding="utf-8"))
        return description

    @cached_property
    def recorded(self) -> Mapping[str, NDArray[Any]]:
        """Inputs and outputs by name."""
        with np.load(self.folder / "io.npz") as arrays:
            return dict(arrays)

    def input(self, name: str) -> torch.Tensor:
        """One of the recorded inputs."""
        return torch.from_numpy(self.recorded[name])

    def convert(self, output: Path) -> None:
        """Converts the checkpoint by the command that its description gives."""
        case = self.description
        flags = {
            "--config": case["config"] and self.folder / case["config"],
            "--finetuning_task_name": case["finetuning_task"],
        }
        assert (
            main(
                [
                    "convert",
                    f"--model_type={case['family']}",
                    f"--tf_checkpoint={self.folder / case['tf_checkpoint']}",
                    f"--pytorch_dump_output={output}",
                    *(f"{flag}={value}" for flag, value in flags.items() if value),
                    "--quiet",
                ]
            )
            == 0
        )

    def load_converted(self, folder: Path) -> Any:
        """The model that a folder holds after :meth:`convert`."""
        return self._checked(*self._model_class.from_pretrained(folder, output_loading_info=True))

    def load_directly(self) -> Any:
        """The model, loaded from the original's own files."""
        config = self.description["config"]
        return self._checked(
            *self._model_class.from_pretrained(
                self.folder / self.description["tf_checkpoint"],
                config=config and self.folder / config,
                output_loading_info=True,
            )
        )

    @property
    def _model_class(self) -> Any:
        return getattr(transformers, self.description["architecture"])

    def _checked(self, model: Any, info: Mapping[str, Any]) -> Any:
        """The model: nothing may be missing or left over, and every weight must be the original's."""
        assert not any(info.values()), info
        expected = json.loads((self.folder / "tensors.json").read_text(encoding="utf-8"))
        state = model.state_dict()
        assert {name: hashlib.sha256(state[name].numpy().tobytes()).hexdigest() for name in expected} == expected
        return model

    def assert_computed(self, **outputs: torch.Tensor) -> None:
        """Holds outputs against the recorded ones of these names."""
        assert outputs
        for name, output in outputs.items():
            expected = self.recorded[name]
            assert output.shape == expected.shape, name
            allowed = TOLERANCE * max(1.0, np.abs(expected).max() / 10)  # sums of large numbers lose digits
            assert np.abs(output.detach().numpy() - expected).max() <= allowed, name


def golden_cases(family: str) -> list[GoldenCase]:
    """The cases of a family that are conversions."""
    return [GoldenCase(path.parent) for path in sorted((FIXTURES / family).glob("*/io.npz"))]

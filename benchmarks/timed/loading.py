"""Times loading a model, in any environment: ``loading.py WAY CLASS FOLDER [--first | --digest]``.

Prints ``{"cpu_s": …, "wall_s": …}``: the first load of the process, which pays for what is imported late, or medians of
several loads after it. Imports of the library and of the class are not part of either.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import transformers

_LOADS = 9


def read_file(_: Any, folder: Path) -> Callable[[], Any]:
    """The mapped tensors and no model: a bound that no way of loading can undercut."""
    return lambda: load_file(folder / "model.safetensors")


def from_pretrained(model_class: Any, folder: Path) -> Callable[[], torch.nn.Module]:
    """The library's way."""
    return lambda: model_class.from_pretrained(folder)


def load_and_assign(model_class: Any, folder: Path) -> Callable[[], torch.nn.Module]:
    """The usual recipe: the mapped tensors as parameters of a module that was built on the ``meta`` device.

    Building runs the initialisation of every module on tensors without memory, which is most of what this way costs.
    """
    config = model_class.config_class.from_pretrained(folder)

    def load() -> torch.nn.Module:
        weights = load_file(folder / "model.safetensors")
        with torch.device("meta"):
            model: torch.nn.Module = model_class(config)
        model.load_state_dict(weights, strict=False, assign=True)
        model.tie_weights()  # type: ignore[operator]
        if unassigned := [name for name, parameter in model.named_parameters() if parameter.is_meta]:
            raise RuntimeError(f"the file has no {', '.join(unassigned[:3])}")
        model.eval()
        return model

    return load


WAYS = {"read_file": read_file, "from_pretrained": from_pretrained, "load_and_assign": load_and_assign}


def digest(model: torch.nn.Module) -> str:
    """A checksum of names, shapes and values of everything that the model holds."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        total.update(tensor.numpy().tobytes())
    return total.hexdigest()


def main() -> None:
    """Loads and reports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("model_class")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", action="store_true", help="time the first load of the process")
    parser.add_argument("--digest", action="store_true", help="print a checksum of the model and time nothing")
    arguments = parser.parse_args()
    load = WAYS[arguments.way](getattr(transformers, arguments.model_class), arguments.folder)
    if arguments.digest:
        print(digest(load()))
        return
    if not arguments.first:
        load()
    cpu, wall = [], []
    for _ in range(1 if arguments.first else _LOADS):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        model = load()
        wall.append(time.perf_counter() - wall_start)
        cpu.append(time.process_time() - cpu_start)
        del model
    print(json.dumps({"cpu_s": statistics.median(cpu), "wall_s": statistics.median(wall)}))


if __name__ == "__main__":
    main()

"""Times loading a model, in any environment: ``loading.py from_pretrained|load_and_assign CLASS FOLDER [--digest]``.

Prints ``{"cpu_s": …, "wall_s": …}``, medians of several loads after a first one, which pays for what is imported late.
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


def from_pretrained(model_class: Any, folder: Path) -> Callable[[], torch.nn.Module]:
    """The library's way."""
    return lambda: model_class.from_pretrained(folder)


def load_and_assign(model_class: Any, folder: Path) -> Callable[[], torch.nn.Module]:
    """The least that gives a working model: the mapped tensors as parameters of a module without memory of its own."""
    config = model_class.config_class.from_pretrained(folder)

    def load() -> torch.nn.Module:
        weights = load_file(folder / "model.safetensors")
        with torch.device("meta"):
            model: torch.nn.Module = model_class(config)
        model.load_state_dict(weights, strict=False, assign=True)
        model.tie_weights()  # type: ignore[operator]
        model.eval()
        return model

    return load


WAYS = {"from_pretrained": from_pretrained, "load_and_assign": load_and_assign}


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
    parser.add_argument("--digest", action="store_true", help="print a checksum of the model and time nothing")
    arguments = parser.parse_args()
    load = WAYS[arguments.way](getattr(transformers, arguments.model_class), arguments.folder)
    if arguments.digest:
        print(digest(load()))
        return
    load()
    cpu, wall = [], []
    for _ in range(_LOADS):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        model = load()
        wall.append(time.perf_counter() - wall_start)
        cpu.append(time.process_time() - cpu_start)
        del model
    print(json.dumps({"cpu_s": statistics.median(cpu), "wall_s": statistics.median(wall)}))


if __name__ == "__main__":
    main()

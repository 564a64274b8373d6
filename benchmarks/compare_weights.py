"""Holds our converted weights against a peer's, bit for bit: ``compare_weights.py OURS.safetensors THEIRS.bin``.

Ends with status 1 and says what differs, unless only the names of the same tensors do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

Tensors = Mapping[str, torch.Tensor]


def equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors have the same type, shape and bits."""
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(_bytes(a), _bytes(b))


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().flatten().view(torch.uint8)


def differences(ours: Tensors, theirs: Tensors, tied: Mapping[str, str]) -> list[str]:
    """Every tensor that one side lacks or that is not the same on both sides.

    Args:
        ours: Our tensors.
        theirs: The peer's, under our names.
        tied: Names under which the peer saves a shared tensor once more, with the name that we save it under.
    """
    found = [f"only ours: {name}" for name in sorted(ours.keys() - theirs.keys())]
    for name, tensor in theirs.items():
        counterpart = ours.get(name, ours.get(tied.get(name, "")))
        if counterpart is None:
            found.append(f"only the peer's: {name}")
        elif not equal(counterpart, tensor):
            found.append(f"not equal: {name}")
    return found


def main() -> int:
    """Compares two files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    parser.add_argument("--peer_prefix", default="", help="what our names have in front of the peer's")
    parser.add_argument(
        "--tied", nargs="*", default=[], metavar="THEIRS=OURS", help="tensors that the peer saves twice"
    )
    arguments = parser.parse_args()
    tied = dict(pair.split("=") for pair in arguments.tied)
    ours = load_file(arguments.ours)
    loaded = torch.load(arguments.theirs, map_location="cpu", weights_only=True, mmap=True)
    theirs = {arguments.peer_prefix + name: tensor for name, tensor in loaded.items()}
    found = differences(ours, theirs, tied)
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    print(f"{len(ours)} tensors equal bit for bit{_remarks(ours, theirs, arguments.peer_prefix)}")
    return 0


def _remarks(ours: Tensors, theirs: Tensors, prefix: str) -> str:
    twice = sorted(theirs.keys() - ours.keys())
    remarks = [f"the peer saves tied tensors once more: {', '.join(twice)}"] if twice else []
    remarks += [f"the peer's names lack '{prefix}'"] if prefix else []
    return "".join(f"; {remark}" for remark in remarks)


if __name__ == "__main__":
    sys.exit(main())

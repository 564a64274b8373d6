"""Holds our converted weights against a peer's, bit for bit: ``compare_weights.py OURS THEIRS``.

Ends with status 1 and says what differs, unless only the names of the same tensors do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

Tensors = Mapping[str, torch.Tensor]

#: The largest relative difference between two ways to compute the same in float32.
ROUNDING = 5e-7


def equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors have the same type, shape and bits."""
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(_bytes(a), _bytes(b))


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().flatten().view(torch.uint8)


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors are the same but for rounding in the last places."""
    return a.dtype == b.dtype and a.shape == b.shape and torch.allclose(a, b, rtol=ROUNDING, atol=0)


def differences(ours: Tensors, theirs: Tensors, tied: Mapping[str, str], computed: Collection[str] = ()) -> list[str]:
    """Every tensor that one side lacks or that is not the same on both sides.

    Args:
        ours: Our tensors.
        theirs: The peer's, under our names.
        tied: Names under which the peer saves a shared tensor once more, with the name that we save it under.
        computed: Names of tensors that are in no checkpoint, so that either side computes them.
    """
    found = [f"only ours: {name}" for name in sorted(ours.keys() - theirs.keys())]
    for name, tensor in theirs.items():
        counterpart = ours.get(name, ours.get(tied.get(name, "")))
        if counterpart is None:
            found.append(f"only the peer's: {name}")
        elif not (close if name in computed else equal)(counterpart, tensor):
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
    parser.add_argument(
        "--computed", nargs="*", default=[], metavar="NAME", help="tensors that are in no checkpoint: may be rounded"
    )
    arguments = parser.parse_args()
    tied = dict(pair.split("=") for pair in arguments.tied)
    ours = load_file(arguments.ours)
    theirs = {arguments.peer_prefix + name: tensor for name, tensor in _load(arguments.theirs).items()}
    found = differences(ours, theirs, tied, arguments.computed)
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    same = len(ours) - len(arguments.computed)
    print(
        "; ".join(
            [f"{same} tensors equal bit for bit", *_remarks(ours, theirs, arguments.peer_prefix, arguments.computed)]
        )
    )
    return 0


def _load(path: Path) -> Tensors:
    """The mapped tensors of a file of safetensors or of PyTorch."""
    if path.suffix == ".safetensors":
        return load_file(path)
    tensors: Tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return tensors


def _remarks(ours: Tensors, theirs: Tensors, prefix: str, computed: Collection[str]) -> Iterator[str]:
    """In what the peer's file differs though it says the same."""
    if twice := sorted(theirs.keys() - ours.keys()):
        yield f"the peer saves tied tensors once more: {', '.join(twice)}"
    if computed:
        yield f"computed by either side, equal but for rounding: {', '.join(computed)}"
    if prefix:
        yield f"the peer's names lack '{prefix}'"


if __name__ == "__main__":
    sys.exit(main())

"""``transformers-cli env``: the versions that a report of a problem should name."""

from __future__ import annotations

import argparse

#: The distributions that decide how this program behaves.
DISTRIBUTIONS = ("numpy", "safetensors", "tokenizers", "sentencepiece", "huggingface_hub")

#: TensorFlow is published under several names; any of them counts. It is never imported, its version is read.
TENSORFLOW_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares the command and its arguments."""
    summary = "print the versions of this program and of what it runs on"
    subparsers.add_parser("env", help=summary, description=f"{summary.capitalize()}: for reports of problems.")


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - every command is called with its arguments
    """Prints the versions, one to a line."""
    rows = describe()
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
    return 0


def describe() -> dict[str, str]:
    """What is installed here: a name -> its version, or that it is not installed."""
    import platform

    from .. import __version__

    return {
        "transformers": __version__,
        "Python": platform.python_version(),
        "platform": platform.platform(),
        **{name: _version(name) for name in DISTRIBUTIONS},
        **_torch(),
        "tensorflow": _version(*TENSORFLOW_DISTRIBUTIONS),
    }


def _version(*distributions: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "not installed"


def _torch() -> dict[str, str]:
    try:
        import torch
    except ModuleNotFoundError:
        return {"torch": "not installed"}
    return {"torch": torch.__version__, "CUDA": _cuda()}


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        return "not available"
    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{torch.version.cuda}: {', '.join(devices)}"

"""``transformers-cli download``: fetches a model and its tokenizer from the Hub, into the cache or into a folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..errors import UserError

#: Weights of other frameworks, which this library does not read.
FOREIGN_FILES = (
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.onnx",
    "*.tflite",
    "*.mlmodel",
    "*.gguf",
    "onnx/*",
    "openvino/*",
    "coreml/*",
)

#: Weights of ours in the older format: not fetched when the repository has the same weights as safetensors.
PICKLED_WEIGHTS = ("*.bin", "*.bin.index.json", "*.pt", "*.pth")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares the command and its arguments."""
    parser = subparsers.add_parser(
        "download",
        help="fetch a model and its tokenizer from the Hub",
        description="Fetches a model's configuration, weights and tokenizer from the Hub, and prints where they are.",
    )
    parser.add_argument("model", metavar="MODEL", help="name of the repository, such as google-bert/bert-base-uncased")
    parser.add_argument("--revision", help="branch, tag or commit (default: main)")
    parser.add_argument(
        "--cache_dir", "--cache-dir", metavar="FOLDER", help="the cache to use instead of the usual one"
    )
    parser.add_argument(
        "--local_dir", "--local-dir", metavar="FOLDER", help="put the files there, under their own names"
    )
    parser.add_argument("--token", help="access token (default: the one that was stored by logging in)")
    parser.add_argument("--force", action="store_true", help="fetch again what is already there")


def run(arguments: argparse.Namespace) -> int:
    """Downloads the files and prints the folder that holds them."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError, HFValidationError, HTTPError  # type: ignore[attr-defined]

    where = {name: getattr(arguments, name) for name in ("revision", "cache_dir", "local_dir", "token")}
    try:
        listing = snapshot_download(arguments.model, dry_run=True, ignore_patterns=[*FOREIGN_FILES], **where)
        folder = snapshot_download(
            arguments.model,
            force_download=arguments.force,
            ignore_patterns=unwanted(file.filename for file in listing),
            **where,
        )
    except DryRunError as error:
        raise UserError(f"{arguments.model}: the Hub cannot be reached: {error.__cause__ or error}") from error
    except (HFValidationError, HTTPError, OSError) as error:
        raise UserError(f"{arguments.model} cannot be downloaded: {error}") from error
    print(folder)
    return 0


def unwanted(files: Iterable[str]) -> list[str]:
    """The patterns of the files that need not be fetched, given the names of all files of a repository."""
    if any(name.endswith(".safetensors") for name in files):
        return [*FOREIGN_FILES, *PICKLED_WEIGHTS]
    return [*FOREIGN_FILES]

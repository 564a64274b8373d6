"""``transformers-cli download``: fetches a model and its tokenizer from the Hub, into the cache or into a folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

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
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    from ..errors import UserError

    try:
        files = HfApi(token=arguments.token).list_repo_files(arguments.model, revision=arguments.revision)
        folder = snapshot_download(
            arguments.model,
            revision=arguments.revision,
            cache_dir=arguments.cache_dir,
            local_dir=arguments.local_dir,
            token=arguments.token,
            force_download=arguments.force,
            ignore_patterns=unwanted(files),
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(f"{arguments.model} cannot be downloaded: {error}") from error
    print(folder)
    return 0


def unwanted(files: Iterable[str]) -> list[str]:
    """The patterns of the files that need not be fetched, given the names of all files of a repository."""
    if any(name.endswith(".safetensors") for name in files):
        return [*FOREIGN_FILES, *PICKLED_WEIGHTS]
    return [*FOREIGN_FILES]

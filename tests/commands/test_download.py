from __future__ import annotations

from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from transformers.commands.transformers_cli import main

REPOSITORY = ["config.json", "vocab.txt", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx"]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands for the hub: a repository with ``REPOSITORY``; the calls that would have fetched its files."""
    calls: list[dict[str, Any]] = []

    def snapshot_download(repo_id: str, dry_run: bool = False, **options: Any) -> Any:
        files = [name for name in REPOSITORY if not any(fnmatchcase(name, p) for p in options["ignore_patterns"])]
        if dry_run:
            return [SimpleNamespace(filename=name) for name in files]
        calls.append({"repo_id": repo_id, "files": files, **options})
        return "/cache/snapshot"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return calls


def test_fetches_what_this_library_reads(fetched: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "user/model", "--revision", "v2", "--local_dir", "here", "--force"]) == 0

    assert capsys.readouterr().out == "/cache/snapshot\n"
    (call,) = fetched
    assert call["files"] == ["config.json", "vocab.txt", "model.safetensors"]
    assert (call["repo_id"], call["revision"], call["local_dir"]) == ("user/model", "v2", "here")
    assert call["force_download"] is True


def test_older_weights_are_fetched_where_there_are_no_others(
    fetched: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "REPOSITORY", ["config.json", "pytorch_model.bin"])

    assert main(["download", "user/model"]) == 0

    assert fetched[0]["files"] == ["config.json", "pytorch_model.bin"]


def test_an_unreachable_hub_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "user/model"]) == 1

    assert capsys.readouterr().err.startswith("transformers-cli download: user/model: the Hub cannot be reached: ")

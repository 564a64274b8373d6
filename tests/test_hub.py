"""Files of models, found in folders, on a hub and in its cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.shared.hub_server import Hub, Repository, running_hub
from transformers.errors import MissingFileError, UserError
from transformers.hub import HubOptions, PushToHubMixin, find_file, require_file

MODEL = "someone/model"


@pytest.fixture
def with_config(hub_folder: Path) -> Path:
    (hub_folder / "config.json").write_text("{}")
    return hub_folder


def test_local_folder_and_subfolder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.txt").touch()
    assert find_file(tmp_path, "a.txt") is None
    assert find_file(tmp_path, "a.txt", HubOptions(subfolder="inner")) == tmp_path / "inner" / "a.txt"
    assert require_file(tmp_path, ["b.txt", "a.txt"], HubOptions(subfolder="inner")).name == "a.txt"
    with pytest.raises(MissingFileError, match=r"has none of a\.txt, b\.txt\."):
        require_file(tmp_path, ["a.txt", "b.txt"])


def test_a_local_folder_does_not_load_the_hubs_client(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    code = f"""if True:
        import sys
        from transformers import PretrainedConfig
        PretrainedConfig.from_pretrained({str(tmp_path)!r})
        assert not {{"huggingface_hub", "torch", "numpy"}} & sys.modules.keys()"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("source", ["no/such/folder", "./nothing", "/absent", "two words"])
def test_what_is_neither_folder_nor_repository(hub: Hub, source: str) -> None:
    with pytest.raises(MissingFileError, match=r"does not exist, and is no id"):
        find_file(source, "config.json")
    assert not hub.requests


def test_a_file_is_fetched_once(hub: Hub, with_config: Path) -> None:
    path = find_file(MODEL, "config.json")
    assert path is not None
    assert path.read_text() == "{}"
    assert find_file(MODEL, "config.json") == path
    assert hub.downloads() == ["main/config.json"]
    assert find_file(MODEL, "config.json", HubOptions(force_download=True)) == path
    assert hub.downloads() == ["main/config.json"] * 2


def test_an_absent_file(hub: Hub, with_config: Path) -> None:
    assert find_file(MODEL, "absent.txt") is None
    with pytest.raises(MissingFileError, match=r"someone/model has no absent\.txt on the hub"):
        require_file(MODEL, ["absent.txt"])


def test_revision_and_subfolder(hub: Hub, with_config: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "inner").mkdir(parents=True)
    (old / "inner" / "config.json").write_text('{"old": 1}')
    hub.repositories[MODEL].revisions["v1"] = old
    path = require_file(MODEL, ["config.json"], HubOptions(revision="v1", subfolder="inner"))
    assert path.read_text() == '{"old": 1}'
    with pytest.raises(MissingFileError, match="someone/model has no revision v2"):
        find_file(MODEL, "config.json", HubOptions(revision="v2"))


def test_cache_dir(hub: Hub, with_config: Path, tmp_path: Path) -> None:
    path = require_file(MODEL, ["config.json"], HubOptions(cache_dir=tmp_path / "elsewhere"))
    assert path.is_relative_to(tmp_path / "elsewhere")


def test_token(hub: Hub, with_config: Path) -> None:
    hub.repositories[MODEL].token = "hf_secret"
    with pytest.raises(MissingFileError, match=r"neither a local folder nor a repository .*\n.*pass token=") as refused:
        find_file(MODEL, "config.json")
    assert "hf_secret" not in str(refused.value)
    assert require_file(MODEL, ["config.json"], HubOptions(token="hf_secret")).read_text() == "{}"


def test_gated(hub: Hub, with_config: Path) -> None:
    hub.repositories[MODEL].gated = True
    with pytest.raises(MissingFileError, match=r"is a gated repository\.\nAsk for access"):
        find_file(MODEL, "config.json")


def test_local_files_only(hub: Hub, with_config: Path) -> None:
    offline = HubOptions(local_files_only=True)
    with pytest.raises(MissingFileError, match="not in the cache, and nothing is fetched: local_files_only"):
        find_file(MODEL, "config.json", offline)
    path = find_file(MODEL, "config.json")
    hub.requests.clear()
    assert find_file(MODEL, "config.json", offline) == path
    assert find_file(MODEL, "model.safetensors", offline) is None
    with pytest.raises(MissingFileError, match=r"in the cache\.\nOnly the cache was looked at"):
        require_file(MODEL, ["model.safetensors"], offline)
    assert not hub.requests


def test_a_hub_that_cannot_be_reached(hub: Hub, with_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = find_file(MODEL, "config.json")
    from huggingface_hub import constants

    monkeypatch.setattr("time.sleep", lambda _: None)  # the client waits between its attempts
    nobody = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{nobody}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    )
    assert find_file(MODEL, "config.json") == path
    assert find_file(MODEL, "model.safetensors") is None
    with pytest.raises(MissingFileError, match=r"someone/other is not in the cache, and the hub could not be reached"):
        find_file("someone/other", "config.json")


def test_the_environment_points_to_the_hub_and_forbids_it(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "config.json").write_text('{"answer": 42}')
    code = "from transformers import PretrainedConfig as C; print(C.from_pretrained('someone/model').answer)"

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0", **environment}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )

    with running_hub() as hub:
        hub.repositories[MODEL] = Repository({"main": tmp_path / "files"})
        offline = run(HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="1")
        assert "HF_HUB_OFFLINE" in offline.stderr
        assert not hub.requests
        assert run(HF_ENDPOINT=hub.address).stdout == "42\n"
    assert run(HF_HUB_OFFLINE="1").stdout == "42\n"


# Pushing


class Saved(PushToHubMixin):
    def save_pretrained(self, save_directory: str | os.PathLike[str], *, content: str = "x") -> None:
        Path(save_directory, "file.txt").write_text(content)


class FakeApi:
    """Records what it is asked to do."""

    calls: list[tuple[str, Mapping[str, Any]]] = []  # noqa: RUF012  # one list for all, on purpose
    refuses = False

    def __init__(self, **arguments: Any) -> None:
        self.calls.append(("open", arguments))

    def create_repo(self, repo_id: str, **arguments: Any) -> Any:
        self.calls.append(("create", {"repo_id": repo_id, **arguments}))
        return type("Url", (), {"repo_id": f"me/{repo_id}"})

    def upload_folder(self, folder_path: str, **arguments: Any) -> str:
        if self.refuses:
            raise ValueError("not a branch")
        files = {path.name: path.read_text() for path in Path(folder_path).iterdir()}
        self.calls.append(("upload", {"files": files, **arguments}))
        return "https://hub/commit/1"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> type[FakeApi]:
    monkeypatch.setattr("huggingface_hub.HfApi", FakeApi)
    monkeypatch.setattr(FakeApi, "calls", [])
    return FakeApi


def test_push_saves_and_uploads(api: type[FakeApi]) -> None:
    address = Saved().push_to_hub("model", private=True, token="t", revision="dev", content="y")
    assert address == "https://hub/commit/1"
    calls = dict(api.calls)
    assert calls["open"]["token"] == "t"
    assert calls["create"] == {"repo_id": "model", "private": True, "exist_ok": True}
    assert calls["upload"]["files"] == {"file.txt": "y"}
    assert (calls["upload"]["repo_id"], calls["upload"]["revision"]) == ("me/model", "dev")
    assert calls["upload"]["commit_message"]


def test_what_the_hub_refuses_is_a_users_error(api: type[FakeApi], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "refuses", True)
    with pytest.raises(UserError, match="Nothing was uploaded to model: not a branch"):
        Saved().push_to_hub("model")


def test_older_arguments_are_understood() -> None:
    arguments = {
        "use_auth_token": "hf_secret",
        "resume_download": True,
        "trust_remote_code": False,
        "proxies": None,
        "num_labels": 3,
    }

    assert HubOptions.taken_from(arguments) == HubOptions(token="hf_secret")
    assert arguments == {"num_labels": 3}

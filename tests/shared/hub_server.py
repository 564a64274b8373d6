"""A repository hub on this machine: as much of the protocol as downloading files of a model needs."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest


@dataclass
class Request:
    """What a client asked for."""

    method: str
    path: str
    token: str | None


@dataclass
class Repository:
    """Revisions of a model, each a folder. It may need a token; a gated one is refused to everybody."""

    revisions: dict[str, Path]
    token: str | None = None
    gated: bool = False


@dataclass
class Hub:
    """The hub: repositories by id, and a record of what was asked."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def downloads(self) -> list[str]:
        """The files that were fetched, not merely looked for."""
        return [
            request.path.rpartition("/resolve/")[2]
            for request in self.requests
            if request.method == "GET" and "/resolve/" in request.path
        ]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = unquote(urlparse(self.path).path)
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
            hub.requests.append(Request(self.command, path, token))
            name, found, rest = path.lstrip("/").partition("/resolve/")
            revision, _, filename = rest.partition("/")
            repository = hub.repositories.get(name)
            if not found or repository is None or (repository.token and repository.token != token):
                return self._refuse(401, "RepoNotFound")
            if repository.gated:
                return self._refuse(403, "GatedRepo")
            folder = next(
                (place for named, place in repository.revisions.items() if revision in (named, _commit(place))), None
            )
            if folder is None:
                return self._refuse(404, "RevisionNotFound")
            if not (folder / filename).is_file():
                return self._refuse(404, "EntryNotFound", folder)
            content = (folder / filename).read_bytes()
            self._head(200, folder, len(content), ETag=f'"{hashlib.sha1(content).hexdigest()}"')
            if with_body:
                self.wfile.write(content)
            return None

        def _refuse(self, status: int, code: str, folder: Path | None = None) -> None:
            self._head(status, folder, 0, **{"X-Error-Code": code, "X-Error-Message": code})

        def _head(self, status: int, folder: Path | None, length: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if folder is not None:
                self.send_header("X-Repo-Commit", _commit(folder))
            self.send_header("Content-Length", str(length))
            self.end_headers()

    return Handler


def _commit(folder: Path) -> str:
    return hashlib.sha1(str(folder).encode()).hexdigest()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that listens as long as the context lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def client_of(hub: Hub, cache: Path) -> Iterator[None]:
    """Points ``huggingface_hub`` to a hub and an empty cache, as ``HF_ENDPOINT`` and ``HF_HUB_CACHE`` do."""
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.address)
        patch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.delenv("HF_TOKEN", raising=False)
        yield


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A running hub, which ``huggingface_hub`` talks to."""
    with running_hub() as running, client_of(running, tmp_path / "hub-cache"):
        yield running


@pytest.fixture
def hub_folder(hub: Hub, tmp_path: Path) -> Path:
    """The folder behind ``someone/model`` on the hub."""
    folder = tmp_path / "on-the-hub"
    folder.mkdir()
    hub.repositories["someone/model"] = Repository({"main": folder})
    return folder

"""Files by path and by address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.shared.golden_cases import FIXTURES

from pytorch_pretrained_bert import BertTokenizer, file_utils
from pytorch_pretrained_bert.file_utils import cached_path, hub_options, url_to_filename


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server with the vocabulary of a model."""
    (tmp_path / "served").mkdir()
    vocabulary = FIXTURES / "bert" / "tokenization" / "vocab.txt"
    (tmp_path / "served" / "vocab.txt").write_bytes(vocabulary.read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=tmp_path / "served")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_path_is_its_own(tmp_path: Path) -> None:
    assert cached_path(tmp_path) == str(tmp_path)


@pytest.mark.parametrize("place", ["/no/such/file", "s3://bucket/file", "no-such-file"])
def test_what_is_nowhere(place: str) -> None:
    with pytest.raises(ValueError, match=place):
        cached_path(place)


def test_an_address_is_fetched_once(address: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    path = Path(cached_path(f"{address}/vocab.txt", cache))
    assert path == cache / url_to_filename(f"{address}/vocab.txt")
    assert path.read_bytes() == (tmp_path / "served" / "vocab.txt").read_bytes()
    (tmp_path / "served" / "vocab.txt").unlink()
    assert cached_path(f"{address}/vocab.txt", str(cache)) == str(path)


def test_what_cannot_be_fetched_leaves_nothing(address: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent.txt"):
        cached_path(f"{address}/absent.txt", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_vocabulary_by_its_address(address: str, tmp_path: Path) -> None:
    tokenizer = BertTokenizer.from_pretrained(f"{address}/vocab.txt", cache_dir=tmp_path / "cache")
    assert tokenizer.tokenize("unaffable") == ["un", "##aff", "##able"]


def test_the_variable_chooses_where_models_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTORCH_PRETRAINED_BERT_CACHE", raising=False)
    assert hub_options(None).cache_dir is None
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "/elsewhere")
    assert hub_options(None).cache_dir == "/elsewhere"
    assert hub_options("/here").cache_dir == "/here"


def test_names_in_the_cache_are_those_of_the_older_package() -> None:
    url = "http://example.org/a"
    assert len(url_to_filename(url)) == 64
    assert url_to_filename(url, "tag").startswith(url_to_filename(url) + ".")
    assert file_utils.PYTORCH_PRETRAINED_BERT_CACHE.name == ".pytorch_pretrained_bert"

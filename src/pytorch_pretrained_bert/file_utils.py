"""Where files are, and the names that they have in the folder of a model."""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlparse

from transformers._files import replacing
from transformers.errors import MissingFileError, UserError
from transformers.hub import HubOptions

__all__ = ["CONFIG_NAME", "PYTORCH_PRETRAINED_BERT_CACHE", "WEIGHTS_NAME", "cached_path", "url_to_filename"]

logger = logging.getLogger(__name__)

StrPath = str | os.PathLike[str]

_CACHE_VARIABLE = "PYTORCH_PRETRAINED_BERT_CACHE"

#: Where :func:`cached_path` keeps what it fetches; the environment variable of this name chooses another folder.
PYTORCH_PRETRAINED_BERT_CACHE = Path(os.getenv(_CACHE_VARIABLE, Path.home() / ".pytorch_pretrained_bert"))

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "pytorch_model.bin"


def cached_path(url_or_filename: StrPath, cache_dir: StrPath | None = None) -> str:
    """The local path of a file, which is fetched once if it is given by its address.

    Args:
        url_or_filename: A path, or an address that begins with ``http://`` or ``https://``.
        cache_dir: Where to keep what is fetched, :data:`PYTORCH_PRETRAINED_BERT_CACHE` by default.

    Raises:
        MissingFileError: There is no such file, or it cannot be fetched.
        UserError: It is no path, and an address of another kind.
    """
    place = os.fspath(url_or_filename)
    if is_address(place):
        return str(_fetched(place, Path(cache_dir or PYTORCH_PRETRAINED_BERT_CACHE)))
    if Path(place).exists():
        return place
    if urlparse(place).scheme:
        raise UserError(f"{place} is no path, and no address that can be fetched: http or https.")
    raise MissingFileError(f"{place} does not exist.")


def is_address(place: StrPath) -> bool:
    """Whether something is to be fetched by its address."""
    return urlparse(os.fspath(place)).scheme in ("http", "https")


def url_to_filename(url: str, etag: str | None = None) -> str:
    """The name that a fetched file has in the cache: the hash of its address and, if there is one, of its version."""
    return ".".join(sha256(part.encode()).hexdigest() for part in (url, etag) if part)


def _fetched(url: str, folder: Path) -> Path:
    path = folder / url_to_filename(url)
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(url) as answer, replacing(path) as temporary, temporary.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
    except urllib.error.URLError as error:
        raise MissingFileError(f"{url} cannot be fetched: {error.reason}") from error
    return path


def hub_options(cache_dir: StrPath | None) -> HubOptions:
    """How files are fetched by the name of a model: into ``cache_dir``, the variable's folder, or the hub's cache."""
    folder = cache_dir or os.getenv(_CACHE_VARIABLE)
    return HubOptions(cache_dir=None if folder is None else os.fspath(folder))


@contextmanager
def unpacked(place: StrPath, cache_dir: StrPath | None) -> Iterator[str]:
    """The folder of a model, or its name on the hub; an archive, also one given by its address, is unpacked meanwhile.

    Raises:
        UserError: A file is no archive, or one that wants to write outside of its folder.
    """
    source = cached_path(place, cache_dir) if is_address(place) else os.fspath(place)
    if not Path(source).is_file():
        yield source
        return
    with TemporaryDirectory() as folder:
        logger.info("Unpacking %s", source)
        try:
            with tarfile.open(source) as archive:
                archive.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise UserError(
                f"{source} is no archive of a model that can be unpacked: {error}",
                advice=f"Give the name of a model, a folder that holds {WEIGHTS_NAME} and {CONFIG_NAME}, or a .tar.gz "
                "of such a folder's files.",
            ) from error
        yield folder

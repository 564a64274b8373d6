"""Output that is there in full or not at all.

Files are made in a temporary neighbour of their place, synced, and renamed. A new folder appears by one rename; in an
existing one the weights are renamed last, so that a run that was cut off is recognisable and a second one completes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import UserError

#: Endings of ``--pytorch_dump_output`` that name a weight file; anything else is a folder.
TORCH_SUFFIXES = (".bin", ".pt", ".pth")
WEIGHT_SUFFIXES = (*TORCH_SUFFIXES, ".safetensors")

#: Weight files that would be loaded beside, or instead of, what a conversion writes into the same folder.
_WEIGHT_PATTERNS = (
    "model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json",
    "pytorch_model.bin", "pytorch_model-*-of-*.bin", "pytorch_model.bin.index.json",
)  # fmt: skip

#: Room for configuration and tokenizer files beside the weights.
_SMALL_FILES = 16 * 1024 * 1024


class OutputError(UserError):
    """The output cannot be written where it was asked for. Nothing was changed there."""


@dataclass(frozen=True)
class Destination:
    """Where a conversion writes.

    Attributes:
        path: What the user named: a weight file or a folder.
    """

    path: Path

    @property
    def is_file(self) -> bool:
        """Whether the user named a weight file."""
        return self.path.suffix in WEIGHT_SUFFIXES and not self.path.is_dir()

    @property
    def is_torch(self) -> bool:
        """Whether the weights are written by ``torch.save``."""
        return self.is_file and self.path.suffix in TORCH_SUFFIXES

    @property
    def folder(self) -> Path:
        """The folder that holds all files in the end."""
        return self.path.parent if self.is_file else self.path

    @property
    def weights_name(self) -> str:
        """Name of the weight file if there is only one."""
        return self.path.name if self.is_file else "model.safetensors"


@dataclass
class Staging:
    """The temporary neighbour in which the files of an output are made.

    Attributes:
        folder: Where to write them.
        weights: Names of the weight files (and their index): they are renamed last, in this order.
    """

    folder: Path
    weights: Sequence[str] = ()


@contextlib.contextmanager
def atomic_output(
    destination: Destination, names: Iterable[str], needed: int, inputs: Iterable[Path], *, overwrite: bool
) -> Iterator[Staging]:
    """A place to write the files of an output, which appear under their names when the block ends without an error.

    Args:
        destination: Where they go.
        names: The files that will be there, as far as they are known; those that exist already are refused.
        needed: Bytes that are needed on the disk.
        inputs: Files that must not be replaced whatever the user says.
        overwrite: Whether files that exist may be replaced.

    Raises:
        OutputError: If the place cannot be written to, has no room, holds such files, or another conversion is at work.
    """
    folder = Path.cwd() / destination.folder
    _refuse_existing(destination, folder, names, inputs, overwrite=overwrite)
    with _made_parents(folder), _locked(folder), _staging_folder(folder) as staged:
        _require_room(folder, needed)
        staging = Staging(staged)
        yield staging
        _refuse_existing(destination, folder, _files(staged), inputs, overwrite=overwrite)
        with _disk_errors(folder):
            _publish(staging, folder, () if destination.is_file else _stale_weights(folder, _files(staged)))


def _files(staged: Path) -> list[str]:
    return sorted(path.name for path in staged.iterdir())


def _refuse_existing(
    destination: Destination, folder: Path, names: Iterable[str], inputs: Iterable[Path], *, overwrite: bool
) -> None:
    names = list(names)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder.", advice="Name another output.")
    present = [folder / name for name in names if os.path.lexists(folder / name)]
    known_inputs = list(inputs)
    clashes = [path for path in present if any(_same_file(path, known) for known in known_inputs)]
    if clashes:
        raise OutputError(
            "The output would replace an input:",
            [str(path) for path in clashes],
            "An input is never replaced: let the output go to another folder.",
        )
    stale = [] if destination.is_file else [folder / name for name in _stale_weights(folder, names)]
    if (present or stale) and not overwrite:
        raise OutputError(
            "The output exists already:",
            [str(path) for path in (*present, *stale)],
            "Name another output, or replace these files with --overwrite.",
        )


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _stale_weights(folder: Path, names: Iterable[str]) -> list[str]:
    """Weight files in the folder that the output does not replace by name."""
    kept = set(names)
    found = {path.name for pattern in _WEIGHT_PATTERNS for path in folder.glob(pattern)} if folder.is_dir() else set()
    return sorted(found - kept)


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Failures of the file system as one message."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written to: {error.strerror or error}.", advice="Name another output."
        ) from error


@contextlib.contextmanager
def _made_parents(folder: Path) -> Iterator[None]:
    """Makes the folders above the output; those that were made are taken away again if it does not come about."""
    absent = [parent for parent in folder.parents if not parent.exists()]
    try:
        with _disk_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in absent:
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def _neighbour(folder: Path) -> tuple[Path, str]:
    """Where temporary files go, so that renaming stays within one file system, and how their names begin."""
    return (folder, ".conversion") if folder.is_dir() else (folder.parent, f".{folder.name}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    place, prefix = _neighbour(folder)
    path = place / f"{prefix}.lock"
    lock = FileLock(path, timeout=0)
    try:
        with _disk_errors(folder):
            lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"Another conversion is writing to {folder} at this moment.",
            advice="Wait until it has ended, or name another output.",
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: who waits for it notices and makes a new one
        lock.release()


@contextlib.contextmanager
def _staging_folder(folder: Path) -> Iterator[Path]:
    place, prefix = _neighbour(folder)
    for left_behind in place.glob(f"{prefix}.partial-*"):  # of a run that was killed: the lock is ours
        shutil.rmtree(left_behind, ignore_errors=True)
    with _disk_errors(folder):
        staged = Path(tempfile.mkdtemp(prefix=f"{prefix}.partial-", dir=place))
        staged.chmod(0o777 & ~_umask())
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder if folder.is_dir() else folder.parent).free
    if free < needed + _SMALL_FILES:
        raise OutputError(
            f"There is no room for the output: {folder} has {free:,} bytes left, {needed + _SMALL_FILES:,} are needed.",
            advice="Nothing was written. Make room, or name an output on another disk.",
        )


def _publish(staging: Staging, folder: Path, stale: Sequence[str]) -> None:
    """Syncs the files and gives them their names."""
    for path in staging.folder.iterdir():
        sync(path)
    if not folder.is_dir():
        sync(staging.folder)
        staging.folder.rename(folder)
        sync(folder.parent)
        return
    first = [name for name in _files(staging.folder) if name not in staging.weights]
    for name in (*first, *staging.weights):
        (staging.folder / name).replace(folder / name)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    sync(folder)


def sync(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Output that is there in full or not at all.

Files are made in a temporary neighbour of their place, synced, and renamed. A new folder appears by one rename; in an
existing one the weights are renamed last, so that a run that was cut off is recognisable and a second one completes it.
"""

from __future__ import annotations

import contextlib
import filecmp
import glob
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import UserError

StrPath = str | os.PathLike[str]

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
        for_weights: Whether weights are written: those that are there already would be loaded instead.
        weights_in_folder: Name of the weight file, if there is only one, where the user named a folder.
        any_file: Whether a path is that of a weight file (of ``torch.save``, but for ``.safetensors``) whatever its
            ending, unless it is a folder.
    """

    path: Path
    for_weights: bool = True
    weights_in_folder: str = "model.safetensors"
    any_file: bool = False

    @classmethod
    def of(cls, place: StrPath | Destination) -> Destination:
        """What a user's path means: a weight file if it ends like one and is no folder."""
        return place if isinstance(place, Destination) else cls(Path(place))

    @property
    def is_file(self) -> bool:
        """Whether the user named a weight file."""
        return (self.any_file or self.path.suffix in WEIGHT_SUFFIXES) and not self.path.is_dir()

    @property
    def is_torch(self) -> bool:
        """Whether the weights are written by ``torch.save``, and therefore in one file."""
        return not self.weights_name.endswith(".safetensors")

    @property
    def folder(self) -> Path:
        """The folder that holds all files in the end."""
        return self.path.parent if self.is_file else self.path

    @property
    def weights_name(self) -> str:
        """Name of the weight file if there is only one."""
        return self.path.name if self.is_file else self.weights_in_folder


@dataclass
class Staging:
    """The temporary neighbour in which the files of an output are made.

    Attributes:
        folder: Where to write them.
        check: Raises an ``OutputError`` if a file that has been made here so far must not get its name. A vocabulary
            that is an input of the same name and content, beside which the output goes, is taken away: it is there.
        weights: Names of the weight files (and their index): they are renamed last, in this order.
    """

    folder: Path
    check: Callable[[], None]
    weights: Sequence[str] = ()


@contextlib.contextmanager
def atomic_output(
    destination: Destination, names: Sequence[str], needed: int, inputs: Sequence[Path], *, overwrite: bool
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
    folder = destination.folder

    def stale(names: Iterable[str]) -> list[str]:
        replaced = destination.for_weights and not destination.is_file
        return _stale_weights(folder, names) if replaced else []

    def check(names: Sequence[str]) -> None:
        refuse_existing([folder / name for name in (*names, *stale(names))], inputs, overwrite=overwrite)

    _require_folder(folder)
    check(names)
    with (
        _uninterrupted() as interruptible,
        _made_parents(folder),
        _locked(folder),
        _staging_folder(folder) as staged,
        _disk_errors(folder),
    ):
        _require_room(folder, needed)
        staging = Staging(staged, lambda: check(_changed(staged, folder, inputs)))
        with interruptible():
            yield staging
            staging.check()
            for path in staged.iterdir():
                sync(path)
        _publish(staging, folder, stale(_files(staged)))


@contextlib.contextmanager
def _uninterrupted() -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """Puts Ctrl-C and SIGTERM off until the end, but for what is done inside of the context that it offers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

    @contextlib.contextmanager
    def interruptible() -> Iterator[None]:
        blocked = signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    try:
        yield interruptible
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _changed(staged: Path, folder: Path, inputs: Sequence[Path]) -> list[str]:
    """The files that have been made, but for those that are there as an input already, byte for byte: they stay."""
    for name in _files(staged):
        there = folder / name
        if any(_same_file(there, known) for known in inputs) and filecmp.cmp(staged / name, there, shallow=False):
            (staged / name).unlink()
    return _files(staged)


def _files(staged: Path) -> list[str]:
    return sorted(path.name for path in staged.iterdir())


def _require_folder(folder: Path) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        kind = "a link to nothing" if folder.is_symlink() and not folder.exists() else "a file"
        raise OutputError(f"{folder} is {kind}, not a folder.", advice="Name another output.")


def refuse_existing(files: Iterable[Path], inputs: Sequence[Path], *, overwrite: bool) -> None:
    """Checks that files may be written.

    Args:
        files: The files.
        inputs: Files that must not be replaced whatever the user says.
        overwrite: Whether other files that exist may be replaced.

    Raises:
        OutputError: If one of them may not.
    """
    present = [path for path in files if os.path.lexists(path)]
    clashes = [path for path in present if any(_same_file(path, known) for known in inputs)]
    if clashes:
        raise OutputError(
            "The output would replace an input:",
            [str(path) for path in clashes],
            "An input is never replaced: let the output go to another folder.",
        )
    folders = [path for path in present if path.is_dir()]
    if folders:
        raise OutputError(
            "The output would replace a folder by a file:", [str(path) for path in folders], "Name another output."
        )
    if present and not overwrite:
        raise OutputError(
            "The output exists already:",
            [str(path) for path in present],
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
    except UserError:
        raise  # some of them are errors of the file system as well, about other files
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


def _neighbour(folder: Path) -> Path:
    """How the paths of temporary files begin: such that renaming them stays within one file system."""
    return folder / ".conversion" if folder.is_dir() else _outer_neighbour(folder)


def _outer_neighbour(folder: Path) -> Path:
    """The same while the folder is not there."""
    whole = folder.absolute()  # of "." the name is needed, too
    return whole.parent / f".{whole.name}"


def _with_ending(path: Path, ending: str) -> Path:
    return Path(f"{path}{ending}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other conversions out, and takes away what killed ones left behind: as the lock is ours, it is nobody's."""
    outer = _outer_neighbour(folder)  # of a conversion that began, or was killed, before the folder was there
    prefixes = [_neighbour(folder), *([outer] if folder.is_dir() and _with_ending(outer, ".lock").exists() else [])]
    with contextlib.ExitStack() as locks:
        for prefix in prefixes:
            locks.enter_context(_lock(_with_ending(prefix, ".lock"), folder))
            for left_behind in prefix.parent.glob(f"{glob.escape(prefix.name)}.partial-*"):
                shutil.rmtree(left_behind, ignore_errors=True)
        yield


@contextlib.contextmanager
def _lock(path: Path, folder: Path) -> Iterator[None]:
    lock = FileLock(path, timeout=0)
    with _disk_errors(folder):
        try:
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
    prefix = _neighbour(folder)
    with _disk_errors(folder):
        staged = Path(tempfile.mkdtemp(prefix=f"{prefix.name}.partial-", dir=prefix.parent))
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
    """Gives the files their names."""
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

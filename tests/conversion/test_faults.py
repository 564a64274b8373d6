"""Conversions that are killed, interrupted, or meet a disk that is full or cannot be written to.

Whatever happens: no broken file under a final name, none that was there damaged, and a second run completes the work.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tests.shared.forking_program import ForkingProgram
from tests.shared.synthetic_checkpoint import synthetic_arrays

from transformers.checkpoints import write_bundle
from transformers.commands.transformers_cli import main
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT

SMALL = {"V": 300, "H": 16, "P": 8, "T": 2, "I": 256, "i": 1}
LARGE = {"V": 20000, "H": 256, "P": 8, "T": 2, "I": 1024, "i": 8}
PROGRAM = [sys.executable, "-m", "transformers.commands.transformers_cli"]

Content = dict[str, bytes | None]


def checkpoint(folder: Path, sizes: dict[str, int]) -> Path:
    folder.mkdir()
    write_bundle(folder / "model.ckpt", synthetic_arrays(BERT, "BertModel", sizes))
    return folder / "model.ckpt"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("small") / "release", SMALL)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("large") / "release", LARGE)


@pytest.fixture(scope="module")
def program() -> Iterator[ForkingProgram]:
    with ForkingProgram() as running:
        yield running


def command(source: Path, output: Path, *flags: str) -> list[str]:
    return [
        "convert", "--model_type=bert", f"--tf_checkpoint={source}", f"--pytorch_dump_output={output}",
        "--num_heads=4", "--quiet", *flags,
    ]  # fmt: skip


def content_of(folder: Path) -> Content:
    """All files and folders, hidden ones included."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def visible(content: Content) -> Content:
    """What is there under a name that is not a temporary one."""
    return {name: data for name, data in content.items() if not any(part.startswith(".") for part in Path(name).parts)}


# --------------------------------------------------------------------------------------------- at every single moment


def nothing(folder: Path) -> None:
    """The output is a new folder, and so are the ones above it."""


def other_files(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")


def older_output(folder: Path) -> None:
    """The output of an earlier conversion, in shards and with tensors of its own."""
    other_files(folder)
    (folder / "config.json").write_text("{}")
    for number in (1, 2):
        (folder / f"model-0000{number}-of-00002.safetensors").write_text("old weights")
    (folder / "model.safetensors.index.json").write_text("old index")


def older_file(folder: Path) -> None:
    other_files(folder)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text("old weights")


PLACES = [
    pytest.param(nothing, "a/out", "", id="new folder"),
    pytest.param(other_files, "a/out", "", id="existing folder"),
    pytest.param(older_output, "a/out", "--overwrite", id="older shards"),
    pytest.param(older_file, "a/out", "--overwrite", id="older weights"),
    pytest.param(other_files, "a/out/my.safetensors", "", id="file"),
]


class Attempts:
    """The same conversion, each time into a fresh copy of a place, disturbed at one change further on."""

    def __init__(
        self, program: ForkingProgram, source: Path, prepare: Callable[[Path], None], target: str, flags: str
    ) -> None:
        self._program, self._source, self._prepare = program, source, prepare
        self._target, self._flags = target, flags.split()

    def fresh(self, place: Path) -> Content:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        self._prepare(place / "a" / "out")
        return content_of(place)

    def run(self, place: Path, at: int | None = None, number: int = signal.SIGKILL, *flags: str):  # type: ignore[no-untyped-def]
        return self._program.run(
            command(self._source, place / self._target, *self._flags, *flags), at=at, number=number
        )


@pytest.mark.parametrize(("prepare", "target", "flags"), PLACES)
def test_a_run_that_is_killed_at_any_moment_breaks_nothing_and_a_second_one_completes_it(
    program: ForkingProgram,
    small: Path,
    prepare: Callable[[Path], None],
    target: str,
    flags: str,
    tmp_path: Path,
) -> None:
    attempts, place = Attempts(program, small, prepare, target, flags), tmp_path / "place"
    attempts.fresh(place)
    assert attempts.run(place).status == 0
    complete = content_of(place)

    for at in itertools.count():
        before = attempts.fresh(place)
        killed = attempts.run(place, at)
        if not killed.interrupted:
            break
        assert killed.status == -signal.SIGKILL
        for name, data in visible(content_of(place)).items():
            assert data == before.get(name, complete.get(name)) or data == complete.get(name), (name, killed.events)
        again = attempts.run(place, None, 0, "--overwrite")
        assert again.status == 0, (again.err, killed.events)
        assert content_of(place) == complete, killed.events
    assert at >= 8


#: The exit status and the message after a signal.
ENDINGS = {
    signal.SIGINT: (130, "transformers-cli convert: interrupted\n"),
    signal.SIGTERM: (143, "transformers-cli convert: terminated\n"),
}


@pytest.mark.parametrize(
    ("prepare", "target", "flags", "number"),
    [
        pytest.param(*param.values, number, id=f"{param.id}, {number.name}")
        for number, params in ((signal.SIGINT, PLACES), (signal.SIGTERM, PLACES[:2]))
        for param in params
    ],
)
def test_a_run_that_is_interrupted_at_any_moment_leaves_all_as_it_was_or_is_complete(
    program: ForkingProgram,
    small: Path,
    prepare: Callable[[Path], None],
    target: str,
    flags: str,
    number: int,
    tmp_path: Path,
) -> None:
    attempts, place = Attempts(program, small, prepare, target, flags), tmp_path / "place"
    attempts.fresh(place)
    assert attempts.run(place).status == 0
    complete = content_of(place)

    for at in itertools.count():
        before = attempts.fresh(place)
        interrupted = attempts.run(place, at, number)
        if not interrupted.interrupted:
            break
        assert (interrupted.status, interrupted.err) == ENDINGS[number]
        assert content_of(place) in (before, complete), interrupted.events
    assert at >= 8


# --------------------------------------------------------------------------------------- at any time, as it happens


def wait_until_it_works(process: subprocess.Popen[str], folder: Path) -> None:
    """Returns when the weights are being written."""
    for _ in range(2000):
        if process.poll() is not None or list(folder.glob(".*.partial-*/*.safetensors")):
            return
        time.sleep(0.002)
    raise AssertionError("it does not begin")


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06])
def test_the_program_can_be_killed_while_it_writes(delay: float, large: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([*PROGRAM, *command(large, tmp_path / "out")], text=True)
    wait_until_it_works(process, tmp_path)
    time.sleep(delay)
    process.kill()
    process.wait()

    if (tmp_path / "out").exists():
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["config.json", "model.safetensors"]
    assert main(command(large, tmp_path / "out", "--overwrite")) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(load_file(tmp_path / "out" / "model.safetensors")) == 5 + 16 * LARGE["i"] + 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_cleans_up_when_it_is_interrupted(number: int, large: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([*PROGRAM, *command(large, tmp_path / "new" / "out")], text=True, stderr=subprocess.PIPE)
    wait_until_it_works(process, tmp_path / "new")
    process.send_signal(number)
    _, err = process.communicate()

    assert (process.returncode, err) == ENDINGS[number]
    assert list(tmp_path.iterdir()) == []


def test_the_second_of_two_programs_is_told_and_the_first_goes_on(large: Path, tmp_path: Path) -> None:
    first = subprocess.Popen([*PROGRAM, *command(large, tmp_path / "out")], text=True, stderr=subprocess.PIPE)
    wait_until_it_works(first, tmp_path)
    first.send_signal(signal.SIGSTOP)

    second = subprocess.run(
        [*PROGRAM, *command(large, tmp_path / "out")], text=True, stderr=subprocess.PIPE, check=False
    )
    first.send_signal(signal.SIGCONT)
    _, err = first.communicate()

    assert second.returncode == 1
    assert f"Another conversion is writing to {tmp_path}/out at this moment." in second.stderr
    assert (first.returncode, err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# ----------------------------------------------------------------------------------------------------------- the disk


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own, where the tests may mount one."""
    folder.mkdir()
    if shutil.which("mount") is None or os.getuid() != 0:
        pytest.skip("only root may mount a file system")
    if subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("name", ["out", "model.safetensors", "model.bin"])
@pytest.mark.parametrize("reserves", [True, False], ids=["reserving", "writing"])
def test_a_disk_that_fills_up_in_the_middle(
    name: str,
    reserves: bool,
    large: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name.endswith(".bin"):
        pytest.importorskip("torch")
    with mounted(tmp_path / "disk", "-o", "size=60m") as disk:
        (disk / "notes.txt").write_text("mine")
        roomy = shutil.disk_usage(tmp_path)._replace(free=1 << 40)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: roomy)  # as if others wrote meanwhile
        if name.endswith(".bin"):
            (disk / "ballast").write_bytes(bytes(8 << 20))  # the passing .safetensors fits, what is made of it does not
        else:
            (disk / "ballast").write_bytes(bytes(20 << 20))
        if not reserves:
            monkeypatch.delattr(os, "posix_fallocate")

        assert main(command(large, disk / "new" / name)) == 1

        assert capsys.readouterr().err == (
            f"transformers-cli convert: {disk}/new{'/out' if name == 'out' else ''} cannot be written to: "
            "No space left on device.\nName another output.\n"
        )
        assert sorted(path.name for path in disk.iterdir()) == ["ballast", "notes.txt"]


def test_a_full_disk_is_noticed_before_anything_is_written(
    large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mounted(tmp_path / "disk", "-o", "size=40m") as disk:
        assert main(command(large, disk / "new" / "out")) == 1

        assert "There is no room for the output" in capsys.readouterr().err
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "model.bin"])
def test_a_limit_on_the_size_of_files(name: str, large: Path, tmp_path: Path) -> None:
    if name.endswith(".bin"):
        pytest.importorskip("torch")
    limit = 10 << 20

    finished = subprocess.run(
        [*PROGRAM, *command(large, tmp_path / "new" / name)],
        text=True,
        stderr=subprocess.PIPE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )

    assert finished.returncode == 1
    assert "cannot be written to: File too large" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mounted(tmp_path / "disk", "-o", "ro") as disk:
        for output in (disk, disk / "out", disk / "a" / "b" / "model.bin"):
            assert main(command(small, output)) == 1
            assert "cannot be written to: Read-only file system" in capsys.readouterr().err


def test_a_folder_that_is_not_ones_own(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    try:
        assert main(command(small, tmp_path / "out")) == 1
    finally:
        tmp_path.chmod(0o700)

    assert "cannot be written to: Permission denied" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_changes_what_it_is_given(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers.conversion import convert

    def run_and_damage(files, checkpoint, folder, progress) -> None:  # type: ignore[no-untyped-def]
        run(files, checkpoint, folder, progress)
        path = folder / files[0].name
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)

    run = convert.run
    monkeypatch.setattr(convert, "run", run_and_damage)

    assert main(command(small, tmp_path / "out")) == 1

    assert "model.safetensors: pooler.dense.bias does not hold what bert/pooler/dense/bias holds." in (
        capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []
    assert main(command(small, tmp_path / "out", "--no_verify")) == 0


def test_every_single_wrong_bit_is_found(small: Path, tmp_path: Path) -> None:
    """The proof is one: whichever byte of the tensors differs, the conversion fails."""
    from transformers.checkpoints import open_checkpoint
    from transformers.conversion.layout import ConversionError
    from transformers.conversion.run import no_progress
    from transformers.conversion.verify import verify
    from transformers.conversion.weight_files import WeightFile
    from transformers.models.auto.original_checkpoints import plan_conversion

    assert main(command(small, tmp_path)) == 0
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    with open_checkpoint(small) as opened:
        file = WeightFile(path.name, plan_conversion(opened, "bert", num_heads=4).rows)
        verify([file], opened, tmp_path, no_progress)
        for position in np.random.default_rng(0).integers(start, len(content), 25):
            damaged = bytearray(content)
            damaged[position] ^= 1 << (position % 8)
            path.write_bytes(damaged)
            with pytest.raises(ConversionError, match="does not hold what"):
                verify([file], opened, tmp_path, no_progress)
        path.write_bytes(content[:-1])
        with pytest.raises(SafetensorError):
            verify([file], opened, tmp_path, no_progress)

"""Exports that are killed, interrupted, or meet a disk that is full or changes what it is given.

As with conversions: no half of a checkpoint under its name, nothing that was there damaged, and nothing left behind.
"""

from __future__ import annotations

import itertools
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.shared.forking_program import ForkingProgram
from tests.shared.way_back import CASES, WayBackCase

from transformers.commands.transformers_cli import main
from transformers.conversion.export_targets import ArrayList, Bundle, NumberedArrays, Target, TorchFile

Content = dict[str, bytes | None]

#: A case for each format.
FORMATS = {case.name: case for case in CASES if case.name.startswith(("bert/squad", "gpt/", "xlm/mlm"))}


@pytest.fixture(scope="module")
def program() -> Iterator[ForkingProgram]:
    with ForkingProgram() as running:
        yield running


@pytest.fixture(params=FORMATS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> WayBackCase:
    found = FORMATS[request.param]
    found.convert(tmp_path / "model")
    return found


def command(case: WayBackCase, model: Path, output: Path, *flags: str) -> list[str]:
    return [
        "export", f"--model_type={case.family}", f"--pytorch_model={model}",
        f"--tf_checkpoint_output={output / case.target}", "--quiet", *flags,
    ]  # fmt: skip


def content_of(folder: Path) -> Content:
    """All files and folders, hidden ones included."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def visible(content: Content) -> Content:
    """What is there under a name that is not a temporary one."""
    return {name: data for name, data in content.items() if not any(part.startswith(".") for part in Path(name).parts)}


def fresh(place: Path, *, older: bool) -> Content:
    """A place without anything, or with an older file of each name that is in the way."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    if older:
        (place / "a" / "out").mkdir(parents=True)
        (place / "a" / "out" / "notes.txt").write_text("mine")
        (place / "a" / "out" / "config.json").write_text("{}")
    return content_of(place)


@pytest.mark.parametrize(
    ("case", "older"),
    [("bert/squad", False), ("bert/squad", True), ("xlm/mlm-3langs-gelu", True)],
    indirect=["case"],
)
def test_an_export_that_is_killed_at_any_moment_breaks_nothing_and_a_second_one_completes_it(
    program: ForkingProgram, case: WayBackCase, older: bool, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    arguments = command(case, tmp_path / "model", place / "a" / "out", "--overwrite")
    fresh(place, older=older)
    assert program.run(arguments).status == 0
    complete = content_of(place)

    for at in itertools.count():
        before = fresh(place, older=older)
        killed = program.run(arguments, at=at)
        if not killed.interrupted:
            break
        for name, data in visible(content_of(place)).items():
            assert data == before.get(name, complete.get(name)) or data == complete.get(name), (name, killed.events)
        again = program.run(arguments)
        assert again.status == 0, (again.err, killed.events)
        assert content_of(place) == complete, killed.events
    assert at >= 5


@pytest.mark.parametrize(
    ("case", "number"),
    [("bert/squad", signal.SIGINT), ("gpt/rocstories-finetuned", signal.SIGTERM)],
    indirect=["case"],
)
def test_an_export_that_is_interrupted_at_any_moment_leaves_all_as_it_was_or_is_complete(
    program: ForkingProgram, case: WayBackCase, number: int, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    arguments = command(case, tmp_path / "model", place / "a" / "out", "--overwrite")
    fresh(place, older=False)
    assert program.run(arguments).status == 0
    complete = content_of(place)

    for at in itertools.count():
        before = fresh(place, older=False)
        interrupted = program.run(arguments, at=at, number=number)
        if not interrupted.interrupted:
            break
        assert "Traceback" not in interrupted.err
        assert interrupted.status in (130, 143)
        assert content_of(place) in (before, complete), interrupted.events
    assert at >= 5


def test_a_limit_on_the_size_of_files(case: WayBackCase, tmp_path: Path) -> None:
    before = content_of(tmp_path)

    finished = subprocess.run(
        [
            sys.executable, "-m", "transformers.commands.transformers_cli",
            *command(case, tmp_path / "model", tmp_path / "new" / "out"),
        ],
        text=True,
        stderr=subprocess.PIPE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip

    assert finished.returncode == 1
    assert "cannot be written to: File too large" in finished.stderr
    assert content_of(tmp_path) == before


def test_a_disk_that_changes_what_it_is_given(
    case: WayBackCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content_of(tmp_path)
    for kind in (Bundle, NumberedArrays, ArrayList, TorchFile):
        monkeypatch.setattr(kind, "write", damaging(kind))

    assert main(command(case, tmp_path / "model", tmp_path / "new" / "out")) == 1

    said = capsys.readouterr().err
    assert "was not written as it is" in said or "is damaged" in said
    assert content_of(tmp_path) == before


def damaging(kind: type[Target]) -> Any:
    """Writes a checkpoint, and flips a bit of the last value."""
    write = kind.write

    def write_and_damage(target: Target, folder: Path, *rest: Any) -> None:
        write(target, folder, *rest)
        path = folder / max(target.names, key=lambda name: (folder / name).stat().st_size)
        content = bytearray(path.read_bytes())
        content[-100] ^= 1
        path.write_bytes(content)

    return write_and_damage

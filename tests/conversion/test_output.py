from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from transformers.conversion import output
from transformers.conversion.output import Destination, OutputError, atomic_output

NAMES = ("config.json", "model.safetensors")


def write(
    path: Path,
    *,
    names: Sequence[str] = NAMES,
    announced: Sequence[str] = NAMES,
    inputs: Sequence[Path] = (),
    overwrite: bool = False,
    content: str = "new",
) -> None:
    """Makes an output of small files."""
    destination = Destination(path)
    announced = [destination.weights_name if name == "model.safetensors" else name for name in announced]
    with atomic_output(destination, announced, 100, inputs, overwrite=overwrite) as staging:
        for name in names:
            (staging.folder / name).write_text(content)
        staging.weights = [name for name in names if name.endswith(".safetensors")]


def content_of(folder: Path) -> dict[str, str]:
    """All files below a folder, hidden ones included."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else "" for path in sorted(folder.rglob("*"))
    }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -------------------------------------------------------------------------------------------------------- destinations


@pytest.mark.parametrize(
    ("path", "is_file", "is_torch", "folder", "weights"),
    [
        ("out", False, False, "out", "model.safetensors"),
        ("out/model.bin", True, True, "out", "model.bin"),
        ("out/my.pt", True, True, "out", "my.pt"),
        ("out/my.pth", True, True, "out", "my.pth"),
        ("model.safetensors", True, False, ".", "model.safetensors"),
        ("out.d/model.ckpt", False, False, "out.d/model.ckpt", "model.safetensors"),
    ],
)
def test_the_ending_decides_between_file_and_folder(
    path: str, is_file: bool, is_torch: bool, folder: str, weights: str
) -> None:
    destination = Destination(Path(path))

    assert (destination.is_file, destination.is_torch) == (is_file, is_torch)
    assert (destination.folder, destination.weights_name) == (Path(folder), weights)


def test_a_folder_that_exists_is_one_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "model.bin").mkdir()

    assert not Destination(tmp_path / "model.bin").is_file


@pytest.mark.parametrize(
    ("path", "any_file", "weights"),
    [
        ("out", False, "out/pytorch_model.bin"),
        ("out/dump", True, "out/dump"),
        ("out/dump.safetensors", True, "out/dump.safetensors"),
        ("there", True, "there/pytorch_model.bin"),
    ],
)
def test_a_caller_may_say_what_weights_are_called(path: str, any_file: bool, weights: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    destination = Destination(tmp_path / path, weights_in_folder="pytorch_model.bin", any_file=any_file)

    assert destination.folder / destination.weights_name == tmp_path / weights
    assert destination.is_torch == (not weights.endswith(".safetensors"))
    assert Destination.of(destination) is destination


# ------------------------------------------------------------------------------------------------------- what appears


@pytest.mark.parametrize("existing", [False, True])
def test_files_appear_and_nothing_else(existing: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    if existing:
        folder.mkdir()

    write(folder)

    assert content_of(tmp_path) == {"out": "", "out/config.json": "new", "out/model.safetensors": "new"}


def test_an_existing_folder_keeps_its_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    write(tmp_path)

    assert content_of(tmp_path) == {"config.json": "new", "model.safetensors": "new", "notes.txt": "mine"}


@pytest.mark.parametrize("target", ["out", "out/model.safetensors"])
def test_nothing_is_under_its_name_before_the_end(target: str, tmp_path: Path) -> None:
    with atomic_output(Destination(tmp_path / target), NAMES, 0, [], overwrite=False) as staging:
        (staging.folder / "config.json").write_text("new")

        assert not (tmp_path / "out").exists()


def test_relative_paths_are_relative_to_where_the_run_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    write(Path("model.safetensors"))
    write(Path("below/out"))

    assert sorted(content_of(tmp_path)) == [
        "below", "below/out", "below/out/config.json", "below/out/model.safetensors",
        "config.json", "model.safetensors",
    ]  # fmt: skip


def test_new_files_and_folders_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "file").write_text("")

    write(tmp_path / "out")

    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "out" / "config.json").stat().st_mode == (tmp_path / "usual" / "file").stat().st_mode


def test_weights_get_their_names_last_and_the_index_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, target: order.append(path.name) or replace(path, target))
    weights = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"]

    with atomic_output(Destination(tmp_path), weights, 0, [], overwrite=False) as staging:
        for name in ("zzz.txt", *weights, "config.json"):
            (staging.folder / name).write_text("new")
        staging.weights = weights

    assert order == ["config.json", "zzz.txt", *weights]


def test_files_are_on_the_disk_before_they_get_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(output, "sync", lambda path: events.append(f"sync {path.name}"))
    monkeypatch.setattr(Path, "replace", lambda path, target: events.append("name") or replace(path, target))

    write(tmp_path)

    assert sorted(events[:2]) == ["sync config.json", "sync model.safetensors"]
    assert events[2:] == ["name", "name", f"sync {tmp_path.name}"]


def test_an_input_with_the_same_content_stays(tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("new")
    before = vocabulary.stat()

    write(tmp_path, names=(*NAMES, "vocab.txt"), inputs=[vocabulary])

    assert names_in(tmp_path) == sorted([*NAMES, "vocab.txt"])
    assert (vocabulary.stat().st_ino, vocabulary.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_exists_is_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("old")

    with pytest.raises(OutputError, match=rf"exists already:\n  {tmp_path}/{name}\n.*--overwrite"):
        write(tmp_path)

    assert content_of(tmp_path) == {name: "old"}


def test_nothing_that_exists_is_replaced_though_it_was_not_announced(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("old")

    with pytest.raises(OutputError, match=r"exists already:\n.*vocab.txt"):
        write(tmp_path, names=(*NAMES, "vocab.txt"))

    assert content_of(tmp_path) == {"vocab.txt": "old"}


def test_what_exists_is_replaced_on_request(tmp_path: Path) -> None:
    for name in (*NAMES, "notes.txt"):
        (tmp_path / name).write_text("old")

    write(tmp_path, overwrite=True)

    assert content_of(tmp_path) == {"config.json": "new", "model.safetensors": "new", "notes.txt": "old"}


STALE = (
    "pytorch_model.bin",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model.bin.index.json",
    "model-00001-of-00002.safetensors",
    "model.safetensors.index.json",
)


@pytest.mark.parametrize("name", STALE)
def test_other_weights_in_the_folder_would_be_loaded_instead(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        write(tmp_path)
    assert content_of(tmp_path) == {name: "old"}

    write(tmp_path, overwrite=True)

    assert sorted(content_of(tmp_path)) == sorted(NAMES)


def test_a_file_of_ones_own_name_leaves_other_weights_alone(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_text("old")

    write(tmp_path / "mine.safetensors", names=("config.json", "mine.safetensors"))

    assert content_of(tmp_path)["pytorch_model.bin"] == "old"


@pytest.mark.parametrize("link", [None, "symlink", "hardlink"])
@pytest.mark.parametrize("announced", [True, False])
def test_an_input_is_never_replaced(link: str | None, announced: bool, tmp_path: Path) -> None:
    source = tmp_path / "source.json"
    source.write_text("input")
    folder = tmp_path / "out"
    folder.mkdir()
    given = source
    if link == "symlink":
        (folder / "config.json").symlink_to(source)
    elif link == "hardlink":
        (folder / "config.json").hardlink_to(source)
    else:
        given = source.rename(folder / "config.json")

    with pytest.raises(OutputError, match=r"would replace an input:\n.*config.json\n.*another folder"):
        write(folder, inputs=[given], overwrite=True, announced=NAMES if announced else ["model.safetensors"])

    assert content_of(folder) == {"config.json": "input"}
    assert given.read_text() == "input"


def test_an_input_is_not_taken_for_old_weights(tmp_path: Path) -> None:
    source = tmp_path / "pytorch_model.bin"
    source.write_text("input")

    with pytest.raises(OutputError, match="would replace an input"):
        write(tmp_path, inputs=[source], overwrite=True)

    assert source.read_text() == "input"


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("old")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").symlink_to(tmp_path / "elsewhere")

    write(tmp_path / "out", overwrite=True)

    assert (tmp_path / "elsewhere").read_text() == "old"
    assert not (tmp_path / "out" / "config.json").is_symlink()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_never_replaced_by_a_file(overwrite: bool, tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()

    with pytest.raises(OutputError, match=r"a folder by a file:\n.*config.json"):
        write(tmp_path, overwrite=overwrite)

    assert content_of(tmp_path) == {"config.json": ""}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("target", "words"), [("file", "is a file"), ("nowhere", "is a link to nothing")])
def test_an_output_that_is_no_folder_is_refused(target: str, words: str, overwrite: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")

    with pytest.raises(OutputError, match=words):
        write(tmp_path / target, overwrite=overwrite)

    assert names_in(tmp_path) == ["file", "nowhere"]


def test_an_output_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(OutputError, match="cannot be written to: Not a directory"):
        write(tmp_path / "file" / "below" / "out")

    assert content_of(tmp_path) == {"file": "mine"}


def test_a_folder_behind_a_link_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    write(tmp_path / "link")

    assert names_in(tmp_path / "real") == sorted(NAMES)


# --------------------------------------------------------------------------------------------------- what stays behind


class FailureError(Exception):
    """What goes wrong in the middle of the work."""


@pytest.mark.parametrize("target", ["out", "a/b/out", "a/b/model.bin", "existing", "existing/model.bin"])
@pytest.mark.parametrize("failure", [FailureError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_everything_as_it_was(target: str, failure: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "existing").mkdir()
    (tmp_path / "existing" / "notes.txt").write_text("mine")
    before = content_of(tmp_path)

    def fail() -> None:
        with atomic_output(Destination(tmp_path / target), NAMES, 0, [], overwrite=False) as staging:
            (staging.folder / "model.safetensors").write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()

    assert content_of(tmp_path) == before


def test_parents_that_others_use_meanwhile_stay(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_output(Destination(tmp_path / "a" / "b" / "out"), NAMES, 0, [], overwrite=False):
            (tmp_path / "a" / "other").write_text("theirs")
            raise FailureError

    with pytest.raises(FailureError):
        fail()

    assert content_of(tmp_path) == {"a": "", "a/other": "theirs"}


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def lose_the_race() -> None:
        with atomic_output(Destination(tmp_path), NAMES, 0, [], overwrite=False) as staging:
            (staging.folder / "config.json").write_text("new")
            (tmp_path / "config.json").write_text("theirs")

    with pytest.raises(OutputError, match="exists already"):
        lose_the_race()

    assert content_of(tmp_path) == {"config.json": "theirs"}


# ---------------------------------------------------------------------------------------------------------------- room


def test_room_is_looked_for_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=50_000_000))

    def ask(needed: int) -> None:
        with atomic_output(Destination(tmp_path / "a" / "out"), NAMES, needed, [], overwrite=False) as staging:
            assert needed < 40_000_000, "the work must not begin"
            (staging.folder / "config.json").write_text("new")

    with pytest.raises(
        OutputError, match=r"no room for the output: .*/a/out has 50,000,000 bytes left, 6\d,\d{3},\d{3}"
    ):
        ask(50_000_000)
    assert content_of(tmp_path) == {}

    ask(30_000_000)
    assert (tmp_path / "a" / "out" / "config.json").is_file()


def test_a_failure_of_the_disk_names_the_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_output(Destination(tmp_path / "out"), NAMES, 0, [], overwrite=False):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=f"{tmp_path}/out cannot be written to: No space left on device"):
        fail()

    assert content_of(tmp_path) == {}


# ---------------------------------------------------------------------------------------------------- several at a time


@pytest.mark.parametrize("existing", [False, True])
def test_the_second_of_two_conversions_is_told(existing: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    if existing:
        folder.mkdir()

    with atomic_output(Destination(folder), NAMES, 0, [], overwrite=True) as staging:
        with pytest.raises(OutputError, match="Another conversion is writing to"):
            write(folder, overwrite=True)
        (staging.folder / "config.json").write_text("first")

    assert content_of(tmp_path) == {"out": "", "out/config.json": "first"}


def test_the_second_is_told_though_the_folder_was_made_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "out"

    with atomic_output(Destination(folder), NAMES, 0, [], overwrite=False) as staging:
        folder.mkdir()
        with pytest.raises(OutputError, match="Another conversion is writing to"):
            write(folder)
        (staging.folder / "config.json").write_text("first")

    assert content_of(tmp_path) == {"out": "", "out/config.json": "first"}


def test_neighbours_do_not_disturb_each_other(tmp_path: Path) -> None:
    with atomic_output(Destination(tmp_path / "out"), NAMES, 0, [], overwrite=False) as staging:
        write(tmp_path / "out2")
        write(tmp_path / "[o]ut")
        write(tmp_path / "*")

        assert staging.folder.is_dir()
        (staging.folder / "config.json").write_text("new")

    assert names_in(tmp_path) == ["*", "[o]ut", "out", "out2"]


@pytest.mark.parametrize("name", ["out", "o[u]t", "o*t"])
@pytest.mark.parametrize("moment", ["before", "after", "into"])
def test_what_a_killed_run_left_is_cleaned_up_by_the_next(name: str, moment: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    prefix = folder / ".conversion" if moment == "into" else tmp_path / f".{name}"
    if moment != "before":  # the folder got its name, or had it all along
        folder.mkdir()
    left = Path(f"{prefix}.partial-abc")
    left.mkdir()
    (left / "model.safetensors").write_text("half")
    Path(f"{prefix}.lock").touch()

    write(folder, overwrite=True)

    assert names_in(tmp_path) == [name]
    assert names_in(folder) == sorted(NAMES)


def test_a_lock_that_is_held_is_respected_and_kept(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".out.lock"), pytest.raises(OutputError, match="Another conversion"):
        write(tmp_path / "out")

    write(tmp_path / "out")

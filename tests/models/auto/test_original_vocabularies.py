"""A vocabulary in the place of a checkpoint becomes a tokenizer, and nothing that is about models goes with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.shared.golden_cases import FIXTURES

import transformers
from transformers.commands.transformers_cli import main
from transformers.models.auto import original_vocabularies
from transformers.models.auto.original_tokenizers import FoundTokenizer

CACHE = FIXTURES / "transfo_xl" / "corpus-wt103" / "cache.pkl"


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Puts a tokenizer of two files in the place of the family's own; holds the files that it was to be made of."""
    given: list[Path] = []

    def find(model_type: str, place: Path, beside: Path, max_length: int | None) -> FoundTokenizer:
        assert (model_type, beside, max_length) == ("transfo-xl", place.parent, None)
        given.append(place)
        texts = {"vocab.txt": "the\n", "tokenizer_config.json": "{}\n"}
        return FoundTokenizer(assumed=["something"], texts=texts)

    monkeypatch.setattr(original_vocabularies, "find_tokenizer", find)
    return given


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def convert(source: Path, output: Path, *flags: str, model_type: str = "transfo_xl") -> int:
    return main(
        [
            "convert",
            f"--model_type={model_type}",
            f"--tf_checkpoint={source}",
            f"--pytorch_dump_output={output}",
            *flags,
        ]
    )


@pytest.mark.parametrize("model_type", ["transfo_xl", "transfo-xl", "auto"])
def test_a_vocabulary_becomes_a_folder_of_the_tokenizer_alone(
    model_type: str, tmp_path: Path, seen: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(CACHE, tmp_path / "out", model_type=model_type) == 0
    assert seen == [CACHE]
    assert files(tmp_path / "out") == ["tokenizer_config.json", "vocab.txt"]
    report = capsys.readouterr().out
    assert "written  TransfoXLTokenizer (transfo-xl)" in report
    assert "assumed  something" in report
    assert f"AutoTokenizer.from_pretrained('{tmp_path / 'out'}')" in report


def test_a_vocabulary_is_known_by_its_content_and_in_its_folder(tmp_path: Path, seen: list[Path]) -> None:
    shutil.copy(CACHE, tmp_path / "some.file")
    assert convert(tmp_path / "some.file", tmp_path / "one") == 0
    assert convert(CACHE.parent, tmp_path / "two") == 0
    assert seen == [tmp_path / "some.file", CACHE]


def test_a_checkpoint_in_the_folder_goes_first(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    shutil.copytree(FIXTURES / "transfo_xl" / "wt103-like", folder)
    shutil.copy(CACHE, folder)
    assert isinstance(
        transformers.convert_checkpoint(folder, tmp_path / "out"), transformers.conversion.ConversionReport
    )


def test_the_tokenizer_goes_beside_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    report = transformers.convert_checkpoint(CACHE, tmp_path)
    assert list(report.files) == ["tokenizer_config.json", "vocab.txt"]
    assert files(tmp_path) == ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]


def test_what_exists_is_replaced_only_if_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vocab.txt").write_text("mine")
    assert convert(CACHE, tmp_path) == 1
    assert "vocab.txt" in capsys.readouterr().err
    assert (tmp_path / "vocab.txt").read_text() == "mine"
    assert files(tmp_path) == ["vocab.txt"]
    assert convert(CACHE, tmp_path, "--overwrite") == 0
    assert (tmp_path / "vocab.txt").read_text() == "the\n"


@pytest.mark.parametrize("flag", ["--config=x.json", "--num_labels=2", "--architecture=TransfoXLModel", "--skip=a"])
def test_what_is_about_models_is_refused(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(CACHE, tmp_path / "out", flag) == 1
    assert f"  {flag.partition('=')[0]}\n" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_of_weights_is_no_output_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(CACHE, tmp_path / "model.safetensors") == 1
    assert "has no weights for" in capsys.readouterr().err
    assert files(tmp_path) == []


def test_another_family_has_no_use_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(CACHE, tmp_path / "out", model_type="bert") == 1
    assert "Transformer-XL data set" in capsys.readouterr().err


def test_a_dry_run_and_a_report_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(CACHE, tmp_path / "out", "--dry_run") == 0
    assert "becomes a TransfoXLTokenizer" in capsys.readouterr().out
    assert files(tmp_path) == []
    assert convert(CACHE, tmp_path / "out", "--quiet", f"--report={tmp_path / 'report.json'}") == 0
    assert capsys.readouterr().out == ""
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["tokenizer"] == "TransfoXLTokenizer"
    assert report["files"] == [str(tmp_path / "out" / name) for name in ("tokenizer_config.json", "vocab.txt")]


def test_it_is_recognised_and_the_command_that_converts_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(CACHE)]) == 0
    printed = capsys.readouterr().out
    assert f"{CACHE} is a vocabulary without a model: it becomes a TransfoXLTokenizer (transfo-xl)." in printed
    assert f"convert --model_type transfo-xl --tf_checkpoint {CACHE} --pytorch_dump_output X" in printed

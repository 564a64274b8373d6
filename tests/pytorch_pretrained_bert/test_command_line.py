from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.shared.golden_cases import FIXTURES, GoldenCase
from tests.shared.processes import run_python

from pytorch_pretrained_bert.command_line import COMMANDS, main
from transformers import TransfoXLTokenizer

#: Sub-command -> the case, and the arguments after its name, with {out} for the output.
CASES = {
    "convert_tf_checkpoint_to_pytorch": (
        "bert/pretraining",
        ["model.ckpt-1500", "bert_config.json", "{out}/pytorch_model.bin"],
    ),
    "convert_openai_checkpoint": ("gpt/lm-small", [".", "{out}", "config.json"]),
    "convert_transfo_xl_checkpoint": ("transfo_xl/wt103-like", ["model.ckpt-0", "{out}", "config.json"]),
    "convert_gpt2_checkpoint": ("gpt2/small", ["model.ckpt", "{out}", "hparams.json"]),
}


@pytest.mark.parametrize("command", CASES)
def test_a_command_converts(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, arguments = CASES[command]
    monkeypatch.chdir(FIXTURES / case)

    assert main([command, *(argument.format(out=tmp_path / "out") for argument in arguments)]) == 0

    assert {"pytorch_model.bin", "config.json"} <= {path.name for path in (tmp_path / "out").iterdir()}
    GoldenCase(FIXTURES / case).load_converted(tmp_path / "out")


def test_the_commands_are_these() -> None:
    assert [command.names for command in COMMANDS] == [(name,) for name in CASES]


def test_a_data_set_becomes_a_tokenizer(tmp_path: Path) -> None:
    source = FIXTURES / "transfo_xl/corpus-wt103-py2/cache.pkl"

    assert main(["convert_transfo_xl_checkpoint", str(source), str(tmp_path / "out")]) == 0

    assert len(TransfoXLTokenizer.from_pretrained(tmp_path / "out")) > 0
    assert not (tmp_path / "out" / "pytorch_model.bin").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["bert"], ["convert_tf_checkpoint_to_pytorch", "a", "b"], ["convert_gpt2_checkpoint", "a", "b", "c", "d"]],
    ids=" ".join,
)
def test_wrong_usage_prints_the_usage_and_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The older program printed it and exited with 0."""
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("usage: pytorch_pretrained_bert")


def test_a_failure_is_one_message_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = FIXTURES / "bert/pretraining/bert_config.json"
    checkpoint = FIXTURES / "gpt2/small/model.ckpt"

    assert main(["convert_tf_checkpoint_to_pytorch", str(checkpoint), str(config), str(tmp_path / "out.bin")]) == 1

    err = capsys.readouterr().err
    assert err.startswith("pytorch_pretrained_bert convert_tf_checkpoint_to_pytorch: ")
    assert "looks like GPT-2" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("pytorch_pretrained_bert", "convert_gpt2_checkpoint"),
        ("pytorch_pretrained_bert.convert_tf_checkpoint_to_pytorch", "--bert_config_file"),
        ("pytorch_pretrained_bert.convert_openai_checkpoint_to_pytorch", "--openai_checkpoint_folder_path"),
        ("pytorch_pretrained_bert.convert_gpt2_checkpoint_to_pytorch", "--gpt2_checkpoint_path"),
        ("pytorch_pretrained_bert.convert_transfo_xl_checkpoint_to_pytorch", "--transfo_xl_dataset_file"),
    ],
)
def test_modules_that_are_programs(module: str, words: str) -> None:
    finished = subprocess.run([sys.executable, "-m", module, "--help"], check=True, capture_output=True, text=True)

    assert words in finished.stdout
    assert finished.stderr == ""


def test_the_module_of_the_program_can_be_imported() -> None:
    run_python("from pytorch_pretrained_bert.__main__ import main\nassert callable(main)")

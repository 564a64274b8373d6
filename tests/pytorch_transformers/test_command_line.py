from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.shared.golden_cases import FIXTURES, GoldenCase
from tests.shared.processes import loaded_after, run_python

from pytorch_transformers.command_line import COMMANDS, main
from transformers import AutoTokenizer, BertForPreTraining, XLMTokenizer

#: Sub-command -> its other spelling, the case, the arguments after its name, with {out} for the output.
CASES = {
    "bert": (
        "convert_tf_checkpoint_to_pytorch",
        "bert/pretraining",
        ["model.ckpt-1500", "bert_config.json", "{out}/pytorch_model.bin"],
    ),
    "gpt": ("convert_openai_checkpoint", "gpt/lm-small", [".", "{out}", "config.json", "rocstories"]),
    "transfo_xl": ("convert_transfo_xl_checkpoint", "transfo_xl/wt103-like", ["model.ckpt-0", "{out}", "config.json"]),
    "gpt2": ("convert_gpt2_checkpoint", "gpt2/small", ["model.ckpt", "{out}", "hparams.json"]),
    "xlnet": ("convert_xlnet_checkpoint", "xlnet/sts-b", ["model.ckpt-120", "xlnet_config.json", "{out}", "STS-B"]),
    "xlm": ("convert_xlm_checkpoint", "xlm/mlm-3langs-gelu", ["best-valid_mlm_ppl.pth", "{out}"]),
}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def case_of(command: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[GoldenCase, list[str]]:
    """The case of a sub-command, whose folder is the current one from now on, and its arguments."""
    _, case, arguments = CASES[command]
    monkeypatch.chdir(FIXTURES / case)
    return GoldenCase(FIXTURES / case), [argument.format(out=out) for argument in arguments]


@pytest.mark.parametrize("command", CASES)
@pytest.mark.parametrize("spelling", [0, 1], ids=["short", "long"])
def test_both_spellings_convert(command: str, spelling: int, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, arguments = case_of(command, out, monkeypatch)

    assert main([(command, CASES[command][0])[spelling], *arguments]) == 0

    assert {"pytorch_model.bin", "config.json"} <= {path.name for path in out.iterdir()}
    model = case.load_converted(out)
    task = arguments[-1] if command in ("gpt", "xlnet") else None
    assert getattr(model.config, "finetuning_task", None) == task


def test_the_commands_are_these() -> None:
    assert {command.names[0]: command.names[1] for command in COMMANDS} == {name: CASES[name][0] for name in CASES}


def test_a_folder_that_exists_is_written_into(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the older program required it."""
    case, arguments = case_of("gpt2", out, monkeypatch)
    out.mkdir()
    (out / "notes.txt").write_text("mine")

    assert main(["gpt2", *arguments]) == 0

    assert (out / "notes.txt").read_text() == "mine"
    case.load_converted(out)


def test_the_vocabulary_of_xlm_is_written(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, arguments = case_of("xlm", out, monkeypatch)

    assert main(["xlm", *arguments]) == 0

    assert len(json.loads((out / "vocab.json").read_text())) == case.load_converted(out).config.vocab_size


def test_options_of_today_stand_behind_the_arguments_of_old(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, arguments = case_of("xlm", out, monkeypatch)

    assert main(["xlm", *arguments, "--tokenizer", str(FIXTURES / "xlm/tokenizer/codes"), "--quiet"]) == 0

    assert isinstance(AutoTokenizer.from_pretrained(out), XLMTokenizer)


def test_a_dry_run_writes_nothing(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, arguments = case_of("bert", out, monkeypatch)

    assert main(["bert", *arguments, "--dry_run"]) == 0

    assert "bert.embeddings.word_embeddings.weight" in capsys.readouterr().out
    assert not out.exists()


@pytest.mark.parametrize("name", ["dump", "dump.v2", "dump.safetensors"])
def test_bert_writes_one_weight_file_of_any_name(name: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, (checkpoint, config, _) = case_of("bert", out, monkeypatch)

    assert main(["bert", checkpoint, config, str(out / name)]) == 0

    assert (out / name).is_file()
    case.load_converted(out / name)


@pytest.mark.parametrize("place", ["corpus-wt103", "corpus-wt103/cache.pkl"])
def test_transformer_xl_looks_at_the_file_not_at_its_name(place: str, tmp_path: Path) -> None:
    """The older program took everything without ``ckpt`` in its path for a data set."""
    source = tmp_path / "my.ckpt.folder" / place
    shutil.copytree(FIXTURES / "transfo_xl" / "corpus-wt103", source.parent if source.suffix else source)
    assert main(["transfo_xl", str(source), str(tmp_path / "tokenizer")]) == 0

    model = tmp_path / "model"
    shutil.copytree(FIXTURES / "transfo_xl" / "wt103-like", model)
    for path in model.glob("model.ckpt-0.*"):
        path.rename(path.with_name(path.name.replace("ckpt-0", "step")))
    assert main(["transfo_xl", str(model / "model.step"), str(tmp_path / "out"), str(model / "config.json")]) == 0

    assert not (tmp_path / "tokenizer" / "pytorch_model.bin").exists()
    GoldenCase(FIXTURES / "transfo_xl" / "wt103-like").load_converted(tmp_path / "out")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["bert"],
        ["bert", "checkpoint", "config"],
        ["bert", "checkpoint", "config", "out", "one too many"],
        ["gpt2", "checkpoint"],
        ["gpt2", "checkpoint", ""],
        ["gpt2", "checkpoint", "out", "--config", "given twice"],
        ["xlm", "checkpoint", "out", "--max_shard_size", "1GB"],
    ],
    ids=" ".join,
)
def test_wrong_usage_prints_the_usage_and_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: pytorch_transformers")
    assert "error:" in err.splitlines()[-1]


def test_a_failure_is_one_message_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpt2", str(tmp_path / "absent"), str(tmp_path / "out")]) == 1

    err = capsys.readouterr().err
    assert err.startswith("pytorch_transformers gpt2: ")
    assert str(tmp_path / "absent") in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_exists_is_replaced_without_overwrite(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case, arguments = case_of("gpt2", out, monkeypatch)
    out.mkdir()
    (out / "pytorch_model.bin").write_text("mine")

    assert main(["gpt2", *arguments]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "pytorch_model.bin").read_text() == "mine"

    assert main(["gpt2", *arguments, "--overwrite"]) == 0
    case.load_converted(out)


def test_help_shows_the_grammar(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (["--help"], [name for names in CASES.items() for name in (names[0], names[1][0])]),
        (["xlnet", "--help"], ["TF_CHECKPOINT TF_CONFIG PYTORCH_DUMP_OUTPUT [FINETUNING_TASK]", "--overwrite"]),
        (["convert_xlm_checkpoint", "--help"], ["XLM_CHECKPOINT PYTORCH_DUMP_OUTPUT [XLM_CONFIG]"]),
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert all(word in printed for word in words)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "from pytorch_transformers.command_line import main\n"
        "try:\n    main(['bert', '--help'])\nexcept SystemExit:\n    pass"
    )
    assert loaded_after(code, ("huggingface_hub", "numpy", "safetensors", "tokenizers", "torch")) == []


def test_safetensors_need_no_torch(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, (checkpoint, config, _) = case_of("bert", out, monkeypatch)
    arguments = ["bert", checkpoint, config, str(out / "model.safetensors")]

    run_python(f"from pytorch_transformers.command_line import main\nassert main({arguments}) == 0", without_torch=True)

    case.load_converted(out)


def test_as_a_module_it_is_the_program(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, arguments = case_of("bert", out, monkeypatch)

    subprocess.run([sys.executable, "-m", "pytorch_transformers", "bert", *arguments], check=True, capture_output=True)

    BertForPreTraining.from_pretrained(out)


@pytest.mark.parametrize(
    "module",
    [
        "convert_tf_checkpoint_to_pytorch",
        "convert_openai_checkpoint_to_pytorch",
        "convert_gpt2_checkpoint_to_pytorch",
        "convert_transfo_xl_checkpoint_to_pytorch",
        "convert_xlnet_checkpoint_to_pytorch",
        "convert_xlm_checkpoint_to_pytorch",
    ],
)
def test_the_scripts_have_their_old_places(module: str) -> None:
    namespace: dict[str, object] = {}

    exec(f"from pytorch_transformers.{module} import {module} as script", namespace)

    assert callable(namespace["script"])


def test_the_script_of_the_documents_is_a_program(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, (checkpoint, config, output) = case_of("bert", out, monkeypatch)
    options = [f"--tf_checkpoint_path={checkpoint}", f"--bert_config_file={config}", f"--pytorch_dump_path={output}"]

    subprocess.run(
        [sys.executable, "-m", "pytorch_transformers.convert_tf_checkpoint_to_pytorch", *options],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    case.load_converted(out)


def test_the_module_of_the_program_can_be_imported() -> None:
    run_python("from pytorch_transformers.__main__ import main\nassert callable(main)")

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from transformers.commands.transformers_cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures" / "bert"
MODULE = [sys.executable, "-m", "transformers.commands.transformers_cli"]


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pre-training checkpoint as it was released; the current folder is the one above."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURES / "pretraining", tmp_path / "release")
    return Path("release")


def convert(*flags: str, source: str | Path = "release/model.ckpt-1500", output: str | Path = "out") -> int:
    return main(
        ["convert", "--model_type=bert", f"--tf_checkpoint={source}", f"--pytorch_dump_output={output}", *flags]
    )


def names_in(folder: str | Path) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


TOKENIZER = {"vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}


# ------------------------------------------------------------------------------------------------------ what is there


def test_a_folder_has_all_that_is_needed(release: Path) -> None:
    assert convert() == 0

    assert names_in("out") == {"config.json", "model.safetensors"} | TOKENIZER
    config = json.loads(Path("out/config.json").read_text())
    original = json.loads((release / "bert_config.json").read_text())
    assert config["architectures"] == ["BertForPreTraining"]
    assert config["model_type"] == "bert"
    assert config["hidden_act"] == "gelu_new"
    assert {name: config[name] for name in original if name in config and name != "hidden_act"} == {
        name: value for name, value in original.items() if name in config and name != "hidden_act"
    }


@pytest.mark.parametrize("name", ["my.safetensors", "my.bin", "my.pt", "my.pth"])
def test_configuration_and_tokenizer_go_beside_a_file(name: str, release: Path) -> None:
    if not name.endswith(".safetensors"):
        pytest.importorskip("torch")

    assert convert(output=f"out/{name}") == 0

    assert names_in("out") == {"config.json", name} | TOKENIZER


def test_a_file_of_torch_is_the_state_dict_of_the_model(release: Path) -> None:
    """As scripts read it: ``model.load_state_dict(torch.load(file))``, names of tied parameters included."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertForPreTraining

    assert convert(output="out/pytorch_model.bin") == 0
    assert convert(output="plain") == 0

    state = torch.load("out/pytorch_model.bin", weights_only=True)
    model = BertForPreTraining(BertConfig.from_pretrained("out"))
    model.load_state_dict(state, strict=True)
    weights = sum(path.stat().st_size for path in (Path("out/pytorch_model.bin"), Path("plain/model.safetensors")))
    assert weights < 2.5 * Path("plain/model.safetensors").stat().st_size  # what is tied is stored once
    _, info = BertForPreTraining.from_pretrained("out", output_loading_info=True)
    assert not any(info.values())


@pytest.mark.parametrize(
    "source",
    [
        "release",
        "release/",
        "release/checkpoint",
        "release/model.ckpt-1500",
        "release/model.ckpt-1500.index",
        "release/model.ckpt-1500.data-00000-of-00001",
        "release/model.ckpt-1500.meta",
    ],
)
def test_a_checkpoint_can_be_named_in_many_ways(source: str, release: Path) -> None:
    assert convert("--quiet", source=source) == 0

    assert "bert.embeddings.word_embeddings.weight" in load_file("out/model.safetensors")


@pytest.mark.parametrize("model_type", ["bert", "BERT", "auto"])
def test_the_family_is_named_or_found_out(model_type: str, release: Path) -> None:
    assert convert("--model_type", model_type, "--quiet") == 0


def test_the_inputs_are_left_alone(release: Path) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in release.iterdir()}

    before = state()

    assert convert() == 0

    assert state() == before


def test_another_run_writes_the_same_bytes(release: Path) -> None:
    """In another process, where strings have other hashes."""
    contents = []
    for seed in ("1", "2"):
        flags = ["--model_type=auto", "--tf_checkpoint=release", f"--pytorch_dump_output=out{seed}", "--quiet"]
        subprocess.run([*MODULE, "convert", *flags], check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        contents.append({path.name: path.read_bytes() for path in Path(f"out{seed}").iterdir()})

    assert contents[0] == contents[1]


# -------------------------------------------------------------------------------------------------------------- flags


def test_the_task_is_kept(release: Path) -> None:
    assert convert("--finetuning_task_name", "mrpc") == 0

    assert json.loads(Path("out/config.json").read_text())["finetuning_task"] == "mrpc"


def test_the_data_type_is_kept(release: Path) -> None:
    assert convert("--dtype", "float16") == 0

    assert {str(values.dtype) for values in load_file("out/model.safetensors").values()} == {"float16"}
    config = json.loads(Path("out/config.json").read_text())
    assert "float16" in (config.get("dtype"), config.get("torch_dtype"))


def test_large_weights_are_spread_over_files(release: Path) -> None:
    assert convert("--max_shard_size", "20KB") == 0

    index = json.loads(Path("out/model.safetensors.index.json").read_text())
    shards = set(index["weight_map"].values())
    assert shards < names_in("out")
    assert sum(len(load_file(f"out/{shard}")) for shard in shards) == len(index["weight_map"]) == 62


def test_a_class_can_be_chosen_and_variables_left_out(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("--skip=cls/seq*", "--architecture=BertForMaskedLM") == 0

    out = capsys.readouterr().out
    assert "BertForMaskedLM" in out
    assert "6 variables: left out with --skip (cls/seq_relationship/output_bias, " in out
    assert not any("pooler" in name for name in load_file("out/model.safetensors"))


def test_heads_come_from_a_flag_where_no_file_has_them(release: Path) -> None:
    (release / "bert_config.json").unlink()
    assert convert(output="one") == 1

    assert convert("--num_heads", "3", output="two") == 0

    assert json.loads(Path("two/config.json").read_text())["num_attention_heads"] == 3


def test_what_exists_is_replaced_on_request(release: Path) -> None:
    assert convert("--dtype=float16") == 0
    small = Path("out/model.safetensors").stat().st_size

    assert convert() == 1
    assert Path("out/model.safetensors").stat().st_size == small
    assert convert("--overwrite") == 0
    assert Path("out/model.safetensors").stat().st_size > small


def test_it_can_be_written_beside_the_checkpoint_where_no_name_is_taken(release: Path) -> None:
    (release / "vocab.txt").unlink()
    before = names_in(release)

    assert convert(output="release") == 0

    assert names_in(release) - before == {"config.json", "model.safetensors"}


def test_a_dry_run_prints_the_mapping_and_writes_nothing(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path().rglob("*"))

    assert convert("--dry_run") == 0

    out = capsys.readouterr().out
    assert "bert.pooler.dense.weight" in out
    assert "bert/pooler/dense/kernel\n" in out
    assert "variables: state of the optimizer (bert/" in out
    assert sorted(Path().rglob("*")) == before


# ------------------------------------------------------------------------------------------------------------- output


def test_the_report_goes_to_standard_output_alone(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert() == 0

    out, err = capsys.readouterr()
    assert err == ""
    assert "all 62 tensors turned back into the source bit for bit" in out
    assert "transformers.BertForPreTraining.from_pretrained('out')" in out


def test_quiet_is_quiet(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("--quiet") == 0

    assert capsys.readouterr() == ("", "")


def test_the_line_of_the_report_loads_the_model(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert convert(output="my model/weights.bin") == 0
    line = capsys.readouterr().out.splitlines()[-1].removeprefix("load it").strip()

    loaded = subprocess.run(
        [sys.executable, "-c", f"import transformers\nprint(type({line}).__name__)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout == "BertForPreTraining\n"


def test_the_report_is_written_for_programs(release: Path) -> None:
    assert convert("--report", "report.json") == 0

    report = json.loads(Path("report.json").read_text())
    assert report["architecture"] == "BertForPreTraining"
    assert report["tensors"] == 62
    assert report["round_trip"] is True
    assert {Path(name).name for name in report["files"]} == names_in("out")
    assert all(Path(name).is_file() for name in report["files"])


def test_without_verification_the_report_says_so(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("--no_verify") == 0

    assert "round trip not verified" in capsys.readouterr().out


def test_progress_is_shown_on_a_terminal_only(release: Path) -> None:
    command = [*MODULE, "convert", "--model_type=bert", "--tf_checkpoint=release"]
    leader, terminal = pty.openpty()
    termios.tcsetwinsize(leader, (24, 80))
    with subprocess.Popen([*command, "--pytorch_dump_output=one"], stderr=terminal, stdout=subprocess.DEVNULL):
        shown = os.read(leader, 100)
    os.close(terminal)
    os.close(leader)

    piped = subprocess.run([*command, "--pytorch_dump_output=two"], check=True, capture_output=True)

    assert b"converting" in shown
    assert piped.stderr == b""


def test_debug_shows_where_it_happened(release: Path) -> None:
    from transformers.errors import UserError

    with pytest.raises(UserError):
        convert("--debug", source="nowhere/model.ckpt")

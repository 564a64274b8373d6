"""The conversion files as scripts: the options that they have always had, the functions, and what they write."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.shared.golden_cases import FIXTURES, GoldenCase
from tests.shared.processes import run_python

from transformers import AutoTokenizer, TransfoXLTokenizer
from transformers.conversion import ConversionReport
from transformers.conversion.script import Script
from transformers.errors import UserError


@dataclass(frozen=True)
class Expected:
    """A script: where it is, its options in the order of its function, and what it converts here."""

    module: str
    function: str
    options: tuple[str, ...]
    case: str
    values: tuple[str, ...]

    @property
    def script(self) -> Script:
        found: Script = getattr(importlib.import_module(f"transformers.models.{self.module}"), self.function)
        return found

    @property
    def golden(self) -> GoldenCase:
        return GoldenCase(FIXTURES / self.case)

    def given(self, output: str) -> list[str]:
        """The values of the arguments; those that are empty are not given."""
        found = [
            str(FIXTURES / self.case / value) if value not in ("", OUTPUT, "STS-B") else value for value in self.values
        ]
        return [output if value == OUTPUT else value for value in found]

    def options_for(self, output: str) -> list[str]:
        """The same as options."""
        pairs = zip(self.options, self.given(output), strict=True)
        return [word for option, value in pairs if value for word in (f"--{option}", value)]


OUTPUT = "(output)"

BERT = Expected(
    "bert.convert_bert_original_tf_checkpoint_to_pytorch",
    "convert_tf_checkpoint_to_pytorch",
    ("tf_checkpoint_path", "bert_config_file", "pytorch_dump_path"),
    "bert/pretraining",
    ("model.ckpt-1500", "bert_config.json", OUTPUT),
)
ALBERT = Expected(
    "albert.convert_albert_original_tf_checkpoint_to_pytorch",
    "convert_tf_checkpoint_to_pytorch",
    ("tf_checkpoint_path", "albert_config_file", "pytorch_dump_path"),
    "albert/pretraining-v2",
    ("model.ckpt-1250", "albert_config.json", OUTPUT),
)
GPT = Expected(
    "openai.convert_openai_original_tf_checkpoint_to_pytorch",
    "convert_openai_checkpoint_to_pytorch",
    ("openai_checkpoint_folder_path", "openai_config_file", "pytorch_dump_folder_path"),
    "gpt/lm-small",
    (".", "", OUTPUT),
)
GPT2 = Expected(
    "gpt2.convert_gpt2_original_tf_checkpoint_to_pytorch",
    "convert_gpt2_checkpoint_to_pytorch",
    ("gpt2_checkpoint_path", "gpt2_config_file", "pytorch_dump_folder_path"),
    "gpt2/small",
    ("model.ckpt", "hparams.json", OUTPUT),
)
TRANSFO_XL = Expected(
    "transfo_xl.convert_transfo_xl_original_tf_checkpoint_to_pytorch",
    "convert_transfo_xl_checkpoint_to_pytorch",
    ("tf_checkpoint_path", "transfo_xl_config_file", "pytorch_dump_folder_path", "transfo_xl_dataset_file"),
    "transfo_xl/wt103-like",
    ("model.ckpt-0", "config.json", OUTPUT, ""),
)
XLNET = Expected(
    "xlnet.convert_xlnet_original_tf_checkpoint_to_pytorch",
    "convert_xlnet_checkpoint_to_pytorch",
    ("tf_checkpoint_path", "xlnet_config_file", "pytorch_dump_folder_path", "finetuning_task"),
    "xlnet/sts-b",
    ("model.ckpt-120", "xlnet_config.json", OUTPUT, "STS-B"),
)
XLM, XLM_AS_TENSORFLOW = (
    Expected(
        f"xlm.convert_xlm_original_{kind}_checkpoint_to_pytorch",
        "convert_xlm_checkpoint_to_pytorch",
        ("xlm_checkpoint_path", "pytorch_dump_folder_path"),
        "xlm/mlm-3langs-gelu",
        ("best-valid_mlm_ppl.pth", OUTPUT),
    )
    for kind in ("pytorch", "tf")
)
T5 = Expected(
    "t5.convert_t5_original_tf_checkpoint_to_pytorch",
    "convert_tf_checkpoint_to_pytorch",
    ("tf_checkpoint_path", "config_file", "pytorch_dump_path"),
    "t5/v1.0-relu-tied",
    ("model.ckpt-1000", "t5_config.json", OUTPUT),
)

SCRIPTS = (BERT, ALBERT, GPT, GPT2, TRANSFO_XL, XLNET, XLM, XLM_AS_TENSORFLOW, T5)
OF_A_FILE = (BERT, ALBERT)


def output_of(script: Expected) -> str:
    return "out/pytorch_model.bin" if script in OF_A_FILE else "out"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(script: Expected, arguments: Sequence[str]) -> Any:
    """Runs a script as a program in this process; its exit status."""
    with pytest.raises(SystemExit) as left:
        script.script.main(arguments)
    return left.value.code


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.module)
def test_a_script_takes_the_options_that_it_has_always_had(
    script: Expected, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(script, script.options_for(output_of(script))) == 0

    assert "load it " in capsys.readouterr().out
    assert {"pytorch_model.bin", "config.json"} <= {path.name for path in Path("out").iterdir()}
    script.golden.load_converted(Path("out"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.module)
def test_its_function_takes_them_in_their_order_and_by_name(script: Expected) -> None:
    given = [value or None for value in script.given(output_of(script))]

    report = script.script(*given)
    script.script(**dict(zip(script.options, given, strict=True)), overwrite=True)

    assert isinstance(report, ConversionReport)
    script.golden.load_converted(Path("out"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.module)
def test_wrong_usage_exits_with_2(script: Expected, capsys: pytest.CaptureFixture[str]) -> None:
    output = f"--{next(option for option in script.options if 'dump' in option)}"

    for wrong in ([], ["--nonsense"], [f"{output}=out"], [*script.options_for("out"), f"{output}="]):
        assert run(script, wrong) == 2
        assert "usage:" in capsys.readouterr().err
    assert not Path("out").exists()


def test_as_a_module_it_is_a_program() -> None:
    command = [sys.executable, "-m", f"transformers.models.{BERT.module}"]

    done = subprocess.run(
        [*command, *BERT.options_for("out/pytorch_model.bin")], capture_output=True, text=True, check=True
    )
    again = subprocess.run([*command, *BERT.options_for("out/pytorch_model.bin")], capture_output=True, text=True)

    assert done.stderr == ""
    BERT.golden.load_converted(Path("out"))
    assert again.returncode == 1
    assert again.stderr.startswith("convert_bert_original_tf_checkpoint_to_pytorch.py: The output exists already:")
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize("script", [BERT, T5], ids=lambda script: script.module)
def test_safetensors_need_no_torch(script: Expected) -> None:
    arguments = script.options_for("out/model.safetensors")

    run_python(
        f"import runpy, sys\nsys.argv[1:] = {arguments}\n"
        f"runpy.run_module('transformers.models.{script.module}', run_name='__main__')",
        without_torch=True,
    )

    script.golden.load_converted(Path("out"))


def test_a_file_of_any_name_is_that_file() -> None:
    """As ``torch.save`` made it for these scripts, whose documents ask for no ending."""
    assert run(BERT, BERT.options_for("out/bert_dump")) == 0

    assert Path("out/bert_dump").is_file()
    BERT.golden.load_converted(Path("out/bert_dump"))


def test_options_that_only_the_command_has_are_said_to_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(GPT2.golden.folder, "copy")
    Path("copy/hparams.json").unlink()

    assert run(GPT2, ["--gpt2_checkpoint_path=copy", "--pytorch_dump_folder_path=out"]) == 1

    message = capsys.readouterr().err
    assert "--num_heads" in message
    assert "transformers-cli convert --model_type gpt2" in message.splitlines()[-1]


def test_nothing_that_exists_is_replaced_unless_asked_for() -> None:
    Path("out").mkdir()
    Path("out/pytorch_model.bin").write_text("mine")

    with pytest.raises(UserError, match="exists already"):
        GPT2.script(*GPT2.given("out"))
    assert Path("out/pytorch_model.bin").read_text() == "mine"

    GPT2.script(*GPT2.given("out"), overwrite=True)
    GPT2.golden.load_converted(Path("out"))


def test_weights_that_would_be_loaded_instead_are_in_the_way() -> None:
    Path("out").mkdir()
    Path("out/model.safetensors").write_text("of another model")

    with pytest.raises(UserError, match=r"out/model\.safetensors"):
        GPT2.script(*GPT2.given("out"))


# -------------------------------------------------------------------------------- Transformer-XL: checkpoint, data set

DATA_SET = FIXTURES / "transfo_xl/corpus-wt103/cache.pkl"


def test_a_data_set_alone_becomes_a_tokenizer() -> None:
    TRANSFO_XL.script(None, "", "out", DATA_SET)

    assert isinstance(AutoTokenizer.from_pretrained("out"), TransfoXLTokenizer)
    assert not Path("out/pytorch_model.bin").exists()


def test_checkpoint_and_data_set_become_a_model_with_its_tokenizer() -> None:
    options = [*TRANSFO_XL.options_for("out"), f"--transfo_xl_dataset_file={DATA_SET}"]

    assert run(TRANSFO_XL, options) == 0

    TRANSFO_XL.golden.load_converted(Path("out"))
    assert isinstance(AutoTokenizer.from_pretrained("out"), TransfoXLTokenizer)


def test_one_of_the_two_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(TRANSFO_XL, ["--pytorch_dump_folder_path=out"]) == 2

    assert "--tf_checkpoint_path --transfo_xl_dataset_file" in capsys.readouterr().err
    with pytest.raises(TypeError, match="tf_checkpoint_path"):
        TRANSFO_XL.script(None, None, "out", None)


def test_what_is_required_is_asked_for_by_name() -> None:
    with pytest.raises(TypeError, match="bert_config_file, pytorch_dump_path"):
        BERT.script(str(BERT.golden.folder))

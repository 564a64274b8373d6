"""What the tests of the way back have in common: checkpoints of all originals, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transformers import convert_checkpoint
from transformers.checkpoints import open_checkpoint
from transformers.conversion import ConversionReport
from transformers.conversion.export_files import ExportReport
from transformers.models.auto.exporting import export_checkpoint

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True)
class WayBackCase:
    """A checkpoint of an original.

    Attributes:
        name: Its folder among the fixtures.
        family: Its family, as a user spells it.
        checkpoint: What to convert, in this folder.
        config: The configuration to give, in this folder; none if it is empty.
        task: The task after which variables are named.
        target: What an export writes: the checkpoint's name in its folder, or nothing for the folder itself.
        config_file: The original's configuration file.
    """

    name: str
    family: str
    checkpoint: str = ""
    config: str = ""
    task: str | None = None
    target: str = "model.ckpt-9"
    config_file: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> Path:
        """The checkpoint."""
        return FIXTURES / self.name / self.checkpoint

    @property
    def is_of_tensorflow(self) -> bool:
        """Whether TensorFlow can read it."""
        return self.target.startswith("model.ckpt")

    def convert(self, output: Path) -> ConversionReport:
        """Converts it."""
        config = FIXTURES / self.name / self.config if self.config else None
        report = convert_checkpoint(self.source, output, self.family, config)
        assert isinstance(report, ConversionReport)
        return report

    def export(self, folder: Path, output: Path, **options: Any) -> ExportReport:
        """Exports a model of this kind to a folder."""
        return export_checkpoint(folder, output / self.target, self.family, finetuning_task_name=self.task, **options)

    def convert_back(self, exported: Path, output: Path) -> None:
        """Converts what an export wrote, with nothing but what stands beside it."""
        convert_checkpoint(exported / self.target if self.target else exported, output, self.family)


BERT, ALBERT = {"config_file": "bert_config.json"}, {"config_file": "albert_config.json"}
XLNET, T5 = {"config_file": "xlnet_config.json"}, {"config_file": "operative_config.gin"}
TRANSFO_XL = {"config": "config.json", "config_file": "flags.txt"}

CASES = [
    WayBackCase("bert/pretraining", "bert", **BERT),
    WayBackCase("bert/classifier-3-labels", "bert", **BERT),
    WayBackCase("bert/squad", "bert", **BERT),
    WayBackCase("albert/pretraining-v2", "albert", **ALBERT),
    WayBackCase("albert/classifier-3-labels", "albert", **ALBERT),
    WayBackCase("gpt/lm-small", "gpt", target="", config_file="config.json"),
    WayBackCase(
        "gpt/rocstories-finetuned", "gpt", "save/rocstories/best_params.jl", "config.json",
        target="best_params.jl", config_file="config.json",
    ),
    WayBackCase("gpt2/small", "gpt2", config_file="hparams.json"),
    WayBackCase("transfo_xl/wt103-like", "transfo_xl", **TRANSFO_XL),
    WayBackCase("transfo_xl/wt103-like-same-length", "transfo_xl", **TRANSFO_XL),
    WayBackCase("xlnet/pretrain", "xlnet", **XLNET),
    WayBackCase("xlnet/sts-b", "xlnet", task="sts-b", **XLNET),
    WayBackCase("xlm/mlm-3langs-gelu", "xlm", "best-valid_mlm_ppl.pth", target="best-valid_mlm_ppl.pth"),
    WayBackCase("xlm/clm-2langs-relu", "xlm", "best-valid_clm_ppl.pth", target="best-valid_clm_ppl.pth"),
    WayBackCase("t5/v1.0-relu-tied", "t5", **T5),
    WayBackCase("t5/v1.1-gated-gelu-untied", "t5", **T5),
]  # fmt: skip


def case(name: str) -> WayBackCase:
    """The case of a name."""
    return next(each for each in CASES if each.name == name)


def modern(name: str) -> str:
    """What Mesh-TensorFlow calls a norm today."""
    return name.replace("/final_layer_norm/scale", "/rms_norm/scale").replace("/layer_norm/scale", "/rms_norm/scale")


def variables(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """What is in a checkpoint."""
    with open_checkpoint(path) as checkpoint:
        return {name: np.array(checkpoint.read(name)) for name in checkpoint.variables}

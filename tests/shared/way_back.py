"""What the tests of the way back have in common: checkpoints of the original codes, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from transformers.checkpoints import open_checkpoint

FIXTURES = Path(__file__).parents[1] / "fixtures"
#: Case -> family, the original's configuration file, and the task after which variables are named.
CASES = {
    "bert/pretraining": ("bert", "bert_config.json", None),
    "bert/classifier-3-labels": ("bert", "bert_config.json", None),
    "albert/pretraining-v2": ("albert", "albert_config.json", None),
    "albert/classifier-3-labels": ("albert", "albert_config.json", None),
    "gpt2/small": ("gpt2", "hparams.json", None),
    "xlnet/pretrain": ("xlnet", "xlnet_config.json", None),
    "xlnet/sts-b": ("xlnet", "xlnet_config.json", "sts-b"),
    "t5/v1.0-relu-tied": ("t5", "operative_config.gin", None),
    "t5/v1.1-gated-gelu-untied": ("t5", "operative_config.gin", None),
}


def modern(name: str) -> str:
    """What Mesh-TensorFlow calls a norm today."""
    return name.replace("/final_layer_norm/scale", "/rms_norm/scale").replace("/layer_norm/scale", "/rms_norm/scale")


def variables(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with open_checkpoint(path) as checkpoint:
        return {name: np.array(checkpoint.read(name)) for name in checkpoint.variables}

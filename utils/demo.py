"""Converts a BERT checkpoint in its original format, loads it, and holds it against the original code.

The checkpoint is a small one that google-research/bert wrote under TensorFlow, and beside it lies what that code
computed from some inputs. TensorFlow has no part in the demonstration.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from transformers import BertForPreTraining

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINT = Path("tests/fixtures/bert/pretraining")
OUTPUT = Path("demo_output/bert")

#: Both sides compute in float32; this is what the order of additions may cost.
TOLERANCE = 1e-5


#: So many lines are shown of a plan, which has one for every tensor and for every variable that is not used.
SHOWN = 12


def main() -> int:
    """Runs the demonstration; the exit status is 0 if all outputs are within the tolerance."""
    plan = convert("--dry_run", stdout=subprocess.PIPE).splitlines()
    print(*plan[:SHOWN], f"… {len(plan) - SHOWN - 1} more lines …", plan[-1], sep="\n")
    convert("--overwrite")
    return 0 if compare() else 1


def convert(*flags: str, stdout: int | None = None) -> str:
    """Runs the command that a user would type, and shows it; what it prints is returned if ``stdout`` is a pipe."""
    arguments = [
        "--model_type=bert",
        f"--tf_checkpoint={CHECKPOINT / 'model.ckpt-1500'}",
        f"--config={CHECKPOINT / 'bert_config.json'}",
        f"--pytorch_dump_output={OUTPUT}",
        *flags,
    ]
    print("\n$ transformers-cli convert", *arguments, sep=" \\\n    ", flush=True)
    program = [sys.executable, "-m", "transformers.commands.transformers_cli", "convert"]
    finished = subprocess.run([*program, *arguments], cwd=ROOT, stdout=stdout, text=True, check=False)
    if finished.returncode:
        sys.exit(finished.returncode)
    return finished.stdout or ""


def compare() -> bool:
    """Prints how far each output of the converted model is from the original's; whether all are within tolerance."""
    recorded = np.load(ROOT / CHECKPOINT / "io.npz")
    print(f"\n>>> model = BertForPreTraining.from_pretrained({str(OUTPUT)!r})")
    model = BertForPreTraining.from_pretrained(ROOT / OUTPUT)
    inputs = {name: torch.from_numpy(recorded[name]) for name in ("input_ids", "attention_mask", "token_type_ids")}
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
    computed = {
        "prediction_logits": outputs.prediction_logits,
        "seq_relationship_logits": outputs.seq_relationship_logits,
        "hidden_states": torch.stack(outputs.hidden_states),
    }

    print("\nLargest difference from what the original code computed:")
    differences = {name: float(np.abs(computed[name].numpy() - recorded[name]).max()) for name in computed}
    for name, difference in differences.items():
        print(f"  {name:<24} {tuple(recorded[name].shape)!s:<16} {difference:.1e}")
    exact = all(difference <= TOLERANCE for difference in differences.values())
    print(f"{'All are' if exact else 'NOT all are'} within {TOLERANCE:.0e}.")
    return exact


if __name__ == "__main__":
    sys.exit(main())

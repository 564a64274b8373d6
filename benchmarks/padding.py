"""From how much padding on it pays to leave it out: ``padding.py [--repeat N]``.

BERT with padding left out, in proportion to the same model with padding computed (CPU time, one thread, medians of
alternating calls): forward passes and training steps of the sequence classifier. Below 1 it pays. The constants
``LEAST_SHARE`` and ``LEAST_PER_ROW`` of ``transformers.modeling_padding`` follow from this table.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from transformers import BertConfig, BertForSequenceClassification, modeling_padding

#: Widths of the models, and the batches as rows and positions.
WIDTHS = (128, 768)
BATCHES = ((1, 32), (1, 128), (4, 32), (8, 32), (8, 128), (32, 64))
SHARES = (0.03, 0.06, 0.12, 0.25, 0.5)


def lengths(rows: int, positions: int, share: float) -> torch.Tensor:
    """Numbers of real tokens of which so large a share of the batch is padding; the first row is full if possible."""
    padding = round(rows * positions * share)
    padded = max(1, rows - 1)
    return torch.tensor([positions] * (rows - padded) + [positions - padding // padded] * padded).clamp(min=1)


def model_of(width: int, setting: bool | str) -> BertForSequenceClassification:
    """Two layers: what is done once is a larger part than in deeper models."""
    config = BertConfig(
        vocab_size=1000,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        skip_padding=setting,
    )
    return BertForSequenceClassification(config)


def job(model: BertForSequenceClassification, mask: torch.Tensor, *, training: bool) -> Callable[[], None]:
    """A forward pass, or forward and backward pass."""
    ids = torch.randint(1, 1000, mask.shape)
    labels = torch.zeros(len(mask), dtype=torch.long)
    model.train(training)

    def run() -> None:
        with torch.set_grad_enabled(training):
            output = model(input_ids=ids, attention_mask=mask, labels=labels)
            if training:
                output.loss.backward()

    return run


def proportion(one: Callable[[], None], other: Callable[[], None], repeat: int) -> float:
    """The median of the proportions of the CPU times of two jobs that take turns."""
    proportions = []
    for turn in range(repeat + 2):
        cost = {}
        for run in (one, other) if turn % 2 else (other, one):
            start = time.process_time()
            run()
            cost[run] = time.process_time() - start
        proportions.append(cost[one] / cost[other])
    return statistics.median(proportions[2:])


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=21)
    repeat = parser.parse_args().repeat
    torch.set_num_threads(1)
    modeling_padding.LEAST_SHARE, modeling_padding.LEAST_PER_ROW = 0.0, 0
    print("| width | batch | |" + "".join(f" {share:.0%} |" for share in SHARES))
    print("|---|---|---|" + "---|" * len(SHARES))
    for width in WIDTHS:
        models = model_of(width, "auto"), model_of(width, setting=False)
        for rows, positions in BATCHES:
            masks = [(torch.arange(positions) < lengths(rows, positions, share)[:, None]).long() for share in SHARES]
            for training in (False, True):
                jobs = ([job(model, mask, training=training) for model in models] for mask in masks)
                cells = "".join(f" {proportion(*pair, repeat):.2f} |" for pair in jobs)
                print(
                    f"| {width} | {rows} x {positions} | {'training' if training else 'forward'} |{cells}", flush=True
                )


if __name__ == "__main__":
    main()

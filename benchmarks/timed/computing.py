"""Times what a model computes, in any environment: ``computing.py JOB [--repeat N | --outputs FILE.npz]``.

A job is a JSON object: ``work`` (a function below), ``class``, ``folder``, ``load`` (arguments of ``from_pretrained``)
and the arguments of the function. Loading and the first run are not part of the figures.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from clock import Job, report

import transformers


def forward(model: Any, *, lengths: Sequence[int], time: int, output: str, **inputs: Any) -> Job:
    """One forward pass of a batch whose rows have so many real tokens and are padded to ``time``.

    Padded positions of what is computed are set to zero, as they mean nothing.
    """
    arguments = {**_batch(model, lengths, time), **inputs}

    @torch.no_grad()
    def job() -> dict[str, Any]:
        computed = getattr(model(**arguments), output)
        per_token = computed.shape[:2] == arguments["input_ids"].shape and "attention_mask" in arguments
        return {output: computed * arguments["attention_mask"][..., None] if per_token else computed}

    return job


def train(model: Any, *, lengths: Sequence[int], time: int, check: bool) -> Job:
    """A step: forward pass with labels, backward pass, AdamW. For a comparison: without dropout, loss and gradient."""
    arguments = {**_batch(model, lengths, time), "labels": torch.arange(len(lengths)) % 2}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    model.train(not check)

    def job() -> dict[str, Any]:
        optimizer.zero_grad(set_to_none=True)
        loss = model(**arguments).loss
        loss.backward()
        norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm() if check else loss
        optimizer.step()
        return {"loss": loss.detach(), "gradient": norm.detach()}

    return job


def generate(model: Any, *, batch: int, prompt: int, start: int = 1, **options: Any) -> Job:
    """Texts from random prompts; the tokens."""
    inputs = _ids(model, batch, prompt, start)

    def job() -> dict[str, Any]:
        return {"tokens": model.generate(inputs, attention_mask=torch.ones_like(inputs), **options)}

    return job


def evaluate(model: Any, *, batch: int, segment: int, segments: int) -> Job:
    """A Transformer-XL that reads a text in segments, each with the memory of those before; the losses."""
    ids = _ids(model, batch, segment * segments, 0).split(segment, dim=1)

    @torch.no_grad()
    def job() -> dict[str, Any]:
        mems, losses = None, []
        for part in ids:
            computed = model(input_ids=part, labels=part, mems=mems)
            mems = computed.mems
            losses.append(computed.losses if computed.losses.ndim else computed.losses[None])
        return {"losses": torch.stack([one.mean() for one in losses[1:]])}

    return job


def two_streams(model: Any, *, batch: int, time: int, targets: int) -> Job:
    """XLNet's pre-training pass: the last positions are predicted, in order, without seeing themselves."""
    ids = _ids(model, batch, time, 0)
    order = torch.arange(time)
    hidden = (order[None, :] >= order[:, None]) & (order[None, :] >= time - targets)
    arguments = {
        "input_ids": ids,
        "perm_mask": hidden.float().expand(batch, -1, -1).contiguous(),
        "target_mapping": torch.eye(time)[time - targets :].expand(batch, -1, -1).contiguous(),
    }

    @torch.no_grad()
    def job() -> dict[str, Any]:
        return {"logits": model(**arguments).logits}

    return job


def _ids(model: Any, batch: int, time: int, start: int) -> torch.Tensor:
    """The same random tokens in every environment."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(start, model.config.vocab_size, (batch, time), generator=generator)


def _batch(model: Any, lengths: Sequence[int], time: int) -> dict[str, torch.Tensor]:
    ids = _ids(model, len(lengths), time, 5)
    mask = (torch.arange(time) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": ids} if bool(mask.all()) else {"input_ids": ids * mask, "attention_mask": mask}


def _let_transfo_xl_run() -> None:
    """Repairs the one call for which every forward pass of the peer's Transformer-XL fails."""
    type_as = torch.Tensor.type_as

    def repaired(tensor: torch.Tensor, other: torch.Tensor | None = None, *, dtype: Any = None) -> torch.Tensor:
        return tensor.to(dtype) if other is None else type_as(tensor, other)

    torch.Tensor.type_as = repaired  # type: ignore[method-assign,assignment]


WORK: dict[str, Callable[..., Job]] = {
    "forward": forward,
    "train": train,
    "generate": generate,
    "evaluate": evaluate,
    "two_streams": two_streams,
}


def main() -> None:
    """Loads the model and does its job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=json.loads)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--outputs", type=Path)
    arguments = parser.parse_args()
    job = arguments.job
    work, name, folder, load = (job.pop(key) for key in ("work", "class", "folder", "load"))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    if name.startswith("TransfoXL"):
        os.environ.setdefault("TRUST_REMOTE_CODE", "True")
        _let_transfo_xl_run()
    model = getattr(transformers, name).from_pretrained(folder, **load)
    if work == "train":
        job["check"] = arguments.outputs is not None
    report(WORK[work](model, **job), repeat=arguments.repeat, outputs=arguments.outputs)


if __name__ == "__main__":
    main()

"""``from_pretrained`` of converted models, after the imports: beside the least that can be done with their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench import HERE, Bench, call
from contest import Contestant, OutputsDifferError, Row, Target
from measure import measure

REFERENCE = "transformers 4.46.3"

#: Name in ``make_checkpoints.py``, family, class.
MODELS = (("bert-base", "bert", "BertForPreTraining"), ("gpt2-124m", "gpt2", "GPT2LMHeadModel"))

_PROGRAM = str(HERE / "timed" / "loading.py")


def rows(bench: Bench) -> Iterator[Row]:
    """Each model from its folder."""
    for model, family, class_name in MODELS:
        folder = bench.work / "models" / model
        contestants = [
            Contestant(
                name=one.name,
                command=(one.program("python"), _PROGRAM, "from_pretrained", class_name, str(folder)),
                times_itself=True,
                unavailable=one.unavailable,
            )
            for one in bench.environments
        ]
        contestants.append(
            Contestant(
                name="plain load and assign",
                command=(bench.ours.program("python"), _PROGRAM, "load_and_assign", class_name, str(folder)),
                times_itself=True,
            )
        )
        yield Row(
            id=f"load/{model}",
            title=f"`{class_name}.from_pretrained`, safetensors, after the imports",
            contestants=contestants,
            reference=REFERENCE,
            targets=(Target("cpu_s", "ours", 0.9, beside=REFERENCE),),
            prepare=partial(_prepare, bench, model, family, folder),
            check=partial(_check, contestants),
            per_threads=True,
        )


def _prepare(bench: Bench, model: str, family: str, folder: Path) -> None:
    bench.write_checkpoint(model, slots=False)
    if not folder.exists():
        checkpoint = str(bench.checkpoint(model, slots=False))
        program = bench.ours.program("transformers-cli")
        call(
            [
                program,
                "convert",
                "--model_type",
                family,
                "--tf_checkpoint",
                checkpoint,
                "--pytorch_dump_output",
                str(folder),
            ]
        )


def _check(contestants: Sequence[Contestant], ran: frozenset[str]) -> list[str]:
    """Every contestant's model must hold the same parameters under the same names."""
    digests = {}
    for one in contestants:
        if one.name in ran:
            finished = measure([*one.command, "--digest"], one.variables)
            digests[one.name] = finished.answer if finished.status == 0 else finished.last_words
    if len(set(digests.values())) > 1:
        raise OutputsDifferError("; ".join(f"{name}: {digest}" for name, digest in digests.items()))
    return [f"the same parameters under the same names in {', '.join(digests)}"] if len(digests) > 1 else []

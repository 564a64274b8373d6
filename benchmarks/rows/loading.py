"""``from_pretrained`` of converted models, after the imports: beside the least that can be done with their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import HERE, Bench, call
from contest import Contestant, OutputsDifferError, Row, Target
from measure import measure
from peers import CONVERTING_PEER, NEWEST_PEER, OURS, Environment

_PROGRAM = str(HERE / "timed" / "loading.py")

_META_NOTE = (
    "On the meta device every module's initialisation still runs, on tensors without memory: most of that way's time."
)
_TIED_NOTE = (
    f"No target: {CONVERTING_PEER} fills the matrix of the tied decoder with random numbers before it ties it, also "
    "when it wrote the file itself, and that is most of its time here. `BertModel` is the fair comparison."
)


@dataclass(frozen=True, slots=True)
class Model:
    """A class and the converted checkpoint that it is loaded from.

    Attributes:
        id: What follows ``load/``.
        checkpoint: Name of the checkpoint in ``make_checkpoints.py``.
        family: Its ``--model_type``.
        class_name: The class.
        targets: What the row is built for.
        notes: What a reader must know.
    """

    id: str
    checkpoint: str
    family: str
    class_name: str
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()


_BUILT_FOR = (
    Target("cpu_s", OURS, 0.35, beside=NEWEST_PEER),
    Target("cpu_s", OURS, 0.9, beside=CONVERTING_PEER),
)
_BERT = Model("bert-base", "bert-base", "bert", "BertModel", _BUILT_FOR)
_GPT2 = Model("gpt2-124m", "gpt2-124m", "gpt2", "GPT2LMHeadModel", _BUILT_FOR)
_BERT_TIED = Model(
    id="bert-base-pretraining",
    checkpoint="bert-base",
    family="bert",
    class_name="BertForPreTraining",
    notes=(_TIED_NOTE,),
)


def rows(bench: Bench) -> Iterator[Row]:
    """Models from their folders: again and again, and for the first time in a process."""
    for model in (_BERT, _GPT2, _BERT_TIED):
        yield _row(bench, model, first=False)
    for model in (_BERT, _GPT2):
        yield _row(bench, model, first=True)


def _row(bench: Bench, model: Model, *, first: bool) -> Row:
    folder = bench.work / "models" / model.class_name

    def contestant(name: str, environment: Environment, way: str) -> Contestant:
        command = (environment.program("python"), _PROGRAM, way, model.class_name, str(folder))
        flags = ("--first",) if first else ()
        return Contestant(name, (*command, *flags), times_itself=True, unavailable=environment.unavailable)

    models = [contestant(one.name, one, "from_pretrained") for one in bench.environments]
    models.append(contestant("load_file, meta device, assign", bench.ours, "load_and_assign"))
    when = "the first load of a process" if first else "after the first load"
    return Row(
        id=f"load/{model.id}" + ("-first" if first else ""),
        title=f"`{model.class_name}.from_pretrained` of safetensors, imports not counted, {when}",
        contestants=[*models, contestant("load_file alone", bench.ours, "read_file")],
        reference=NEWEST_PEER,
        targets=model.targets,
        notes=(*model.notes, _META_NOTE),
        prepare=partial(_prepare, bench, model, folder),
        check=partial(_check, models),
        per_threads=not first,
    )


def _prepare(bench: Bench, model: Model, folder: Path) -> None:
    """Converts the checkpoint to a file of the very class that is loaded, whatever else is in the checkpoint."""
    if not folder.exists():
        bench.write_checkpoint(model.checkpoint, slots=False)
        call((
            bench.ours.program("transformers-cli"), "convert",
            "--model_type", model.family, "--architecture", model.class_name,
            "--tf_checkpoint", str(bench.checkpoint(model.checkpoint, slots=False) / "model.ckpt"),
            "--pytorch_dump_output", str(folder),
        ))  # fmt: skip


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

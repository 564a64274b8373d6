"""Original checkpoints to PyTorch weights, beside a copy of their files and the older tool with its TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import HERE, Bench, compare
from contest import Contestant, Row, Target
from peers import CONVERTING_PEER, OURS

#: The peer that converts original checkpoints; later releases of it do not.

UNVERIFIED = f"{OURS}, --no_verify"

# The peer's command lines. Some of its converters want the name of a file for their output, others a folder.
_COMMAND = (
    "transformers-cli", "convert", "--model_type", "{model_type}", "--tf_checkpoint", "{checkpoint}",
    "--config", "{config}", "--pytorch_dump_output",
)  # fmt: skip
TO_FILE, TO_FOLDER = (*_COMMAND, "{file}"), (*_COMMAND, "{folder}")

#: The command does not know this family any more.
SCRIPT_OF_TRANSFO_XL = (
    "python", "-m", "transformers.models.deprecated.transfo_xl.convert_transfo_xl_original_tf_checkpoint_to_pytorch",
    "--tf_checkpoint_path", "{checkpoint}", "--transfo_xl_config_file", "{config}",
    "--pytorch_dump_folder_path", "{folder}",
)  # fmt: skip

CALLED_AS_SCRIPT = "The peer's command does not offer this family; its script is called."


@dataclass(frozen=True, slots=True)
class Family:
    """A model, and how the peer's result differs in form, though not in numbers.

    Attributes:
        model: Its name in ``make_checkpoints.py``.
        title: Its name for readers.
        model_type: The family, as both programs call it.
        checkpoint: What in the checkpoint's folder both are given; the folder itself if empty.
        config_file: The file beside it that the peer has to be given; none if empty.
        peer_command: The peer's program and arguments.
        peer_file: Name of the file that the peer writes.
        peer_needs: Variables of the environment without which the peer fails: it is run without them, and with them.
        comparison: Arguments of ``compare_weights.py``.
        notes: What a reader must know to judge the figures.
        with_slots: Whether there is a second row with the optimizer's slots in the checkpoint.
    """

    model: str
    title: str
    model_type: str
    checkpoint: str = "model.ckpt"
    config_file: str = ""
    peer_command: Sequence[str] = TO_FOLDER
    peer_file: str = "pytorch_model.bin"
    peer_needs: Mapping[str, str] = field(default_factory=dict)
    comparison: Sequence[str] = ()
    notes: Sequence[str] = ()
    with_slots: bool = False

    @property
    def reference(self) -> str:
        """Name of the contestant that runs the peer as it works."""
        return ", ".join([CONVERTING_PEER, *(f"{name}={value}" for name, value in self.peer_needs.items())])


FAMILIES = (
    Family(
        model="bert-base",
        title="BERT-base (110 M parameters)",
        model_type="bert",
        config_file="bert_config.json",
        peer_command=TO_FILE,
        comparison=(
            "--tied",
            "cls.predictions.decoder.weight=bert.embeddings.word_embeddings.weight",
            "cls.predictions.decoder.bias=cls.predictions.bias",
        ),
        with_slots=True,
    ),
    Family(
        model="gpt2-124m",
        title="GPT-2 (124 M parameters)",
        model_type="gpt2",
        config_file="hparams.json",
        comparison=("--peer_prefix", "transformer."),
        with_slots=True,
    ),
    Family(
        model="albert-base",
        title="ALBERT-base (12 M parameters)",
        model_type="albert",
        config_file="albert_config.json",
        peer_command=TO_FILE,
        comparison=(
            "--tied",
            "predictions.decoder.weight=albert.embeddings.word_embeddings.weight",
            "predictions.decoder.bias=predictions.bias",
        ),
        notes=("Most of the time of either is its start; the weights are 45 MiB.",),
    ),
    Family(
        model="gpt",
        title="OpenAI GPT (117 M parameters), the released folder of NumPy files",
        model_type="gpt",
        checkpoint="",
        notes=("The peer wants a list of names that OpenAI's folder never had.",),
    ),
    Family(
        model="transfo-xl-base",
        title="Transformer-XL (151 M parameters), 16 layers, one table for the words of WikiText-103",
        model_type="transfo-xl",
        config_file="config.json",
        peer_command=SCRIPT_OF_TRANSFO_XL,
        notes=(CALLED_AS_SCRIPT,),
    ),
    Family(
        model="transfo-xl-base-div4",
        title="Transformer-XL (56 M parameters), the same with narrower vectors for rarer words",
        model_type="transfo-xl",
        config_file="config.json",
        peer_command=SCRIPT_OF_TRANSFO_XL,
        comparison=(
            "--computed",
            "transformer.pos_emb.inv_freq",
            "--tied",
            *(f"crit.out_layers.{n}.weight=transformer.word_emb.emb_layers.{n}.weight" for n in range(4)),
        ),
        notes=(CALLED_AS_SCRIPT,),
    ),
    Family(
        model="xlnet-base",
        title="XLNet-base (117 M parameters)",
        model_type="xlnet",
        config_file="xlnet_config.json",
        comparison=("--tied", "lm_loss.weight=transformer.word_embedding.weight"),
    ),
    Family(
        model="xlm-1024",
        title="XLM (142 M parameters), 6 layers of width 1024, 2 languages, a file of PyTorch in its legacy format",
        model_type="xlm",
        checkpoint="model.pth",
        peer_needs={"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        comparison=("--tied", "pred_layer.proj.weight=transformer.embeddings.weight"),
        notes=("With the variable the peer executes whatever the pickle says. It does not convert, but renames.",),
    ),
    Family(
        model="t5-v1.1-base",
        title="T5 1.1 base (248 M parameters), bfloat16 in the checkpoint",
        model_type="t5",
        config_file="t5_config.json",
        peer_file="model.safetensors",
        notes=("The converted weights are float32: twice as many bytes as `cp` copies.",),
    ),
)


def rows(bench: Bench) -> Iterator[Row]:
    """Each family, and some again with the optimizer's slots in their checkpoint."""
    for family in FAMILIES:
        for slots in (False, True) if family.with_slots else (False,):
            yield _row(_Job(bench, family, slots))


@dataclass(frozen=True, slots=True)
class _Job:
    """The paths of a row."""

    bench: Bench
    family: Family
    slots: bool

    @property
    def checkpoint(self) -> Path:
        """What is converted."""
        return self.bench.checkpoint(self.family.model, slots=self.slots) / self.family.checkpoint

    @property
    def weights_alone(self) -> Path:
        """The folder of the checkpoint without slots: as many bytes as a converted model has."""
        return self.bench.checkpoint(self.family.model, slots=False)

    def output(self, name: str) -> Path:
        """The folder of a contestant's output."""
        return self._output(name, slots=self.slots)

    def _output(self, name: str, *, slots: bool) -> Path:
        return self.bench.output(self.family.model, "with-slots" if slots else "plain", name)

    @property
    def peer_output(self) -> Path:
        """The peer's weights."""
        return self.output("peer") / self.family.peer_file

    @property
    def peer_output_of_plain(self) -> Path:
        """The peer's weights from the checkpoint without slots."""
        return self._output("peer", slots=False) / self.family.peer_file

    @property
    def leftovers(self) -> Sequence[Path]:
        """What no later row needs. The row with slots needs all that the one without them leaves of the peer."""
        if self.family.with_slots and not self.slots:
            return [self.output(name) for name in ("ours", "unverified", "copy")]
        return [self.bench.checkpoint(self.family.model, slots=self.slots), self.bench.output(self.family.model)]


def _row(job: _Job) -> Row:
    family = job.family
    contestants = [_ours(job, OURS, "ours"), _ours(job, UNVERIFIED, "unverified", "--no_verify"), _copy(job)]
    if CONVERTING_PEER in job.bench.peers:
        contestants.append(_peer(job, CONVERTING_PEER, {}))
        if family.peer_needs:
            contestants.append(_peer(job, family.reference, family.peer_needs))
    return Row(
        id=f"convert/{family.model}" + ("-adam" if job.slots else ""),
        title=f"convert {family.title}" + (" with Adam slots in the checkpoint" if job.slots else ""),
        contestants=contestants,
        reference=family.reference,
        targets=(
            Target("cpu_s", OURS, 0.30, beside=family.reference),
            Target("cpu_s", UNVERIFIED, 0.22, beside=family.reference),
            Target("peak_resident_mib", OURS, 250),
        ),
        notes=family.notes,
        prepare=partial(_prepare, job),
        check=partial(_check, job),
        removed_after=job.leftovers,
    )


def _prepare(job: _Job) -> None:
    for slots in {False, job.slots}:
        job.bench.write_checkpoint(job.family.model, slots=slots)
    job.peer_output.parent.mkdir(parents=True, exist_ok=True)


def _ours(job: _Job, name: str, folder: str, *flags: str) -> Contestant:
    output = job.output(folder)
    return Contestant(
        name=name,
        command=(
            job.bench.ours.program("transformers-cli"), "convert", "--model_type", job.family.model_type,
            "--tf_checkpoint", str(job.checkpoint), "--pytorch_dump_output", str(output), *flags,
        ),
        removed_before=(output,),
    )  # fmt: skip


def _copy(job: _Job) -> Contestant:
    target = job.output("copy")
    return Contestant(
        "cp of the weights' bytes", ("cp", "-r", str(job.weights_alone), str(target)), removed_before=(target,)
    )


def _peer(job: _Job, name: str, variables: Mapping[str, str]) -> Contestant:
    environment = job.bench.peers[CONVERTING_PEER]
    family, output = job.family, job.peer_output
    config = job.checkpoint.with_name(family.config_file) if family.config_file else ""
    places = {
        "model_type": family.model_type,
        "checkpoint": job.checkpoint,
        "config": config,
        "file": output,
        "folder": output.parent,
    }
    program, *arguments = (part.format(**places) for part in family.peer_command)
    return Contestant(
        name=name,
        command=(environment.program(program), *arguments),
        variables=variables,
        removed_before=(output,),
        unavailable=environment.unavailable,
    )


def _check(job: _Job, ran: frozenset[str]) -> list[str]:
    """Holds both of our outputs against the peer's.

    Where the peer fails on the slots, its output of the checkpoint without them stands in: the weights are the same.
    """
    peer = next((path for path in (job.peer_output, job.peer_output_of_plain) if path.exists()), None)
    of_plain = "" if peer == job.peer_output else " (its output of the checkpoint without slots)"
    found = []
    for name, folder in ((OURS, "ours"), (UNVERIFIED, "unverified")):
        if name not in ran:
            continue
        if peer is None:
            found.append(f"{name}: no output of a peer to compare with")
            continue
        ours = job.output(folder) / "model.safetensors"
        program = (sys.executable, str(HERE / "compare_weights.py"))
        said = compare([*program, str(ours), str(peer), *job.family.comparison])
        found.append(f"{name} and {job.family.reference}{of_plain}: {said}")
    return found

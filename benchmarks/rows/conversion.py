"""Original checkpoints to PyTorch weights, beside a copy of as many bytes and the older tool with its TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import HERE, Bench, compare
from contest import Contestant, Row, Target
from peers import OURS

#: The peer that converts original checkpoints; later releases of it do not.
CONVERTING_PEER = "transformers 4.46.3"

UNVERIFIED = f"{OURS}, --no_verify"


@dataclass(frozen=True, slots=True)
class Family:
    """A model, and how the peer's result differs in form, though not in numbers.

    Attributes:
        model: Its name in ``make_checkpoints.py``.
        title: Its name for readers.
        model_type: The family, as both programs call it.
        config_file: The file beside the checkpoint that the peer has to be given.
        peer_writes_folder: Whether the peer writes ``pytorch_model.bin`` into the folder that it is given, not a
            file of a given name.
        comparison: Arguments of ``compare_weights.py``.
    """

    model: str
    title: str
    model_type: str
    config_file: str
    peer_writes_folder: bool
    comparison: Sequence[str]


FAMILIES = (
    Family(
        model="bert-base",
        title="BERT-base (110 M parameters)",
        model_type="bert",
        config_file="bert_config.json",
        peer_writes_folder=False,
        comparison=(
            "--tied",
            "cls.predictions.decoder.weight=bert.embeddings.word_embeddings.weight",
            "cls.predictions.decoder.bias=cls.predictions.bias",
        ),
    ),
    Family(
        model="gpt2-124m",
        title="GPT-2 (124 M parameters)",
        model_type="gpt2",
        config_file="hparams.json",
        peer_writes_folder=True,
        comparison=("--peer_prefix", "transformer."),
    ),
)


def rows(bench: Bench) -> Iterator[Row]:
    """Each family, without and with the optimizer's slots in its checkpoint."""
    for family in FAMILIES:
        for slots in (False, True):
            yield _row(bench, family, slots=slots)


def _row(bench: Bench, family: Family, *, slots: bool) -> Row:
    id_ = f"convert/{family.model}" + ("-adam" if slots else "")
    contestants = [
        _ours(bench, family, OURS, (), slots=slots),
        _ours(bench, family, UNVERIFIED, ("--no_verify",), slots=slots),
        _copy(bench, family),
    ]
    if CONVERTING_PEER in bench.peers:
        contestants.append(_peer(bench, family, slots=slots))
    return Row(
        id=id_,
        title=f"convert {family.title}" + (" with Adam slots in the checkpoint" if slots else ""),
        contestants=contestants,
        reference=CONVERTING_PEER,
        targets=(
            Target("cpu_s", OURS, 0.30, beside=CONVERTING_PEER),
            Target("cpu_s", UNVERIFIED, 0.22, beside=CONVERTING_PEER),
            Target("peak_resident_mib", OURS, 250),
        ),
        prepare=partial(_prepare, bench, family, slots=slots),
        check=partial(_check, bench, family, slots=slots),
    )


def _prepare(bench: Bench, family: Family, *, slots: bool) -> None:
    bench.write_checkpoint(family.model, slots=False)
    bench.write_checkpoint(family.model, slots=slots)
    _peer_output(bench, family, slots=slots).parent.mkdir(parents=True, exist_ok=True)


def _ours(bench: Bench, family: Family, name: str, flags: Sequence[str], *, slots: bool) -> Contestant:
    folder = _our_output(bench, family, name, slots=slots).parent
    return Contestant(
        name=name,
        command=(
            bench.ours.program("transformers-cli"), "convert", "--model_type", family.model_type,
            "--tf_checkpoint", str(bench.checkpoint(family.model, slots=slots)),
            "--pytorch_dump_output", str(folder), *flags,
        ),
        removed_before=(folder,),
    )  # fmt: skip


def _copy(bench: Bench, family: Family) -> Contestant:
    """Copies the checkpoint without slots: as many bytes as a converted model has."""
    source = Path(f"{bench.checkpoint(family.model, slots=False)}.data-00000-of-00001")
    target = bench.output(family.model, "copy")
    return Contestant("cp of the weights' bytes", ("cp", str(source), str(target)), removed_before=(target,))


def _peer(bench: Bench, family: Family, *, slots: bool) -> Contestant:
    environment = bench.peers[CONVERTING_PEER]
    checkpoint = bench.checkpoint(family.model, slots=slots)
    output = _peer_output(bench, family, slots=slots)
    return Contestant(
        name=environment.name,
        command=(
            environment.program("transformers-cli"), "convert", "--model_type", family.model_type,
            "--tf_checkpoint", str(checkpoint),
            "--config", str(checkpoint.with_name(family.config_file)),
            "--pytorch_dump_output", str(output.parent if family.peer_writes_folder else output),
        ),
        removed_before=(output,),
        unavailable=environment.unavailable,
    )  # fmt: skip


def _our_output(bench: Bench, family: Family, name: str, *, slots: bool) -> Path:
    folder = "unverified" if name == UNVERIFIED else "ours"
    return bench.output(family.model, "with-slots" if slots else "plain", folder) / "model.safetensors"


def _peer_output(bench: Bench, family: Family, *, slots: bool) -> Path:
    return bench.output(family.model, "with-slots" if slots else "plain", "peer") / "pytorch_model.bin"


def _check(bench: Bench, family: Family, ran: frozenset[str], *, slots: bool) -> list[str]:
    """Holds both of our outputs against the peer's.

    Where the peer fails on the slots, its output of the checkpoint without them stands in: the weights are the same.
    """
    found = []
    peers = [_peer_output(bench, family, slots=case) for case in (slots, False)]
    peer = next((path for path in peers if path.exists()), None)
    program = str(HERE / "compare_weights.py")
    for name in (OURS, UNVERIFIED):
        if name not in ran:
            continue
        output = str(_our_output(bench, family, name, slots=slots))
        if peer is None:
            found.append(f"{name}: no output of a peer to compare with")
        else:
            of_plain = "" if peer == peers[0] else " (its output of the checkpoint without slots)"
            said = compare([sys.executable, program, output, str(peer), *family.comparison])
            found.append(f"{name} and {CONVERTING_PEER}{of_plain}: {said}")
    return found

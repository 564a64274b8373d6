"""What a user waits for before anything has been done: imports and ``--help``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench import Bench
from contest import Contestant, Row, Target
from peers import CONVERTING_PEER, NEWEST_PEER, OURS, Environment

#: With this it does not look at TensorFlow, and starts in half the time: as one has it who does not convert.
_WITHOUT_TENSORFLOW = {"USE_TF": "0"}


def rows(bench: Bench) -> Iterator[Row]:
    """The package, a model class, and the program's help."""
    yield _imports(bench, "import", "import transformers", "pass", 0.10)
    yield _imports(bench, "bert-model", "from transformers import BertModel", "import torch", 0.50)
    yield _helps(bench, "help", ("--help",))
    yield _helps(
        bench,
        "convert-help",
        ("convert", "--help"),
        Target("cpu_s", OURS, 0.03, beside=CONVERTING_PEER),
        Target("peak_resident_mib", OURS, 30),
    )


def _imports(bench: Bench, what: str, statement: str, floor: str, at_most: float) -> Row:
    contestants = _in_each_environment(bench.environments, "python", ("-c", statement))
    contestants.append(Contestant(f"python -c '{floor}'", (bench.ours.program("python"), "-c", floor)))
    target = Target("cpu_s", OURS, at_most, beside=NEWEST_PEER)
    return Row(f"start/{what}", f"`{statement}`", contestants, NEWEST_PEER, (target,))


def _helps(bench: Bench, what: str, arguments: Sequence[str], *targets: Target) -> Row:
    environments = [one for one in bench.environments if one.name != NEWEST_PEER]  # it converts nothing
    contestants = _in_each_environment(environments, "transformers-cli", arguments)
    return Row(f"start/{what}", f"`transformers-cli {' '.join(arguments)}`", contestants, CONVERTING_PEER, targets)


def _in_each_environment(
    environments: Sequence[Environment], program: str, arguments: Sequence[str]
) -> list[Contestant]:
    contestants = []
    for one in environments:
        command = (one.program(program), *arguments)
        contestants.append(Contestant(one.name, command, unavailable=one.unavailable))
        if one.name == CONVERTING_PEER:
            name = f"{one.name}, USE_TF=0"
            contestants.append(Contestant(name, command, _WITHOUT_TENSORFLOW, unavailable=one.unavailable))
    return contestants

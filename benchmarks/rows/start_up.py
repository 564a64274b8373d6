"""What a user waits for before anything has been done: imports and ``--help``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench import Bench
from contest import Contestant, Row, Target

REFERENCE = "transformers 4.46.3"


def rows(bench: Bench) -> Iterator[Row]:
    """The package, a model class, and the program's help."""
    yield _imports(bench, "import", "import transformers", "pass")
    yield _imports(bench, "bert-model", "from transformers import BertModel", "import torch")
    yield _helps(bench, "help", ("--help",))
    yield _helps(
        bench,
        "convert-help",
        ("convert", "--help"),
        Target("cpu_s", "ours", 0.03, beside=REFERENCE),
        Target("peak_resident_mib", "ours", 30),
    )


def _imports(bench: Bench, what: str, statement: str, floor: str) -> Row:
    contestants = [
        Contestant(one.name, (one.program("python"), "-c", statement), unavailable=one.unavailable)
        for one in bench.environments
    ]
    contestants.append(Contestant(f"python -c '{floor}'", (bench.ours.program("python"), "-c", floor)))
    return Row(f"start/{what}", f"`{statement}`", contestants, REFERENCE)


def _helps(bench: Bench, what: str, arguments: Sequence[str], *targets: Target) -> Row:
    contestants = [
        Contestant(one.name, (one.program("transformers-cli"), *arguments), unavailable=one.unavailable)
        for one in bench.environments
    ]
    title = f"`transformers-cli {' '.join(arguments)}`"
    return Row(f"start/{what}", title, contestants, REFERENCE, targets)

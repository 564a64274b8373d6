"""``inspect``: what is in a checkpoint, and what it looks like."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..checkpoints import CheckpointReader
    from ..conversion.survey import Survey


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares the command and its arguments."""
    parser = subparsers.add_parser(
        "inspect",
        help="show what is in an original checkpoint",
        description="Show the variables of an original checkpoint, the family and model class that it looks like and "
        "why, the configuration that can be inferred, and the command that converts it. Only the index is read.",
    )
    parser.add_argument("path", metavar="PATH", help="the checkpoint: its prefix, any of its files, or its folder")
    parser.add_argument("--all", action="store_true", help="list optimizer slots and the like, too")


def run(arguments: argparse.Namespace) -> int:
    """Prints what is in the checkpoint."""
    from ..checkpoints import open_checkpoint
    from ..models.auto.original_vocabularies import find_original_vocabulary

    if vocabulary := find_original_vocabulary(Path(arguments.path), "auto", {}):
        print(f"{vocabulary}.\n\nConvert it with:\n{_command(arguments.path, vocabulary.model_type)}")
        return 0
    with open_checkpoint(arguments.path) as checkpoint:
        for line in _describe(checkpoint, show_all=arguments.all):
            print(line)
    return 0


def _describe(checkpoint: CheckpointReader, *, show_all: bool) -> Iterator[str]:
    from ..conversion.rules import TRAINING_STATE
    from ..conversion.tree import tree_lines

    variables = checkpoint.variables
    state = {name for name in variables if any(rule.matches(name) for rule in TRAINING_STATE)}
    weights = [variable for name, variable in variables.items() if name not in state]
    yield f"{checkpoint.path}: {checkpoint.format}"
    yield f"{len(weights):,} variables, {sum(variable.size for variable in weights):,} parameters"
    if state:
        size = sum(variables[name].nbytes for name in state)
        yield f"{len(state):,} more hold the state of the training ({size:,} bytes)"
    yield ""
    yield from tree_lines(variables.values() if show_all else weights)
    yield ""
    yield from _recognised(checkpoint)


def _recognised(checkpoint: CheckpointReader) -> Iterator[str]:
    from ..conversion.layout import ConversionError
    from ..models.auto.original_checkpoints import recognise, survey_checkpoint

    try:
        families = recognise(checkpoint.variables)
    except ConversionError as error:
        yield str(error)
        return
    if not families:
        yield "It does not look like any family that is known here."
    for family in families:
        yield f"It looks like {family.title}: it has {family.anchor}."
        try:
            seen = survey_checkpoint(checkpoint, family)
        except ConversionError as error:
            yield str(error)
            continue
        yield from _survey_lines(seen)
        yield ""
        yield "Convert it with:"
        yield _command(checkpoint.path, family.model_type, seen.config.problems)


def _survey_lines(seen: Survey) -> Iterator[str]:
    head = sorted(seen.variables.stored_name(source) for source in seen.head if source in seen.variables)
    because = f": it has {', '.join(head[:3])}{', …' if len(head) > 3 else ''}" if head else ": it has no known head"
    yield f"It is for {seen.architecture}{because}."
    if seen.layout.missing:
        missing = [seen.variables.stored_name(name) for name in seen.layout.missing]
        yield f"It lacks {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}."
    yield ""
    yield "The configuration, as far as it can be inferred:"
    for name, value in seen.config.fields.items():
        assumed = seen.config.assumed.get(name)
        yield f"  {name} = {value!r}" + (f"   (assumed: {assumed})" if assumed else "")
    yield from (f"  {problem}" for problem in seen.config.problems)


def _command(path: Path | str, model_type: str, problems: Iterable[str] = ()) -> str:
    heads = " --num_heads N" if any("--num_heads" in problem for problem in problems) else ""
    return (
        f"  transformers-cli convert --model_type {model_type} --tf_checkpoint {shlex.quote(str(path))}{heads}"
        " --pytorch_dump_output X"
    )

"""What a checkpoint holds in the eyes of its family: the model class, the sizes, the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..checkpoints import CheckpointReader, Variable
from .configs import ConfigResult, ConfigSource, settle_config
from .family import Architecture, Family, Task
from .layout import ConversionError, Layout, VariableTable
from .mapping import ResolvedMaps, resolve_maps
from .new_heads import LabelCount, begin_head, said_labels
from .pieces import same_values
from .rules import matches_any


@dataclass(frozen=True)
class PlanRequest:
    """What the user asks for beyond the checkpoint itself.

    Attributes:
        configs: What configuration files and flags say, the more explicit first.
        architecture: The model class; found out from the variables if None.
        dtype: The data type of the output.
        skip: Patterns of variables that the user wants left out.
        maps: Mappings of variables that the family does not know, see :mod:`.mapping`.
        file_maps: Those of a converter file, whose names may be nearly right.
        init_missing: Whether parameters of the head that no variable holds are initialised.
    """

    configs: Sequence[ConfigSource] = ()
    architecture: str | None = None
    dtype: str = "float32"
    skip: Sequence[str] = field(default_factory=tuple)
    maps: Sequence[str] = field(default_factory=tuple)
    file_maps: Sequence[str] = field(default_factory=tuple)
    init_missing: bool = False


@dataclass(frozen=True)
class Survey:
    """What was found out about a checkpoint, problems included.

    Attributes:
        variables: Its variables under the family's names, less those that the user leaves out.
        left_out: Those.
        architecture: The model class that it is for.
        layout: The rules of that class, placed on the variables.
        head: The variables that the class's head reads, whether they are there or not.
        config: The configuration's fields and what is wrong with them.
        notes: What mappings did not say in so many words.
        new: The variables of the head that are in no checkpoint: what they stand for is initialised.
    """

    variables: VariableTable
    left_out: Sequence[Variable]
    architecture: str
    layout: Layout
    head: frozenset[str]
    config: ConfigResult
    notes: Sequence[str] = ()
    new: frozenset[str] = frozenset()


def survey(family: Family, checkpoint: CheckpointReader, request: PlanRequest) -> Survey:
    """Looks at a checkpoint without deciding what becomes of each variable.

    Raises:
        ConversionError: If it is not of this family, or the model class cannot be told.
    """
    kept = without(checkpoint.variables, request.skip)
    left_out = [each for name, each in checkpoint.variables.items() if name not in kept]
    variables = VariableTable(kept, family, partial(same_values, checkpoint))
    if not variables.is_of_family:
        raise ConversionError(
            f"{checkpoint.path} does not look like {family.title}: it has no variable {family.anchor}.",
            advice=f"See what is in it with: transformers-cli inspect {checkpoint.path}",
        )
    refuse_unsupported(family, variables)
    name = request.architecture or _of_task(family, request, _detect_architecture(family, variables), variables)
    architecture = _architecture(family, name)
    maps = _resolve_maps(family, name, request, variables)
    layout, new, problems = _place(family, name, request, maps, variables)
    variables = layout.variables
    labels = layout.sizes.get(architecture.labels)
    config = settle_config(family, _with_labels(request.configs, labels), layout)
    config.problems += problems
    config.problems += _label_problems(request.configs, labels, name, has_labels=bool(architecture.labels))
    config.problems += _task_problems(family, request, name, labels)
    head = _head_sources(family, architecture, variables)
    notes = (*_idle_skips(checkpoint.variables, request.skip), *maps.notes)
    return Survey(variables, left_out, name, layout, head, config, notes, new)


def _resolve_maps(family: Family, name: str, request: PlanRequest, variables: VariableTable) -> ResolvedMaps:
    skipped = (*family.skipped, *family.architectures[name].unused)
    return resolve_maps(
        family.rules(name),
        variables,
        request.maps,
        request.file_maps,
        lambda variable: any(rule.matches(variable) for rule in skipped),
        "" if request.architecture else f"The variables show a {name}: name another class with --architecture.",
    )


def _place(
    family: Family, name: str, request: PlanRequest, maps: ResolvedMaps, variables: VariableTable
) -> tuple[Layout, frozenset[str], Sequence[str]]:
    """The rules of the class on the variables; the stand-ins for what is to be new; what is wrong with these."""
    if not request.init_missing:
        return maps.apply(family.rules(name), variables), frozenset(), ()
    architecture = family.architectures[name]
    said = LabelCount.said(request.configs)
    encoder, base = architecture.encoder or family.encoder, _base_sources(family, variables)
    layout, new = begin_head(encoder, architecture, base, variables, maps.apply, said.count)
    unknown = architecture.labels and said.count is None and architecture.labels not in layout.sizes
    asked = ["num_labels   no file has it and no tensor shows it: give --num_labels N"] if unknown else []
    return layout, new, (said.problems or asked) if new or unknown else ()


def without(variables: Mapping[str, Variable], skip: Sequence[str]) -> dict[str, Variable]:
    """The variables but for those that a user leaves out."""
    return {name: variable for name, variable in variables.items() if not matches_any(name, skip)}


def _idle_skips(variables: Mapping[str, Variable], skip: Sequence[str]) -> list[str]:
    """What is said of patterns that leave nothing out: they may be misspelled, or meant for other checkpoints, too."""
    idle = [pattern for pattern in skip if not any(matches_any(name, [pattern]) for name in variables)]
    return [f"--skip '{pattern}' leaves nothing out: no variable matches it" for pattern in idle]


def refuse_unsupported(family: Family, variables: Mapping[str, Variable]) -> None:
    """Refuses relatives of a family, by what shows in their variables.

    Raises:
        ConversionError: With a variable for each thing that is different.
    """
    shown = [
        f"{next(iter(matching))}: {rule.reason}"
        for rule in family.unsupported
        if (matching := [name for name in variables if rule.matches(name)])
    ]
    if shown:
        raise ConversionError(f"This is not a {family.title} model that can be converted:", shown)


def _head_sources(family: Family, architecture: Architecture, variables: VariableTable) -> frozenset[str]:
    """What a head reads besides what the base model reads, too."""
    head = Layout.of(architecture.head, variables)
    return (head.sources | (head.copies & variables.keys())) - _base_sources(family, variables)


def _base_sources(family: Family, variables: VariableTable) -> frozenset[str]:
    """What the class of the base model reads besides the rules that all classes have in common."""
    return Layout.of(family.architectures[family.base_model].head, variables).sources


def _architecture(family: Family, name: str) -> Architecture:
    known = family.architectures
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise ConversionError(
            f"{family.title} has no architecture {name}.",
            [f"there are {', '.join(sorted(known))}"],
            f"Did you mean {close[0]}?" if close else "",
        )
    return known[name]


def _detect_architecture(family: Family, variables: VariableTable) -> str:
    """The class whose head has the most variables there.

    An incomplete head is chosen only if no complete one has as many: what it lacks is then reported as missing, instead
    of the head being passed over.
    """
    present: dict[str, frozenset[str]] = {}
    complete: set[str] = set()
    for name, architecture in family.architectures.items():
        head = _head_sources(family, architecture, variables)
        there = frozenset(source for source in head if source in variables)
        if architecture.detected and there:
            present[name] = there
            complete |= {name} if there == head else set()
    rank = {name: (len(there), name in complete) for name, there in present.items()}
    whole = [name for name in complete if not any(present[name] < other for other in present.values())]
    if len(whole) > 1:
        raise ConversionError(
            "The checkpoint has the heads of several architectures:",
            [f"{name}: {', '.join(sorted(present[name])[:3])}" for name in sorted(whole)],
            "Choose one with --architecture.",
        )
    return max(rank, key=lambda name: rank[name]) if rank else family.headless


def _of_task(family: Family, request: PlanRequest, detected: str, variables: VariableTable) -> str:
    """The class of the task, if its head has the very variables of the one that was detected, and that otherwise."""

    def head(name: str) -> frozenset[str]:
        return _head_sources(family, family.architectures[name], variables)

    named = [task.architecture for _, _, task in _tasks(family, request) if task.architecture is not None]
    alike = (name for name in named if head(name) == head(detected))
    return next(alike, detected)


def _tasks(family: Family, request: PlanRequest) -> Iterator[tuple[str, str, Task]]:
    """The tasks that the family knows: who names each, how, and what it means."""
    for source in request.configs:
        name = source.fields.get("finetuning_task")
        if isinstance(name, str) and family.find_task is not None and (task := family.find_task(name)) is not None:
            yield source.name, name, task


def _with_labels(configs: Sequence[ConfigSource], labels: int | None) -> list[ConfigSource]:
    """The configurations, and in front of them the number of labels that the head shows."""
    if labels is None:
        return list(configs)
    return [ConfigSource("the head in the checkpoint", {"num_labels": labels}, literal=True), *configs]


def _label_problems(
    configs: Sequence[ConfigSource], labels: int | None, architecture: str, *, has_labels: bool
) -> list[str]:
    """Where a configuration names another number of labels than the head has, or a flag one for a head without any."""
    said = [(source, *each) for source in configs for each in said_labels(source).items()]
    if labels is None:
        return (
            []
            if has_labels
            else [
                f"num_labels   {source.name} says {count}, {architecture} has no labels"
                for source, _, count in said
                if source.asked
            ]
        )
    return [
        f"{spelling}   {source.name} says {count}, the head in the checkpoint has {labels}"
        for source, spelling, count in said
        if count != labels
    ]


def _task_problems(family: Family, request: PlanRequest, architecture: str, labels: int | None) -> list[str]:
    """Where the checkpoint is not what one fine-tuned for the task would be.

    The head of a checkpoint may be left out on purpose: a model class that is asked for is not held against the task.
    """
    problems: list[str] = []
    for source, name, task in _tasks(family, request):
        said = f'finetuning_task   {source}: "{name}"'
        matches = task.architecture in (None, architecture)
        if not matches and request.architecture is None:
            problems.append(f"{said} needs the head of {task.architecture}, the checkpoint is for {architecture}")
        elif matches and labels is not None and task.labels not in (None, labels):
            problems.append(f"{said} has {task.labels} labels, the head in the checkpoint has {labels}")
    return problems

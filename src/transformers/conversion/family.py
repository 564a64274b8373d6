"""What a family declares about its original checkpoints; everything else about the conversion is shared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints import CheckpointReader, Variable
from ..configuration_utils import PretrainedConfig
from .initialisation import Initializer, usual_start
from .rules import Rules, SkipRule
from .way_back import WayBack

if TYPE_CHECKING:
    from .layout import VariableTable

#: Marks a field that has no default: it has to be given or to follow from the tensors.
REQUIRED: Any = object()

#: Marks a field that the original does not know: where it is absent the configuration class decides.
UNKNOWN_TO_THE_ORIGINAL: Any = object()


@dataclass(frozen=True)
class Implied:
    """What it says about a field of the configuration that certain variables are there.

    Attributes:
        value: Its value, where no file gives one.
        evidence: The variables, as in "the checkpoint has …/wi_0/kernel".
        agrees: Whether another value would do, too; only ``value`` does if None.
    """

    value: Any
    evidence: str
    agrees: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class ConfigField:
    """A field of the configuration.

    Attributes:
        name: The attribute of our configuration.
        kind: The type of its value.
        original: How the original's configuration file spells it; the same as ``name`` if empty.
        size: The symbol of the shapes whose size it is, or the index that runs up to it.
        default: What the original takes if the field is absent, in the original's words.
        translate: From the original's words to ours, where a word means something else there.
        words: The original's words, where they are translated: read backwards, they are all that it can express.
        nullable: Whether ``null`` is a value.
        least: The smallest value of a number; 1 where it is a size.
        most: The largest value of a number.
        implied: What the variables that are there say about it.
        may_differ: Whether files may contradict each other, because it is about training only: the first one counts.
        conversion_only: Whether it is no field of our configuration, but something that operations depend on.
    """

    name: str
    kind: type
    original: str = ""
    size: str = ""
    default: Any = REQUIRED
    translate: Callable[[Any], Any] | None = None
    words: tuple[Any, ...] = ()
    nullable: bool = False
    least: float = 0
    most: float = math.inf
    implied: Callable[[Mapping[str, Variable]], Implied | None] | None = None
    may_differ: bool = False
    conversion_only: bool = False

    @property
    def spelling(self) -> str:
        """How the original's file spells it."""
        return self.original or self.name


@dataclass(frozen=True)
class ReleasedModel:
    """A published model: recognised by its shapes, it settles what shapes do not tell.

    Attributes:
        name: What it is called.
        sizes: Symbols and indices -> their sizes.
        fields: Fields of our configuration -> their values.
    """

    name: str
    sizes: Mapping[str, int]
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Architecture:
    """A model class as the target of a conversion.

    Attributes:
        head: The rules of its head.
        encoder: The rules of the base model, where its keys are not those of the family's table.
        labels: The symbol whose size is the number of labels.
        detected: Whether a checkpoint with the head's variables is taken to be of this class.
        unused: Variables of the encoder that the class has no place for.
        refused: Variables of models that the class does not compute.
    """

    head: Rules = ()
    encoder: Rules = ()
    labels: str = ""
    detected: bool = True
    unused: tuple[SkipRule, ...] = ()
    refused: tuple[SkipRule, ...] = ()


@dataclass(frozen=True)
class Task:
    """What a checkpoint has that was fine-tuned for a task.

    Attributes:
        architecture: The model class; None if any may be for it.
        labels: The number of labels; None if the task does not have a certain one.
    """

    architecture: str | None
    labels: int | None = None


@dataclass(frozen=True)
class EmbeddedVocabulary:
    """The vocabulary that a checkpoint holds itself; files complete the tokenizer.

    Attributes:
        settings: Arguments of the tokenizer class's ``from_original``: the vocabulary, and what else is known.
        lacking: Argument for a file that the checkpoint lacks -> shell wildcards for its name, the likeliest first.
        alone: What can be written without these files: name -> content.
        assumed: What was assumed, and why.
    """

    settings: Mapping[str, Any]
    lacking: Mapping[str, Sequence[str]]
    alone: Mapping[str, str]
    assumed: Sequence[str] = ()


@dataclass(frozen=True)
class Family:
    """How the original checkpoints of a family become models.

    Attributes:
        model_type: As in the ecosystem's config.json.
        title: The family's name for people.
        config_class: Our configuration.
        anchor: A variable that every checkpoint of the family has, whatever its head.
        encoder: The rules of the base model, with the keys that they have in a model with a head.
        base_prefix: What the keys of a model with a head have in front of those of the base model.
        base_model: The class of the base model.
        headless: The class that a checkpoint without variables of a head becomes.
        architectures: Class name -> what it has besides the encoder, the base model included.
        skipped: Variables that are left out whatever the class.
        unsupported: Variables of relatives that are no models of this library, and what each shows.
        fields: The fields of the configuration.
        released: Published models.
        embedded_config: What a checkpoint says itself about the configuration, in the ecosystem's words.
        embedded_vocabulary: The vocabulary that a checkpoint holds itself, or None if it holds none.
        find_vocabulary: The file of a vocabulary without any model, if a path in the place of a checkpoint means one.
        canonical_names: The family's names of variables that the checkpoint only numbers, or names in another way.
        sparse_indices: Indices some of whose values may have no variables at all.
        config_files: Names of configuration files that stand beside a checkpoint, and how each is read.
        finish_config: Last word on the configuration's fields, given which variables are there; returns what is wrong.
        find_task: What a task of a given name means, or None if the name is not known.
        initial: What a parameter of a new head begins with.
        way_back: How models become original checkpoints.
    """

    model_type: str
    title: str
    config_class: Callable[..., PretrainedConfig]
    anchor: str
    encoder: Rules
    base_prefix: str
    base_model: str
    headless: str
    architectures: Mapping[str, Architecture]
    skipped: tuple[SkipRule, ...]
    fields: tuple[ConfigField, ...]
    released: Sequence[ReleasedModel] = ()
    embedded_config: Callable[[CheckpointReader], Mapping[str, Any]] | None = None
    embedded_vocabulary: Callable[[CheckpointReader], EmbeddedVocabulary | None] | None = None
    find_vocabulary: Callable[[Path], Path | None] | None = None
    canonical_names: Callable[[Mapping[str, Variable]], Mapping[str, str]] | None = None
    sparse_indices: tuple[str, ...] = ()
    config_files: Mapping[str, Callable[[Path], dict[str, Any]]] = field(default_factory=dict)
    unsupported: tuple[SkipRule, ...] = ()
    finish_config: Callable[[dict[str, Any], VariableTable], list[str]] | None = None
    find_task: Callable[[str], Task | None] | None = None
    initial: Initializer = usual_start
    way_back: WayBack | None = None

    def rules(self, architecture: str) -> Rules:
        """The table of a model class: the base model, and the head."""
        chosen = self.architectures[architecture]
        return (chosen.encoder or self.encoder) + chosen.head

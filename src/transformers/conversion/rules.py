"""The vocabulary in which a family writes down how the original's variables become parameters.

A table of rules is data: it is held against the original's variable list by eye, checked for being one-to-one when it
is declared, and read forwards by the conversion and backwards by the verification and the export.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from .operations import Constant, Copy, DropAxis, Operation, ShapeError, Transpose
from .shapes import SymbolicShape
from .templates import Template, Values

#: Sizes of symbols, lengths of indices, and fields of the configuration -> their values.
Sizes = Mapping[str, Any]

#: An operation, or how to make it from the values of the placeholders, the sizes and the configuration.
OperationMaker = Operation | Callable[[Values, Sizes], Operation]


@dataclass(frozen=True)
class Source:
    """A variable that a rule reads.

    Attributes:
        name: Its name.
        shape: Its shape in symbols; may hold the name's placeholders, as in ``"n{i} e{i}"``.
    """

    name: Template
    shape: str

    def symbolic_shape(self, values: Values) -> SymbolicShape:
        """The shape for the given values of the placeholders."""
        return _parse_shape(self.shape.format(**values))


_parse_shape = lru_cache(maxsize=4096)(SymbolicShape.parse)


@dataclass(frozen=True)
class TensorRule:
    """One parameter (or, with placeholders, one kind of parameter) and the variables that it comes from."""

    sources: tuple[Source, ...]
    target: Template
    operation: OperationMaker = field(default_factory=Copy)

    def make_operation(self, values: Values, sizes: Sizes) -> Operation:
        """The operation for the given values of the placeholders."""
        return self.operation if isinstance(self.operation, Operation) else self.operation(values, sizes)


@dataclass(frozen=True)
class TiedRule:
    """A key of the state dict that is another name of a parameter: it is not stored.

    Attributes:
        target: The key.
        original: The key of the parameter.
        copy: A variable that may hold the parameter's values once more.
    """

    target: Template
    original: Template
    copy: str = ""


@dataclass(frozen=True)
class Choice:
    """Rules that hold if a variable is there, and others that hold if it is not.

    Attributes:
        present: The variable.
        then: The rules if it is there.
        otherwise: The rules if it is not.
        for_each: Whether this is decided for each value of its indices, and not by whether there is any such variable.
        unlike: A variable whose values it must not repeat: one that does is as if it were not there.
        usual: Whether it belongs to a head that is new as a whole.
    """

    present: Template
    then: Rules
    otherwise: Rules = ()
    for_each: bool = False
    unlike: str = ""
    usual: bool = False


@dataclass(frozen=True)
class SkipRule:
    """Variables that are not weights, or that the target has no place for.

    Attributes:
        patterns: Shell wildcards over whole variable names.
        reason: Why they are left out, for the report.
    """

    patterns: tuple[str, ...]
    reason: str

    def matches(self, name: str) -> bool:
        """Whether the rule is about this variable."""
        return matches_any(name, self.patterns)


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether a whole variable name fits one of some shell wildcards."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


Rule = TensorRule | TiedRule | Choice
Rules = tuple[Rule, ...]


def table(*groups: Rules) -> Rules:
    """Puts the groups of a table together.

    Raises:
        ValueError: If two rules make the same parameter, or read the same whole variable, or if the two sides of a rule
            do not have the same placeholders, so that it could not be read backwards.
    """
    rules = tuple(rule for group in groups for rule in group)
    tensors = [rule for rule in rules if isinstance(rule, TensorRule)]
    targets = Counter(name for rule in rules if not isinstance(rule, Choice) for name in _spellings(rule.target))
    sources = Counter(name for rule in tensors if _reads_whole(rule) for name in _spellings(rule.sources[0].name))
    repeated = [name for counter in (targets, sources) for name, count in counter.items() if count > 1]
    if repeated:
        raise ValueError(f"not one-to-one: {', '.join(repeated)}")
    lopsided = [rule.target.text for rule in tensors if _reads_whole(rule) and not _same_placeholders(rule)]
    if lopsided:
        raise ValueError(f"different placeholders on the two sides: {', '.join(lopsided)}")
    return rules


def _reads_whole(rule: TensorRule) -> bool:
    return isinstance(rule.operation, Operation) and rule.operation.one_to_one


def _same_placeholders(rule: TensorRule) -> bool:
    return rule.sources[0].name.placeholders == rule.target.placeholders


def _spellings(template: Template) -> list[str]:
    """The template with its words filled in and its indices left as they are."""
    texts = [template.text]
    for name, words in template.words:
        texts = list(dict.fromkeys(text.replace(f"{{{name}}}", word) for text in texts for word in words))
    return texts


# ------------------------------------------------------------------------------------------------------ the vocabulary


def tensor(
    source: str, target: str, shape: str, operation: OperationMaker | None = None, **words: tuple[str, ...]
) -> Rules:
    """One variable becomes one parameter.

    Args:
        source: Name of the variable.
        target: Key in the state dict.
        shape: The variable's shape in symbols.
        operation: What is done to it; it is copied by default.
        **words: Placeholder -> the words that it stands for.
    """
    listed = tuple(words.items())
    return (TensorRule((Source(Template(source, listed), shape),), Template(target, listed), operation or Copy()),)


def linear(source: str, target: str, shape: str, *, bias: bool = True, **words: tuple[str, ...]) -> Rules:
    """A dense layer: ``kernel`` [in, out], transposed for a torch ``Linear``, and ``bias`` [out].

    Args:
        source: Scope of the layer.
        target: Name of the module.
        shape: Shape of the kernel, in symbols.
        bias: Whether the layer has a bias.
        **words: Placeholder -> the words that it stands for.
    """
    kernel = tensor(f"{source}/kernel", f"{target}.weight", shape, Transpose(), **words)
    return kernel + tensor(f"{source}/bias", f"{target}.bias", _last(shape), None, **words) if bias else kernel


def weight_rows(scope: str, target: str, shape: str) -> Rules:
    """A head that the original builds by hand: ``output_weights`` [out, in], not transposed, and ``output_bias`` [out].

    Args:
        scope: Scope of the two variables; empty for the top level.
        target: Name of the module.
        shape: Shape of the weights, in symbols.
    """
    prefix = f"{scope}/" if scope else ""
    weights = tensor(f"{prefix}output_weights", f"{target}.weight", shape)
    return weights + tensor(f"{prefix}output_bias", f"{target}.bias", _first(shape))


def layer_norm(source: str, target: str, shape: str, *, gain: str = "gamma", offset: str = "beta") -> Rules:
    """A layer normalization with gain and offset.

    Args:
        source: Scope of the layer.
        target: Name of the module.
        shape: Shape of either vector, in symbols.
        gain: What the original calls the gain.
        offset: What the original calls the offset.
    """
    return tensor(f"{source}/{gain}", f"{target}.weight", shape) + tensor(f"{source}/{offset}", f"{target}.bias", shape)


def convolution(source: str, target: str, shape: str) -> Rules:
    """A dense layer written as a convolution of width 1: ``w`` [1, in, out] and ``b`` [out], kept as [in, out].

    Args:
        source: Scope of the layer.
        target: Name of the module.
        shape: Shape of the weight without the width, in symbols.
    """
    weight = tensor(f"{source}/w", f"{target}.weight", f"1 {shape}", DropAxis(0))
    return weight + tensor(f"{source}/b", f"{target}.bias", _last(shape))


def constant(target: str, kind: str, shape: str) -> Rules:
    """A parameter that no variable holds, because the layout of the original implies its value.

    Args:
        target: Key in the state dict.
        kind: What it holds, see :class:`~transformers.conversion.operations.Constant`.
        shape: Its shape in symbols.
    """

    def make(values: Values, sizes: Sizes) -> Operation:
        symbolic = _parse_shape(shape.format(**values))
        known = [size for size in symbolic.sizes(sizes) if size is not None]
        if len(known) != len(symbolic.dimensions):
            raise ShapeError(f"nothing shows the size {symbolic.describe(sizes)} of the {kind} that it holds")
        return Constant(kind, tuple(known))

    return (TensorRule((), Template(target), make),)


def tied(target: str, original: str, *, copy: str = "") -> Rules:
    """A key of the state dict that is another name of the parameter ``original``.

    Args:
        target: The key.
        original: The key of the parameter.
        copy: A variable that may hold the parameter's values once more, and is left out; for :func:`when_different`.
    """
    return (TiedRule(Template(target), Template(original), copy),)


def when_present(
    variable: str, then: Rules, otherwise: Rules = (), *, usual: bool = False, **words: tuple[str, ...]
) -> Rules:
    """Rules that depend on whether the checkpoint has a variable, with any of the words in its name.

    Args:
        variable: The name.
        then: The rules if it is there.
        otherwise: The rules if it is not.
        usual: Whether a head that is new as a whole has it.
        **words: Placeholder -> the words that it stands for.
    """
    return (Choice(Template(variable, tuple(words.items())), then, otherwise, usual=usual),)


def when_different(variable: str, original: str, then: Rules, otherwise: Rules) -> Rules:
    """Rules that depend on whether a variable has values of its own; otherwise it repeats ``original`` or is absent."""
    return (Choice(Template(variable), then, otherwise, unlike=original),)


def for_each_present(variable: str, then: Rules, otherwise: Rules = ()) -> Rules:
    """Rules that depend on whether the checkpoint has a variable, decided for each value of the indices in its name.

    Args:
        variable: The name.
        then: Rules with the same indices, and no choices.
        otherwise: The same.
    """
    return (Choice(Template(variable), then, otherwise, for_each=True),)


def skip(*patterns: str, reason: str) -> SkipRule:
    """Variables (shell wildcards over whole names) that are left out for a reason."""
    return SkipRule(patterns, reason)


def optimizer_slots(*names: str) -> SkipRule:
    """State that an optimizer keeps beside each variable, under the variable's name and one of these."""
    return SkipRule(tuple(f"*/{name}" for name in names), "state of the optimizer")


def moved(rules: Rules, prefix: str) -> Rules:
    """The same rules for keys with something in front of them, as those of a base model inside of another module."""

    def place(key: Template) -> Template:
        return Template(prefix + key.text, key.words)

    def move(rule: Rule) -> Rule:
        if isinstance(rule, Choice):
            return replace(rule, then=moved(rule.then, prefix), otherwise=moved(rule.otherwise, prefix))
        if isinstance(rule, TiedRule):
            return replace(rule, target=place(rule.target), original=place(rule.original))
        return replace(rule, target=place(rule.target))

    return tuple(move(rule) for rule in rules)


def _first(shape: str) -> str:
    return shape.split()[0]


def _last(shape: str) -> str:
    return shape.split()[-1]


#: What training leaves behind in a checkpoint of any family.
TRAINING_STATE: tuple[SkipRule, ...] = (
    optimizer_slots("adam_m", "adam_v", "lamb_m", "lamb_v", "Adam", "Adam_1", "Momentum", "RMSProp", "RMSProp_1"),
    skip("*AdamWeightDecayOptimizer*", "*LAMBOptimizer*", "*/.OPTIMIZER_SLOT/*", reason="state of the optimizer"),
    skip("beta1_power", "beta2_power", "*/beta1_power", "*/beta2_power", reason="state of the optimizer"),
    skip("optimizer/*", "*/optimizer/*", reason="state of the optimizer"),
    skip("*_slot_m", "*_slot_v", "*_slot_vc", "*_slot_vr", "*_momentum_v", reason="state of the optimizer"),
    skip("*/ExponentialMovingAverage", reason="moving average of a variable"),
    skip("global_step", "*/global_step", "save_counter", reason="counter of the training"),
    skip("*loss_scale*", "good_steps", "*/good_steps", reason="loss scaling of the training"),
    skip("_CHECKPOINTABLE_OBJECT_GRAPH", "*/.ATTRIBUTES/OBJECT_CONFIG_JSON", reason="not a tensor"),
)

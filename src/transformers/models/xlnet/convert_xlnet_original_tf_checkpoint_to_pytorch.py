"""The original XLNet checkpoints (zihangdai/xlnet) as models of this library.

V vocabulary, M width, N heads, D width of a head, I width of the feed-forward layers, C labels; l counts the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._files import read_json_object
from ...checkpoints import Variable
from ...conversion.family import (
    UNKNOWN_TO_THE_ORIGINAL,
    Architecture,
    ConfigField,
    Family,
    Implied,
    ReleasedModel,
    Task,
)
from ...conversion.operations import Row, Share
from ...conversion.rules import (
    TRAINING_STATE,
    Rules,
    Sizes,
    constant,
    layer_norm,
    linear,
    skip,
    table,
    tensor,
    tied,
    when_present,
)
from ...conversion.script import CHECKPOINT, CONFIG, FOLDER, TASK, Script
from ...conversion.tasks import GLUE_LABELS, plain_name
from ...conversion.templates import Values
from ...conversion.way_back import ExportedModel, WayBack, present_if
from .configuration_xlnet import ATTENTION_TYPES, XLNetConfig

ATTENTION = "transformer.layer.{l}.rel_attn"
MASK_EMB = "model/transformer/mask_emb/mask_emb"
SEGMENTS = ("model/transformer/seg_embed", "model/transformer/r_s_bias")
BIASES = ("r_w_bias", "r_r_bias", "r_s_bias")
SUMMARY = "model/sequnece_summary/summary"  # as the original spells it

#: The variables of the logit layer, of which the original calls each after its task.
LOGITS = "model/logit"


def _slice_of_layer(values: Values, sizes: Sizes) -> Row:  # noqa: ARG001
    return Row(int(values["l"]))


def shared_name(bias: str) -> str:
    """What :func:`canonical_names` calls an attention bias that all layers share."""
    return f"model/transformer/shared/{bias}"


def attention_bias(bias: str) -> Rules:
    """A bias of the attention: the slice of each layer, or with ``untie_r`` false the one that all of them share."""
    source, target = f"model/transformer/{bias}", f"{ATTENTION}.{bias}"
    own = tensor(source, target, "l N D", _slice_of_layer)
    shared = tensor(shared_name(bias), target, "N D", Share())
    return when_present(source, own, when_present(shared_name(bias), shared, own))


#: A model that was built without segments has no parameters for them; zeros compute the same.
NO_SEGMENTS = constant(f"{ATTENTION}.seg_embed", "zeros", "2 N D") + constant(f"{ATTENTION}.r_s_bias", "zeros", "N D")
WITH_SEGMENTS = tensor(SEGMENTS[0], f"{ATTENTION}.seg_embed", "l 2 N D", _slice_of_layer) + attention_bias("r_s_bias")

#: Only pre-training uses it, and fine-tuned checkpoints are without; there it stands for nothing.
MASK = tensor(MASK_EMB, "transformer.mask_emb", "1 1 M")
NO_MASK = constant("transformer.mask_emb", "zeros", "1 1 M")

ENCODER = table(
    tensor("model/transformer/word_embedding/lookup_table", "transformer.word_embedding.weight", "V M"),
    when_present("model/lm_loss/bias", MASK, when_present(MASK_EMB, MASK, NO_MASK)),
    attention_bias("r_w_bias"),
    attention_bias("r_r_bias"),
    when_present(
        SEGMENTS[0],
        WITH_SEGMENTS,
        when_present(
            SEGMENTS[1],
            WITH_SEGMENTS,
            when_present(shared_name("r_s_bias"), WITH_SEGMENTS, NO_SEGMENTS),
        ),
    ),
    tensor(
        "model/transformer/layer_{l}/rel_attn/{p}/kernel",
        ATTENTION + ".{p}",
        "M N D",
        p=("q", "k", "v", "o", "r"),
    ),
    layer_norm("model/transformer/layer_{l}/rel_attn/LayerNorm", f"{ATTENTION}.layer_norm", "M"),
    linear("model/transformer/layer_{l}/ff/layer_1", "transformer.layer.{l}.ff.layer_1", "M I"),
    linear("model/transformer/layer_{l}/ff/layer_2", "transformer.layer.{l}.ff.layer_2", "I M"),
    layer_norm("model/transformer/layer_{l}/ff/LayerNorm", "transformer.layer.{l}.ff.layer_norm", "M"),
)

LANGUAGE_MODEL = table(
    tensor("model/lm_loss/bias", "lm_loss.bias", "V"),
    tied("lm_loss.weight", "transformer.word_embedding.weight"),
)
SEQUENCE_SUMMARY = when_present(f"{SUMMARY}/kernel", linear(SUMMARY, "sequence_summary.summary", "M M"), usual=True)
CLASSIFIER = table(SEQUENCE_SUMMARY, linear(LOGITS, "logits_proj", "M C"))
CHOICES = table(SEQUENCE_SUMMARY, linear("logits/dense", "logits_proj", "M 1"))
SPANS = table(
    linear("start_logits/dense", "start_logits.dense", "M 1"),
    linear("end_logits/dense_0", "end_logits.dense_0", "2*M M"),
    layer_norm("end_logits/LayerNorm", "end_logits.LayerNorm", "M"),
    linear("end_logits/dense_1", "end_logits.dense_1", "M 1"),
    linear("answer_class/dense_0", "answer_class.dense_0", "2*M M"),
    linear("answer_class/dense_1", "answer_class.dense_1", "M 1", bias=False),
)

ATTENTION_SUMMARY = ("model/sequnece_summary/abs_attn/*", "model/sequnece_summary/summary_bias")
REFUSED = (skip(*ATTENTION_SUMMARY, reason="belongs to a summary of type attn, which no class computes"),)
UNUSED = (skip(*ATTENTION_SUMMARY, reason="part of a head"),)

ARCHITECTURES = {
    "XLNetModel": Architecture(unused=UNUSED),
    "XLNetLMHeadModel": Architecture(LANGUAGE_MODEL),
    "XLNetForSequenceClassification": Architecture(CLASSIFIER, labels="C", refused=REFUSED),
    "XLNetForMultipleChoice": Architecture(CHOICES, refused=REFUSED),
    "XLNetForQuestionAnswering": Architecture(SPANS),
    "XLNetForQuestionAnsweringSimple": Architecture(linear("qa_outputs", "qa_outputs", "M 2"), detected=False),
    "XLNetForTokenClassification": Architecture(linear("classifier", "classifier", "M C"), labels="C", detected=False),
}


def canonical_names(variables: Mapping[str, Variable]) -> dict[str, str]:
    """One name for the logit layer, whatever its task is called, and other names for biases that all layers share."""
    names = {}
    logits = {scope: _outer_scope(scope) for name in variables if (scope := _logit_scope(name)) is not None}
    if len(logits) == 1:  # of several none is the one
        ((scope, outer),) = logits.items()
        names = {f"{scope}/{part}": f"{outer}{LOGITS}/{part}" for part in ("kernel", "bias")}
    for bias in BIASES:
        own = f"model/transformer/{bias}"
        for name, variable in variables.items():
            if (name == own or name.endswith(f"/{own}")) and len(variable.shape) == 2:
                names[name] = name.removesuffix(own) + shared_name(bias)
    return names


_TASK_SCOPES = ("model/classification_", "model/regression_")


def _logit_scope(name: str) -> str | None:
    """The scope of a logit layer if the variable belongs to one: ``model/classification_mnli_matched/logit``."""
    scope, _, part = name.rpartition("/")
    is_logit = part in ("kernel", "bias") and scope.endswith("/logit")
    return scope if is_logit and _outer_scope(scope) is not None else None


def _outer_scope(scope: str) -> str | None:
    """What stands before ``model/classification_…``, or None if the scope is not of that form."""
    for start in _TASK_SCOPES:
        outer, found, _ = scope.partition(start)
        if found and (not outer or outer.endswith("/")):
            return outer
    return None


def activation_from_original(word: str) -> str:
    """The activation that the original means by a word: its ``gelu`` is the tanh form.

    Raises:
        ValueError: It means none.
    """
    try:
        return {"gelu": "gelu_new", "relu": "relu"}[word]
    except KeyError:
        raise ValueError(f'"{word}" is no activation of the original (gelu, relu)') from None


def whether_biases_are_untied(variables: Mapping[str, Variable]) -> Implied | None:
    """What the shape of an attention bias says about ``untie_r``."""
    names = ("model/transformer/r_w_bias", shared_name("r_w_bias"))
    for name, untied in zip(names, (True, False), strict=True):
        if name in variables:
            return Implied(untied, f"{variables[name].name} is {list(variables[name].shape)}")
    return None


FIELDS = (
    ConfigField("vocab_size", int, "n_token", size="V"),
    ConfigField("d_model", int, size="M"),
    ConfigField("n_layer", int, size="l"),
    ConfigField("n_head", int, size="N"),
    ConfigField("d_head", int, size="D"),
    ConfigField("d_inner", int, size="I"),
    ConfigField("ff_activation", str, translate=activation_from_original, words=("gelu", "relu")),
    ConfigField("untie_r", bool, implied=whether_biases_are_untied),
    # How a model is run; the original has flags for these.
    ConfigField("mem_len", int, default=None, nullable=True),
    ConfigField("reuse_len", int, default=UNKNOWN_TO_THE_ORIGINAL, nullable=True),
    ConfigField("bi_data", bool, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("clamp_len", int, default=UNKNOWN_TO_THE_ORIGINAL, least=-1),
    ConfigField("same_length", bool, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("attn_type", str, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("summary_type", str, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("layer_norm_eps", float, default=UNKNOWN_TO_THE_ORIGINAL),
)

RELEASED = [
    ReleasedModel(
        f"XLNet-{name}",
        {"V": 32000, "l": depth, "M": width, "N": heads, "D": 64, "I": 4 * width},
        {"ff_activation": "gelu_new"},
    )
    for name, depth, width, heads in (("Base", 12, 768, 12), ("Large", 24, 1024, 16))
]

#: The original's tasks and those of GLUE: the numbers of labels.
LABELS = {**GLUE_LABELS, "imdb": 2, "yelp5": 5}


def find_task(name: str) -> Task | None:
    """What a checkpoint has that was fine-tuned for a task of that name (STS-B, sts-b, stsb), if the name is known."""
    word = plain_name(name)
    if "squad" in word:
        return Task("XLNetForQuestionAnswering")
    if word == "race":
        return Task("XLNetForMultipleChoice")
    return Task("XLNetForSequenceClassification", LABELS[word]) if word in LABELS else None


def finish_config(fields: dict[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """What shows in the variables alone, and what no class computes."""
    problems = []
    if f"{LOGITS}/kernel" in variables or "logits/dense/kernel" in variables:
        problems += _settle_summary(fields, projected=f"{SUMMARY}/kernel" in variables)
    for name, known in (("attn_type", ATTENTION_TYPES), ("summary_type", ("last", "first", "mean"))):
        if fields.get(name, known[0]) not in known:
            problems.append(f'{name}   "{fields[name]}" cannot be computed, only {", ".join(known)}')
    return problems


def _settle_summary(fields: dict[str, Any], *, projected: bool) -> list[str]:
    """Without its projection the original's summary has no activation, either."""
    if fields.setdefault("summary_use_proj", projected) != projected:
        has = "has" if projected else "lacks"
        said = str(fields["summary_use_proj"]).lower()
        return [f"summary_use_proj   the configuration says {said}, the checkpoint {has} {SUMMARY}/kernel"]
    if not projected:
        fields.setdefault("summary_activation", None)
    return []


def original_name(name: str, config: XLNetConfig) -> str:
    """What the original calls a variable: shared biases as others, the logit layer after its task."""
    if name.startswith(f"{LOGITS}/"):
        kind = "regression" if config.num_labels == 1 else "classification"
        return name.replace(LOGITS, f"model/{kind}_{str(config.finetuning_task).lower()}/logit")
    return name.replace("model/transformer/shared/", "model/transformer/")


def inexpressible(model: ExportedModel) -> list[str]:
    """A classifier without the name of its task, and a summary with a projection or an activation alone."""
    config, problems = model.config, []
    if model.has("logits_proj.weight"):
        if model.architecture == "XLNetForSequenceClassification" and not config.finetuning_task:
            problems.append(
                "finetuning_task is absent: the original calls a logit layer after its task (--finetuning_task_name)"
            )
        if (config.summary_activation == "tanh") != config.summary_use_proj:
            problems.append(
                "summary_activation and summary_use_proj: the original has tanh behind a projection, or neither"
            )
    return problems


def _has_segments(model: ExportedModel) -> bool:
    return not (model.is_zero("*.rel_attn.seg_embed") and model.is_zero("*.rel_attn.r_s_bias"))


def _has_bias(bias: str, *, untied: bool) -> Callable[[ExportedModel], bool]:
    """Whether a bias is there for each layer, or for all of them together."""
    needs_segments = bias == "r_s_bias"
    return lambda model: model.config.untie_r == untied and (not needs_segments or _has_segments(model))


WAY_BACK = WayBack(
    classes=(
        "XLNetLMHeadModel",
        "XLNetModel",
        "XLNetForSequenceClassification",
        "XLNetForMultipleChoice",
        "XLNetForQuestionAnswering",
    ),
    config_file="xlnet_config.json",
    config_fields=("n_layer", "d_model", "n_head", "d_head", "d_inner", "ff_activation", "untie_r", "vocab_size"),
    fixed={"layer_norm_eps": (1e-12,), "attn_type": ("bi",)},
    flags={
        "mem_len": None,
        "reuse_len": None,
        "bi_data": False,
        "clamp_len": -1,
        "same_length": False,
        "summary_type": "last",
        "summary_use_proj": True,
    },
    check=inexpressible,
    vocabulary={"spiece.model": "spiece.model"},
    present=present_if(
        {
            "model/lm_loss/bias": lambda model: model.has("lm_loss.bias"),
            MASK_EMB: lambda model: not model.is_zero("transformer.mask_emb"),
            SEGMENTS[0]: _has_segments,
            f"{SUMMARY}/kernel": lambda model: model.has("sequence_summary.summary.weight"),
            **{f"model/transformer/{bias}": _has_bias(bias, untied=True) for bias in BIASES},
            **{shared_name(bias): _has_bias(bias, untied=False) for bias in BIASES},
        }
    ),
    original_name=original_name,
)

FAMILY = Family(
    model_type="xlnet",
    title="XLNet",
    config_class=XLNetConfig,
    anchor="model/transformer/word_embedding/lookup_table",
    encoder=ENCODER,
    base_prefix="transformer.",
    base_model="XLNetModel",
    headless="XLNetLMHeadModel",
    architectures=ARCHITECTURES,
    skipped=TRAINING_STATE,
    fields=FIELDS,
    released=RELEASED,
    canonical_names=canonical_names,
    config_files={"xlnet_config.json": read_json_object, "config.json": read_json_object},
    finish_config=finish_config,
    find_task=find_task,
    way_back=WAY_BACK,
)

convert_xlnet_checkpoint_to_pytorch = Script(
    FAMILY,
    tf_checkpoint_path=CHECKPOINT,
    xlnet_config_file=CONFIG,
    pytorch_dump_folder_path=FOLDER,
    finetuning_task=TASK.optional,
)

if __name__ == "__main__":
    convert_xlnet_checkpoint_to_pytorch.main()

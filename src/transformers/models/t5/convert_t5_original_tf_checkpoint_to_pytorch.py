"""The original T5 checkpoints (Mesh-TensorFlow) as models of this library.

E width of the hidden states, A heads, K width of a head, F width of the feed-forward layers, V vocabulary, B buckets of
relative positions, N labels; i counts the blocks of the encoder, j those of the decoder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..._files import read_json_object
from ...checkpoints import Variable
from ...conversion.family import UNKNOWN_TO_THE_ORIGINAL, Architecture, ConfigField, Family, Implied
from ...conversion.initialisation import Initial
from ...conversion.operations import AddAxis, Chain, Copy, Operation, Scale, Shape, Spread, Transpose
from ...conversion.rules import TRAINING_STATE, Rules, Sizes, linear, moved, skip, table, tensor, tied, when_present
from ...conversion.script import CHECKPOINT, CONFIG, FOLDER, Script
from ...conversion.templates import Values
from ...conversion.way_back import ExportedModel, WayBack, present_if
from .configuration_t5 import T5Config
from .operative_config import operative_config_text, read_operative_config

ANCHOR = "encoder/block_000/layer_000/SelfAttention/q"
GATED = "encoder/block_000/layer_001/DenseReluDense/wi_0/kernel"
UNGATED = "encoder/block_000/layer_001/DenseReluDense/wi/kernel"
LOGITS = "decoder/logits/kernel"

#: A table of relative positions for a single head is a vector in the original; these are named so here.
BIAS = "relative_attention_bias"
BIAS_OF_ONE_HEAD = f"{BIAS}_of_one_head"

#: How the norms of a layer and of a stack were called when the first models were released.
OLD_NORMS = ("/layer_norm/scale", "/final_layer_norm/scale")
LAYER_SCOPE = re.compile(r".*/block_[0-9]+/layer_[0-9]+(?=/)", re.ASCII)


def canonical_names(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Today's names of the norms for their older ones, and a name of its own for the table of a single head.

    Where the older ones are in use, those of norms that are absent are among the names, so that messages spell them.
    """
    names: dict[str, str] = {}
    if any(name.endswith(OLD_NORMS) for name in variables):
        scopes = {scope[0] for scope in map(LAYER_SCOPE.match, variables) if scope}
        names = {f"{scope}{OLD_NORMS[0]}": f"{scope}/rms_norm/scale" for scope in scopes}
        names |= {f"{stack}{OLD_NORMS[1]}": f"{stack}/rms_norm/scale" for stack in ("encoder", "decoder")}
    for name, variable in variables.items():
        for old in OLD_NORMS:
            if name.endswith(old):
                names[name] = f"{name.removesuffix(old)}/rms_norm/scale"
        if name.endswith(f"/{BIAS}") and len(variable.shape) == 1:
            names[name] = name.removesuffix(BIAS) + BIAS_OF_ONE_HEAD
    return names


def embedding(_: Values, settled: Sizes) -> Operation:
    """Times sqrt(E) where the original multiplies what it looks up by that, and the logits by nothing."""
    return Scale(settled["d_model"] ** 0.5) if settled["scale_variable_like_classifier_weights"] else Copy()


def query(_: Values, settled: Sizes) -> Operation:
    """Times 1 / sqrt(K) where the original multiplies queries by that, instead of having it in their weights."""
    if settled["fold_scaling_into_initializer"]:
        return Transpose()
    return Chain((Transpose(), Scale(settled["d_kv"] ** -0.5)))


def attention(source: str, target: str) -> Rules:
    """The four projections of an attention. With one head there is no A."""

    def projections(inner: str) -> Rules:
        return (
            tensor(f"{source}/q", f"{target}.q.weight", f"E {inner}", query)
            + tensor(f"{source}/{{p}}", f"{target}.{{p}}.weight", f"E {inner}", Transpose(), p=("k", "v"))
            + tensor(f"{source}/o", f"{target}.o.weight", f"{inner} E", Transpose())
        )

    return when_present(
        f"encoder/block_000/layer_000/SelfAttention/{BIAS_OF_ONE_HEAD}", projections("K"), projections("A*K")
    )


def relative_positions(stack: str, block: str) -> Rules:
    """The table of relative positions: one for the stack or, if a second block has one, one for each block."""

    def tables(source: str, target: str) -> Rules:
        here, there = (
            f"{stack}/{source}/layer_000/SelfAttention",
            f"{stack}.block.{target}.layer.0.SelfAttention.{BIAS}",
        )
        return when_present(
            f"{here}/{BIAS_OF_ONE_HEAD}",
            tensor(f"{here}/{BIAS_OF_ONE_HEAD}", f"{there}.weight", "B", AddAxis(1)),
            tensor(f"{here}/{BIAS}", f"{there}.weight", "A B", Transpose()),
        )

    return when_present(
        "{stack}/block_001/layer_000/SelfAttention/{bias}",
        tables(f"block_{{{block}:03d}}", f"{{{block}}}"),
        tables("block_000", "0"),
        stack=("encoder", "decoder"),
        bias=(BIAS, BIAS_OF_ONE_HEAD),
    )


def norm(source: str, target: str) -> Rules:
    """The gain of an RMS norm, one for each feature; a "scale norm" has one for all."""
    return when_present(
        f"{source}/scale_norm/scale",
        tensor(f"{source}/scale_norm/scale", f"{target}.weight", "", lambda _, sizes: Spread(sizes["E"])),
        tensor(f"{source}/rms_norm/scale", f"{target}.weight", "E"),
    )


def feed_forward(source: str, target: str) -> Rules:
    """The two, or with a gate three, layers of a feed-forward network."""
    return when_present(
        GATED,
        tensor(f"{source}/{{p}}/kernel", f"{target}.{{p}}.weight", "E F", Transpose(), p=("wi_0", "wi_1")),
        tensor(f"{source}/wi/kernel", f"{target}.wi.weight", "E F", Transpose()),
    ) + tensor(f"{source}/wo/kernel", f"{target}.wo.weight", "F E", Transpose())


ENCODER = table(
    tensor("shared/embedding", "shared.weight", "V E", embedding),
    tied("encoder.embed_tokens.weight", "shared.weight"),
    relative_positions("encoder", "i"),
    attention("encoder/block_{i:03d}/layer_000/SelfAttention", "encoder.block.{i}.layer.0.SelfAttention"),
    norm("encoder/block_{i:03d}/layer_000", "encoder.block.{i}.layer.0.layer_norm"),
    feed_forward("encoder/block_{i:03d}/layer_001/DenseReluDense", "encoder.block.{i}.layer.1.DenseReluDense"),
    norm("encoder/block_{i:03d}/layer_001", "encoder.block.{i}.layer.1.layer_norm"),
    norm("encoder", "encoder.final_layer_norm"),
)

DECODER = table(
    tied("decoder.embed_tokens.weight", "shared.weight"),
    relative_positions("decoder", "j"),
    attention("decoder/block_{j:03d}/layer_000/SelfAttention", "decoder.block.{j}.layer.0.SelfAttention"),
    norm("decoder/block_{j:03d}/layer_000", "decoder.block.{j}.layer.0.layer_norm"),
    attention("decoder/block_{j:03d}/layer_001/EncDecAttention", "decoder.block.{j}.layer.1.EncDecAttention"),
    norm("decoder/block_{j:03d}/layer_001", "decoder.block.{j}.layer.1.layer_norm"),
    feed_forward("decoder/block_{j:03d}/layer_002/DenseReluDense", "decoder.block.{j}.layer.2.DenseReluDense"),
    norm("decoder/block_{j:03d}/layer_002", "decoder.block.{j}.layer.2.layer_norm"),
    norm("decoder", "decoder.final_layer_norm"),
)

WORD_SCORES = when_present(
    LOGITS, tensor(LOGITS, "lm_head.weight", "E V", Transpose()), tied("lm_head.weight", "shared.weight")
)

ARCHITECTURES = {
    "T5ForConditionalGeneration": Architecture(DECODER + WORD_SCORES),
    "T5Model": Architecture(DECODER),
    "T5EncoderModel": Architecture(
        detected=False, unused=(skip("decoder/*", reason="the class is the encoder alone"),)
    ),
    # The original has no other heads; those of forks are mapped to these names.
    "T5ForQuestionAnswering": Architecture(DECODER + linear("qa_outputs", "qa_outputs", "E 2"), detected=False),
    "T5ForSequenceClassification": Architecture(
        linear("classification_head/dense", "classification_head.dense", "E E")
        + linear("classification_head/out_proj", "classification_head.out_proj", "E N"),
        encoder=moved(ENCODER + DECODER, "transformer."),
        labels="N",
        detected=False,
    ),
    "T5ForTokenClassification": Architecture(
        linear("classifier", "classifier", "E N"),
        encoder=moved(ENCODER, "transformer."),
        labels="N",
        detected=False,
        unused=(skip("decoder/*", reason="the class is the encoder alone"),),
    ),
}


def initial(name: str, shape: Shape, config: T5Config) -> Initial:
    """What a parameter of a new head begins with: products whose terms have the variance 1."""
    if len(shape) > 1:
        return Initial(name, shape, deviation=config.initializer_factor * shape[1] ** -0.5)
    return Initial(name, shape)


#: What other models of the same code have.
UNSUPPORTED = (
    skip(
        "transformer/block_[0-9][0-9][0-9]/*",
        "transformer/layer_[0-9][0-9][0-9]/*",
        reason="a decoder-only language model, which has no encoder",
    ),
    skip(
        "encoder/layer_[0-9][0-9][0-9]/*",
        "decoder/layer_[0-9][0-9][0-9]/*",
        reason="layers outside of blocks (block_scope = False)",
    ),
    skip("encoder/embedding", reason="the encoder has embeddings of its own"),
    skip("decoder/embedding", reason="the decoder has embeddings of its own"),
    skip("*/positional_embedding*", reason="embeddings of positions"),
    skip("*/TalkingHeads*", reason="talking-heads attention"),
    skip("*/[mM]o[eE]*/*", reason="a mixture of experts"),
    skip("*/kv", reason="one projection for keys and values (shared_kv = True)"),
    skip("*/DenseReluDense/*/bias", reason="biases in the feed-forward layers (use_bias = True)"),
    skip("*/rezero_weight", reason="a factor in the place of norms (rezero)"),
    skip("*/true_layer_norm/*", reason="layer norms with a mean and an offset"),
)


def implied_heads(variables: Mapping[str, Any]) -> Implied | None:
    """One head, if the table of relative positions lacks their axis."""
    named = ANCHOR.removesuffix("q") + BIAS_OF_ONE_HEAD
    return Implied(1, f"{named.removesuffix('_of_one_head')} is a vector: one head") if named in variables else None


def implied_activation(variables: Mapping[str, Any]) -> Implied:
    """Whether there is a gate; which activation it is does not show."""
    if GATED in variables:
        return Implied("gated-gelu", f"the checkpoint has {GATED}", lambda value: value.startswith("gated-"))
    return Implied("relu", f"the checkpoint has {UNGATED}", lambda value: not value.startswith("gated-"))


def implied_tie(variables: Mapping[str, Any]) -> Implied:
    """Whether words are scored with the embeddings."""
    return Implied(LOGITS not in variables, f"the checkpoint has {'a' if LOGITS in variables else 'no'} {LOGITS}")


def implied_tables(variables: Mapping[str, Any]) -> Implied | None:
    """Whether each block has a table of relative positions; does not show in stacks of one block."""
    second = [name for name in variables if name.split("/")[1:2] == ["block_001"]]
    tables = [name for name in second if f"/{BIAS}" in name]
    if tables:
        return Implied(True, f"the checkpoint has {tables[0]}")
    return Implied(False, f"the second blocks have no {BIAS}") if second else None


def activation_from_original(word: str) -> str:
    """The activation that the original means by a word: its ``gelu`` is the tanh form."""
    return "gelu_new" if word == "gelu" else word


#: The activations that Mesh-TensorFlow has, with and without a gate.
ACTIVATIONS = tuple(f"{gate}{word}" for gate in ("", "gated-") for word in ("relu", "gelu", "swish", "sigmoid", "tanh"))

FIELDS = (
    ConfigField("vocab_size", int, size="V"),
    ConfigField("d_model", int, size="E"),
    ConfigField("num_heads", int, size="A", implied=implied_heads),
    ConfigField("d_kv", int, size="K"),
    ConfigField("d_ff", int, size="F"),
    ConfigField("num_layers", int, size="i"),
    ConfigField("num_decoder_layers", int, size="j", default=None, nullable=True),
    ConfigField("relative_attention_num_buckets", int, size="B"),
    ConfigField("relative_attention_max_distance", int, default=128, least=1),
    ConfigField("relative_attention_per_layer", bool, default=False, implied=implied_tables),
    ConfigField(
        "feed_forward_proj", str, implied=implied_activation, translate=activation_from_original, words=ACTIVATIONS
    ),
    ConfigField("tie_word_embeddings", bool, implied=implied_tie),
    ConfigField("layer_norm_epsilon", float, default=1e-6),
    ConfigField("dropout_rate", float, default=0.1, most=1, may_differ=True),
    ConfigField("initializer_factor", float, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("pad_token_id", int, default=0),
    ConfigField("eos_token_id", int, default=1),
    ConfigField("decoder_start_token_id", int, default=0),
    ConfigField("fold_scaling_into_initializer", bool, default=True, conversion_only=True),
    ConfigField("scale_variable_like_classifier_weights", bool, default=False, conversion_only=True),
)


def finish_config(fields: dict[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """The check that needs several fields."""
    heads, size, inner = fields["num_heads"], fields["d_kv"], variables[ANCHOR].shape[-1]
    if heads * size != inner:
        return [f"num_heads   {heads} heads of width d_kv {size} do not make the {inner} columns of {ANCHOR}"]
    return []


def _one_head(model: ExportedModel) -> bool:
    return int(model.config.num_heads) == 1


def _has_tables(name: str) -> Callable[[ExportedModel], bool]:
    """Whether a second block has a table of relative positions of that name."""
    one = name == BIAS_OF_ONE_HEAD
    return lambda model: model.config.relative_attention_per_layer and _one_head(model) == one


WAY_BACK = WayBack(
    classes=("T5ForConditionalGeneration", "T5Model", "T5EncoderModel"),
    config_file="operative_config.gin",
    config_fields=tuple(
        field.name for field in FIELDS if field.default is not UNKNOWN_TO_THE_ORIGINAL and not field.conversion_only
    ),
    write_config=operative_config_text,
    fixed={"relative_attention_max_distance": (128,)},
    vocabulary={"spiece.model": "sentencepiece.model"},
    present=present_if(
        {
            GATED: lambda model: model.config.is_gated_act,
            LOGITS: lambda model: not model.config.tie_word_embeddings,
            **{
                f"{stack}/block_000/layer_000/SelfAttention/{BIAS_OF_ONE_HEAD}": _one_head
                for stack in ("encoder", "decoder")
            },
            f"encoder/block_001/layer_000/SelfAttention/{BIAS}": _has_tables(BIAS),
            f"encoder/block_001/layer_000/SelfAttention/{BIAS_OF_ONE_HEAD}": _has_tables(BIAS_OF_ONE_HEAD),
        }
    ),
    original_name=lambda name, _: name.replace(BIAS_OF_ONE_HEAD, BIAS),
    buffers=("*decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",),
)

FAMILY = Family(
    model_type="t5",
    title="T5",
    config_class=T5Config,
    anchor=ANCHOR,
    encoder=ENCODER,
    base_prefix="",
    base_model="T5Model",
    headless="T5ForConditionalGeneration",
    architectures=ARCHITECTURES,
    skipped=TRAINING_STATE,
    fields=FIELDS,
    canonical_names=canonical_names,
    config_files={"t5_config.json": read_json_object, "operative_config.gin": read_operative_config},
    finish_config=finish_config,
    unsupported=UNSUPPORTED,
    initial=initial,
    way_back=WAY_BACK,
)

convert_tf_checkpoint_to_pytorch = Script(
    FAMILY,
    tf_checkpoint_path=CHECKPOINT,
    config_file=CONFIG,
    pytorch_dump_path=FOLDER,
)

if __name__ == "__main__":
    convert_tf_checkpoint_to_pytorch.main()

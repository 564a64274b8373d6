"""The original Transformer-XL checkpoints (kimiyoung/transformer-xl, folder ``tf``) as models of this library.

M width of the model, E width of the word vectors, V vocabulary, H heads, D width of a head, I inner width; l counts the
layers, k the clusters of the vocabulary, of which cluster k has n_k words with vectors of width e_k; C is the number of
clusters besides the first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._files import read_json_object
from ...checkpoints import Variable, is_corpus_file
from ...conversion.family import UNKNOWN_TO_THE_ORIGINAL, Architecture, ConfigField, Family, Implied, ReleasedModel
from ...conversion.initialisation import Initial
from ...conversion.operations import Concatenate, Operation, Row, Shape, Share, Transpose
from ...conversion.rules import (
    TRAINING_STATE,
    Rules,
    Sizes,
    constant,
    for_each_present,
    layer_norm,
    linear,
    table,
    tensor,
    tied,
    when_present,
)
from ...conversion.script import CHECKPOINT, CONFIG, DATA_SET, FOLDER, Script
from ...conversion.templates import Values
from . import clusters
from .clusters import CLUSTER_TABLE, EMBED, ONE_TABLE, SOFTMAX
from .configuration_transfo_xl import TransfoXLConfig
from .way_back import CORPUS_INFO, FLAGS_FILE, QUERY_BIASES, WAY_BACK, read_flags, shared_name

WORDS, PROJECTION = "transformer.word_emb.emb_layers", "transformer.word_emb.emb_projs"


def slice_of_layer(values: Values, sizes: Sizes) -> Operation:  # noqa: ARG001  # the signature of all such functions
    """The part of a tensor that holds all layers."""
    return Row(int(values["l"]))


def query_bias(name: str) -> Rules:
    """A bias of the queries: the slice of each layer, or the one that all of them share.

    A shared one is stored for each layer as well, because older readers of these files look for it there.
    """
    source, target = f"transformer/{name}", f"transformer.layers.{{l}}.dec_attn.{name}"
    own = tensor(source, target, "l H D", slice_of_layer)
    shared = tensor(shared_name(name), f"transformer.{name}", "H D", Share())
    shared += tensor(shared_name(name), target, "H D", Share())
    return when_present(source, own, when_present(shared_name(name), shared, own))


TABLES_OF_CLUSTERS = tensor(CLUSTER_TABLE, f"{WORDS}.{{k}}.weight", "n{k} e{k}") + for_each_present(
    f"{EMBED}/cutoff_{{k}}/proj_W",
    tensor(f"{EMBED}/cutoff_{{k}}/proj_W", f"{PROJECTION}.{{k}}", "e{k} M", Transpose()),
    otherwise=constant(f"{PROJECTION}.{{k}}", "identity", "M M"),
)
TABLE_OF_ALL_WORDS = tensor(ONE_TABLE, f"{WORDS}.0.weight", "V E") + when_present(
    f"{EMBED}/proj_W", tensor(f"{EMBED}/proj_W", f"{PROJECTION}.0", "E M", Transpose())
)

DECODER = table(
    when_present(CLUSTER_TABLE, TABLES_OF_CLUSTERS, TABLE_OF_ALL_WORDS),
    constant("transformer.pos_emb.inv_freq", "frequencies", "M/2"),
    query_bias("r_w_bias"),
    query_bias("r_r_bias"),
    linear("transformer/layer_{l}/rel_attn/qkv", "transformer.layers.{l}.dec_attn.qkv_net", "M 3*H*D", bias=False),
    linear("transformer/layer_{l}/rel_attn/r", "transformer.layers.{l}.dec_attn.r_net", "M H*D", bias=False),
    linear("transformer/layer_{l}/rel_attn/o", "transformer.layers.{l}.dec_attn.o_net", "H*D M", bias=False),
    layer_norm("transformer/layer_{l}/rel_attn/LayerNorm", "transformer.layers.{l}.dec_attn.layer_norm", "M"),
    linear("transformer/layer_{l}/ff/layer_1", "transformer.layers.{l}.pos_ff.CoreNet.0", "M I"),
    linear("transformer/layer_{l}/ff/layer_2", "transformer.layers.{l}.pos_ff.CoreNet.3", "I M"),
    layer_norm("transformer/layer_{l}/ff/LayerNorm", "transformer.layers.{l}.pos_ff.layer_norm", "M"),
)

# A cluster of the softmax without a projection of its own uses that of the word vectors, which may be the identity.

CLUSTERS_OF_THEIR_OWN = (
    tensor(f"{SOFTMAX}/cutoff_0/cluster_W", "crit.cluster_weight", "C e0")
    + tensor(f"{SOFTMAX}/cutoff_{{k}}/b", "crit.out_layers.{k}.bias", "n{k}")
    + tied("crit.out_layers.{k}.weight", f"{WORDS}.{{k}}.weight")
    + for_each_present(
        f"{SOFTMAX}/cutoff_{{k}}/proj",
        tensor(f"{SOFTMAX}/cutoff_{{k}}/proj", "crit.out_projs.{k}", "e{k} M", Transpose()),
        otherwise=tied("crit.out_projs.{k}", f"{PROJECTION}.{{k}}"),
    )
)
CLUSTERS_OF_ONE_TABLE = (
    tensor(f"{SOFTMAX}/cutoff_0/cluster_W", "crit.cluster_weight", "C E")
    + tensor(f"{SOFTMAX}/cutoff_{{k}}/b", "crit.out_layers.0.bias", "n{k}", Concatenate())
    + tied("crit.out_layers.0.weight", f"{WORDS}.0.weight")
    + when_present(
        f"{EMBED}/proj_W",
        for_each_present(
            f"{SOFTMAX}/cutoff_{{k}}/proj",
            tensor(f"{SOFTMAX}/cutoff_{{k}}/proj", "crit.out_projs.{k}", "E M", Transpose()),
            otherwise=tied("crit.out_projs.{k}", f"{PROJECTION}.0"),
        ),
    )
)
PLAIN_SOFTMAX = (
    tensor(f"{SOFTMAX}/bias", "crit.out_layers.0.bias", "V")
    + tied("crit.out_layers.0.weight", f"{WORDS}.0.weight")
    + when_present(f"{EMBED}/proj_W", tied("crit.out_projs.0", f"{PROJECTION}.0"))
)
CLUSTERS = tensor(f"{SOFTMAX}/cutoff_0/cluster_b", "crit.cluster_bias", "C") + when_present(
    CLUSTER_TABLE, CLUSTERS_OF_THEIR_OWN, CLUSTERS_OF_ONE_TABLE
)
ARCHITECTURES = {
    "TransfoXLLMHeadModel": Architecture(when_present(f"{SOFTMAX}/cutoff_{{k}}/b", CLUSTERS, PLAIN_SOFTMAX)),
    "TransfoXLModel": Architecture(),
    # The original has no classes for tasks; the heads of forks are mapped to this name.
    "TransfoXLForSequenceClassification": Architecture(
        linear("score", "score", "M N", bias=False), labels="N", detected=False
    ),
}


def initial(name: str, shape: Shape, config: TransfoXLConfig) -> Initial:
    """What a parameter of a new head begins with."""
    if name.endswith("bias"):
        return Initial(name, shape)
    if config.init == "uniform":
        return Initial(name, shape, width=config.init_range)
    return Initial(name, shape, deviation=config.init_std)


def canonical_names(variables: Mapping[str, Variable]) -> Mapping[str, str]:
    """Other names for biases of the queries that all layers share: they have no axis of layers."""
    own = {f"transformer/{bias}": shared_name(bias) for bias in QUERY_BIASES}
    return {
        name: name.removesuffix(ours) + shared
        for ours, shared in own.items()
        for name, variable in variables.items()
        if (name == ours or name.endswith(f"/{ours}")) and len(variable.shape) == 2
    }


# ------------------------------------------------------------------------------------------------------ configuration


def untied_biases(variables: Mapping[str, Variable]) -> Implied | None:
    """What the axes of a bias of the queries say about ``untie_r``."""
    for name, untied in (("transformer/r_w_bias", True), (shared_name("r_w_bias"), False)):
        if name in variables:
            return Implied(untied, f"{variables[name].name} is {list(variables[name].shape)}")
    return None


def read_corpus_info(path: Path) -> dict[str, Any]:
    """The data set's description: its cutoffs have 0 in front and the size of the vocabulary behind them."""
    described = read_json_object(path)
    fields = {"vocab_size": described["vocab_size"]} if "vocab_size" in described else {}
    bounds = described.get("cutoffs")
    return fields | ({"cutoffs": bounds[1:-1]} if isinstance(bounds, list) else {})


FIELDS = (
    ConfigField("vocab_size", int, "n_token", least=1, implied=clusters.vocabulary),
    ConfigField("cutoffs", list, default=[], implied=clusters.cutoffs),
    ConfigField("d_model", int, size="M"),
    ConfigField("d_embed", int, least=1, implied=clusters.width),
    ConfigField("n_head", int, size="H"),
    ConfigField("d_head", int, size="D"),
    ConfigField("d_inner", int, size="I"),
    ConfigField("div_val", int, least=1, implied=clusters.narrowing),
    ConfigField("n_layer", int, size="l"),
    ConfigField("untie_r", bool, implied=untied_biases),
    ConfigField(
        "proj_share_all_but_first",
        bool,
        default=UNKNOWN_TO_THE_ORIGINAL,
        implied=clusters.sharing,
        conversion_only=True,
    ),
    ConfigField(
        "proj_same_dim",
        bool,
        default=UNKNOWN_TO_THE_ORIGINAL,
        implied=clusters.projection_of_same_width,
        conversion_only=True,
    ),
    ConfigField("tie_projs", list, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("mem_len", int, default=70),
    ConfigField("clamp_len", int, default=-1, least=-1),
    ConfigField("same_length", bool, default=False),
    ConfigField("same_length_inclusive", bool, default=True),
    ConfigField("layer_norm_epsilon", float, default=1e-12),
    ConfigField("dropout", float, default=UNKNOWN_TO_THE_ORIGINAL, most=1, may_differ=True),
    ConfigField("dropatt", float, default=UNKNOWN_TO_THE_ORIGINAL, most=1, may_differ=True),
)

RELEASED = (
    ReleasedModel(
        "the model of WikiText-103",
        {"M": 1024, "l": 18, "H": 16, "D": 64, "n0": 20000, "n1": 20000, "n2": 160000, "n3": 67735},
        {"mem_len": 1600, "clamp_len": 1000, "same_length": True},
    ),
    ReleasedModel(
        "the model of the One Billion Word benchmark",
        {"M": 1280, "l": 24, "H": 16, "D": 80, "n0": 60000, "n1": 40000, "n2": 540000},
        {"mem_len": 128, "clamp_len": -1, "same_length": True},
    ),
    *(
        ReleasedModel(
            f"the model of {name}",
            {"M": 1024, "l": 24, "H": 8, "D": 128, "I": 3072, "V": symbols},
            {"mem_len": 3800, "clamp_len": 1000, "same_length": True},
        )
        for name, symbols in (("enwik8", 204), ("text8", 27))
    ),
)


def finish_config(fields: dict[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """Writes down which projections the softmax has from the word vectors, and checks what needs several variables."""
    found = clusters.Clusters.of(variables)
    problems = [*found.problems(), *found.wrong_ties(fields.get("tie_projs", found.tied_projections))]
    if found.has_softmax:
        fields["tie_projs"] = found.tied_projections
    if fields.get("tie_word_embeddings") is False:
        problems.append("tie_word_embeddings   false, but the original's softmax has the word vectors of its input")
    return problems or list(TransfoXLConfig(**fields).problems())


def find_corpus(path: Path) -> Path | None:
    """The cache of a data set, given itself or by its folder, if that holds no checkpoint."""
    if path.is_dir() and not any(path.glob("*ckpt*")):
        path /= "cache.pkl"
    return path if path.is_file() and is_corpus_file(path) else None


FAMILY = Family(
    model_type="transfo-xl",
    title="Transformer-XL",
    config_class=TransfoXLConfig,
    anchor="transformer/layer_0/rel_attn/qkv/kernel",
    encoder=DECODER,
    base_prefix="transformer.",
    base_model="TransfoXLModel",
    headless="TransfoXLModel",
    architectures=ARCHITECTURES,
    skipped=TRAINING_STATE,
    fields=FIELDS,
    released=RELEASED,
    find_vocabulary=find_corpus,
    canonical_names=canonical_names,
    config_files={CORPUS_INFO: read_corpus_info, FLAGS_FILE: read_flags},
    finish_config=finish_config,
    initial=initial,
    way_back=WAY_BACK,
)

convert_transfo_xl_checkpoint_to_pytorch = Script(
    FAMILY,
    tf_checkpoint_path=CHECKPOINT.optional,
    transfo_xl_config_file=CONFIG.optional,
    pytorch_dump_folder_path=FOLDER,
    transfo_xl_dataset_file=DATA_SET.optional,
)

if __name__ == "__main__":
    convert_transfo_xl_checkpoint_to_pytorch.main()

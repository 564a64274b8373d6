"""The original ALBERT checkpoints (google-research/albert) as models of this library.

E width of the embeddings, H of the hidden states, I of the feed-forward layers, V vocabulary, P positions, T segments,
N labels; g counts the groups of layers, k the blocks in a group. In the file the encoder's scope is ``bert``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._files import read_json_object
from ...conversion.activations import GOOGLE_WORDS, google_activation
from ...conversion.family import UNKNOWN_TO_THE_ORIGINAL, Architecture, ConfigField, Family, ReleasedModel, Task
from ...conversion.rules import (
    TRAINING_STATE,
    constant,
    layer_norm,
    linear,
    skip,
    table,
    tensor,
    tied,
    weight_rows,
    when_present,
)
from ...conversion.script import CHECKPOINT, CONFIG, WEIGHT_FILE, Script
from ...conversion.tasks import find_glue_task
from ...conversion.way_back import WayBack, present_if
from .configuration_albert import AlbertConfig

PROJECTION = "bert/encoder/embedding_hidden_mapping_in/kernel"
POOLER = linear("bert/pooler/dense", "albert.pooler", "H H")

BLOCK = "bert/encoder/transformer/group_{g}/inner_group_{k}"
OUR_BLOCK = "albert.encoder.albert_layer_groups.{g}.albert_layers.{k}"

ENCODER = table(
    tensor("bert/embeddings/word_embeddings", "albert.embeddings.word_embeddings.weight", "V E"),
    tensor("bert/embeddings/position_embeddings", "albert.embeddings.position_embeddings.weight", "P E"),
    tensor("bert/embeddings/token_type_embeddings", "albert.embeddings.token_type_embeddings.weight", "T E"),
    layer_norm("bert/embeddings/LayerNorm", "albert.embeddings.LayerNorm", "E"),
    when_present(  # the original has no projection where both widths are the same
        PROJECTION,
        linear("bert/encoder/embedding_hidden_mapping_in", "albert.encoder.embedding_hidden_mapping_in", "E H"),
        constant("albert.encoder.embedding_hidden_mapping_in.weight", "identity", "H E")
        + constant("albert.encoder.embedding_hidden_mapping_in.bias", "zeros", "H"),
    ),
    linear(f"{BLOCK}/attention_1/self/{{p}}", f"{OUR_BLOCK}.attention.{{p}}", "H H", p=("query", "key", "value")),
    linear(f"{BLOCK}/attention_1/output/dense", f"{OUR_BLOCK}.attention.dense", "H H"),
    layer_norm(f"{BLOCK}/LayerNorm", f"{OUR_BLOCK}.attention.LayerNorm", "H"),
    linear(f"{BLOCK}/ffn_1/intermediate/dense", f"{OUR_BLOCK}.ffn", "H I"),
    linear(f"{BLOCK}/ffn_1/intermediate/output/dense", f"{OUR_BLOCK}.ffn_output", "I H"),
    layer_norm(f"{BLOCK}/LayerNorm_1", f"{OUR_BLOCK}.full_layer_layer_norm", "H"),
)

MASKED_WORDS = table(
    tensor("cls/predictions/output_bias", "predictions.bias", "V"),
    linear("cls/predictions/transform/dense", "predictions.dense", "H E"),
    layer_norm("cls/predictions/transform/LayerNorm", "predictions.LayerNorm", "E"),
    tied("predictions.decoder.weight", "albert.embeddings.word_embeddings.weight"),
    tied("predictions.decoder.bias", "predictions.bias"),
)
SENTENCE_ORDER = weight_rows("cls/seq_relationship", "sop_classifier.classifier", "2 H")
CLASSIFIER = weight_rows("", "classifier", "N H")

NO_POOLER = (skip("bert/pooler/*", reason="the class looks at every position and has no pooler"),)

ARCHITECTURES = {
    "AlbertModel": Architecture(when_present("bert/pooler/dense/kernel", POOLER), detected=False),
    "AlbertForPreTraining": Architecture(POOLER + MASKED_WORDS + SENTENCE_ORDER),
    "AlbertForMaskedLM": Architecture(MASKED_WORDS, unused=NO_POOLER),
    "AlbertForSequenceClassification": Architecture(POOLER + CLASSIFIER, labels="N"),
    "AlbertForMultipleChoice": Architecture(POOLER + weight_rows("", "classifier", "1 H"), detected=False),
    "AlbertForTokenClassification": Architecture(CLASSIFIER, labels="N", unused=NO_POOLER, detected=False),
    "AlbertForQuestionAnswering": Architecture(weight_rows("cls/squad", "qa_outputs", "2 H"), unused=NO_POOLER),
}

SKIPPED = (
    *TRAINING_STATE,
    skip("start_logits/*", "end_logits/*", "answer_class/*", reason="head of SQuAD 2, for which there is no class"),
)

FIELDS = (
    ConfigField("vocab_size", int, size="V"),
    ConfigField("embedding_size", int, size="E"),
    ConfigField("hidden_size", int, size="H"),
    ConfigField("num_hidden_layers", int, default=12),
    ConfigField("num_hidden_groups", int, size="g"),
    ConfigField("num_attention_heads", int, least=1),
    ConfigField("intermediate_size", int, size="I"),
    ConfigField("inner_group_num", int, size="k"),
    ConfigField("max_position_embeddings", int, size="P"),
    ConfigField("type_vocab_size", int, size="T"),
    ConfigField("hidden_act", str, default="gelu", translate=google_activation, words=GOOGLE_WORDS, nullable=True),
    ConfigField("hidden_dropout_prob", float, default=0.0),
    ConfigField("attention_probs_dropout_prob", float, default=0.0),
    ConfigField("initializer_range", float, default=0.02),
    ConfigField("layer_norm_eps", float, default=UNKNOWN_TO_THE_ORIGINAL),
)

#: The released models have a vocabulary of 30000 pieces, embeddings of width 128, and one group of one block.
RELEASED = [
    ReleasedModel(
        f"ALBERT {name}",
        {"H": width, "I": 4 * width, "E": 128, "g": 1, "k": 1},
        {"num_hidden_layers": depth, "num_attention_heads": heads},
    )
    for name, depth, width, heads in (
        ("base", 12, 768, 12),
        ("large", 24, 1024, 16),
        ("xlarge", 24, 2048, 16),
        ("xxlarge", 12, 4096, 64),
    )
]


def find_task(name: str) -> Task | None:
    """RACE, whose head has the variables of a classifier with one label, but scores choices; and those of GLUE."""
    return Task("AlbertForMultipleChoice") if name.lower() == "race" else find_glue_task(name)


def finish_config(fields: dict[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """The checks that need several fields, and what shows in the variables alone."""
    if "bert/pooler/dense/kernel" not in variables:
        fields["add_pooling_layer"] = False
    problems = []
    if PROJECTION not in variables and fields["embedding_size"] != fields["hidden_size"]:
        widths = f"{fields['embedding_size']} to {fields['hidden_size']}"
        problems.append(f"{PROJECTION} is missing: the widths of embeddings and hidden states differ ({widths})")
    config = AlbertConfig(**fields)
    try:
        config.check()
    except ValueError as error:
        return [*problems, *getattr(error, "problems", (str(error),))]
    used = {config.group_of(layer) for layer in range(config.num_hidden_layers)}
    absent = [group for group in sorted(used) if BLOCK_PROBE.format(g=group) not in variables]
    return problems + [
        f"num_hidden_groups   layers use group {group}, of which the checkpoint has nothing" for group in absent
    ]


BLOCK_PROBE = "bert/encoder/transformer/group_{g}/inner_group_0/attention_1/self/query/kernel"

WAY_BACK = WayBack(
    config_file="albert_config.json",
    config_fields=tuple(field.name for field in FIELDS if field.name != "layer_norm_eps"),
    keeps_unknown=True,
    fixed={"layer_norm_eps": (1e-12,), "position_embedding_type": ("absolute",)},
    vocabulary={"spiece.model": "30k-clean.model", "vocab.txt": "vocab_chinese.txt"},
    present=present_if(
        {
            "bert/pooler/dense/kernel": lambda model: model.has("albert.pooler.weight"),
            PROJECTION: lambda model: model.config.embedding_size != model.config.hidden_size,
        }
    ),
    zeros=lambda model: POOLER if getattr(model.config, "add_pooling_layer", True) else (),
    buffers=("*embeddings.position_ids", "*embeddings.token_type_ids"),
)

FAMILY = Family(
    model_type="albert",
    title="ALBERT",
    config_class=AlbertConfig,
    anchor=BLOCK_PROBE.format(g=0),
    encoder=ENCODER,
    base_prefix="albert.",
    base_model="AlbertModel",
    headless="AlbertModel",
    architectures=ARCHITECTURES,
    skipped=SKIPPED,
    fields=FIELDS,
    released=RELEASED,
    sparse_indices=("g",),
    config_files={"albert_config.json": read_json_object},
    finish_config=finish_config,
    find_task=find_task,
    way_back=WAY_BACK,
)

convert_tf_checkpoint_to_pytorch = Script(
    FAMILY,
    tf_checkpoint_path=CHECKPOINT,
    albert_config_file=CONFIG,
    pytorch_dump_path=WEIGHT_FILE,
)

if __name__ == "__main__":
    convert_tf_checkpoint_to_pytorch.main()

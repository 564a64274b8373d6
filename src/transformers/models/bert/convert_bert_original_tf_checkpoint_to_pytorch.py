"""The original BERT checkpoints (google-research/bert) as models of this library.

H hidden size, I width of the feed-forward layers, V vocabulary, P positions, T segments, N labels; i counts the layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._files import read_json_object
from ...conversion.activations import GOOGLE_WORDS, google_activation
from ...conversion.family import UNKNOWN_TO_THE_ORIGINAL, Architecture, ConfigField, Family, ReleasedModel
from ...conversion.rules import TRAINING_STATE, layer_norm, linear, skip, table, tensor, tied, weight_rows, when_present
from ...conversion.script import CHECKPOINT, CONFIG, WEIGHT_FILE, Script
from ...conversion.tasks import find_glue_task
from ...conversion.way_back import WayBack, present_if
from .configuration_bert import BertConfig

POOLER = linear("bert/pooler/dense", "bert.pooler.dense", "H H")

ENCODER = table(
    tensor("bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight", "V H"),
    tensor("bert/embeddings/position_embeddings", "bert.embeddings.position_embeddings.weight", "P H"),
    tensor("bert/embeddings/token_type_embeddings", "bert.embeddings.token_type_embeddings.weight", "T H"),
    layer_norm("bert/embeddings/LayerNorm", "bert.embeddings.LayerNorm", "H"),
    linear(
        "bert/encoder/layer_{i}/attention/self/{p}",
        "bert.encoder.layer.{i}.attention.self.{p}",
        "H H",
        p=("query", "key", "value"),
    ),
    linear("bert/encoder/layer_{i}/attention/output/dense", "bert.encoder.layer.{i}.attention.output.dense", "H H"),
    layer_norm(
        "bert/encoder/layer_{i}/attention/output/LayerNorm", "bert.encoder.layer.{i}.attention.output.LayerNorm", "H"
    ),
    linear("bert/encoder/layer_{i}/intermediate/dense", "bert.encoder.layer.{i}.intermediate.dense", "H I"),
    linear("bert/encoder/layer_{i}/output/dense", "bert.encoder.layer.{i}.output.dense", "I H"),
    layer_norm("bert/encoder/layer_{i}/output/LayerNorm", "bert.encoder.layer.{i}.output.LayerNorm", "H"),
)

MASKED_WORDS = table(
    tensor("cls/predictions/output_bias", "cls.predictions.bias", "V"),
    linear("cls/predictions/transform/dense", "cls.predictions.transform.dense", "H H"),
    layer_norm("cls/predictions/transform/LayerNorm", "cls.predictions.transform.LayerNorm", "H"),
    tied("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
    tied("cls.predictions.decoder.bias", "cls.predictions.bias"),
)
NEXT_SENTENCE = weight_rows("cls/seq_relationship", "cls.seq_relationship", "2 H")
CLASSIFIER = weight_rows("", "classifier", "N H")
SPANS = weight_rows("cls/squad", "qa_outputs", "2 H")

NO_POOLER = (skip("bert/pooler/*", reason="the class looks at every position and has no pooler"),)

ARCHITECTURES = {
    "BertModel": Architecture(when_present("bert/pooler/dense/kernel", POOLER), detected=False),
    "BertForPreTraining": Architecture(POOLER + MASKED_WORDS + NEXT_SENTENCE),
    "BertForMaskedLM": Architecture(MASKED_WORDS, unused=NO_POOLER),
    "BertLMHeadModel": Architecture(MASKED_WORDS, unused=NO_POOLER, detected=False),
    "BertForNextSentencePrediction": Architecture(POOLER + NEXT_SENTENCE),
    "BertForSequenceClassification": Architecture(POOLER + CLASSIFIER, labels="N"),
    "BertForMultipleChoice": Architecture(POOLER + weight_rows("", "classifier", "1 H"), detected=False),
    "BertForTokenClassification": Architecture(CLASSIFIER, labels="N", unused=NO_POOLER, detected=False),
    "BertForQuestionAnswering": Architecture(SPANS, unused=NO_POOLER),
}

FIELDS = (
    ConfigField("vocab_size", int, size="V"),
    ConfigField("hidden_size", int, size="H"),
    ConfigField("num_hidden_layers", int, size="i"),
    ConfigField("num_attention_heads", int, least=1),
    ConfigField("intermediate_size", int, size="I"),
    ConfigField("max_position_embeddings", int, size="P"),
    ConfigField("type_vocab_size", int, size="T"),
    ConfigField("hidden_act", str, default="gelu", translate=google_activation, words=GOOGLE_WORDS, nullable=True),
    ConfigField("hidden_dropout_prob", float, default=0.1, most=1),
    ConfigField("attention_probs_dropout_prob", float, default=0.1, most=1),
    ConfigField("initializer_range", float, default=0.02),
    ConfigField("layer_norm_eps", float, default=UNKNOWN_TO_THE_ORIGINAL),
)

#: The released models: heads of width 64 and feed-forward layers of width 4 H in all of them.
RELEASED = [
    ReleasedModel(f"BERT L-{depth} H-{width}", {"i": depth, "H": width, "I": 4 * width}, {"num_attention_heads": heads})
    for width, heads, depths in (
        (128, 2, range(2, 13, 2)),
        (256, 4, range(2, 13, 2)),
        (512, 8, range(2, 13, 2)),
        (768, 12, range(2, 13, 2)),
        (1024, 16, (24,)),
    )
    for depth in depths
]


def finish_config(fields: dict[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """The checks that need several fields, and what shows in the variables alone."""
    if "bert/pooler/dense/kernel" not in variables:
        fields["add_pooling_layer"] = False
    hidden, heads = fields["hidden_size"], fields["num_attention_heads"]
    if hidden % heads:
        return [f"num_attention_heads   {heads} heads do not divide a hidden size of {hidden}"]
    return []


WAY_BACK = WayBack(
    config_file="bert_config.json",
    config_fields=tuple(field.name for field in FIELDS if field.name != "layer_norm_eps"),
    keeps_unknown=True,
    fixed={
        "layer_norm_eps": (1e-12,),
        "position_embedding_type": ("absolute",),
        "is_decoder": (False,),
        "add_cross_attention": (False,),
    },
    vocabulary={"vocab.txt": "vocab.txt"},
    present=present_if({"bert/pooler/dense/kernel": lambda model: model.has("bert.pooler.dense.weight")}),
    zeros=lambda model: POOLER if getattr(model.config, "add_pooling_layer", True) else (),
    buffers=("*embeddings.position_ids", "*embeddings.token_type_ids"),
)

FAMILY = Family(
    model_type="bert",
    title="BERT",
    config_class=BertConfig,
    anchor="bert/encoder/layer_0/attention/self/query/kernel",
    encoder=ENCODER,
    base_prefix="bert.",
    base_model="BertModel",
    headless="BertModel",
    architectures=ARCHITECTURES,
    skipped=TRAINING_STATE,
    fields=FIELDS,
    released=RELEASED,
    config_files={"bert_config.json": read_json_object},
    finish_config=finish_config,
    find_task=find_glue_task,
    way_back=WAY_BACK,
)

convert_tf_checkpoint_to_pytorch = Script(
    FAMILY,
    tf_checkpoint_path=CHECKPOINT,
    bert_config_file=CONFIG,
    pytorch_dump_path=WEIGHT_FILE,
)

if __name__ == "__main__":
    convert_tf_checkpoint_to_pytorch.main()

"""The original GPT-2 checkpoints (openai/gpt-2, and forks that train it) as models of this library.

E width of the embeddings, V vocabulary, P positions, N labels; i counts the layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._files import read_json_object
from ...conversion.family import Architecture, ConfigField, Family, ReleasedModel
from ...conversion.rules import TRAINING_STATE, convolution, layer_norm, linear, skip, table, tensor, tied
from ...conversion.script import CHECKPOINT, CONFIG, FOLDER, Script
from ...conversion.way_back import WayBack
from .configuration_gpt2 import GPT2Config

ENCODER = table(
    tensor("model/wte", "transformer.wte.weight", "V E"),
    tensor("model/wpe", "transformer.wpe.weight", "P E"),
    layer_norm("model/h{i}/ln_1", "transformer.h.{i}.ln_1", "E", gain="g", offset="b"),
    convolution("model/h{i}/attn/c_attn", "transformer.h.{i}.attn.c_attn", "E 3*E"),
    convolution("model/h{i}/attn/c_proj", "transformer.h.{i}.attn.c_proj", "E E"),
    layer_norm("model/h{i}/ln_2", "transformer.h.{i}.ln_2", "E", gain="g", offset="b"),
    convolution("model/h{i}/mlp/c_fc", "transformer.h.{i}.mlp.c_fc", "E 4*E"),
    convolution("model/h{i}/mlp/c_proj", "transformer.h.{i}.mlp.c_proj", "4*E E"),
    layer_norm("model/ln_f", "transformer.ln_f", "E", gain="g", offset="b"),
)

LANGUAGE = tied("lm_head.weight", "transformer.wte.weight")

# The original has no other heads; those of forks are mapped to these names.

ARCHITECTURES = {
    "GPT2LMHeadModel": Architecture(LANGUAGE),
    "GPT2Model": Architecture(),
    "GPT2DoubleHeadsModel": Architecture(
        LANGUAGE + linear("multiple_choice_head/summary", "multiple_choice_head.summary", "E 1"), detected=False
    ),
    "GPT2ForSequenceClassification": Architecture(
        linear("score", "score", "E N", bias=False), labels="N", detected=False
    ),
    "GPT2ForTokenClassification": Architecture(linear("classifier", "classifier", "E N"), labels="N", detected=False),
    "GPT2ForQuestionAnswering": Architecture(linear("qa_outputs", "qa_outputs", "E 2"), detected=False),
}

SKIPPED = (
    *TRAINING_STATE,
    skip("Variable*", "train/*", reason="state of the training script"),
)

FIELDS = (
    ConfigField("vocab_size", int, "n_vocab", size="V"),
    ConfigField("n_positions", int, "n_ctx", size="P"),
    ConfigField("n_embd", int, size="E"),
    ConfigField("n_head", int, least=1),
    ConfigField("n_layer", int, size="i"),
    ConfigField("bos_token_id", int, default=None, nullable=True),
    ConfigField("eos_token_id", int, default=None, nullable=True),
)

END_OF_TEXT = "<|endoftext|>"

RELEASED = [
    ReleasedModel(
        f"GPT-2 {name}",
        {"V": 50257, "P": 1024, "E": width, "i": depth},
        {"n_head": heads, "bos_token_id": 50256, "eos_token_id": 50256},
    )
    for name, width, heads, depth in (
        ("124M", 768, 12, 12),
        ("355M", 1024, 16, 24),
        ("774M", 1280, 20, 36),
        ("1558M", 1600, 25, 48),
    )
]


def end_of_text(vocabulary: Path) -> dict[str, Any]:
    """The id of the token that both begins and ends a text, as far as the vocabulary has it."""
    identifier = read_json_object(vocabulary).get(END_OF_TEXT)
    return {} if identifier is None else {"bos_token_id": identifier, "eos_token_id": identifier}


def finish_config(fields: dict[str, Any], variables: Mapping[str, Any]) -> list[str]:  # noqa: ARG001
    """The checks that need several fields."""
    width, heads = fields["n_embd"], fields["n_head"]
    if width % heads:
        return [f"n_head   {heads} heads do not divide a width of {width}"]
    return []


WAY_BACK = WayBack(
    classes=("GPT2LMHeadModel", "GPT2Model"),
    config_file="hparams.json",
    config_fields=("vocab_size", "n_positions", "n_embd", "n_head", "n_layer"),
    fixed={
        "activation_function": ("gelu_new",),
        "layer_norm_epsilon": (1e-5,),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
    vocabulary={"vocab.json": "encoder.json", "merges.txt": "vocab.bpe"},
    buffers=("*h.*.attn.bias", "*h.*.attn.masked_bias"),
)

FAMILY = Family(
    model_type="gpt2",
    title="GPT-2",
    config_class=GPT2Config,
    anchor="model/wte",
    encoder=ENCODER,
    base_prefix="transformer.",
    base_model="GPT2Model",
    headless="GPT2LMHeadModel",
    architectures=ARCHITECTURES,
    skipped=SKIPPED,
    fields=FIELDS,
    released=RELEASED,
    config_files={"hparams.json": read_json_object, "encoder.json": end_of_text},
    finish_config=finish_config,
    way_back=WAY_BACK,
)

convert_gpt2_checkpoint_to_pytorch = Script(
    FAMILY,
    gpt2_checkpoint_path=CHECKPOINT,
    gpt2_config_file=CONFIG.optional,
    pytorch_dump_folder_path=FOLDER,
)

if __name__ == "__main__":
    convert_gpt2_checkpoint_to_pytorch.main()

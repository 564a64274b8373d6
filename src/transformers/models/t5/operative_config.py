"""From ``operative_config.gin``, the settings of a training by Mesh-TensorFlow, to the fields of a T5 configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from .gin import GinFile

#: Settings that only one value of leaves the architecture as it is (None always does).
_FIXED: Mapping[str, tuple[Any, ...]] = {
    "run.model_type": ("bitransformer",),
    "DenseReluDense.use_bias": (False,),
    "SelfAttention.shared_kv": (False,),
    "SelfAttention.num_memory_heads": (0,),
    "SelfAttention.attention_func": (),
    "Unitransformer.positional_embedding": (False,),
    "Unitransformer.sinusoid_positional_embedding": (False,),
    "Unitransformer.ensemble": (),
    "Bitransformer.shared_embedding": (True,),
    "make_layer_stack.block_scope": (True,),
}

#: Fields of our configuration (or of the conversion) -> the settings that say it, the first that is there counts.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "d_model": ("Unitransformer.d_model", "d_model"),
    "num_heads": ("SelfAttention.num_heads", "num_heads"),
    "d_kv": ("SelfAttention.key_value_size", "d_kv"),
    "d_ff": ("DenseReluDense.hidden_size", "d_ff"),
    "relative_attention_num_buckets": ("SelfAttention.relative_attention_num_buckets",),
    "layer_norm_epsilon": ("sublayer_rms_norm.epsilon", "sublayer_scale_norm.epsilon", "LayerStack.norm_epsilon"),
    "dropout_rate": ("sublayer_dropout.dropout_rate", "LayerStack.dropout_rate", "DenseReluDense.dropout_rate"),
    "fold_scaling_into_initializer": ("SelfAttention.fold_scaling_into_initializer",),
    "scale_variable_like_classifier_weights": ("VocabEmbedding.scale_variable_like_classifier_weights",),
}


#: What the original takes where a file says nothing, for fields that encoder and decoder must have in common.
_DEFAULTS: Mapping[str, Any] = {
    "layer_norm_epsilon": 1e-6,
    "fold_scaling_into_initializer": True,
    "scale_variable_like_classifier_weights": False,
}


def read_operative_config(path: Path) -> dict[str, Any]:
    """The fields of a T5 configuration that a file holds, in the original's words.

    Raises:
        UserError: It describes another architecture, or is damaged; the message lists all settings that are wrong.
    """
    file = GinFile.read(path)
    problems = [*_other_architecture(file), *_other_order(file)]
    fields = _plain_fields(file, problems)
    fields |= _depths(file)
    fields |= _activation(file, problems)
    fields |= _relative_attention(file, problems)
    tied = _said(file, "Unitransformer.shared_embedding_and_softmax_weights")
    if tied:
        fields["tie_word_embeddings"] = tied.get("decoder", next(iter(tied.values())))
    if problems:
        raise UserError(f"{path.name} does not describe a T5 model that can be converted:", problems)
    return fields


def _plain_fields(file: GinFile, problems: list[str]) -> dict[str, Any]:
    """Those whose values need no translation."""
    fields = {}
    for name, settings in _FIELDS.items():
        setting = next((each for each in settings if _said(file, each)), None)
        if setting is not None:
            found = _said(file, setting)
            problems += _differences(name, setting, _with_default(found, name))
            fields[name] = next(iter(found.values()))
    return fields


def _said(file: GinFile, setting: str) -> dict[str, Any]:
    """The values of a setting by scope, but for those that are None."""
    return {scope: value for scope, value in file.settings(setting).items() if value is not None}


def _with_default(found: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """The values of both stacks, if one of them alone says something else than what holds for the other."""
    if field not in _DEFAULTS or "" in found:
        return found
    return {"encoder": _DEFAULTS[field], "decoder": _DEFAULTS[field], **found}


def _spelled(scope: str, setting: str) -> str:
    return f"{scope}/{setting}" if scope else setting


def _other_architecture(file: GinFile) -> list[str]:
    return [
        f"{_spelled(scope, setting)} = {value!r}" + (f", only {allowed[0]!r} can be converted" if allowed else "")
        for setting, allowed in _FIXED.items()
        for scope, value in _said(file, setting).items()
        if value not in allowed
    ]


def _other_order(file: GinFile) -> list[str]:
    """Blocks that do not begin with a norm."""
    problems = []
    for scope, parts in _said(file, "LayerStack.sublayers_per_layer").items():
        names = [part.decode().lstrip("@").rpartition(".")[2] for part in parts if isinstance(part, bytes)]
        call = names.index("sublayer_call_layer") if "sublayer_call_layer" in names else len(names)
        if any("norm" in name for name in names[call:]) or not any("norm" in name for name in names[:call]):
            problems.append(
                f"{_spelled(scope, 'LayerStack.sublayers_per_layer')} = {', '.join(names)}: a norm must come first"
            )
    return problems


def _differences(field: str, setting: str, found: Mapping[str, Any]) -> list[str]:
    """A setting that differs between encoder and decoder, for which there is one field."""
    values = list(found.values())
    if field == "dropout_rate" or all(value == values[0] for value in values):
        return []
    return [", ".join(f"{_spelled(scope, setting)} = {value!r}" for scope, value in found.items())]


def _depths(file: GinFile) -> dict[str, Any]:
    found = {**_said(file, "num_layers"), **_said(file, "make_layer_stack.num_layers")}
    depths = {
        "num_layers": found.get("encoder", found.get("")),
        "num_decoder_layers": found.get("decoder", found.get("")),
    }
    return {name: depth for name, depth in depths.items() if depth is not None}


def _activation(file: GinFile, problems: list[str]) -> dict[str, Any]:
    """``'relu'`` -> relu, ``['gelu', 'linear']`` -> gated-gelu."""
    found = _said(file, "DenseReluDense.activation")
    problems += _differences("feed_forward_proj", "DenseReluDense.activation", found)
    for scope, value in found.items():
        if isinstance(value, str):
            return {"feed_forward_proj": value}
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[1] == "linear":
            return {"feed_forward_proj": f"gated-{value[0]}"}
        problems.append(
            f"{_spelled(scope, 'DenseReluDense.activation')} = {value!r}, expected a name or a name and 'linear'"
        )
    return {}


def _relative_attention(file: GinFile, problems: list[str]) -> dict[str, Any]:
    setting = "SelfAttention.relative_attention_type"
    found = file.settings(setting)
    wrong = [
        f"{_spelled(scope, setting)} = {value!r}, expected 'bias_shared' or 'bias'"
        for scope, value in found.items()
        if value not in ("bias_shared", "bias")
    ]
    problems += wrong or _differences("relative_attention_per_layer", setting, found)
    return {"relative_attention_per_layer": "bias" in found.values()} if found else {}


#: The parts of a block: a norm, whose variable has a name of its own, before each of them and behind the last block.
_BLOCKS = """
import mesh_tensorflow.transformer.transformer
import mesh_tensorflow.transformer.transformer_layers

make_bitransformer.decoder_name = 'decoder'
make_bitransformer.encoder_name = 'encoder'
encoder/make_layer_stack.layers = \\
    [@mesh_tensorflow.transformer.transformer_layers.SelfAttention,
     @mesh_tensorflow.transformer.transformer_layers.DenseReluDense]
decoder/make_layer_stack.layers = \\
    [@mesh_tensorflow.transformer.transformer_layers.SelfAttention,
     @mesh_tensorflow.transformer.transformer_layers.EncDecAttention,
     @mesh_tensorflow.transformer.transformer_layers.DenseReluDense]
LayerStack.sublayers_initial = [@transformer.sublayer_dropout]
LayerStack.sublayers_per_layer = \\
    [@transformer.sublayer_rms_norm,
     @transformer.sublayer_call_layer,
     @transformer.sublayer_dropout,
     @transformer.sublayer_residual]
LayerStack.sublayers_final = [@transformer.sublayer_rms_norm, @transformer.sublayer_dropout]
sublayer_rms_norm.name = 'rms_norm'
"""


def operative_config_text(fields: Mapping[str, Any]) -> str:
    """The settings of the architecture as the original code reads them; those of a training are left to it.

    Args:
        fields: The fields of a T5 configuration, in the original's words.
    """
    settings = {
        "run.model_type": "bitransformer",
        "Bitransformer.shared_embedding": True,
        "VocabEmbedding.scale_variable_like_classifier_weights": False,
        "sublayer_dropout.dropout_rate": fields["dropout_rate"],
        "sublayer_rms_norm.epsilon": fields["layer_norm_epsilon"],
        **_settings_of("encoder", fields["num_layers"], fields),
        **_settings_of("decoder", fields["num_decoder_layers"], fields),
    }
    lines = [f"{name} = {value!r}" for name, value in settings.items()]
    return _BLOCKS.lstrip() + "\n".join(["", *lines, ""])


def _settings_of(stack: str, depth: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the encoder or of the decoder."""
    gate, _, word = fields["feed_forward_proj"].rpartition("-")
    settings = {
        "make_layer_stack.block_scope": True,
        "make_layer_stack.num_layers": depth,
        "DenseReluDense.activation": [word, "linear"] if gate else word,
        "DenseReluDense.dropout_rate": fields["dropout_rate"],
        "DenseReluDense.hidden_size": fields["d_ff"],
        "DenseReluDense.use_bias": False,
        "SelfAttention.dropout_rate": fields["dropout_rate"],
        "SelfAttention.fold_scaling_into_initializer": True,
        "SelfAttention.key_value_size": fields["d_kv"],
        "SelfAttention.num_heads": fields["num_heads"],
        "SelfAttention.relative_attention_num_buckets": fields["relative_attention_num_buckets"],
        "SelfAttention.relative_attention_type": "bias" if fields["relative_attention_per_layer"] else "bias_shared",
        "SelfAttention.shared_kv": False,
        "Unitransformer.d_model": fields["d_model"],
        "Unitransformer.positional_embedding": False,
        "Unitransformer.shared_embedding_and_softmax_weights": fields["tie_word_embeddings"],
    }
    return {f"{stack}/{name}": value for name, value in settings.items()}

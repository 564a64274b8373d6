"""Writes checkpoints of the size and the variables of released models, filled with random numbers.

The numbers of a variable depend on its name only: a checkpoint with optimizer slots holds the same weights as the one
without, and every run of this program writes the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transformers.checkpoints import Variable, write_bundle

Shapes = dict[str, tuple[int, ...]]

#: Standard deviation of weights in the originals' own initialisation.
_SCALE = np.float32(0.02)


@dataclass(frozen=True, slots=True)
class Model:
    """A released model as its original code saves it.

    Attributes:
        shapes: Shape of each variable.
        slots: The names under which its usual optimizer keeps two numbers for each weight.
        counters: The variables that training adds, apart from the slots: name to data type.
        config_file: Name of the file with the hyper-parameters.
        config: What is in it.
    """

    shapes: Shapes
    slots: tuple[str, str]
    counters: Mapping[str, str]
    config_file: str
    config: Mapping[str, Any]


def bert(
    layers: int = 12, hidden: int = 768, inner: int = 3072, vocabulary: int = 30522, positions: int = 512
) -> Model:
    """BERT with both pre-training heads; the defaults are the uncased base model."""
    shapes: Shapes = {
        "bert/embeddings/word_embeddings": (vocabulary, hidden),
        "bert/embeddings/position_embeddings": (positions, hidden),
        "bert/embeddings/token_type_embeddings": (2, hidden),
        "cls/predictions/output_bias": (vocabulary,),
        "cls/seq_relationship/output_weights": (2, hidden),
        "cls/seq_relationship/output_bias": (2,),
    }
    dense = {"bert/pooler": (hidden, hidden), "cls/predictions/transform": (hidden, hidden)}
    norms = ["bert/embeddings", "cls/predictions/transform"]
    for layer in (f"bert/encoder/layer_{index}" for index in range(layers)):
        for name in ("query", "key", "value"):
            shapes[f"{layer}/attention/self/{name}/kernel"] = (hidden, hidden)
            shapes[f"{layer}/attention/self/{name}/bias"] = (hidden,)
        dense[f"{layer}/attention/output"] = (hidden, hidden)
        dense[f"{layer}/intermediate"] = (hidden, inner)
        dense[f"{layer}/output"] = (inner, hidden)
        norms += [f"{layer}/attention/output", f"{layer}/output"]
    for scope, shape in dense.items():
        shapes |= {f"{scope}/dense/kernel": shape, f"{scope}/dense/bias": shape[1:]}
    for scope in norms:
        shapes |= {f"{scope}/LayerNorm/gamma": (hidden,), f"{scope}/LayerNorm/beta": (hidden,)}
    config = {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "num_attention_heads": hidden // 64,
        "num_hidden_layers": layers,
        "type_vocab_size": 2,
        "vocab_size": vocabulary,
    }
    return Model(shapes, ("adam_m", "adam_v"), {"global_step": "int64"}, "bert_config.json", config)


def gpt2(layers: int = 12, hidden: int = 768, vocabulary: int = 50257, positions: int = 1024) -> Model:
    """GPT-2; the defaults are the release of 124 million parameters."""
    shapes: Shapes = {"model/wte": (vocabulary, hidden), "model/wpe": (positions, hidden)}
    norms = ["model/ln_f"]
    for layer in (f"model/h{index}" for index in range(layers)):
        norms += [f"{layer}/ln_1", f"{layer}/ln_2"]
        for name, inputs, outputs in (
            ("attn/c_attn", hidden, 3 * hidden),
            ("attn/c_proj", hidden, hidden),
            ("mlp/c_fc", hidden, 4 * hidden),
            ("mlp/c_proj", 4 * hidden, hidden),
        ):
            shapes |= {f"{layer}/{name}/w": (1, inputs, outputs), f"{layer}/{name}/b": (outputs,)}
    for scope in norms:
        shapes |= {f"{scope}/g": (hidden,), f"{scope}/b": (hidden,)}
    config = {
        "n_vocab": vocabulary,
        "n_ctx": positions,
        "n_embd": hidden,
        "n_head": hidden // 64,
        "n_layer": layers,
    }
    counters = {"beta1_power": "float32", "beta2_power": "float32"}
    return Model(shapes, ("Adam", "Adam_1"), counters, "hparams.json", config)


MODELS: Mapping[str, Callable[[], Model]] = {"bert-base": bert, "gpt2-124m": gpt2}


def write(model: Model, folder: Path, *, slots: bool) -> None:
    """Writes ``folder/model.ckpt.*`` and the file of hyper-parameters."""
    folder.mkdir(parents=True)
    write_bundle(folder / "model.ckpt", _variables(model, slots=slots))
    (folder / model.config_file).write_text(json.dumps(model.config, indent=2) + "\n")


def _variables(model: Model, *, slots: bool) -> Iterator[tuple[Variable, partial[NDArray[Any]]]]:
    weights = {name: Variable(name, shape, "float32") for name, shape in model.shapes.items()}
    everything = dict(weights)
    if slots:
        everything |= {name: Variable(name, (), dtype) for name, dtype in model.counters.items()}
        for name, weight in weights.items():
            for slot in (f"{name}/{slot}" for slot in model.slots):
                everything[slot] = Variable(slot, weight.shape, "float32")
    for name in sorted(everything):
        yield everything[name], partial(_values, everything[name])


def _values(variable: Variable) -> NDArray[Any]:
    if variable.shape == ():
        return np.asarray(1, variable.dtype)
    generator = np.random.default_rng(zlib.crc32(variable.name.encode()))
    return (generator.standard_normal(math.prod(variable.shape), np.float32) * _SCALE).reshape(variable.shape)


def main() -> None:
    """Writes one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--slots", action="store_true", help="with the optimizer's slots, as training leaves them")
    arguments = parser.parse_args()
    write(MODELS[arguments.model](), arguments.folder, slots=arguments.slots)


if __name__ == "__main__":
    main()

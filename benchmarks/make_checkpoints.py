"""Writes checkpoints of the size and the variables of released models, filled with random numbers.

The variables follow from the rules by which a family is converted. The numbers of a variable depend on its name only: a
checkpoint with optimizer slots holds the same weights as the one without, and every run writes the same.

Run from the root of the repository: ``python -m benchmarks.make_checkpoints MODEL FOLDER``.
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.shared.synthetic_checkpoint import synthetic_shapes

from transformers.checkpoints import Variable, write_bundle
from transformers.models.auto.original_families import load_family

Array = NDArray[Any]
Variables = Sequence[tuple[Variable, Callable[[], Array]]]

#: Standard deviation of weights in the originals' own initialisation.
_SCALE = np.float32(0.02)


# ------------------------------------------------------------------------------------------------------------- writing


def _write_bundle(folder: Path, model: Model, variables: Variables) -> None:
    """``model.ckpt.*`` of TensorFlow and the file of hyper-parameters beside it."""
    write_bundle(folder / "model.ckpt", ((variable, partial(_in_one_piece, values)) for variable, values in variables))
    (folder / model.config_file).write_text(json.dumps(model.config, indent=2) + "\n")


def _in_one_piece(values: Callable[[], Array]) -> list[Array]:
    return [values()]


def _write_numpy_folder(folder: Path, model: Model, variables: Variables) -> None:
    """``params_shapes.json`` and ten pieces of one long vector, whose borders are not those of the arrays."""
    named = {variable.name: (variable, values) for variable, values in variables}
    matrix = (1, 1)  # the second array is one: it tells the released folder from a fine-tuned list
    numbers = {str(number): Variable(str(number), matrix, model.dtype) for number in range(len(variables))}
    canonical_names = load_family(model.family).canonical_names
    order = canonical_names(numbers).values() if canonical_names else named
    shapes = [named[name][0].shape for name in order]
    vector = np.concatenate([named[name][1]().reshape(-1) for name in order])
    (folder / "params_shapes.json").write_text(json.dumps(shapes))
    for number, piece in enumerate(np.array_split(vector, 10)):
        np.save(folder / f"params_{number}.npy", piece)


def _write_torch_file(folder: Path, model: Model, variables: Variables) -> None:
    """``model.pth`` in the format before zip archives: the tensors, the options of the training, the dictionary."""
    import torch

    tensors = {variable.name.removeprefix("model/"): torch.from_numpy(values()) for variable, values in variables}
    tensors["pred_layer.proj.weight"] = tensors["embeddings.weight"]
    words = {number: f"w{number}" if number % 2 else f"w{number}@@" for number in range(model.config["n_words"])}
    words |= dict(enumerate(("<s>", "</s>", "<pad>", "<unk>", *(f"<special{number}>" for number in range(10)))))
    torch.save(
        {
            "model": tensors,
            # What is no plain value among the options of genuine files: a loader has to know these types.
            "params": {**model.config, "pred_probs": torch.ones(9), "mask_scores": np.ones(9)},
            "dico_id2word": words,
            "dico_word2id": {word: number for number, word in words.items()},
            "dico_counts": dict.fromkeys(words.values(), 1),
        },
        folder / "model.pth",
        _use_new_zipfile_serialization=False,
    )


# -------------------------------------------------------------------------------------------------------------- models


@dataclass(frozen=True, slots=True)
class Model:
    """A released model as its original code saves it.

    Attributes:
        family: Its ``model_type``.
        architecture: The class that it is converted to.
        sizes: The symbols and indices of the family's rules.
        config: Its hyper-parameters, in the original's words.
        config_file: Name of the file that they stand in; empty if there is none.
        absent: Variables of other layouts, see :func:`synthetic_shapes`.
        dtype: Of the weights.
        writer: Writes the files.
        slots: The names under which its usual optimizer keeps two numbers for each weight.
        counters: The variables that training adds, apart from the slots: name to data type.
    """

    family: str
    architecture: str
    sizes: Mapping[str, int]
    config: Mapping[str, Any] = field(default_factory=dict)
    config_file: str = ""
    absent: Sequence[str] = ()
    dtype: str = "float32"
    writer: Callable[[Path, Model, Variables], None] = _write_bundle
    slots: Sequence[str] = ()
    counters: Mapping[str, str] = field(default_factory=dict)


_BERT = Model(
    family="bert",
    architecture="BertForPreTraining",
    sizes={"V": 30522, "H": 768, "P": 512, "T": 2, "I": 3072, "i": 12},
    config={
        "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768,
        "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 512,
        "num_attention_heads": 12, "num_hidden_layers": 12, "type_vocab_size": 2, "vocab_size": 30522,
    },
    config_file="bert_config.json",
    slots=("adam_m", "adam_v"),
    counters={"global_step": "int64"},
)  # fmt: skip

_GPT2 = Model(
    family="gpt2",
    architecture="GPT2LMHeadModel",
    sizes={"V": 50257, "P": 1024, "E": 768, "i": 12},
    config={"n_vocab": 50257, "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12},
    config_file="hparams.json",
    slots=("Adam", "Adam_1"),
    counters={"beta1_power": "float32", "beta2_power": "float32"},
)

_ALBERT = Model(
    family="albert",
    architecture="AlbertForPreTraining",
    sizes={"V": 30000, "E": 128, "H": 768, "P": 512, "T": 2, "I": 3072, "g": 1, "k": 1},
    config={
        "attention_probs_dropout_prob": 0.1, "embedding_size": 128, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "hidden_size": 768, "initializer_range": 0.02, "inner_group_num": 1, "intermediate_size": 3072,
        "max_position_embeddings": 512, "num_attention_heads": 12, "num_hidden_groups": 1, "num_hidden_layers": 12,
        "type_vocab_size": 2, "vocab_size": 30000,
    },
    config_file="albert_config.json",
)  # fmt: skip

_GPT = Model(
    family="openai-gpt",
    architecture="OpenAIGPTLMHeadModel",
    sizes={"V": 40478, "P": 512, "E": 768, "i": 12},
    writer=_write_numpy_folder,
)

_TRANSFO_XL_SIZES = {
    "M": 410, "E": 410, "H": 10, "D": 41, "I": 2100, "l": 16,
    "V": 267735, "C": 3, "k": 4, "n0": 20000, "n1": 20000, "n2": 160000, "n3": 67735,
}  # fmt: skip
_TRANSFO_XL_CONFIG = {
    "vocab_size": 267735, "cutoffs": [20000, 40000, 200000], "d_model": 410, "d_embed": 410, "n_head": 10,
    "d_head": 41, "d_inner": 2100, "n_layer": 16, "untie_r": True, "proj_share_all_but_first": False, "mem_len": 150,
}  # fmt: skip
_TRANSFO_XL = Model(
    family="transfo-xl",
    architecture="TransfoXLLMHeadModel",
    sizes=_TRANSFO_XL_SIZES,
    config={**_TRANSFO_XL_CONFIG, "div_val": 1},
    config_file="config.json",
    absent=("*/cutoff_{k}/lookup_table", "*/proj_W"),
)
_TRANSFO_XL_NARROWING = Model(
    family="transfo-xl",
    architecture="TransfoXLLMHeadModel",
    sizes={**_TRANSFO_XL_SIZES, **{f"e{number}": 410 // 4**number for number in range(4)}},
    config={**_TRANSFO_XL_CONFIG, "div_val": 4},
    config_file="config.json",
)

_XLNET = Model(
    family="xlnet",
    architecture="XLNetLMHeadModel",
    sizes={"V": 32000, "M": 768, "N": 12, "D": 64, "I": 3072, "l": 12},
    config={
        "d_head": 64, "d_inner": 3072, "d_model": 768, "ff_activation": "gelu", "n_head": 12, "n_layer": 12,
        "n_token": 32000, "untie_r": True,
    },
    config_file="xlnet_config.json",
)  # fmt: skip

_XLM = Model(
    family="xlm",
    architecture="XLMWithLMHeadModel",
    sizes={"V": 64139, "E": 1024, "P": 512, "L": 2, "i": 6},
    config={
        "n_words": 64139, "emb_dim": 1024, "n_layers": 6, "n_heads": 8, "n_langs": 2, "dropout": 0.1,
        "attention_dropout": 0.1, "gelu_activation": True, "sinusoidal_embeddings": False, "share_inout_emb": True,
        "use_lang_emb": True, "asm": False, "bos_index": 0, "eos_index": 1, "pad_index": 2, "unk_index": 3,
        "mask_index": 5, "lang2id": {"en": 0, "fr": 1}, "id2lang": {0: "en", 1: "fr"}, "mlm_steps": [("en", None)],
        "clm_steps": [], "max_vocab": -1,
    },
    absent=("model/pred_layer.proj.head.*",),
    writer=_write_torch_file,
)  # fmt: skip

_T5 = Model(
    family="t5",
    architecture="T5ForConditionalGeneration",
    sizes={"V": 32128, "E": 768, "A": 12, "K": 64, "F": 2048, "B": 32, "i": 12, "j": 12},
    config={
        "vocab_size": 32128, "d_model": 768, "num_heads": 12, "d_kv": 64, "d_ff": 2048, "num_layers": 12,
        "num_decoder_layers": 12, "relative_attention_num_buckets": 32, "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
    },
    config_file="t5_config.json",
    absent=("*_of_one_head", "*/block_001/*", "*/scale_norm/*"),
    dtype="bfloat16",
)  # fmt: skip

MODELS: Mapping[str, Model] = {
    "bert-base": _BERT,
    "gpt2-124m": _GPT2,
    "albert-base": _ALBERT,
    "gpt": _GPT,
    "transfo-xl-base": _TRANSFO_XL,
    "transfo-xl-base-div4": _TRANSFO_XL_NARROWING,
    "xlnet-base": _XLNET,
    "xlm-1024": _XLM,
    "t5-v1.1-base": _T5,
}


# ----------------------------------------------------------------------------------------------------------- variables


def write(model: Model, folder: Path, *, slots: bool) -> None:
    """Writes a checkpoint into a folder, which is made for it."""
    folder.mkdir(parents=True)
    model.writer(folder, model, list(_variables(model, slots=slots)))


def _variables(model: Model, *, slots: bool) -> Iterator[tuple[Variable, partial[Array]]]:
    shapes = synthetic_shapes(load_family(model.family), model.architecture, model.sizes, model.absent)
    everything = {name: Variable(name, shape, model.dtype) for name, shape in shapes.items()}
    if slots:
        names = {f"{name}/{slot}": shape for name, shape in shapes.items() for slot in model.slots}
        everything |= {name: Variable(name, shape, "float32") for name, shape in names.items()}
        everything |= {name: Variable(name, (), dtype) for name, dtype in model.counters.items()}
    for name in sorted(everything):
        yield everything[name], partial(_values, everything[name])


def _values(variable: Variable) -> Array:
    if variable.shape == ():
        return np.asarray(1, variable.dtype)
    generator = np.random.default_rng(zlib.crc32(variable.name.encode()))
    values = (generator.standard_normal(math.prod(variable.shape), np.float32) * _SCALE).reshape(variable.shape)
    if variable.dtype == "bfloat16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    return values


def main() -> None:
    """Writes one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--slots", action="store_true", help="with the optimizer's slots, as training leaves them")
    arguments = parser.parse_args()
    write(MODELS[arguments.model], arguments.folder, slots=arguments.slots)


if __name__ == "__main__":
    main()

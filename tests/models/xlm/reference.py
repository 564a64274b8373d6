"""A second XLM: files as the original's trainer saves them, and its computation in NumPy in double precision.

Written from the description of the original, not from ours, and as slow as it is plain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]

SPECIAL_WORDS = ("<s>", "</s>", "<pad>", "<unk>", *(f"<special{number}>" for number in range(10)))

#: Options that say nothing about the model, of the kinds that files of the original have.
NOISE = {
    "dump_path": "./dumped/x",
    "word_mask_keep_rand": "0.8,0.1,0.1",
    "max_vocab": -1,
    "fp16": False,
    "mt_steps": [],
    "reload_model": "",
    "pred_probs": torch.tensor([0.8, 0.1, 0.1]),
    "mask_scores": np.array([0.5, 0.25, 0.125]),
}


@dataclass(frozen=True)
class Original:
    """A model of the original code.

    Attributes:
        width: ``emb_dim``.
        layers: Number of layers.
        heads: Number of heads.
        words: Number of words, the special ones included.
        languages: Their codes.
        language_table: ``use_lang_emb``.
        gelu: ``gelu_activation``; otherwise ReLU.
        causal: Whether it was trained on next words (CLM).
        pairs: Whether it was trained on translation pairs (TLM), too.
        shared: ``share_inout_emb``.
        cutoffs: ``asm_cutoffs``: it has an adaptive softmax if there are any.
        divisor: ``asm_div_value``.
    """

    width: int = 12
    layers: int = 2
    heads: int = 3
    words: int = 30
    languages: tuple[str, ...] = ("de", "en", "fr")
    language_table: bool = True
    gelu: bool = True
    causal: bool = False
    pairs: bool = False
    shared: bool = True
    cutoffs: tuple[int, ...] = ()
    divisor: float = 2.0

    @property
    def has_languages(self) -> bool:
        return len(self.languages) > 1 and self.language_table

    # ------------------------------------------------------------------------------------------------- what files hold

    def params(self) -> dict[str, Any]:
        """The options of the training."""
        steps: list[tuple[str, str | None]] = [(language, None) for language in self.languages]
        if self.pairs:
            steps.append((self.languages[0], self.languages[1]))
        return {
            **NOISE,
            "emb_dim": self.width,
            "n_layers": self.layers,
            "n_heads": self.heads,
            "dropout": 0.1,
            "attention_dropout": 0.2,
            "gelu_activation": self.gelu,
            "share_inout_emb": self.shared and not self.cutoffs,
            "sinusoidal_embeddings": False,
            "use_lang_emb": self.language_table,
            "use_memory": False,
            "asm": bool(self.cutoffs),
            **({"asm_cutoffs": list(self.cutoffs), "asm_div_value": self.divisor} if self.cutoffs else {}),
            "clm_steps": steps if self.causal else [],
            "mlm_steps": [] if self.causal else steps,
            "n_langs": len(self.languages),
            "lang2id": {language: number for number, language in enumerate(self.languages)},
            "id2lang": dict(enumerate(self.languages)),
            "n_words": self.words,
            "bos_index": 0,
            "eos_index": 1,
            "pad_index": 2,
            "unk_index": 3,
            "mask_index": 5,
        }

    def dictionary(self) -> dict[int, str]:
        """The vocabulary: special words, then whole words and pieces that continue, in turn."""
        ordinary = [f"w{number}" + "@@" * (number % 2) for number in range(self.words - len(SPECIAL_WORDS))]
        return dict(enumerate([*SPECIAL_WORDS, *ordinary]))

    def shapes(self, output: bool = True) -> dict[str, tuple[int, ...]]:
        """The state dict, but for an output matrix that is shared."""
        width, inner = self.width, 4 * self.width
        shapes: dict[str, tuple[int, ...]] = {
            "position_embeddings.weight": (512, width), "embeddings.weight": (self.words, width)
        }  # fmt: skip
        if self.has_languages:
            shapes["lang_embeddings.weight"] = (len(self.languages), width)

        def module(name: str, *shape: int) -> None:
            shapes.update({f"{name}.weight": shape, f"{name}.bias": shape[:1]})

        module("layer_norm_emb", width)
        for layer in range(self.layers):
            for projection in ("q", "k", "v", "out"):
                module(f"attentions.{layer}.{projection}_lin", width, width)
            module(f"layer_norm1.{layer}", width)
            module(f"ffns.{layer}.lin1", inner, width)
            module(f"ffns.{layer}.lin2", width, inner)
            module(f"layer_norm2.{layer}", width)
        if output and self.cutoffs:
            ends = [*self.cutoffs, self.words]
            module("pred_layer.proj.head", ends[0] + len(ends) - 1, width)
            for tail, (start, stop) in enumerate(itertools.pairwise(ends)):
                inside = int(width // self.divisor ** (tail + 1))
                shapes[f"pred_layer.proj.tail.{tail}.0.weight"] = (inside, width)
                shapes[f"pred_layer.proj.tail.{tail}.1.weight"] = (stop - start, inside)
        elif output:
            module("pred_layer.proj", self.words, width)
        return shapes

    def tensors(self, seed: int = 0, *, output: bool = True) -> dict[str, torch.Tensor]:
        """The state dict with random values; an output matrix that is shared is the embeddings themselves."""
        generator = torch.Generator().manual_seed(seed)
        tensors = {
            name: 0.3 * torch.randn(shape, generator=generator) + ("norm" in name and name.endswith("weight"))
            for name, shape in self.shapes(output).items()
        }
        if output and self.shared and not self.cutoffs:
            tensors["pred_layer.proj.weight"] = tensors["embeddings.weight"]
        return tensors

    def file(self, seed: int = 0) -> dict[str, Any]:
        """What the trainer saves."""
        words = self.dictionary()
        return {
            "epoch": 3,
            "n_total_iter": 1234,
            "best_metrics": {"valid_mlm_ppl": -12.5},
            "best_stopping_criterion": None,
            "model": self.tensors(seed),
            "dico_id2word": words,
            "dico_word2id": {word: number for number, word in words.items()},
            "dico_counts": dict.fromkeys(words.values(), 1),
            "params": self.params(),
        }

    # ------------------------------------------------------------------------------------------------- what it computes

    def hidden_states(
        self, tensors: Tensors, ids: Array, lengths: Sequence[int], langs: Array | None, positions: Array | None
    ) -> list[Array]:
        """The states behind the embeddings and behind each layer, ``[batch, time, width]``."""
        batch, time = ids.shape
        positions = np.arange(time)[None].repeat(batch, 0) if positions is None else positions
        x = tensors["embeddings.weight"][ids] + tensors["position_embeddings.weight"][positions]
        if langs is not None and self.has_languages:
            x = x + tensors["lang_embeddings.weight"][langs]
        real = (np.arange(time) < np.asarray(lengths)[:, None])[..., None]
        states = [_norm(x, tensors, "layer_norm_emb") * real]
        for layer in range(self.layers):
            x = states[-1]
            x = _norm(x + self._attention(x, tensors, layer, lengths), tensors, f"layer_norm1.{layer}")
            inner = _linear(x, tensors, f"ffns.{layer}.lin1")
            inner = inner * (1 + _erf(inner / math.sqrt(2))) / 2 if self.gelu else np.maximum(inner, 0)
            x = _norm(x + _linear(inner, tensors, f"ffns.{layer}.lin2"), tensors, f"layer_norm2.{layer}")
            states.append(x * real)
        return states

    def _attention(self, x: Array, tensors: Tensors, layer: int, lengths: Sequence[int]) -> Array:
        batch, time, width = x.shape
        size = width // self.heads
        query, key, value = (_linear(x, tensors, f"attentions.{layer}.{name}_lin") for name in ("q", "k", "v"))
        context = np.zeros_like(x)
        for row in range(batch):
            for head in range(self.heads):
                part = slice(head * size, (head + 1) * size)
                for step in range(time):
                    seen = step + 1 if self.causal else lengths[row]
                    scores = key[row, :seen, part] @ (query[row, step, part] / math.sqrt(size))
                    weights = np.exp(scores - scores.max())
                    context[row, step, part] = weights @ value[row, :seen, part] / weights.sum()
        return _linear(context, tensors, f"attentions.{layer}.out_lin")

    def scores(self, tensors: Tensors, state: Array) -> Array:
        """The scores of the words; with an adaptive softmax their log-probabilities."""
        if not self.cutoffs:
            return _linear(state, tensors, "pred_layer.proj")
        head = _log_softmax(_linear(state, tensors, "pred_layer.proj.head"))
        parts = [head[..., : self.cutoffs[0]]]
        for tail in range(len(self.cutoffs)):
            inside = state @ tensors[f"pred_layer.proj.tail.{tail}.0.weight"].T
            words = _log_softmax(inside @ tensors[f"pred_layer.proj.tail.{tail}.1.weight"].T)
            parts.append(words + head[..., self.cutoffs[0] + tail, None])
        return np.concatenate(parts, axis=-1)


def in_double_precision(tensors: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    """The tensors as the reference reads them."""
    return {name: tensor.double().numpy() for name, tensor in tensors.items()}


def _linear(x: Array, tensors: Tensors, name: str) -> Array:
    product: Array = x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]
    return product


def _norm(x: Array, tensors: Tensors, name: str) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    normed: Array = scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]
    return normed


def _log_softmax(x: Array) -> Array:
    shifted = x - x.max(-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


_erf = np.vectorize(math.erf)

"""How XLM models become files of the original's trainer: one file of PyTorch with everything in it, and the merges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..._files import read_json_object
from ...conversion.export_targets import TorchFile
from ...conversion.way_back import ExportedModel, WayBack

EMBEDDINGS, OUTPUT = "model/embeddings.weight", "model/pred_layer.proj.weight"
OUTPUT_BIAS = "model/pred_layer.proj.bias"
ADAPTIVE_HEAD = "model/pred_layer.proj.head.weight"
LANGUAGES = "model/lang_embeddings.weight"

#: The words of the dictionary that the model knows by their ids.
SPECIAL_WORDS = {
    "bos_index": "<s>", "eos_index": "</s>", "pad_index": "<pad>", "unk_index": "<unk>", "mask_index": "<special1>",
}  # fmt: skip

#: Options of the training that are fields of the configuration as they are.
_OPTIONS = (
    "emb_dim", "n_layers", "n_heads", "n_langs", "dropout", "attention_dropout", "gelu_activation",
    "sinusoidal_embeddings", "use_lang_emb", "asm", *SPECIAL_WORDS,
)  # fmt: skip

_VOCABULARY, _MERGES, _CODES = "vocab.json", "merges.txt", "codes"


def _clusters(config: Any) -> list[int]:
    """The sizes of the clusters of an adaptive softmax behind the most frequent words."""
    bounds = [*config.asm_cutoffs, config.vocab_size] if config.asm else []
    return [end - start for start, end in itertools.pairwise(bounds)]


def _sizes(config: Any) -> dict[str, int]:
    tails = _clusters(config)
    found = {"j": len(tails)}
    for number, words in enumerate(tails):
        width = int(config.emb_dim // config.asm_div_value ** (number + 1))
        found |= {f"T{number}": words, f"D{number}": width, "K": config.asm_cutoffs[0] + len(tails)}
    return found


def _present(model: ExportedModel) -> Iterator[str]:
    """The variables that the choices among the rules are about."""
    if model.config.has_language_embeddings:
        yield LANGUAGES
    if model.config.asm:
        yield ADAPTIVE_HEAD
    elif not model.config.tie_word_embeddings:
        yield OUTPUT


def _check(model: ExportedModel) -> list[str]:
    """Whether the vocabulary is one of the original's, and numbers the embeddings."""
    words = _words(model.folder)
    if words is None:
        return []
    problems, rows = [], model.config.vocab_size
    if len(words) != rows:
        problems.append(
            f"vocab_size is {rows}, but {_VOCABULARY} has {len(words)} words: the original's has one for each"
        )
    for name, word in SPECIAL_WORDS.items():
        number = getattr(model.config, name)
        if words[number : number + 1] != [word]:
            found = words[number] if number < len(words) else "nothing"
            problems.append(f"{name} is {number}, which is {found} in {_VOCABULARY}, and {word} in the original")
    return problems


def _words(folder: Path) -> list[str] | None:
    """The words of the dictionary in the order of their ids; None if there is none."""
    if not (folder / _VOCABULARY).is_file():
        return None
    from .tokenization_xlm import words_of_vocabulary

    return words_of_vocabulary(read_json_object(folder / _VOCABULARY))


def _target(model: ExportedModel, path: Path) -> TorchFile:
    words = _words(model.folder)
    dictionary = {} if words is None else _dictionary(words)
    return TorchFile(path, {"params": _params(model.config), **dictionary}, counter="n_total_iter")


def _dictionary(words: list[str]) -> dict[str, Mapping[Any, Any]]:
    return {
        "dico_id2word": dict(enumerate(words)),
        "dico_word2id": {word: number for number, word in enumerate(words)},
        "dico_counts": dict.fromkeys(words, 0),
    }


def _params(config: Any) -> dict[str, Any]:
    """The options of the training, as far as they describe the model."""
    languages = config.lang2id or {}
    steps = [(language, None) for language in languages or map(str, range(config.n_langs))]
    adaptive = {"asm_cutoffs": config.asm_cutoffs, "asm_div_value": config.asm_div_value} if config.asm else {}
    return {
        **{name: getattr(config, name) for name in _OPTIONS},
        **adaptive,
        "n_words": config.vocab_size,
        "share_inout_emb": config.tie_word_embeddings,
        "encoder_only": True,
        "lang2id": languages,
        "id2lang": {number: language for language, number in languages.items()},
        "clm_steps": steps if config.causal else [],
        "mlm_steps": [] if config.causal else steps,
    }


def _files(model: ExportedModel) -> dict[str, str]:
    """The merges of fastBPE, which wants a count behind each."""
    merges = model.folder / _MERGES
    if not merges.is_file():
        return {}
    lines = (line.split() for line in merges.read_text(encoding="utf-8").split("\n"))
    return {_CODES: "".join(f"{' '.join([*line, '0'][:3])}\n" for line in lines if line)}


def _notes(model: ExportedModel) -> Iterator[str]:
    if (model.folder / _VOCABULARY).is_file():
        yield "the counts of the words (dico_counts) are 0: no file of the model has them"
    else:
        yield f"no dictionary is written, without which the original loads nothing: there is no {_VOCABULARY}"
    if not (model.folder / _MERGES).is_file():
        yield f"no {_CODES} are written: there is no {_MERGES}"
    if not model.config.lang2id:
        yield "the languages have no names (lang2id)"


#: The original has room for 512 positions, which it does not write down, and feeds nothing but encoders.
WAY_BACK = WayBack(
    classes=("XLMWithLMHeadModel", "XLMModel"),
    fixed={"layer_norm_eps": (1e-12,), "max_position_embeddings": (512,), "is_encoder": (True,)},
    check=_check,
    files=_files,
    notes=_notes,
    sizes=_sizes,
    present=_present,
    target=_target,
    buffers=("*position_ids",),
)

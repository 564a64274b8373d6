"""How Transformer-XL models become checkpoints of the original: which variables there are, and what goes beside them.

The original has no configuration file: its programs are given flags, here as a file for ``--flagfile``, and the
description of the data set. The cache of a data set holds the vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from ...checkpoints.corpus_writer import corpus_bytes
from ...conversion.way_back import Contents, ExportedModel, WayBack
from ...errors import UserError
from .clusters import CLUSTER_TABLE, EMBED, SOFTMAX

QUERY_BIASES = ("r_w_bias", "r_r_bias")

FLAGS_FILE, CORPUS_INFO, CACHE = "flags.txt", "corpus-info.json", "cache.pkl"

#: The flags that describe a model and that are fields of the configuration as they are.
_FLAGS = (
    "n_layer", "d_model", "d_embed", "n_head", "d_head", "d_inner", "dropout", "dropatt", "untie_r", "div_val",
    "mem_len", "clamp_len", "same_length",
)  # fmt: skip

#: The flag that names those which a program may not know.
_PASSED_OVER = "undefok"

#: Where our vocabulary may be, the newest name first.
_VOCABULARIES = ("vocab.json", "vocab.pkl", "vocab.bin")


def shared_name(bias: str) -> str:
    """What the rules call a bias of the queries that all layers share."""
    return f"transformer/shared/{bias}"


# ---------------------------------------------------------------------------------------------------------- variables


def _sizes(config: Any) -> dict[str, int]:
    bounds = [0, *config.cutoffs, config.vocab_size]
    found = {"V": config.vocab_size, "E": config.d_embed, "C": len(config.cutoffs), "k": len(bounds) - 1}
    for cluster, (start, end) in enumerate(pairwise(bounds)):
        found |= {f"n{cluster}": end - start, f"e{cluster}": config.d_embed // config.div_val**cluster}
    return found


def _present(model: ExportedModel) -> Iterator[str]:
    """The variables that the choices among the rules are about."""
    config = model.config
    yield from (f"transformer/{bias}" if config.untie_r else shared_name(bias) for bias in QUERY_BIASES)
    if config.div_val != 1:
        yield CLUSTER_TABLE.format(k=0)
    elif _is_projected(model, 0):
        yield f"{EMBED}/proj_W"
    for cluster in range(len(config.cutoffs) + 1):
        if config.div_val != 1 and _is_projected(model, cluster):
            yield f"{EMBED}/cutoff_{cluster}/proj_W"
        if config.cutoffs:
            yield f"{SOFTMAX}/cutoff_{cluster}/b"
        if _has_own_projection(model, cluster):
            yield f"{SOFTMAX}/cutoff_{cluster}/proj"


def _is_projected(model: ExportedModel, cluster: int) -> bool:
    """Whether the word vectors of a cluster have a projection."""
    config = model.config
    if config.d_embed // config.div_val**cluster != config.d_model:
        return True
    return config.div_val != 1 and _projects_same_width(model)


def _projects_same_width(model: ExportedModel) -> bool:
    """``proj_same_dim``: whether word vectors that are as wide as the model are projected, and not by the identity."""
    config = model.config
    same = [k for k in range(len(config.cutoffs) + 1) if config.d_embed // config.div_val**k == config.d_model]
    keys = [key for k in same for key in (f"transformer.word_emb.emb_projs.{k}", f"crit.out_projs.{k}")]
    return config.div_val == 1 or not same or not all(map(model.is_identity, keys))


def _has_own_projection(model: ExportedModel, cluster: int) -> bool:
    """Whether the softmax projects to a cluster otherwise than its word vectors are projected."""
    config = model.config
    return bool(config.cutoffs) and _is_projected(model, cluster) and not config.tie_projs[cluster]


def _shares_projections(model: ExportedModel) -> bool:
    """``proj_share_all_but_first``: whether that is so for no cluster but the first."""
    clusters = range(1, len(model.config.cutoffs) + 1)
    return bool(clusters) and not any(_has_own_projection(model, cluster) for cluster in clusters)


# ----------------------------------------------------------------------------------------------------- what it expects


def _check(model: ExportedModel) -> Iterator[str]:
    """What the flags of the original cannot say, and a vocabulary of another size."""
    config = model.config
    if config.same_length and not config.same_length_inclusive:
        yield "same_length_inclusive is false: the original attends to mem_len positions and the position itself"
    if config.div_val != 1 and not config.cutoffs:
        yield f"div_val is {config.div_val} without cutoffs: the original needs clusters for that"
    yield from _wrong_ties(model)
    vocabulary = _vocabulary(model.folder)
    if vocabulary is not None and len(vocabulary["idx2sym"]) != config.vocab_size:
        yield f"vocab_size is {config.vocab_size}, but the vocabulary has {len(vocabulary['idx2sym'])} words"


def _wrong_ties(model: ExportedModel) -> Iterator[str]:
    projected = [k for k in range(len(model.config.cutoffs) + 1) if _is_projected(model, k)]
    own = {cluster: _has_own_projection(model, cluster) for cluster in projected}
    first, others = own.pop(0, True), set(own.values())
    if model.config.cutoffs and (not first or len(others) > 1):
        yield (
            f"tie_projs is {model.config.tie_projs}: the original never ties cluster 0, and of the others all or none"
        )


def _vocabulary_file(folder: Path) -> Path | None:
    return next((folder / name for name in _VOCABULARIES if (folder / name).is_file()), None)


def _vocabulary(folder: Path) -> dict[str, Any] | None:
    """The attributes of the vocabulary as the original has them; None if there is none."""
    file = _vocabulary_file(folder)
    if file is None:
        return None
    from .vocabulary import WordVocabulary

    vocabulary = WordVocabulary.read(file)
    numbers = vocabulary.numbers()
    special = vocabulary.special if vocabulary.vocab_file is None else ("<unk>", "<UNK>")
    known = {f"{word.strip('<>').lower()}_idx": numbers[word] for word in special if word in numbers}
    return {**vars(vocabulary), "sym2idx": numbers, **known}


def _files(model: ExportedModel) -> Contents:
    config = model.config
    bounds = [0, *config.cutoffs, config.vocab_size] if config.cutoffs else []
    vocabulary = _vocabulary(model.folder)
    return {
        FLAGS_FILE: _flags_text(model),
        CORPUS_INFO: json.dumps({"vocab_size": config.vocab_size, "cutoffs": bounds}) + "\n",
        **({} if vocabulary is None else {CACHE: corpus_bytes(vocabulary, bounds)}),
    }


def _flags_text(model: ExportedModel) -> str:
    flags: dict[str, Any] = {name: getattr(model.config, name) for name in _FLAGS}
    flags["proj_share_all_but_first"] = _shares_projections(model)
    flags["proj_same_dim"] = _projects_same_width(model)
    further = model.further_fields
    passed_over = f"--{_PASSED_OVER}={','.join(sorted(further))}\n" if further else ""
    return passed_over + "".join(f"--{name}={json.dumps(value)}\n" for name, value in {**flags, **further}.items())


def _notes(model: ExportedModel) -> Iterator[str]:
    if _vocabulary_file(model.folder) is None:
        yield f"no {CACHE} is written: {model.folder} has no {' and no '.join(_VOCABULARIES)}"
    else:
        yield f"{CACHE} has the vocabulary, and no texts"


def read_flags(path: Path) -> dict[str, Any]:
    """The flags in a file for ``--flagfile``.

    Raises:
        UserError: If a line is none.
    """
    flags: dict[str, Any] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        flag = line.strip()
        if not flag or flag.startswith(("#", "//")):
            continue
        name, equals, value = flag.lstrip("-").partition("=")
        if not flag.startswith("-") or not name:
            raise UserError(f"{path}, line {number}: {flag!r} is no flag.", advice="Flags are written --name=value.")
        flags[name] = _value_of_flag(value) if equals else True
    flags.pop(_PASSED_OVER, None)
    return flags


def _value_of_flag(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


WAY_BACK = WayBack(
    classes=("TransfoXLLMHeadModel", "TransfoXLModel"),
    fixed={"layer_norm_epsilon": (1e-12,), "tie_word_embeddings": (True,)},
    check=lambda model: list(_check(model)),
    files=_files,
    notes=_notes,
    sizes=_sizes,
    present=_present,
    original_name=lambda name, _: name.replace("transformer/shared/", "transformer/"),
)

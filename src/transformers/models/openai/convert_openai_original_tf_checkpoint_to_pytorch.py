"""The original OpenAI GPT parameters (openai/finetune-transformer-lm) as models of this library.

The original numbers its arrays and gives them no names: the released folder has positions, tokens, and twelve arrays a
block; the list that its fine-tuning script saves has one table of tokens, special tokens and positions, the blocks, and
the classifier. Here they have names in the way of the original's graph, below ``gpt/``.

E width of the embeddings, V vocabulary, P positions, R rows of the common table, N labels; i counts the blocks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..._files import read_json_object
from ...checkpoints import Variable
from ...conversion.export_targets import ArrayList, NumberedArrays, Target
from ...conversion.family import UNKNOWN_TO_THE_ORIGINAL, Architecture, ConfigField, Family, ReleasedModel
from ...conversion.layout import ConversionError
from ...conversion.operations import Rows, Transpose
from ...conversion.rules import convolution, layer_norm, skip, table, tensor, tied, when_present
from ...conversion.script import CHECKPOINT, CONFIG, FOLDER, Script
from ...conversion.way_back import ExportedModel, WayBack, present_if
from .configuration_openai import OpenAIGPTConfig

BLOCK = "gpt/h{i}"
OUR_BLOCK = "transformer.h.{i}"

ENCODER = table(
    when_present(
        "gpt/tokens",
        tensor("gpt/tokens", "transformer.tokens_embed.weight", "V E")
        + tensor("gpt/positions", "transformer.positions_embed.weight", "P E"),
        tensor("gpt/we", "transformer.tokens_embed.weight", "R E", lambda _, sizes: Rows(0, sizes["vocab_size"]))
        + tensor("gpt/we", "transformer.positions_embed.weight", "R E", lambda _, sizes: Rows(sizes["vocab_size"])),
    ),
    convolution(f"{BLOCK}/attn/c_attn", f"{OUR_BLOCK}.attn.c_attn", "E 3*E"),
    convolution(f"{BLOCK}/attn/c_proj", f"{OUR_BLOCK}.attn.c_proj", "E E"),
    layer_norm(f"{BLOCK}/ln_1", f"{OUR_BLOCK}.ln_1", "E", gain="g", offset="b"),
    convolution(f"{BLOCK}/mlp/c_fc", f"{OUR_BLOCK}.mlp.c_fc", "E 4*E"),
    convolution(f"{BLOCK}/mlp/c_proj", f"{OUR_BLOCK}.mlp.c_proj", "4*E E"),
    layer_norm(f"{BLOCK}/ln_2", f"{OUR_BLOCK}.ln_2", "E", gain="g", offset="b"),
)

LANGUAGE = tied("lm_head.weight", "transformer.tokens_embed.weight")
CHOICES = tensor("gpt/clf/w", "multiple_choice_head.summary.weight", "E 1", Transpose()) + tensor(
    "gpt/clf/b", "multiple_choice_head.summary.bias", "1"
)

ARCHITECTURES = {
    "OpenAIGPTDoubleHeadsModel": Architecture(LANGUAGE + CHOICES),
    "OpenAIGPTLMHeadModel": Architecture(LANGUAGE),
    "OpenAIGPTModel": Architecture(),
    "OpenAIGPTForSequenceClassification": Architecture(
        tensor("gpt/clf/w", "score.weight", "E N", Transpose()),
        labels="N",
        detected=False,
        refused=(skip("gpt/clf/b", reason="is a bias, which the head of the class does not have (--skip drops it)"),),
    ),
}

#: The arrays of a block in the order in which the original makes them.
IN_BLOCK = tuple(
    f"{layer}/{part}"
    for layer, parts in (
        ("attn/c_attn", "wb"),
        ("attn/c_proj", "wb"),
        ("ln_1", "gb"),
        ("mlp/c_fc", "wb"),
        ("mlp/c_proj", "wb"),
        ("ln_2", "gb"),
    )
    for part in parts
)

#: Before and behind the blocks: in the released folder, and in the list that the fine-tuning script saves.
RELEASE = (("positions", "tokens"), ())
FINE_TUNED = (("we",), ("clf/w", "clf/b"))


def canonical_names(variables: Mapping[str, Variable]) -> dict[str, str]:
    """The names of arrays that are only numbered, by their order; those behind the last that is known keep numbers.

    Raises:
        ConversionError: If there are so many of these that some have to be missing before.
    """
    if not variables or not all(name.isdecimal() for name in variables):
        return {}
    by_number = {int(name): name for name in variables}
    first, last = FINE_TUNED if _begins_with_a_block(by_number.get(1), variables) else RELEASE
    count = max(by_number) + 1
    blocks, rest = divmod(count - len(first), len(IN_BLOCK))
    if blocks < 1:
        return {}
    if rest > len(last) + OWN_ARRAYS:
        raise ConversionError(
            f"{count} arrays do not make an OpenAI GPT: there are {len(IN_BLOCK)} for each block, and besides these "
            f"{len(RELEASE[0])} in the released folder and {len(FINE_TUNED[0] + FINE_TUNED[1])} in a fine-tuned list.",
            advice="Arrays are missing, or belong to something else.",
        )
    known = dict(enumerate(_names(first, blocks, last)))
    return {name: known[number] for number, name in by_number.items() if number in known}


def _begins_with_a_block(name: str | None, variables: Mapping[str, Variable]) -> bool:
    """Whether the second array is the first one of a block, a convolution, as behind a single table."""
    return name is not None and len(variables[name].shape) > 2


#: So many arrays a head of the user's own may have.
OWN_ARRAYS = 2


def _names(first: Sequence[str], blocks: int, last: Sequence[str]) -> list[str]:
    """The names of the arrays in their order."""
    inner = [f"h{block}/{name}" for block in range(blocks) for name in IN_BLOCK]
    return [f"gpt/{name}" for name in (*first, *inner, *last)]


FIELDS = (
    ConfigField("vocab_size", int, "n_vocab", size="V", default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("n_positions", int, "n_ctx", size="P", default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("n_embd", int, size="E"),
    ConfigField("n_head", int),
    ConfigField("n_layer", int, size="i"),
    ConfigField("afn", str, default="gelu"),
    ConfigField("layer_norm_epsilon", float, default=UNKNOWN_TO_THE_ORIGINAL),
    ConfigField("vocabulary_entries", int, default=UNKNOWN_TO_THE_ORIGINAL, conversion_only=True),
)

RELEASED = [ReleasedModel("OpenAI GPT", {"V": 40478, "P": 512, "E": 768, "i": 12}, {"n_head": 12})]

#: What the fine-tuning script adds to the vocabulary: ``_start_``, ``_delimiter_``, ``_classify_``.
SPECIAL_TOKENS = 3


def vocabulary_entries(path: Path) -> dict[str, Any]:
    """How many tokens a vocabulary has."""
    return {"vocabulary_entries": len(read_json_object(path))}


def finish_config(fields: dict[str, Any], variables: Mapping[str, Variable]) -> list[str]:
    """The checks that need several fields, and how the common table of a fine-tuned file is divided."""
    problems = [] if "gpt/we" not in variables else _divide_table(fields, variables["gpt/we"])
    if fields["n_head"] == 0 or fields["n_embd"] % fields["n_head"]:
        problems.append(f"n_head   {fields['n_head']} heads do not divide a width of {fields['n_embd']}")
    return problems


def _divide_table(fields: dict[str, Any], table: Variable) -> list[str]:
    """Settles vocabulary and positions, of which one has to be known."""
    rows = table.shape[0]
    if "vocab_size" not in fields and "n_positions" in fields:
        fields["vocab_size"] = rows - fields["n_positions"]
    if "vocab_size" not in fields and "vocabulary_entries" in fields:
        fields["vocab_size"] = fields["vocabulary_entries"] + SPECIAL_TOKENS
    if "vocab_size" not in fields:
        advice = (
            "give vocab_size (with the 3 special tokens) or n_positions in a --config, or put the vocabulary beside it"
        )
        return [f"vocab_size   array {table.name} has {rows} rows of tokens and positions: {advice}"]
    fields.setdefault("n_positions", rows - fields["vocab_size"])
    if fields["vocab_size"] + fields["n_positions"] != rows or min(fields["vocab_size"], fields["n_positions"]) < 1:
        sum_of_both = f"{fields['vocab_size']} tokens and {fields['n_positions']} positions"
        return [f"vocab_size, n_positions   {sum_of_both} do not make the {rows} rows of array {table.name}"]
    return []


def _is_fine_tuned(model: ExportedModel) -> bool:
    return model.has("multiple_choice_head.summary.weight") or model.has("score.weight")


def _target(model: ExportedModel, path: Path) -> Target:
    """The folder that was released, or the file that the fine-tuning script saves."""
    if _is_fine_tuned(model):
        return ArrayList(path, partial(_in_order, *FINE_TUNED))
    return NumberedArrays(path, partial(_in_order, *RELEASE))


def _in_order(first: Sequence[str], last: Sequence[str], names: Collection[str]) -> list[str]:
    there = [name for name in last if f"gpt/{name}" in names]
    return _names(first, (len(names) - len(first) - len(there)) // len(IN_BLOCK), there)


def inexpressible(model: ExportedModel) -> list[str]:
    """A table of tokens that is not as long as the vocabulary, from which the original counts."""
    vocabulary = model.folder / "vocab.json"
    if not vocabulary.is_file():
        return []
    entries, rows = len(read_json_object(vocabulary)), model.config.vocab_size
    special = SPECIAL_TOKENS if _is_fine_tuned(model) else 0
    if entries + special == rows:
        return []
    more = f"a fine-tuned model has {special} more" if special else "a released model has as many"
    return [f"vocab_size is {rows}, but vocab.json has {entries} tokens: {more}"]


WAY_BACK = WayBack(
    config_file="config.json",
    config_fields=("vocab_size", "n_positions", "n_embd", "n_head", "n_layer", "afn"),
    keeps_unknown=True,
    fixed={"afn": ("gelu", "relu", "swish"), "layer_norm_epsilon": (1e-5,)},
    check=inexpressible,
    vocabulary={"vocab.json": "encoder_bpe_40000.json", "merges.txt": "vocab_40000.bpe"},
    sizes=lambda config: {"R": config.vocab_size + config.n_positions},
    present=present_if({"gpt/tokens": lambda model: not _is_fine_tuned(model)}),
    target=_target,
    buffers=("*h.*.attn.bias", "*position_ids"),
)

FAMILY = Family(
    model_type="openai-gpt",
    title="OpenAI GPT",
    config_class=OpenAIGPTConfig,
    anchor="gpt/h0/attn/c_attn/w",
    encoder=ENCODER,
    base_prefix="transformer.",
    base_model="OpenAIGPTModel",
    headless="OpenAIGPTLMHeadModel",
    architectures=ARCHITECTURES,
    skipped=(),
    fields=FIELDS,
    released=RELEASED,
    canonical_names=canonical_names,
    config_files={"config.json": read_json_object, "encoder_bpe_40000.json": vocabulary_entries},
    finish_config=finish_config,
    way_back=WAY_BACK,
)

convert_openai_checkpoint_to_pytorch = Script(
    FAMILY,
    openai_checkpoint_folder_path=CHECKPOINT,
    openai_config_file=CONFIG.optional,
    pytorch_dump_folder_path=FOLDER,
)

if __name__ == "__main__":
    convert_openai_checkpoint_to_pytorch.main()

"""The original XLM checkpoints (facebookresearch/XLM) as models of this library.

They are files of PyTorch, so that nothing is transposed; the name of this module follows those of the other families.
Beside the tensors a file has the options of its training (``params``) and the vocabulary (``dico_id2word``).

E width, V vocabulary, P positions, L languages, N labels; i counts the layers. An adaptive softmax has a head for the K
most frequent words and the clusters of the others; cluster j has T{j} words, whose states are D{j} wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...checkpoints import CheckpointReader, Variable
from ...conversion.family import UNKNOWN_TO_THE_ORIGINAL, Architecture, ConfigField, EmbeddedVocabulary, Family
from ...conversion.initialisation import Initial
from ...conversion.layout import ConversionError, VariableTable
from ...conversion.operations import Shape
from ...conversion.rules import Rules, skip, table, tensor, tied, when_different, when_present
from ...conversion.script import CHECKPOINT, FOLDER, Script
from .configuration_xlm import XLMConfig
from .way_back import ADAPTIVE_HEAD, EMBEDDINGS, LANGUAGES, OUTPUT, OUTPUT_BIAS, SPECIAL_WORDS, WAY_BACK


def same_name(module: str, shape: str, **words: tuple[str, ...]) -> Rules:
    """A module of PyTorch, weight (of the given shape) and bias, under the name that it has in the original."""
    weight = tensor(f"model/{module}.weight", f"transformer.{module}.weight", shape, None, **words)
    return weight + tensor(f"model/{module}.bias", f"transformer.{module}.bias", shape.split()[0], None, **words)


ENCODER = table(
    tensor(EMBEDDINGS, "transformer.embeddings.weight", "V E"),
    tensor("model/position_embeddings.weight", "transformer.position_embeddings.weight", "P E"),
    when_present(LANGUAGES, tensor(LANGUAGES, "transformer.lang_embeddings.weight", "L E")),
    same_name("layer_norm_emb", "E"),
    same_name("attentions.{i}.{p}_lin", "E E", p=("q", "k", "v", "out")),
    same_name("layer_norm1.{i}", "E"),
    same_name("ffns.{i}.lin1", "4*E E"),
    same_name("ffns.{i}.lin2", "E 4*E"),
    same_name("layer_norm2.{i}", "E"),
)

LINEAR = table(
    tensor(OUTPUT_BIAS, "pred_layer.proj.bias", "V"),
    when_different(
        OUTPUT,
        EMBEDDINGS,
        tensor(OUTPUT, "pred_layer.proj.weight", "V E"),
        tied("pred_layer.proj.weight", "transformer.embeddings.weight", copy=OUTPUT),
    ),
)

ADAPTIVE = table(
    tensor(ADAPTIVE_HEAD, "pred_layer.proj.head.weight", "K E"),
    tensor("model/pred_layer.proj.head.bias", "pred_layer.proj.head.bias", "K"),
    tensor("model/pred_layer.proj.tail.{j}.0.weight", "pred_layer.proj.tail.{j}.0.weight", "D{j} E"),
    tensor("model/pred_layer.proj.tail.{j}.1.weight", "pred_layer.proj.tail.{j}.1.weight", "T{j} D{j}"),
)

LANGUAGE = when_present("model/pred_layer.proj.head.{p}", ADAPTIVE, LINEAR, p=("weight", "bias"))


def layer(module: str, shape: str, *, bias: bool = True) -> Rules:
    """A layer of a head, which the original does not have; those of its users are mapped to these names."""
    weight = tensor(f"model/{module}.weight", f"{module}.weight", shape)
    return weight + tensor(f"model/{module}.bias", f"{module}.bias", shape.split()[0]) if bias else weight


SUMMARY = layer("sequence_summary.summary", "N E")
SPANS = table(
    layer("qa_outputs.start_logits.dense", "1 E"),
    layer("qa_outputs.end_logits.dense_0", "E 2*E"),
    layer("qa_outputs.end_logits.LayerNorm", "E"),
    layer("qa_outputs.end_logits.dense_1", "1 E"),
    layer("qa_outputs.answer_class.dense_0", "E 2*E"),
    layer("qa_outputs.answer_class.dense_1", "1 E", bias=False),
)

ARCHITECTURES = {
    "XLMModel": Architecture(detected=False),
    "XLMWithLMHeadModel": Architecture(LANGUAGE),
    "XLMForSequenceClassification": Architecture(SUMMARY, labels="N", detected=False),
    "XLMForMultipleChoice": Architecture(SUMMARY + layer("logits_proj", "1 N"), labels="N", detected=False),
    "XLMForTokenClassification": Architecture(layer("classifier", "N E"), labels="N", detected=False),
    "XLMForQuestionAnsweringSimple": Architecture(layer("qa_outputs", "2 E"), detected=False),
    "XLMForQuestionAnswering": Architecture(SPANS, detected=False),
}


def initial(name: str, shape: Shape, config: XLMConfig) -> Initial:
    """What a parameter of a new head begins with: matrices have a deviation of their own."""
    if len(shape) > 1:
        return Initial(name, shape, deviation=config.init_std)
    return Initial(name, shape, mean=0.0 if name.endswith("bias") else 1.0)


SKIPPED = (
    skip("decoder/*", reason="the decoder of a translation model: there is no class for it, only for the encoder"),
    skip("*_optimizer/*", reason="state of the optimizer"),
    skip("params/*", "best_metrics/*", reason="settings and results of the training"),
)

UNSUPPORTED = (
    skip("*/memories.*", "*/module.memories.*", reason="a product-key memory layer, which no XLM class has"),
)

FIELDS = (
    ConfigField("vocab_size", int, "n_words", size="V"),
    ConfigField("emb_dim", int, size="E"),
    ConfigField("n_layers", int, size="i"),
    ConfigField("n_heads", int, least=1),
    ConfigField("n_langs", int, size="L", default=1),
    ConfigField("max_position_embeddings", int, size="P"),
    ConfigField("dropout", float, default=0.0, most=1, may_differ=True),
    ConfigField("attention_dropout", float, default=0.0, most=1, may_differ=True),
    ConfigField("gelu_activation", bool, default=False),
    ConfigField("sinusoidal_embeddings", bool, default=False),
    ConfigField("use_lang_emb", bool, default=True),
    ConfigField("causal", bool, default=False),
    ConfigField("asm", bool, default=False),
    ConfigField("asm_div_value", float, default=UNKNOWN_TO_THE_ORIGINAL, least=1),
    # Whether the output layer is tied shows in the tensors; a file that is given is believed before the checkpoint.
    ConfigField("share_inout_emb", bool, default=UNKNOWN_TO_THE_ORIGINAL, may_differ=True, conversion_only=True),
    ConfigField("bos_index", int, default=0),
    ConfigField("eos_index", int, default=1),
    ConfigField("pad_index", int, default=2),
    ConfigField("unk_index", int, default=3),
    ConfigField("mask_index", int, default=5),
    ConfigField("layer_norm_eps", float, default=UNKNOWN_TO_THE_ORIGINAL),
)

#: Options of the training that are fields of the configuration as they are; those without a row above are lists.
OPTIONS = (*(field.spelling for field in FIELDS), "asm_cutoffs", "lang2id", "id2lang")

#: What the original divides the widths of an adaptive softmax by if no option says it.
DIVISOR = 4.0


def canonical_names(variables: Mapping[str, Variable]) -> dict[str, str]:
    """The variables of the language model, or else of the encoder, without the prefix of data-parallel training."""
    for part in ("model/", "encoder/"):
        own = [name for name in variables if name.startswith(part)]
        if own:
            prefix = f"{part}module." if all(name.startswith(f"{part}module.") for name in own) else part
            return {name: f"model/{name.removeprefix(prefix)}" for name in own}
    return {}


def embedded_config(checkpoint: CheckpointReader) -> dict[str, Any]:
    """What the options of the training and the dictionary say about the model."""
    params = _dictionary(checkpoint, "params")
    said = {name: params[name] for name in OPTIONS if params.get(name) not in (None, {})}
    return {**_special_ids(_dictionary(checkpoint, "dico_id2word")), **_direction(params), **said}


def _dictionary(checkpoint: CheckpointReader, name: str) -> Mapping[Any, Any]:
    value = checkpoint.metadata.get(name)
    return value if isinstance(value, Mapping) else {}


def _special_ids(words: Mapping[Any, Any]) -> dict[str, int]:
    """What the dictionary tells; older options lack these fields."""
    if not words:
        return {}
    ids = {word: number for number, word in words.items()}
    return {"n_words": len(words), **{field: ids[word] for field, word in SPECIAL_WORDS.items() if word in ids}}


def _direction(params: Mapping[str, Any]) -> dict[str, bool]:
    """A model is causal if it was trained on the next words (CLM) and nothing else; no option says so itself."""
    next_words, masked_words = params.get("clm_steps"), params.get("mlm_steps")
    return {"causal": bool(next_words) and not masked_words} if next_words or masked_words else {}


def finish_config(fields: dict[str, Any], variables: VariableTable) -> list[str]:
    """What follows from several fields or from the tensors, and the checks that need both."""
    fields.setdefault("embed_init_std", fields["emb_dim"] ** -0.5)
    fields["bos_token_id"], fields["pad_token_id"] = fields["bos_index"], fields["pad_index"]
    problems = []
    if fields["emb_dim"] % fields["n_heads"]:
        problems.append(f"n_heads   {fields['n_heads']} heads do not divide a width of {fields['emb_dim']}")
    problems += _language_problems(fields, variables)
    problems += _adaptive_problems(fields, variables)
    problems += _tie_problems(fields, variables)
    return problems


def _language_problems(fields: Mapping[str, Any], variables: VariableTable) -> Iterator[str]:
    stored = variables.stored_name(LANGUAGES)
    wanted = fields["n_langs"] > 1 and fields["use_lang_emb"]
    if wanted and LANGUAGES not in variables:
        yield f"n_langs   it is {fields['n_langs']} and use_lang_emb is true, but {stored} is missing"
    if LANGUAGES in variables and not wanted:
        yield f"use_lang_emb   with it and n_langs {fields['n_langs']} there is no use for {stored}"


def _tie_problems(fields: dict[str, Any], variables: VariableTable) -> Iterator[str]:
    """Settles whether the output layer shares the embeddings, as the tensors show."""
    separate = fields["asm"] or (OUTPUT in variables and not variables.repeats(OUTPUT, EMBEDDINGS))
    fields["tie_word_embeddings"] = not separate
    if fields.get("share_inout_emb") is False and OUTPUT_BIAS in variables and OUTPUT not in variables:
        yield f"{variables.stored_name(OUTPUT)} is missing: with share_inout_emb false it is not that of the embeddings"
    if fields.get("share_inout_emb") and separate and not fields["asm"]:
        yield (
            f"share_inout_emb   the checkpoint says true, but {variables.stored_name(OUTPUT)} and "
            f"{variables.stored_name(EMBEDDINGS)} differ: a --config with share_inout_emb false keeps both"
        )


def _adaptive_problems(fields: dict[str, Any], variables: VariableTable) -> Iterator[str]:
    """Settles the clusters of an adaptive softmax, as the tensors show, and holds the fields against them."""
    head = variables.get(ADAPTIVE_HEAD)
    if fields["asm"] != (head is not None) and any(name.startswith("model/pred_layer.") for name in variables):
        article = "an" if head is not None else "no"
        yield f"asm   the checkpoint says {str(fields['asm']).lower()}, but it has {article} adaptive softmax"
        return
    if head is None:
        fields.pop("asm_cutoffs", None)
        return
    tails = list(_tails(variables))
    shown = _cutoffs(head.shape[0] - len(tails), [words.shape[0] for _, words in tails])
    cutoffs = list(fields.get("asm_cutoffs") or shown[:-1])
    if [*cutoffs, fields["vocab_size"]] != shown:
        yield f"asm_cutoffs   the checkpoint says {cutoffs}, its tensors have clusters up to {shown}"
    divisor, found = fields.get("asm_div_value", DIVISOR), [states.shape[0] for states, _ in tails]
    widths = [int(fields["emb_dim"] // divisor ** (number + 1)) for number in range(len(tails))]
    if widths != found:
        yield f"asm_div_value   {divisor} makes clusters of the widths {widths}, but they are {found}"
    fields["asm_cutoffs"] = cutoffs


def _tails(variables: VariableTable) -> Iterator[tuple[Variable, Variable]]:
    """The two matrices of each cluster."""
    number = 0
    while (states := variables.get(f"model/pred_layer.proj.tail.{number}.0.weight")) is not None:
        words = variables.get(f"model/pred_layer.proj.tail.{number}.1.weight")
        if words is None:
            return
        yield states, words
        number += 1


def _cutoffs(first: int, sizes: Sequence[int]) -> list[int]:
    """Where each cluster ends: the most frequent words, then the tails."""
    ends = [first]
    for size in sizes:
        ends.append(ends[-1] + size)
    return ends


def embedded_vocabulary(checkpoint: CheckpointReader) -> EmbeddedVocabulary | None:
    """The dictionary, and the languages. The merges of the byte pairs (``codes``) are in a file of their own.

    Raises:
        ConversionError: If it is not the one of the embeddings.
    """
    from ...tokenization_files import as_json
    from .tokenization_xlm import first_with_capitals_or_accents, vocabulary_of_words

    dictionary, params = _dictionary(checkpoint, "dico_id2word"), _dictionary(checkpoint, "params")
    if not dictionary:
        return None
    embeddings = VariableTable(checkpoint.variables, FAMILY)[EMBEDDINGS]
    rows = embeddings.shape[0]
    words = [word for word in map(dictionary.get, range(rows)) if isinstance(word, str)]
    if not len(words) == len(dictionary) == rows:
        raise ConversionError(
            f"dico_id2word does not number the {rows} rows of {embeddings.name}: it has {len(dictionary)} words."
        )
    kept = first_with_capitals_or_accents(words)
    why = "no word has capitals or accents" if kept is None else f"there is the word {kept!r}"
    return EmbeddedVocabulary(
        settings={
            "words": words,
            "do_lowercase_and_remove_accent": kept is None,
            **{name: params[name] for name in ("lang2id", "id2lang") if name in params},
        },
        lacking={"merges_file": ("codes*", "merges.txt")},
        alone={"vocab.json": as_json(vocabulary_of_words(words))},
        assumed=[f"do_lowercase_and_remove_accent = {str(kept is None).lower()} ({why})"],
    )


FAMILY = Family(
    model_type="xlm",
    title="XLM",
    config_class=XLMConfig,
    anchor="model/layer_norm_emb.weight",
    encoder=ENCODER,
    base_prefix="transformer.",
    base_model="XLMModel",
    headless="XLMModel",
    architectures=ARCHITECTURES,
    skipped=SKIPPED,
    unsupported=UNSUPPORTED,
    initial=initial,
    fields=FIELDS,
    embedded_config=embedded_config,
    embedded_vocabulary=embedded_vocabulary,
    canonical_names=canonical_names,
    finish_config=finish_config,
    way_back=WAY_BACK,
)

convert_xlm_checkpoint_to_pytorch = Script(
    FAMILY,
    xlm_checkpoint_path=CHECKPOINT,
    pytorch_dump_folder_path=FOLDER,
)

if __name__ == "__main__":
    convert_xlm_checkpoint_to_pytorch.main()

"""The way back, on checkpoints that the original codes wrote and on models that they could not have written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch_file
from safetensors.torch import save_file as save_torch_file
from tests.shared.way_back import CASES, FIXTURES, WayBackCase, modern, variables

import transformers
from transformers import UserError, convert_checkpoint
from transformers.checkpoints import write_bundle
from transformers.commands.transformers_cli import main
from transformers.models.auto.exporting import export_checkpoint
from transformers.models.xlnet.convert_xlnet_original_tf_checkpoint_to_pytorch import BIASES


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> WayBackCase:
    found: WayBackCase = request.param
    return found


def test_the_variables_of_the_original_come_back(case: WayBackCase, tmp_path: Path) -> None:
    skipped = case.convert(tmp_path / "one").skipped

    report = case.export(tmp_path / "one", tmp_path / "back")

    original = {modern(name): values for name, values in variables(case.source).items()}
    unused = {modern(name) for why, names in skipped.items() for name in names if "the same values" not in why}
    found = variables(tmp_path / "back" / case.target)
    assert not any(found.pop(name).any() for name in report.zeros)
    assert found.keys() == original.keys() - unused
    for name, values in found.items():
        assert values.dtype == original[name].dtype
        assert np.array_equal(values, original[name]), name
    assert report.rounded == []
    assert {path.name for path in report.files} == {path.name for path in (tmp_path / "back").iterdir()}
    assert not case.config_file or (tmp_path / "back" / case.config_file).is_file()


def test_converting_exporting_and_converting_again_gives_the_same_bytes(case: WayBackCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "one")
    case.export(tmp_path / "one", tmp_path / "back")

    case.convert_back(tmp_path / "back", tmp_path / "two")

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_the_proof_can_be_repeated_with_what_was_exported(
    case: WayBackCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.convert(tmp_path / "one")
    case.export(tmp_path / "one", tmp_path / "back")

    assert main(["verify", str(tmp_path / "one"), f"--tf_checkpoint={tmp_path / 'back' / case.target}"]) == 0
    assert "turned back into the source bit for bit" in capsys.readouterr().out


def test_changed_values_are_exported(case: WayBackCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "one")
    weights = tmp_path / "one" / "model.safetensors"
    changed = {
        name: values if name.endswith("inv_freq") else values + np.arange(values.size, dtype="f4").reshape(values.shape)
        for name, values in load_file(weights).items()
    }
    save_file(changed, weights, metadata={"format": "pt"})

    case.export(tmp_path / "one", tmp_path / "back")
    case.convert_back(tmp_path / "back", tmp_path / "two")

    found = load_file(tmp_path / "two" / "model.safetensors")
    assert found.keys() == changed.keys()
    assert all(np.array_equal(values, changed[name]) for name, values in found.items())


def test_a_model_that_was_resized_and_trained_is_exported(case: WayBackCase, tmp_path: Path) -> None:
    architecture = case.convert(tmp_path / "one").architecture
    model = getattr(transformers, architecture).from_pretrained(tmp_path / "one")
    if case.family != "transfo_xl":  # whose tables have the sizes of the clusters
        model.resize_token_embeddings(model.config.vocab_size + 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    model.save_pretrained(tmp_path / "trained", max_shard_size="20KB")

    case.export(tmp_path / "trained", tmp_path / "back")
    case.convert_back(tmp_path / "back", tmp_path / "two")

    again, info = type(model).from_pretrained(tmp_path / "two", output_loading_info=True)
    assert not any(info.values())
    expected = model.state_dict()
    assert again.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.state_dict().items())


@pytest.mark.parametrize("kind", ["pytorch_model.bin", "older pytorch_model.bin", "shards"])
def test_the_files_of_the_hub_are_read(case: WayBackCase, kind: str, tmp_path: Path) -> None:
    case.convert(tmp_path / "one")
    case.export(tmp_path / "one", tmp_path / "back")
    tensors = load_torch_file(tmp_path / "one" / "model.safetensors")
    (tmp_path / "one" / "model.safetensors").unlink()
    if kind == "shards":
        names = sorted(tensors)
        places = {name: f"model-0000{1 + number % 3}-of-00003.safetensors" for number, name in enumerate(names)}
        for place in set(places.values()):
            save_torch_file({name: tensors[name] for name in names if places[name] == place}, tmp_path / "one" / place)
        (tmp_path / "one" / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    else:
        older = kind.startswith("older")
        torch.save(tensors, tmp_path / "one" / "pytorch_model.bin", _use_new_zipfile_serialization=not older)

    case.export(tmp_path / "one", tmp_path / "again")

    assert contents(tmp_path / "back") == contents(tmp_path / "again")


@pytest.mark.parametrize("case", ["bert/pretraining", "gpt2/small", "albert/pretraining-v2", "xlnet/pretrain"])
def test_the_configuration_says_what_the_originals_says(case: str, tmp_path: Path) -> None:
    (kind,) = (each for each in CASES if each.name == case)
    kind.convert(tmp_path / "one")

    kind.export(tmp_path / "one", tmp_path / "back")

    wanted = json.loads((FIXTURES / case / kind.config_file).read_text())
    assert json.loads((tmp_path / "back" / kind.config_file).read_text()) == wanted


def test_vocabularies_come_back_under_their_original_names(tmp_path: Path) -> None:
    for case in ("bert/pretraining", "gpt2/small", "albert/pretraining-v2"):
        convert_checkpoint(FIXTURES / case, tmp_path / case / "one")
        export_checkpoint(tmp_path / case / "one", tmp_path / case / "model.ckpt")

    back = tmp_path / "gpt2/small"
    encoder = json.loads((FIXTURES / "gpt2/small/encoder.json").read_text())
    assert json.loads((back / "encoder.json").read_text()) == encoder
    assert (back / "vocab.bpe").is_file()
    vocabulary = (FIXTURES / "bert/pretraining/vocab.txt").read_text().split()
    assert (tmp_path / "bert/pretraining/vocab.txt").read_text().split() == vocabulary
    assert (tmp_path / "albert/pretraining-v2/30k-clean.model").read_bytes() == (
        FIXTURES / "albert/pretraining-v2/30k-clean.model"
    ).read_bytes()


def test_openai_gpt_becomes_a_folder_of_numbered_arrays(tmp_path: Path) -> None:
    source = FIXTURES / "gpt/lm-small"
    convert_checkpoint(source, tmp_path / "one", "gpt")

    export_checkpoint(tmp_path / "one", tmp_path / "back", "gpt")

    assert json.loads((tmp_path / "back/params_shapes.json").read_text()) == json.loads(
        (source / "params_shapes.json").read_text()
    )
    flat = [
        np.concatenate([np.load(place / f"params_{i}.npy") for i in range(10)]) for place in (source, tmp_path / "back")
    ]
    assert np.array_equal(*flat)
    assert json.loads((tmp_path / "back/encoder_bpe_40000.json").read_text()) == json.loads(
        (source / "encoder_bpe_40000.json").read_text()
    )
    convert_checkpoint(tmp_path / "back", tmp_path / "two", "gpt")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("case", "options", "said"),
    [
        ("gpt/lm-small", {"global_step": 3}, "no place for the counter 3"),
        ("gpt/rocstories-finetuned/save/rocstories", {}, "model.ckpt does not end in .jl, as a file of the original"),
    ],
)
def test_what_the_formats_of_openai_gpt_have_no_place_for(
    case: str, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    config = next(path for path in (FIXTURES / case, *(FIXTURES / case).parents) if (path / "config.json").is_file())
    convert_checkpoint(FIXTURES / case, tmp_path / "hub", "gpt", config / "config.json")

    assert said in refusal(tmp_path / "hub", **options)


# ------------------------------------------------------------------------------------------------- models of the Hub

SMALL = {"vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}


def bert(folder: Path, model_class: str = "BertForPreTraining", **fields: Any) -> dict[str, Any]:
    """A model of today's library in a folder, and its tensors."""
    torch.manual_seed(0)
    config = transformers.BertConfig(**{**SMALL, "max_position_embeddings": 11, "hidden_act": "gelu_new", **fields})
    getattr(transformers, model_class)(config).save_pretrained(folder)
    return load_file(folder / "model.safetensors")


def rewrite(folder: Path, tensors: Mapping[str, Any], **fields: Any) -> None:
    save_file(dict(tensors), folder / "model.safetensors", metadata={"format": "pt"})
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | fields))


def test_older_names_and_buffers_are_understood(tmp_path: Path) -> None:
    tensors = bert(tmp_path / "hub")
    export_checkpoint(tmp_path / "hub", tmp_path / "one" / "model.ckpt")
    older = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): values
        for name, values in tensors.items()
    }
    older["bert.embeddings.position_ids"] = np.arange(11)[None]
    older["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].copy()
    rewrite(tmp_path / "hub", older, architectures=["BertForMaskedLM"])

    report = export_checkpoint(tmp_path / "hub", tmp_path / "two" / "model.ckpt")

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert report.architecture == "BertForPreTraining"
    assert any("in place of BertForMaskedLM" in note for note in report.notes)
    model = transformers.BertForPreTraining.from_pretrained(tmp_path / "two" / "model.ckpt.index")
    kernel = variables(tmp_path / "two")["bert/encoder/layer_1/intermediate/dense/kernel"]
    weight = model.bert.encoder.layer[1].intermediate.dense.weight
    assert np.array_equal(weight.detach().numpy().T, kernel)


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_the_prefix_of_the_base_model_may_be_absent(prefix: str, tmp_path: Path) -> None:
    convert_checkpoint(FIXTURES / "gpt2/small", tmp_path / "hub", "gpt2")
    tensors = load_file(tmp_path / "hub" / "model.safetensors")
    renamed = {prefix + name.removeprefix("transformer."): values for name, values in tensors.items()}
    renamed[f"{prefix}h.0.attn.bias"] = np.ones((1, 1, 4, 4), np.uint8)
    rewrite(tmp_path / "hub", renamed)

    export_checkpoint(tmp_path / "hub", tmp_path / "back" / "model.ckpt", "gpt2")

    assert all(
        np.array_equal(values, variables(FIXTURES / "gpt2/small")[name])
        for name, values in variables(tmp_path / "back").items()
    )


def test_half_precision_is_widened(tmp_path: Path) -> None:
    convert_checkpoint(FIXTURES / "bert/pretraining", tmp_path / "half", dtype="bfloat16")

    report = export_checkpoint(tmp_path / "half", tmp_path / "back" / "model.ckpt")
    convert_checkpoint(tmp_path / "back", tmp_path / "again", dtype="bfloat16")

    assert report.rounded == []
    assert all(values.dtype == np.float32 for values in variables(tmp_path / "back").values())
    assert contents(tmp_path / "half") == contents(tmp_path / "again")


def test_double_precision_is_rounded_and_named(tmp_path: Path) -> None:
    tensors = bert(tmp_path / "hub", "BertModel")
    rewrite(tmp_path / "hub", {**tensors, "pooler.dense.bias": np.full(8, 1 / 3)})

    assert export_checkpoint(tmp_path / "hub", tmp_path / "model.ckpt").rounded == ["bert/pooler/dense/bias"]


def test_heads_that_the_original_does_not_have_are_written_and_noted(tmp_path: Path) -> None:
    config = transformers.GPT2Config(vocab_size=19, n_embd=8, n_layer=1, n_head=2, n_positions=5, num_labels=3)
    transformers.GPT2ForTokenClassification(config).save_pretrained(tmp_path / "hub")

    report = export_checkpoint(tmp_path / "hub", tmp_path / "back" / "model.ckpt")

    assert any("the original has no GPT2ForTokenClassification" in note for note in report.notes)
    assert variables(tmp_path / "back")["classifier/kernel"].shape == (8, 3)


def test_a_class_without_a_pooler_gets_one_that_does_nothing(tmp_path: Path) -> None:
    bert(tmp_path / "hub", "BertForQuestionAnswering")

    report = export_checkpoint(tmp_path / "hub", tmp_path / "back" / "model.ckpt")

    assert sorted(report.zeros) == ["bert/pooler/dense/bias", "bert/pooler/dense/kernel"]
    assert not variables(tmp_path / "back")["bert/pooler/dense/kernel"].any()
    assert "cls/squad/output_weights" in variables(tmp_path / "back")


# ------------------------------------------------------------------------------------- what the original cannot express


def refusal(folder: Path, **options: Any) -> str:
    before = {path.name for path in folder.parent.iterdir()}
    with pytest.raises(UserError) as refused:
        export_checkpoint(folder, folder.parent / "back" / "model.ckpt", **options)
    assert {path.name for path in folder.parent.iterdir()} == before
    return str(refused.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    tensors = bert(tmp_path / "hub", hidden_act="gelu", layer_norm_eps=1e-5)
    del tensors["bert.pooler.dense.bias"]
    tensors["cls.seq_relationship.weight"] = np.zeros((3, 8), np.float32)
    tensors["adapter.weight"] = np.zeros(3, np.float32)
    tensors["cls.predictions.decoder.weight"] = -tensors["bert.embeddings.word_embeddings.weight"]
    rewrite(tmp_path / "hub", tensors)

    message = refusal(tmp_path / "hub")

    for problem in (
        'hidden_act is "gelu", the original can express "gelu_new", "relu", "tanh", "linear"',
        "layer_norm_eps is 1e-05, the original only has 1e-12",
        "bert.pooler.dense.bias is not stored",
        "cls.seq_relationship.weight is [3, 8], the configuration says [2, 8]",
        "adapter.weight has no place in the original's BertForPreTraining",
        "cls.predictions.decoder.weight differs from bert.embeddings.word_embeddings.weight",
    ):
        assert f"\n  {problem}" in message


@pytest.mark.parametrize(
    ("case", "fields", "said"),
    [
        ("gpt/lm-small", {"afn": "silu"}, 'afn is "silu"'),
        ("gpt/lm-small", {"n_layer": 4}, "transformer.h.3"),
        ("gpt2/small", {"activation_function": "relu"}, 'activation_function is "relu"'),
        ("gpt2/small", {"n_embd": 12}, "wte.weight is [603, 24], the configuration says [603, 12]"),
        ("albert/pretraining-v2", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ("xlnet/pretrain", {"attn_type": "uni"}, 'attn_type is "uni"'),
        ("xlnet/pretrain", {"ff_activation": "gelu"}, 'ff_activation is "gelu"'),
        ("xlnet/pretrain", {"untie_r": False}, "model/transformer/r_w_bias cannot have the values of"),
        ("xlnet/sts-b", {}, "finetuning_task is absent"),
        ("t5/v1.0-relu-tied", {"feed_forward_proj": "silu"}, 'feed_forward_proj is "silu"'),
        ("t5/v1.0-relu-tied", {"relative_attention_max_distance": 64}, "relative_attention_max_distance is 64"),
        ("bert/pretraining", {"model_type": "roberta"}, "roberta"),
        ("gpt2/small", {"architectures": ["GPT2ForPoetry"], "n_layer": 9}, "no counterpart of GPT2ForPoetry"),
    ],
)
def test_what_the_original_cannot_express_is_named(
    case: str, fields: dict[str, Any], said: str, tmp_path: Path
) -> None:
    convert_checkpoint(FIXTURES / case, tmp_path / "hub")
    config = tmp_path / "hub" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | fields))

    assert said in refusal(tmp_path / "hub")


@pytest.mark.parametrize(("case", "added"), [("gpt/lm-small", 0), ("gpt/rocstories-finetuned", 3)])
def test_openai_gpt_counts_from_its_vocabulary(case: str, added: int, tmp_path: Path) -> None:
    (kind,) = (each for each in CASES if each.name == case)
    kind.convert(tmp_path / "one")
    rows = json.loads((tmp_path / "one" / "config.json").read_text())["vocab_size"]
    vocabulary = {f"w{number}": number for number in range(rows - added)}
    (tmp_path / "one" / "vocab.json").write_text(json.dumps(vocabulary))
    kind.export(tmp_path / "one", tmp_path / "back")

    (tmp_path / "one" / "vocab.json").write_text(json.dumps({**vocabulary, "more": rows}))
    with pytest.raises(UserError, match=f"vocab.json has {len(vocabulary) + 1} tokens"):
        kind.export(tmp_path / "one", tmp_path / "again")


def test_a_constant_has_to_be_what_the_original_implies(tmp_path: Path) -> None:
    """Where both widths are the same, ALBERT's original has no projection between them."""
    config = transformers.AlbertConfig(
        **SMALL, embedding_size=8, max_position_embeddings=11, hidden_act="gelu_new", inner_group_num=1
    )
    transformers.AlbertModel(config).save_pretrained(tmp_path / "hub")
    assert "embedding_hidden_mapping_in.weight is not what the original" in refusal(tmp_path / "hub")

    tensors = load_file(tmp_path / "hub" / "model.safetensors")
    tensors["encoder.embedding_hidden_mapping_in.weight"] = np.eye(8, dtype=np.float32)
    rewrite(tmp_path / "hub", tensors)
    report = export_checkpoint(tmp_path / "hub", tmp_path / "back" / "model.ckpt")

    assert len(report.constants) == 2
    assert not any("embedding_hidden_mapping_in" in name for name in variables(tmp_path / "back"))


@pytest.mark.parametrize("untied", [True, False])
@pytest.mark.parametrize("segments", [True, False])
def test_biases_and_segments_of_xlnet_are_those_of_its_configuration(
    untied: bool, segments: bool, tmp_path: Path
) -> None:
    arrays = variables(FIXTURES / "xlnet/pretrain")
    if not untied:
        arrays |= {f"model/transformer/{bias}": arrays[f"model/transformer/{bias}"][0] for bias in BIASES}
    if not segments:
        del arrays["model/transformer/seg_embed"], arrays["model/transformer/r_s_bias"]
    config = json.loads((FIXTURES / "xlnet/pretrain/xlnet_config.json").read_text()) | {"untie_r": untied}
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "xlnet_config.json").write_text(json.dumps(config))
    write_bundle(tmp_path / "source" / "model.ckpt", arrays)
    convert_checkpoint(tmp_path / "source", tmp_path / "one", "xlnet")

    export_checkpoint(tmp_path / "one", tmp_path / "back" / "model.ckpt")

    found = variables(tmp_path / "back")
    assert found.keys() == arrays.keys() - {"global_step"}
    assert all(np.array_equal(values, arrays[name]) for name, values in found.items())

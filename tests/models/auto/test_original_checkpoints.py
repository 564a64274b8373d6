from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_arrays

from transformers import BertConfig, convert_checkpoint
from transformers.checkpoints import write_bundle
from transformers.conversion import ConversionError, ConversionReport
from transformers.errors import UserError
from transformers.models.auto.original_checkpoints import (
    find_family,
    load_family,
    load_original,
    plan_conversion,
    recognise,
)
from transformers.models.auto.tables import FAMILIES

BERT_SIZES = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2, "N": 3}
GPT2_SIZES = {"V": 11, "E": 8, "P": 6, "i": 2}
CONFIG = {"num_attention_heads": 2}


def bert(architecture: str = "BertForPreTraining") -> MemoryCheckpoint:
    return MemoryCheckpoint(synthetic_arrays(load_family("bert"), architecture, BERT_SIZES))


def gpt2() -> MemoryCheckpoint:
    return MemoryCheckpoint(synthetic_arrays(load_family("gpt2"), "GPT2LMHeadModel", GPT2_SIZES))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    arrays = synthetic_arrays(load_family("bert"), "BertForPreTraining", BERT_SIZES)
    write_bundle(tmp_path / "source" / "model.ckpt", arrays)
    return tmp_path / "source" / "model.ckpt"


def config_file(saved: Path) -> Path:
    path = saved.with_name("heads.json")
    path.write_text(json.dumps(CONFIG))
    return path


# ----------------------------------------------------------------------------------------------------------- families


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_family_describes_its_conversion(model_type: str) -> None:
    family = load_family(model_type)

    assert family.model_type == model_type
    assert family.config_class.model_type == model_type  # type: ignore[attr-defined]
    assert {family.base_model, family.headless} <= set(family.architectures)


@pytest.mark.parametrize(
    ("checkpoint", "model_type"), [(bert(), "bert"), (bert("BertModel"), "bert"), (gpt2(), "gpt2")]
)
def test_a_family_is_recognised_by_its_variables(checkpoint: MemoryCheckpoint, model_type: str) -> None:
    assert [family.model_type for family in recognise(checkpoint.variables)] == [model_type]
    assert find_family("auto", checkpoint).model_type == model_type
    assert find_family(model_type.upper(), checkpoint).model_type == model_type


def test_what_nobody_knows_is_refused() -> None:
    other = MemoryCheckpoint({"resnet/conv": np.zeros(1, np.float32)})

    with pytest.raises(ConversionError, match=r"(?s)any family .*resnet/conv.*bert, .*gpt2"):
        find_family("auto", other)
    with pytest.raises(ConversionError, match="no BERT checkpoint"):
        find_family("bert", other)
    with pytest.raises(ConversionError, match="'brt' is no model type"):
        find_family("brt", other)


def test_another_family_is_named() -> None:
    with pytest.raises(ConversionError, match=r"(?s)no BERT checkpoint.*looks like GPT-2.*--model_type gpt2"):
        find_family("bert", gpt2())


# ---------------------------------------------------------------------------------------------------------- from Python


def test_a_conversion_from_python_returns_its_report(saved: Path, tmp_path: Path) -> None:
    done: list[int] = []

    report = convert_checkpoint(saved, tmp_path / "out", config=CONFIG, progress=done.append)

    assert isinstance(report, ConversionReport)
    assert report.architecture == "BertForPreTraining"
    assert report.folder == tmp_path / "out"
    assert sum(done) == 2 * 4 * report.parameters


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_may_be_strings(kind: type, saved: Path, tmp_path: Path) -> None:
    config = tmp_path / "my.json"
    config.write_text(json.dumps(CONFIG))

    convert_checkpoint(kind(saved), kind(tmp_path / "out"), config=kind(config))

    assert (tmp_path / "out" / "config.json").is_file()


def test_a_neighbouring_configuration_is_found_and_an_explicit_one_wins(saved: Path, tmp_path: Path) -> None:
    neighbour = saved.with_name("bert_config.json")
    neighbour.write_text(json.dumps({**CONFIG, "hidden_dropout_prob": 0.25}))

    convert_checkpoint(saved, tmp_path / "one")
    assert json.loads((tmp_path / "one" / "config.json").read_text())["hidden_dropout_prob"] == 0.25

    other = tmp_path / "other.json"
    other.write_text(json.dumps({"hidden_dropout_prob": 0.5}))
    with pytest.raises(UserError, match=r"hidden_dropout_prob .*other.json says 0.5, bert_config.json says 0.25"):
        convert_checkpoint(saved, tmp_path / "two", config=other)


def test_a_bad_size_or_type_is_one_error(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'large' is not a size"):
        convert_checkpoint(saved, tmp_path / "out", config=CONFIG, max_shard_size="large")
    with pytest.raises(UserError, match="int8 is no data type"):
        convert_checkpoint(saved, tmp_path / "out", config=CONFIG, dtype="int8")

    assert not (tmp_path / "out").exists()


def test_a_plan_can_be_had_without_a_conversion() -> None:
    plan = plan_conversion(bert("BertForSequenceClassification"), "bert", CONFIG, num_labels=3)

    assert plan.architecture == "BertForSequenceClassification"
    assert plan.config["num_labels"] == 3
    with pytest.raises(ConversionError, match=r"num_labels .*--num_labels says 2, the head in the checkpoint has 3"):
        plan_conversion(bert("BertForSequenceClassification"), "bert", CONFIG, num_labels=2)
    with pytest.raises(ConversionError, match=r"--num_labels says 3, BertForPreTraining has no labels"):
        plan_conversion(bert(), "bert", CONFIG, num_labels=3)


@pytest.mark.parametrize("model_type", ["bert", "auto"])
def test_one_of_two_models_is_converted_if_the_other_is_left_out(model_type: str) -> None:
    both = {f"{scope}/{name}": bert().read(name) for name in bert().variables for scope in ("student", "teacher")}

    with pytest.raises(ConversionError, match=r"several models.*(?s:.*)--skip 'teacher/\*'"):
        plan_conversion(MemoryCheckpoint(both), model_type, CONFIG)
    plan = plan_conversion(MemoryCheckpoint(both), model_type, CONFIG, skip=["teacher/*"])

    assert {source.partition("/")[0] for row in plan.rows for source in row.sources} == {"student"}


@pytest.mark.parametrize("word", ["nonsense", "gelu_nwe"])
def test_a_configuration_that_makes_no_model_is_refused_before_anything_is_done(word: str) -> None:
    literal = {"model_type": "bert", "hidden_act": word, **CONFIG}

    with pytest.raises(UserError, match=f"hidden_act is '{word}', which is no activation .*gelu_new"):
        plan_conversion(bert(), "bert", literal)


def test_a_class_that_fits_is_proposed() -> None:
    checkpoint = bert("BertForTokenClassification")

    with pytest.raises(ConversionError, match=r"pooler(?s:.*)There is all that BertForTokenClassification needs"):
        plan_conversion(checkpoint, "bert", CONFIG)
    assert plan_conversion(checkpoint, "bert", CONFIG, architecture="BertForTokenClassification").rows


def test_a_configuration_can_be_an_object_and_the_report_a_file(saved: Path, tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=6, hidden_act="relu",
    )  # fmt: skip

    convert_checkpoint(
        tf_checkpoint=saved,
        pytorch_dump_output=tmp_path / "out",
        model_type="bert",
        config=config,
        report=tmp_path / "report.json",
    )

    assert json.loads((tmp_path / "out" / "config.json").read_text())["hidden_act"] == "relu"
    assert json.loads((tmp_path / "report.json").read_text())["architecture"] == "BertForPreTraining"


# ------------------------------------------------------------------------------------------------- from_pretrained


def test_an_original_is_loaded_into_a_class_that_has_its_head(saved: Path) -> None:
    pytest.importorskip("torch")

    config, tensors = load_original(saved, "BertForPreTraining", config_file(saved))

    assert config.num_attention_heads == 2
    assert tuple(tensors["cls.seq_relationship.weight"].shape) == (2, 8)


def test_an_original_is_loaded_into_a_class_with_a_new_head(saved: Path) -> None:
    pytest.importorskip("torch")

    _, tensors = load_original(saved, "BertForQuestionAnswering", config_file(saved))

    assert "embeddings.word_embeddings.weight" in tensors
    assert not any(name.startswith(("qa_outputs", "cls")) for name in tensors)


def test_fields_are_set_last(saved: Path) -> None:
    pytest.importorskip("torch")

    config, _ = load_original(saved, "BertModel", config_file(saved), {"hidden_dropout_prob": 0.75})

    assert config.hidden_dropout_prob == 0.75


@pytest.mark.parametrize(("field", "family"), [("num_attention_heads", "bert"), ("n_head", "gpt2")])
def test_the_number_of_heads_can_be_one_of_these_fields(field: str, family: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    checkpoint = {"bert": bert, "gpt2": gpt2}[family]()
    arrays = {name: checkpoint.read(name) for name in checkpoint.variables}
    write_bundle(tmp_path / "model.ckpt", arrays)

    config, _ = load_original(tmp_path, load_family(family).headless, overrides={field: 4})

    assert config.num_attention_heads == 4


def test_an_original_of_another_family_is_refused(saved: Path) -> None:
    pytest.importorskip("torch")
    from transformers import GPT2Model

    with pytest.raises(ConversionError, match=r"no GPT-2 checkpoint(?s:.*)the classes of BERT"):
        GPT2Model.from_pretrained(f"{saved}.index")


@pytest.mark.parametrize(("word", "warned"), [("gelu", True), ("gelu_new", False), ("relu", False)])
def test_a_word_of_an_object_that_means_something_else_in_the_originals_files_is_told(
    word: str, warned: bool, saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("torch")
    config = plan_conversion(bert(), "bert", CONFIG).config

    loaded, _ = load_original(saved, "BertModel", BertConfig(**{**config, "hidden_act": word}))

    assert loaded.hidden_act == word
    assert ("BertConfig has hidden_act='gelu'" in caplog.text) == warned


# -------------------------------------------------------------------------------------------------- what stands beside


@pytest.mark.parametrize("vocabulary", ["vocab.txt", "assets/vocab.txt"])
def test_files_beside_a_saved_model_belong_to_it(vocabulary: str, tmp_path: Path) -> None:
    variables = tmp_path / "saved" / "variables" / "variables"
    variables.parent.mkdir(parents=True)
    write_bundle(variables, synthetic_arrays(load_family("bert"), "BertModel", BERT_SIZES))
    (tmp_path / "saved" / "saved_model.pb").touch()
    (tmp_path / "saved" / "bert_config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "saved" / vocabulary).parent.mkdir(exist_ok=True)
    (tmp_path / "saved" / vocabulary).write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")

    report = convert_checkpoint(tmp_path / "saved", tmp_path / "out")

    assert {"config.json", "vocab.txt"} <= set(report.files)

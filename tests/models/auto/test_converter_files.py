"""The converter file, as its documentation prints it, and what is wrong with others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.shared.synthetic_checkpoint import synthetic_arrays

import transformers
from transformers.checkpoints import open_checkpoint, write_bundle
from transformers.commands.transformers_cli import main
from transformers.models.auto.converter_files import prefixes, without_trailing_commas
from transformers.models.auto.original_families import load_family
from transformers.models.auto.tables import FAMILIES

FIXTURES = Path(__file__).parents[2] / "fixtures"

#: The two examples, to the letter.
QUESTION_ANSWERING = """{
   "bert_config_path":"$BERT_BASE_DIR/bert_config.json",
   "bert_model_class":"BertForQuestionAnswering",
   "tf_torch_mappings":{
      "tf_output_layer_name":"qa_output"
   }
}
"""
TOKEN_CLASSIFICATION = """{
   "bert_config_path":"$BERT_BASE_DIR/bert_config.json",
   "bert_model_class":"BertForTokenClassification",
   "tf_torch_mappings":{
      "tf_output_layer_name":"classifier"
   },
   "args":{
      "num_labels":2,
   }
}
"""

#: How people's own heads with two outputs lie.
HEADS = {
    "output_weights": ("{scope}/output_weights", "{scope}/output_bias"),
    "kernel": ("{scope}/kernel", "{scope}/bias"),
    "w": ("{scope}/w", "{scope}/b"),
}


@pytest.fixture
def squad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A BERT that was fine-tuned on SQuAD, where the examples look for it; the current folder is the one above."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURES / "bert" / "squad", tmp_path / "squad")
    monkeypatch.setenv("BERT_BASE_DIR", str(tmp_path / "squad"))
    return tmp_path / "squad"


def with_own_head(squad: Path, weights: str, bias: str) -> tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Gives the head names of the user's own; returns the checkpoint, and the head as PyTorch has it."""
    with open_checkpoint(squad) as checkpoint:
        arrays = {name: np.array(checkpoint.read(name)) for name in checkpoint.variables}
    head = arrays.pop("cls/squad/output_weights"), arrays.pop("cls/squad/output_bias")
    arrays |= {weights: head[0].T if weights.endswith("kernel") else head[0], bias: head[1]}
    shutil.rmtree(squad.parent / "own", ignore_errors=True)
    (squad.parent / "own").mkdir()
    write_bundle(squad.parent / "own" / "model.ckpt", arrays)
    return "own/model.ckpt", *head


def convert(checkpoint: str | Path, config: str | Path, *flags: str, output: str = "out") -> int:
    flags = (f"--tf_checkpoint={checkpoint}", f"--config={config}", f"--pytorch_dump_output={output}", *flags)
    return main(["convert", "--model_type=bert", "--quiet", *flags])


def written(text: str, name: str = "converter_config.json") -> str:
    Path(name).write_text(text)
    return name


# -------------------------------------------------------------------------------------------------------- the examples


@pytest.mark.parametrize("lies", HEADS)
@pytest.mark.parametrize(
    ("text", "architecture", "module"),
    [
        (QUESTION_ANSWERING, "BertForQuestionAnswering", "qa_outputs"),
        (TOKEN_CLASSIFICATION, "BertForTokenClassification", "classifier"),
    ],
)
@pytest.mark.parametrize("scope", ["tf_output_layer_name", "project/logits"])
def test_the_examples_work_as_printed(
    scope: str, text: str, architecture: str, module: str, lies: str, squad: Path
) -> None:
    """Whether the head is called as in the example, or the example's word stands for its scope."""
    weights, bias = (name.format(scope=scope) for name in HEADS[lies])
    checkpoint, expected_weight, expected_bias = with_own_head(squad, weights, bias)

    assert convert(checkpoint, written(text)) == 0

    tensors = load_file("out/model.safetensors")
    assert np.array_equal(tensors[f"{module}.weight"], expected_weight)
    assert np.array_equal(tensors[f"{module}.bias"], expected_bias)
    model = getattr(transformers, architecture).from_pretrained("out")
    assert model.config.num_labels == 2
    assert model.config.hidden_act == "gelu_new"


def test_the_example_works_for_the_original_head(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["convert", "--model_type=bert", f"--tf_checkpoint={squad}", "--pytorch_dump_output=out"]
    assert main([*flags, f"--config={written(QUESTION_ANSWERING)}"]) == 0

    report = capsys.readouterr().out
    assert "assumed  qa_output = qa_outputs (the only name that is nearly the same)" in report
    assert "assumed  tf_output_layer_name = cls/squad (the scope whose variables fit qa_outputs)" in report
    with open_checkpoint(squad) as checkpoint:
        expected = checkpoint.read("cls/squad/output_weights")
    assert np.array_equal(load_file("out/model.safetensors")["qa_outputs.weight"], expected)


def test_python_and_the_other_commands_take_it_too(squad: Path) -> None:
    checkpoint, weights, _ = with_own_head(squad, "project/logits/kernel", "project/logits/bias")
    config = written(TOKEN_CLASSIFICATION)

    report = transformers.convert_checkpoint(checkpoint, "out", "bert", config)
    content = json.loads(without_trailing_commas(TOKEN_CLASSIFICATION))
    transformers.convert_checkpoint(checkpoint, "again", config=content)
    loaded = transformers.BertForTokenClassification.from_pretrained(f"{checkpoint}.index", config=config)

    assert report.architecture == "BertForTokenClassification"
    assert Path("out/model.safetensors").read_bytes() == Path("again/model.safetensors").read_bytes()
    assert np.array_equal(loaded.classifier.weight.detach().numpy(), weights)
    assert main(["verify", "out", f"--tf_checkpoint={checkpoint}", f"--config={config}", "--quiet"]) == 0


# ------------------------------------------------------------------------------------------------------ other families


@pytest.mark.parametrize("prefix", ["gpt2_", ""])
def test_other_families_have_a_prefix_of_their_own_or_none(prefix: str, tmp_path: Path) -> None:
    family = load_family("gpt2")
    arrays = synthetic_arrays(family, "GPT2ForSequenceClassification", {"V": 7, "P": 3, "E": 4, "i": 2, "N": 3})
    write_bundle(tmp_path / "model.ckpt", {name.replace("score/", "model/clf/"): arrays[name] for name in arrays})
    (tmp_path / "hparams.json").write_text(
        json.dumps({"n_vocab": 7, "n_ctx": 3, "n_embd": 4, "n_head": 2, "n_layer": 2})
    )
    converter = tmp_path / "files" / "converter.json"
    converter.parent.mkdir()
    content = {
        f"{prefix}config_path": "../hparams.json",
        f"{prefix}model_class": "GPT2ForSequenceClassification",
        "tf_torch_mappings": {"model/clf": "score"},
        "args": {"num_labels": 3, "embd_pdrop": 0.25},
    }
    converter.write_text(json.dumps(content))

    transformers.convert_checkpoint(tmp_path / "model.ckpt", tmp_path / "out", "auto", converter)

    model = transformers.GPT2ForSequenceClassification.from_pretrained(tmp_path / "out")
    assert np.array_equal(model.score.weight.detach().numpy(), arrays["score/kernel"].T)
    assert (model.config.n_head, model.config.embd_pdrop) == (2, 0.25)


def test_every_family_has_a_prefix() -> None:
    assert prefixes("openai-gpt") == ("openai_gpt_", "openai_", "gpt_")
    assert {name: prefixes(name)[0] for name in FAMILIES if name != "openai-gpt"} == {
        "bert": "bert_", "albert": "albert_", "gpt2": "gpt2_", "transfo-xl": "transfo_xl_", "xlnet": "xlnet_",
        "xlm": "xlm_", "t5": "t5_",
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------- what is read


def test_a_path_is_looked_for_beside_the_file_and_then_here(squad: Path) -> None:
    text = QUESTION_ANSWERING.replace("$BERT_BASE_DIR/", "${NAME}_")
    Path("elsewhere").mkdir()
    shutil.copy(squad / "bert_config.json", "the_bert_config.json")
    (squad / "bert_config.json").unlink()
    converter = written(text.replace("${NAME}", "the"), "elsewhere/converter.json")

    assert convert(squad, converter) == 0
    assert json.loads(Path("out/config.json").read_text())["num_attention_heads"] == 4

    Path("elsewhere/the_bert_config.json").write_text('{"num_attention_heads": 2}')
    assert convert(squad, converter, output="beside") == 0
    assert json.loads(Path("beside/config.json").read_text())["num_attention_heads"] == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2 ,\n ], }', {"a": [1, 2]}),
        ('{"a": "x,}", "b": "\\",]",}', {"a": "x,}", "b": '",]'}),
    ],
)
def test_commas_are_forgiven_outside_of_strings_only(text: str, value: Any) -> None:
    assert json.loads(without_trailing_commas(text)) == value


def test_the_files_that_are_named_are_never_replaced(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    for name, text in (("out/config.json", QUESTION_ANSWERING), ("converter.json", None)):
        if text is None:
            shutil.copy(squad / "bert_config.json", "out/config.json")
            text = QUESTION_ANSWERING.replace("$BERT_BASE_DIR/bert_config.json", "out/config.json")
        before = Path(written(text, name)).read_text()

        assert convert(squad, name, "--overwrite") == 1

        assert "out/config.json" in capsys.readouterr().err
        assert Path(name).read_text() == before
        assert [path.name for path in Path("out").iterdir()] == ["config.json"]


# ------------------------------------------------------------------------------------------------------ what is refused


def test_all_that_is_wrong_is_told_at_once(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = {
        "bert_config_path": "$NOWHERE/${AT_ALL}/bert_config.json",
        "bert_model_class": "BertForQuestionAnswerin",
        "gpt2_model_class": "GPT2LMHeadModel",
        "tf_torch_mapping": {},
        "tf_torch_mappings": {"a": 1},
        "args": {"num_label": 2, "num_labels": "2"},
    }

    assert convert(squad, written(json.dumps(content))) == 1

    assert capsys.readouterr().err.splitlines()[1:-1] == [
        "  gpt2_model_class is a field for GPT-2, this is a conversion of BERT",
        "  tf_torch_mapping is no field of a converter file (did you mean tf_torch_mappings?)",
        "  bert_config_path: the environment variable NOWHERE is not set ($NOWHERE/${AT_ALL}/bert_config.json)",
        "  bert_config_path: the environment variable AT_ALL is not set ($NOWHERE/${AT_ALL}/bert_config.json)",
        "  bert_model_class: BERT has no class BertForQuestionAnswerin (did you mean BertForQuestionAnswering?)",
        "  tf_torch_mappings: a should be mapped to a name, not 1",
        "  args: BertConfig has no field num_label (did you mean num_labels?)",
        '  args: num_labels should be a whole number from 1 on, not "2"',
    ]
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bert_config_path": None}, "bert_config_path is missing"),
        ({"bert_model_class": None}, "bert_model_class is missing"),
        ({"bert_model_class": 3}, "bert_model_class should be a string, not 3"),
        ({"model_class": "BertModel"}, "bert_model_class and model_class are the same field"),
        ({"bert_config_path": "no.json"}, "bert_config_path: there is no file no.json"),
        (
            {"bert_model_class": "XLNetLMHeadModel"},
            "XLNetLMHeadModel is a class of XLNet, this is a conversion of BERT",
        ),
        ({"tf_torch_mappings": ["a"]}, r'tf_torch_mappings should be an object, not \["a"\]'),
        ({"tf_torch_mappings": {"cls/squad": "encoder"}}, "there is no module encoder"),
        ({"tf_torch_mappings": {"nowhere": "qa_outputs"}}, "there is no variable or scope nowhere"),
        ({"args": {"num_labels": 3}}, "num_labels .*says 3, BertForQuestionAnswering has no labels"),
        ({"args": {"hidden_size": 31}}, "hidden_size .*args says 31, bert_config.json says 32"),
        (
            {"bert_model_class": "BertForTokenClassification", "args": {"num_labels": 3}},
            "args says 3, the head .* has 2",
        ),
    ],
)
def test_what_is_wrong_is_told(
    change: dict[str, Any], words: str, squad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads(QUESTION_ANSWERING) | {"tf_torch_mappings": {"cls/squad": "qa_outputs"}}
    if change.get("bert_model_class") == "BertForTokenClassification":
        content["tf_torch_mappings"] = {"cls/squad": "classifier"}
    content = {name: value for name, value in (content | change).items() if value is not None}

    with pytest.raises(transformers.UserError, match=words):
        transformers.convert_checkpoint(squad, "out", "bert", written(json.dumps(content)))


def test_flags_may_add_to_it_and_not_contradict_it(squad: Path) -> None:
    checkpoint, *_ = with_own_head(squad, "mine/kernel", "mine/other")
    content = json.loads(QUESTION_ANSWERING) | {"tf_torch_mappings": {"mine/kernel": "qa_outputs.weight"}}
    config = written(json.dumps(content))
    bias = ["mine/other=qa_outputs.bias"]

    report = transformers.convert_checkpoint(
        checkpoint, "out", "bert", config, architecture="BertForQuestionAnswering", maps=bias
    )

    assert report.architecture == "BertForQuestionAnswering"
    with pytest.raises(transformers.UserError, match="says BertForQuestionAnswering, asked for is BertModel"):
        transformers.convert_checkpoint(checkpoint, "no", "bert", config, architecture="BertModel", maps=bias)
    with pytest.raises(transformers.UserError, match="is mapped by mine/other=qa_outputs.weight, too"):
        transformers.convert_checkpoint(checkpoint, "no", "bert", config, maps=["mine/other=qa_outputs.weight"])


def test_a_scope_that_could_be_several_has_to_be_named(squad: Path) -> None:
    checkpoint, weights, bias = with_own_head(squad, "one/output_weights", "one/output_bias")
    with open_checkpoint(checkpoint) as opened:
        arrays = {name: np.array(opened.read(name)) for name in opened.variables}
    write_bundle(squad.parent / "two.ckpt", {**arrays, "two/output_weights": weights, "two/output_bias": bias})

    with pytest.raises(transformers.UserError, match="it could be one or two: write the scope of your head there"):
        transformers.convert_checkpoint("two.ckpt", "out", "bert", written(QUESTION_ANSWERING))


def test_a_square_head_is_found_and_asked_for(squad: Path) -> None:
    with open_checkpoint(squad) as opened:
        arrays = {name: np.array(opened.read(name)) for name in opened.variables if not name.startswith("cls/")}
    width = len(arrays["bert/embeddings/LayerNorm/beta"])
    head = {"top/w": np.eye(width, dtype=np.float32), "top/b": np.zeros(width, np.float32)}
    write_bundle(squad.parent / "square.ckpt", {**arrays, **head})
    text = TOKEN_CLASSIFICATION.replace('"num_labels":2', f'"num_labels":{width}')

    with pytest.raises(transformers.UserError, match="fits both ways: put :transpose or :copy behind the name"):
        transformers.convert_checkpoint("square.ckpt", "out", "bert", written(text))
    transformers.convert_checkpoint(
        "square.ckpt", "out", "bert", written(text.replace("classifier", "classifier:copy"))
    )

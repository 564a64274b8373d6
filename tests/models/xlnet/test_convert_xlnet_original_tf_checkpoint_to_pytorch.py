from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.models.xlnet.reference import Reference
from tests.shared.converter_tester import ConverterTester
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_arrays, synthetic_shapes, with_training_state
from tests.shared.tensor_slice_writer import write_tensor_slices

import transformers
from transformers import convert_checkpoint
from transformers.checkpoints import Variable, write_bundle
from transformers.conversion import PlanRequest, make_plan
from transformers.conversion.export_files import ExportReport
from transformers.errors import UserError
from transformers.models.auto.exporting import export_checkpoint
from transformers.models.xlnet.convert_xlnet_original_tf_checkpoint_to_pytorch import FAMILY

#: Layers of more than one digit, and heads that are wider together than the model.
SIZES = {"V": 11, "M": 8, "N": 3, "D": 4, "I": 10, "l": 11, "C": 3}
CONFIG = {
    "n_token": 11,
    "d_model": 8,
    "n_head": 3,
    "d_head": 4,
    "d_inner": 10,
    "n_layer": 11,
    "ff_activation": "gelu",
    "untie_r": True,
}

Arrays = dict[str, Any]


def arrays_of(architecture: str, scope: str = "classification_mnli_matched", **sizes: int) -> Arrays:
    """The variables of a model class; its logit layer is in the scope of a task."""
    arrays = synthetic_arrays(FAMILY, architecture, {**SIZES, **sizes})
    if architecture != "XLNetLMHeadModel":
        del arrays["model/transformer/mask_emb/mask_emb"]
    return {name.replace("model/logit/", f"model/{scope}/logit/"): values for name, values in arrays.items()}


def save(folder: Path, arrays: Mapping[str, Any], config: Mapping[str, Any] | None = CONFIG) -> Path:
    folder.mkdir(exist_ok=True)
    write_bundle(folder / "model.ckpt-120", arrays)
    (folder / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-120"\n')
    if config is not None:
        (folder / "xlnet_config.json").write_text(json.dumps(config))
    return folder


def converted(source: Path, target: Path, **options: Any) -> Any:
    """The model in a folder after a conversion, and nothing but that folder is needed."""
    report = convert_checkpoint(source, target, "xlnet", **options)
    model, info = getattr(transformers, report.architecture).from_pretrained(target, output_loading_info=True)
    assert not any(info.values()), info
    return model


def equal(parameter: torch.Tensor, expected: Any) -> bool:
    return bool(np.array_equal(parameter.detach().numpy(), expected))


class TestXLNetConversion(ConverterTester):
    family = FAMILY
    sizes = SIZES
    config_file = "xlnet_config.json"
    config: ClassVar[dict[str, Any]] = CONFIG

    def arrays(self, architecture: str) -> Arrays:
        return arrays_of(architecture)

    def export(self, folder: Path, prefix: Path) -> ExportReport:
        return export_checkpoint(folder, prefix, "xlnet", finetuning_task_name="MNLI_matched")


class TestTheMap:
    def test_it_is_the_originals_list_of_variables(self) -> None:
        shapes = synthetic_shapes(FAMILY, "XLNetLMHeadModel", SIZES)
        assert len(shapes) == 7 + 13 * 11
        layer = "model/transformer/layer_10"
        assert {name: shape for name, shape in shapes.items() if "layer_" not in name or "layer_10/" in name} == {
            "model/transformer/word_embedding/lookup_table": (11, 8),
            "model/transformer/mask_emb/mask_emb": (1, 1, 8),
            "model/transformer/r_w_bias": (11, 3, 4),
            "model/transformer/r_r_bias": (11, 3, 4),
            "model/transformer/r_s_bias": (11, 3, 4),
            "model/transformer/seg_embed": (11, 2, 3, 4),
            **{f"{layer}/rel_attn/{part}/kernel": (8, 3, 4) for part in "qkvro"},
            **{f"{layer}/rel_attn/LayerNorm/{part}": (8,) for part in ("gamma", "beta")},
            f"{layer}/ff/layer_1/kernel": (8, 10),
            f"{layer}/ff/layer_1/bias": (10,),
            f"{layer}/ff/layer_2/kernel": (10, 8),
            f"{layer}/ff/layer_2/bias": (8,),
            **{f"{layer}/ff/LayerNorm/{part}": (8,) for part in ("gamma", "beta")},
            "model/lm_loss/bias": (11,),
        }

    def test_each_layer_gets_its_slices(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetLMHeadModel")
        model = converted(save(tmp_path / "source", arrays), tmp_path / "model")
        for index, layer in enumerate(model.transformer.layer):
            for name in ("r_w_bias", "r_r_bias", "r_s_bias", "seg_embed"):
                assert equal(getattr(layer.rel_attn, name), arrays[f"model/transformer/{name}"][index])
            for name in "qkvor":
                kernel = arrays[f"model/transformer/layer_{index}/rel_attn/{name}/kernel"]
                assert equal(getattr(layer.rel_attn, name), kernel)
        assert model.config.to_dict()["mem_len"] is None
        assert (model.config.d_head, model.config.ff_activation, model.config.untie_r) == (4, "gelu_new", True)

    def test_a_bias_that_all_layers_share_goes_to_each(self, tmp_path: Path) -> None:
        arrays, names = arrays_of("XLNetLMHeadModel"), ("r_w_bias", "r_r_bias", "r_s_bias")
        for name in names:
            arrays[f"model/transformer/{name}"] = arrays[f"model/transformer/{name}"][3]
        for scope in ("", "some/scope/"):
            scoped = {f"{scope}{name}": values for name, values in arrays.items()}
            source = save(tmp_path / f"source in {len(scope)}", scoped, {**CONFIG, "untie_r": False})
            model = converted(source, tmp_path / f"model of {len(scope)}")
            assert model.config.untie_r is False
            for index, layer in enumerate(model.transformer.layer):
                assert equal(layer.rel_attn.seg_embed, arrays["model/transformer/seg_embed"][index])
                assert all(equal(getattr(layer.rel_attn, name), arrays[f"model/transformer/{name}"]) for name in names)

    @pytest.mark.parametrize("tied", [True, False])
    def test_the_configuration_is_held_against_the_biases(self, tmp_path: Path, tied: bool) -> None:
        arrays = arrays_of("XLNetLMHeadModel")
        if tied:
            for name in ("r_w_bias", "r_r_bias", "r_s_bias"):
                arrays[f"model/transformer/{name}"] = arrays[f"model/transformer/{name}"][0]
        source = save(tmp_path / "source", arrays, {**CONFIG, "untie_r": tied})
        with pytest.raises(UserError, match=rf"untie_r .* says {str(tied).lower()}, model/transformer/r_w_bias is \["):
            convert_checkpoint(source, tmp_path / "model", "xlnet")

    def test_a_model_without_segments_gets_segments_that_add_nothing(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetLMHeadModel")
        del arrays["model/transformer/seg_embed"], arrays["model/transformer/r_s_bias"]
        model = converted(save(tmp_path / "source", arrays), tmp_path / "model")
        ids = torch.tensor([[1, 2, 3]])
        assert torch.equal(model(ids, token_type_ids=torch.tensor([[0, 1, 1]])).logits, model(ids).logits)

    @pytest.mark.parametrize(
        "name",
        [
            "model/transformer/seg_embed",
            "model/transformer/r_s_bias",
            "model/transformer/r_r_bias",
            "model/transformer/r_w_bias",
            "model/transformer/mask_emb/mask_emb",
            "model/lm_loss/bias",
            "model/transformer/layer_4/rel_attn/r/kernel",
        ],
    )
    def test_a_missing_variable_is_named(self, tmp_path: Path, name: str) -> None:
        arrays = arrays_of("XLNetLMHeadModel")
        del arrays[name]
        with pytest.raises(UserError, match=f"{name} is missing"):
            convert_checkpoint(save(tmp_path / "source", arrays), tmp_path / "model", "xlnet")
        assert not (tmp_path / "model").exists()

    def test_what_fine_tuning_left_out_is_zero(self, tmp_path: Path) -> None:
        model = converted(save(tmp_path / "source", arrays_of("XLNetForQuestionAnswering")), tmp_path / "model")
        assert model.transformer.mask_emb.shape == (1, 1, 8)
        assert not model.transformer.mask_emb.any()


class TestTasks:
    @pytest.mark.parametrize(
        ("task", "scope", "labels"),
        [
            ("STS-B", "regression_sts-b", 1),
            ("sts-b", "regression_sts-b", 1),
            ("stsb", "regression_sts-b", 1),
            ("mnli", "classification_mnli_matched", 3),
            ("MNLI", "classification_mnli_mismatched", 3),
            ("mnli_matched", "classification_mnli_matched", 3),
            ("imdb", "classification_imdb", 2),
            (None, "classification_yelp5", 5),
            ("my own task", "classification_My.Task-7/kernel", 4),
            ("cola", "classification_a_scope_that_tasks_share", 2),
        ],
    )
    def test_a_classifier_is_recognised_whatever_its_task_is_called(
        self, tmp_path: Path, task: str | None, scope: str, labels: int
    ) -> None:
        arrays = arrays_of("XLNetForSequenceClassification", scope, C=labels)
        source = save(tmp_path / "source", with_training_state(arrays))
        model = converted(source, tmp_path / "model", finetuning_task_name=task)
        assert type(model).__name__ == "XLNetForSequenceClassification"
        assert (model.config.num_labels, model.config.finetuning_task) == (labels, task)
        assert equal(model.logits_proj.weight, arrays[f"model/{scope}/logit/kernel"].T)
        assert equal(model.logits_proj.bias, arrays[f"model/{scope}/logit/bias"])
        assert equal(model.sequence_summary.summary.weight, arrays["model/sequnece_summary/summary/kernel"].T)

    @pytest.mark.parametrize(
        ("task", "architecture", "words"),
        [
            ("mnli", "XLNetForSequenceClassification", "has 3 labels, the head in the checkpoint has 2"),
            ("STS-B", "XLNetForSequenceClassification", "has 1 labels, the head in the checkpoint has 2"),
            ("squad", "XLNetForSequenceClassification", "needs the head of XLNetForQuestionAnswering"),
            ("squad_v2", "XLNetLMHeadModel", "needs the head of XLNetForQuestionAnswering"),
            ("race", "XLNetForQuestionAnswering", "needs the head of XLNetForMultipleChoice"),
            ("sts-b", "XLNetLMHeadModel", "needs the head of XLNetForSequenceClassification.*is for XLNetLMHeadModel"),
        ],
    )
    def test_a_task_that_the_checkpoint_was_not_made_for_is_refused(
        self, tmp_path: Path, task: str, architecture: str, words: str
    ) -> None:
        source = save(tmp_path / "source", arrays_of(architecture, C=2))
        with pytest.raises(UserError, match=f'--finetuning_task_name: "{task}" {words}') as error:
            convert_checkpoint(source, tmp_path / "model", "xlnet", finetuning_task_name=task)
        assert "with --finetuning_task_name, or none" in str(error.value)
        assert not (tmp_path / "model").exists()

    def test_a_head_may_be_left_out_on_purpose(self, tmp_path: Path) -> None:
        source = save(tmp_path / "source", arrays_of("XLNetForQuestionAnswering"))
        options = {"architecture": "XLNetModel", "finetuning_task_name": "mnli"}
        report = convert_checkpoint(source, tmp_path / "model", "xlnet", **options)
        assert any("head of XLNetForQuestionAnswering" in reason for reason in report.skipped)

    def test_a_pretrained_checkpoint_may_be_loaded_for_a_task(self, tmp_path: Path) -> None:
        source = save(tmp_path / "source", arrays_of("XLNetLMHeadModel"))
        config = transformers.XLNetConfig(
            **{**CONFIG, "ff_activation": "gelu_new"}, finetuning_task="mnli", num_labels=3, mem_len=None
        )
        model, info = transformers.XLNetForSequenceClassification.from_pretrained(
            source / "model.ckpt-120.index", config=config, from_tf=True, output_loading_info=True
        )
        assert {name.split(".")[0] for name in info["missing_keys"]} == {"sequence_summary", "logits_proj"}
        assert model.config.num_labels == 3

    def test_of_several_classifiers_none_is_chosen(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetForSequenceClassification", "classification_imdb", C=2)
        for part in ("kernel", "bias"):
            arrays[f"model/classification_yelp5/logit/{part}"] = arrays[f"model/classification_imdb/logit/{part}"]
        source = save(tmp_path / "source", arrays)
        with pytest.raises(UserError, match=r"(?s)classification_imdb/logit/kernel.*classification_yelp5/logit/kernel"):
            convert_checkpoint(source, tmp_path / "model", "xlnet")
        model = converted(source, tmp_path / "model", skip=["model/classification_imdb/*"])
        assert equal(model.logits_proj.weight, arrays["model/classification_yelp5/logit/kernel"].T)

    @pytest.mark.parametrize("scope", ["other", "mymodel/classification_imdb"])
    def test_other_logit_layers_are_none_of_the_originals(self, tmp_path: Path, scope: str) -> None:
        arrays = arrays_of("XLNetForSequenceClassification")
        arrays[f"{scope}/logit/kernel"] = np.zeros((8, 3), np.float32)
        with pytest.raises(UserError, match=f"{scope}/logit/kernel is not known"):
            convert_checkpoint(save(tmp_path / "source", arrays), tmp_path / "model", "xlnet")

    def test_a_logit_layer_without_its_bias_is_named_as_it_is(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetForSequenceClassification", "regression_sts-b", C=1)
        del arrays["model/regression_sts-b/logit/bias"]
        with pytest.raises(UserError, match="model/regression_sts-b/logit/bias is missing"):
            convert_checkpoint(save(tmp_path / "source", arrays), tmp_path / "model", "xlnet")

    def test_the_summary_without_projection_is_without_activation(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetForSequenceClassification")
        for part in ("kernel", "bias"):
            del arrays[f"model/sequnece_summary/summary/{part}"]
        model = converted(save(tmp_path / "source", arrays), tmp_path / "model")
        assert (model.config.summary_use_proj, model.config.summary_activation) == (False, None)
        states = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
        assert torch.equal(model.sequence_summary(states), states[:, -1])

    @pytest.mark.parametrize("projected", [True, False])
    def test_the_configuration_is_held_against_the_summary(self, tmp_path: Path, projected: bool) -> None:
        arrays = arrays_of("XLNetForMultipleChoice")
        if not projected:
            arrays = {name: values for name, values in arrays.items() if "sequnece_summary" not in name}
        source = save(tmp_path / "source", arrays, {**CONFIG, "summary_use_proj": not projected})
        with pytest.raises(UserError, match="summary_use_proj .*model/sequnece_summary/summary/kernel"):
            convert_checkpoint(source, tmp_path / "model", "xlnet")

    @pytest.mark.parametrize("architecture", ["XLNetForSequenceClassification", "XLNetForMultipleChoice"])
    def test_a_summary_by_attention_is_refused_by_name(self, tmp_path: Path, architecture: str) -> None:
        arrays = arrays_of(architecture)
        arrays["model/sequnece_summary/summary_bias"] = np.zeros(8, np.float32)
        for part in "qkvo":
            arrays[f"model/sequnece_summary/abs_attn/{part}/kernel"] = np.zeros((8, 3, 4), np.float32)
        source = save(tmp_path / "source", with_training_state(arrays))
        with pytest.raises(UserError, match=r"sequnece_summary/abs_attn/q/kernel .*summary of type attn") as error:
            convert_checkpoint(source, tmp_path / "model", "xlnet")
        assert len(error.value.problems) == 5
        encoder = converted(source, tmp_path / "model", architecture="XLNetModel")
        assert type(encoder).__name__ == "XLNetModel"


class TestConfiguration:
    def test_the_file_of_the_training_scripts_is_read(self, tmp_path: Path) -> None:
        source = save(tmp_path / "source", arrays_of("XLNetLMHeadModel"), None)
        (source / "config.json").write_text(json.dumps({**CONFIG, "ff_activation": "relu"}))
        assert converted(source, tmp_path / "model").config.ff_activation == "relu"
        (source / "xlnet_config.json").write_text(json.dumps(CONFIG))
        with pytest.raises(UserError, match="ff_activation .*relu"):
            convert_checkpoint(source, tmp_path / "other", "xlnet")

    def test_a_configuration_of_the_ecosystem_means_what_it_says(self, tmp_path: Path) -> None:
        source = save(tmp_path / "source", arrays_of("XLNetLMHeadModel"), None)
        config = {"model_type": "xlnet", "ff_activation": "gelu", "mem_len": 9, "attn_type": "uni", "dropout": 0.3}
        found = converted(source, tmp_path / "model", config=config).config
        assert (found.ff_activation, found.mem_len, found.attn_type, found.dropout) == ("gelu", 9, "uni", 0.3)

    def test_the_activation_is_not_guessed(self, tmp_path: Path) -> None:
        source = save(tmp_path / "source", arrays_of("XLNetLMHeadModel"), None)
        with pytest.raises(UserError, match="ff_activation .*no file has it"):
            convert_checkpoint(source, tmp_path / "model", "xlnet")
        model = converted(source, tmp_path / "model", config={"ff_activation": "gelu"})
        assert model.config.ff_activation == "gelu_new"

    @pytest.mark.parametrize(("depth", "width", "heads"), [(12, 768, 12), (24, 1024, 16)])
    def test_released_models_are_known_by_their_shapes(self, depth: int, width: int, heads: int) -> None:
        sizes = {"V": 32000, "M": width, "N": heads, "D": 64, "I": 4 * width, "l": depth}
        shapes = synthetic_shapes(FAMILY, "XLNetLMHeadModel", sizes)
        arrays = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
        plan = make_plan(FAMILY, MemoryCheckpoint(arrays), PlanRequest())
        assert (plan.config["ff_activation"], plan.config["n_head"]) == ("gelu_new", heads)

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("ff_activation", "tanh", "gelu, relu"),
            ("attn_type", "tri", "bi, uni"),
            ("summary_type", "attn", "last, first, mean"),
            ("mem_len", -1, "from 0 on"),
            ("untie_r", "yes", "true or false"),
            ("n_layer", 12, r"says 12, .*\(11\)"),
            ("d_head", 3, r"says 3, .*\[11, 3, 4\]"),
        ],
    )
    def test_wrong_values_are_refused_by_name(self, tmp_path: Path, field: str, value: Any, words: str) -> None:
        source = save(tmp_path / "source", arrays_of("XLNetLMHeadModel"), {**CONFIG, field: value})
        with pytest.raises(UserError, match=f"{field} .*{words}"):
            convert_checkpoint(source, tmp_path / "model", "xlnet")


class TestFormats:
    @pytest.mark.parametrize(
        "architecture", ["XLNetLMHeadModel", "XLNetForMultipleChoice", "XLNetForQuestionAnswering"]
    )
    def test_the_family_need_not_be_named(self, tmp_path: Path, architecture: str) -> None:
        source = save(tmp_path / "source", arrays_of(architecture))
        report = convert_checkpoint(source, tmp_path / "model", "auto")
        assert (report.model_type, report.architecture) == ("xlnet", architecture)
        assert type(transformers.AutoModel.from_pretrained(tmp_path / "model")).__name__ == "XLNetModel"

    def test_a_checkpoint_of_the_first_format(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetForMultipleChoice")
        source = tmp_path / "source"
        source.mkdir()
        (source / "xlnet_config.json").write_text(json.dumps(CONFIG))
        write_tensor_slices(
            source / "model.ckpt-3",
            {Variable(name, values.shape, "float32"): values for name, values in sorted(arrays.items())},
        )
        model = converted(source / "model.ckpt-3", tmp_path / "model", finetuning_task_name="RACE")
        assert equal(model.logits_proj.weight, arrays["logits/dense/kernel"].T)

    def test_what_training_leaves_behind_is_left_out(self, tmp_path: Path) -> None:
        arrays = arrays_of("XLNetForQuestionAnswering")
        source = save(tmp_path / "source", with_training_state(arrays))
        model = converted(source, tmp_path / "model", finetuning_task_name="SQuAD")
        assert all(parameter.isfinite().all() for parameter in model.parameters())


# ---------------------------------------------------------------------------------- what the heads compute


class TestHeads:
    """Converted heads against the original's mathematics, computed from the variables."""

    ids: ClassVar[Any] = np.random.default_rng(2).integers(0, 11, (4, 5))
    padding: ClassVar[Any] = np.array([[1, 1, 0, 0, 0], [0] * 5, [1, 0, 0, 0, 0], [0] * 5], np.float32)
    inputs: ClassVar[dict[str, torch.Tensor]] = {
        "input_ids": torch.from_numpy(ids),
        "input_mask": torch.from_numpy(padding),
    }

    def arrays(self, architecture: str) -> Arrays:
        arrays = arrays_of(architecture, l=2)
        return {name: values * 0.3 + name.endswith("gamma") for name, values in arrays.items()}

    def states(self, arrays: Arrays) -> Any:
        """The states after the last layer."""
        return Reference(arrays)(self.ids, input_mask=self.padding)[0][-1]

    def model(self, arrays: Arrays, folder: Path, **settings: Any) -> Any:
        source = save(folder / "source", arrays, {**CONFIG, "n_layer": 2})
        model = converted(source, folder / "model")
        return type(model).from_pretrained(folder / "model", **settings)

    @torch.no_grad()
    @pytest.mark.parametrize("kind", ["last", "first", "mean"])
    @pytest.mark.parametrize("projected", [True, False])
    def test_a_classifier(self, tmp_path: Path, kind: str, projected: bool) -> None:
        arrays = self.arrays("XLNetForSequenceClassification")
        states = self.states(arrays)
        summary = {"last": states[:, -1], "first": states[:, 0], "mean": states.mean(1)}[kind]
        projection = [arrays[f"model/sequnece_summary/summary/{part}"] for part in ("kernel", "bias")]
        if projected:
            summary = np.tanh(summary @ projection[0] + projection[1])
        else:
            arrays = {name: values for name, values in arrays.items() if "sequnece_summary" not in name}
        kernel, bias = (arrays[f"model/classification_mnli_matched/logit/{part}"] for part in ("kernel", "bias"))
        logits = self.model(arrays, tmp_path, summary_type=kind)(**self.inputs).logits
        assert np.abs(logits.numpy() - (summary @ kernel + bias)).max() < 1e-5

    @torch.no_grad()
    def test_choices(self, tmp_path: Path) -> None:
        arrays = self.arrays("XLNetForMultipleChoice")
        kernel, bias = (arrays[f"model/sequnece_summary/summary/{part}"] for part in ("kernel", "bias"))
        summary = np.tanh(self.states(arrays)[:, -1] @ kernel + bias)
        expected = summary @ arrays["logits/dense/kernel"] + arrays["logits/dense/bias"]
        choices = {name: tensor.view(2, 2, -1) for name, tensor in self.inputs.items()}
        logits = self.model(arrays, tmp_path)(**choices).logits
        assert np.abs(logits.numpy() - expected.reshape(2, 2)).max() < 1e-5

    @torch.no_grad()
    def test_answers(self, tmp_path: Path) -> None:
        arrays = self.arrays("XLNetForQuestionAnswering")
        states = self.states(arrays)
        cls_index = np.array([4, 2, 3, 4])

        def dense(scope: str, x: Any) -> Any:
            return x @ arrays[f"{scope}/kernel"] + arrays.get(f"{scope}/bias", 0)

        starts = dense("start_logits/dense", states)[..., 0]
        chances = np.exp(starts) / np.exp(starts).sum(-1, keepdims=True)
        best = chances.argmax(-1)
        rows = np.arange(4)
        pairs = np.concatenate([states, np.repeat(states[rows, best][:, None], 5, axis=1)], axis=-1)
        features = Reference(
            {f"model/transformer/{name}": values for name, values in arrays.items() if "end_" in name}
            | {"model/transformer/layer_0/rel_": starts}
        ).norm("end_logits/LayerNorm", np.tanh(dense("end_logits/dense_0", pairs)))
        ends = dense("end_logits/dense_1", features)[..., 0]
        mean = (chances[..., None] * states).sum(1)
        answer = np.tanh(dense("answer_class/dense_0", np.concatenate([mean, states[rows, cls_index]], axis=-1)))

        model = self.model(arrays, tmp_path, start_n_top=2, end_n_top=3)
        found = model(**self.inputs, cls_index=torch.from_numpy(cls_index))
        assert found.start_top_index[:, 0].tolist() == best.tolist()
        assert np.abs(found.start_top_log_probs[:, 0].numpy() - chances.max(-1)).max() < 1e-5
        assert found.end_top_index[:, ::2].tolist() == np.argsort(-ends)[:, :3].tolist()
        assert np.abs(found.cls_logits.numpy() - dense("answer_class/dense_1", answer)[:, 0]).max() < 1e-5

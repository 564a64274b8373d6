"""Where the older classes load models from: folders, archives, names, original checkpoints, files of today."""

from __future__ import annotations

import io
import logging
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.pytorch_pretrained_bert.recording import Recording
from tests.shared.golden_cases import FIXTURES
from tests.shared.hub_server import Hub, Repository
from torch import nn

import pytorch_pretrained_bert as package
import transformers
from pytorch_pretrained_bert.modeling import BertModel, BertPreTrainedModel
from transformers import UserError
from transformers.models.auto.original_checkpoints import convert_checkpoint

BERT_FOLDER = FIXTURES / "bert" / "pretraining"
BERT_HEADS = {"BertForSequenceClassification": [4], "BertForMultipleChoice": [3], "BertForTokenClassification": [4]}


@pytest.fixture
def recording() -> Recording:
    return Recording.read("BertForSequenceClassification")


@pytest.fixture
def folder(recording: Recording, tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    recording.write(tmp_path / "model", "bert_config.json")
    return tmp_path / "model"


def assert_is(recording: Recording, model: nn.Module) -> None:
    recording.assert_same(recording.case["results"][0], recording.run(model.eval())[0])


def packed(files: dict[str, bytes], place: Path) -> Path:
    with tarfile.open(place, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return place


class TestPlaces:
    def test_a_folder_with_bert_config(self, recording: Recording, folder: Path) -> None:
        model = recording.model_class.from_pretrained(folder, num_labels=4)
        assert model.training
        assert_is(recording, model)

    @pytest.mark.parametrize("prefix", ["", "./"])
    def test_an_archive(self, recording: Recording, folder: Path, tmp_path: Path, prefix: str) -> None:
        files = {prefix + path.name: path.read_bytes() for path in folder.iterdir()}
        archive = packed(files, tmp_path / "model.tar.gz")
        assert_is(recording, recording.model_class.from_pretrained(str(archive), num_labels=4))

    def test_an_archive_that_writes_elsewhere_is_refused(self, tmp_path: Path) -> None:
        archive = packed({"../outside.txt": b"x"}, tmp_path / "model.tar.gz")
        with pytest.raises(UserError, match=r"model\.tar\.gz"):
            BertModel.from_pretrained(archive)
        assert not (tmp_path / "outside.txt").exists()

    def test_a_file_that_is_no_archive_is_refused(self, folder: Path) -> None:
        with pytest.raises(UserError, match=r"bert_config\.json is no archive"):
            BertModel.from_pretrained(folder / "bert_config.json")

    def test_a_name_on_the_hub(self, recording: Recording, folder: Path, hub: Hub, tmp_path: Path) -> None:
        (folder / "bert_config.json").rename(folder / "config.json")
        hub.repositories["bert-base-uncased"] = Repository({"main": folder})
        cache = tmp_path / "distributed_-1"
        model = recording.model_class.from_pretrained("bert-base-uncased", cache_dir=str(cache), num_labels=4)
        assert_is(recording, model)
        assert any(cache.rglob("pytorch_model.bin"))

    def test_a_name_that_is_nowhere(self, hub: Hub) -> None:
        with pytest.raises(OSError, match="bert-base-nowhere"):
            BertModel.from_pretrained("bert-base-nowhere")

    def test_a_state_dict_that_is_given(self, recording: Recording, folder: Path) -> None:
        (folder / "pytorch_model.bin").unlink()
        model = recording.model_class.from_pretrained(folder, state_dict=recording.weights, num_labels=4)
        assert_is(recording, model)

    def test_what_a_script_saved_wins_over_what_it_began_with(self, recording: Recording, folder: Path) -> None:
        transformers.BertForSequenceClassification(
            transformers.BertConfig(23, 8, 2, 2, 12, max_position_embeddings=9, num_labels=4)
        ).save_pretrained(folder)
        assert_is(recording, recording.model_class.from_pretrained(folder, num_labels=4))


class TestNames:
    """Keys of other times."""

    def test_gamma_and_beta(self, recording: Recording) -> None:
        older = {
            key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
            for key, value in recording.weights.items()
        }
        assert older.keys() != recording.weights.keys()
        model = recording.model(loaded=False)
        model.load_state_dict(older)
        assert_is(recording, model)

    def test_a_dump_with_more_and_less(
        self, recording: Recording, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        pretrained = Recording.read("BertForPreTraining")
        pretrained.write(folder)
        model = recording.model_class.from_pretrained(folder, 2)
        assert torch.equal(model.bert.pooler.dense.weight, pretrained.weights["bert.pooler.dense.weight"])
        assert model.classifier.weight.shape == (2, 8)
        (message,) = caplog.messages
        assert "newly initialised, because it has no values for them: classifier.weight, classifier.bias" in message
        assert "cls.seq_relationship.weight" in message

    def test_a_bare_model_from_a_dump_with_heads(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        pretrained = Recording.read("BertForPreTraining")
        pretrained.write(folder)
        model = BertModel.from_pretrained(folder)
        assert torch.equal(model.pooler.dense.weight, pretrained.weights["bert.pooler.dense.weight"])
        assert "newly initialised" not in caplog.text

    def test_another_family_is_refused(self, recording: Recording, folder: Path) -> None:
        torch.save(Recording.read("GPT2Model").weights, folder / "pytorch_model.bin")
        with pytest.raises(UserError, match="Nothing that is stored fits BertForSequenceClassification"):
            recording.model_class.from_pretrained(folder, 4)

    def test_other_shapes_are_refused(self, recording: Recording, folder: Path) -> None:
        with pytest.raises(RuntimeError, match=r"classifier\.weight"):
            recording.model_class.from_pretrained(folder, num_labels=3)

    def test_a_strict_load_still_is_one(self, recording: Recording) -> None:
        model = recording.model(loaded=False)
        with pytest.raises(RuntimeError, match=r"Unexpected key.*extra\.weight"):
            model.load_state_dict({**recording.weights, "extra.weight": torch.zeros(1)})
        with pytest.raises(RuntimeError, match=r"Missing key.*classifier\.bias"):
            model.load_state_dict({key: value for key, value in recording.weights.items() if key != "classifier.bias"})

    @pytest.mark.parametrize(
        "name",
        ["BertForPreTraining", "BertForMaskedLM", "OpenAIGPTLMHeadModel", "GPT2LMHeadModel", "TransfoXLLMHeadModel",
         "OpenAIGPTDoubleHeadsModel", "GPT2DoubleHeadsModel"],
    )  # fmt: skip
    def test_files_of_today(self, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A folder that today's class of the same name has saved; and the scores are the same."""
        recording = Recording.read(name)
        older = recording.config()
        size = getattr(older, "total_tokens_embeddings", older.vocab_size)
        fields = {**vars(older), "vocab_size": size, "n_special": 0}
        today = getattr(transformers, name)(getattr(transformers, type(older).__name__)(**fields)).eval()
        today.save_pretrained(tmp_path)
        caplog.clear()
        model = recording.model_class.from_pretrained(tmp_path).eval()
        assert not [message for message in caplog.messages if "pooler" not in message]
        ids = torch.tensor([[[1, 2, 3]]]) if "Double" in name else torch.tensor([[1, 2, 3]])
        at = (torch.tensor([[2]]),) if "Double" in name else ()
        named = {"mc_token_ids": at[0]} if at else {}
        expected = today(ids, **named, return_dict=False)[0]
        result = model(ids, *at)
        torch.testing.assert_close(result if isinstance(result, torch.Tensor) else result[0], expected)

    @pytest.mark.parametrize("name", ["OpenAIGPTLMHeadModel", "GPT2LMHeadModel", "TransfoXLLMHeadModel"])
    def test_a_strict_load_takes_the_state_dicts_of_today(self, name: str) -> None:
        recording = Recording.read(name)
        config = recording.config()
        config.n_special = 0
        today = getattr(transformers, name)(getattr(transformers, type(config).__name__)(**vars(config)))
        model = recording.model_class(config)
        model.load_state_dict(today.state_dict())
        base = today.base_model.get_input_embeddings().state_dict()
        assert all(torch.equal(value, base[key]) for key, value in
                   model.transformer.get_input_embeddings().state_dict().items())  # fmt: skip

    def test_what_is_saved_here_loads_in_the_classes_of_today(self, tmp_path: Path) -> None:
        recording = Recording.read("BertForPreTraining")
        model = recording.model()
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
        model.config.to_json_file(tmp_path / "config.json")
        today = transformers.BertForPreTraining.from_pretrained(tmp_path)
        ids = recording.inputs["ids"]
        torch.testing.assert_close(today(ids).prediction_logits, model(ids)[0])


class TestOriginalCheckpoints:
    def test_bert(self, tmp_path: Path) -> None:
        model = package.BertForPreTraining(package.BertConfig.from_json_file(BERT_FOLDER / "bert_config.json"))
        assert package.load_tf_weights_in_bert(model, str(BERT_FOLDER / "model.ckpt-1500")) is model
        convert_checkpoint(BERT_FOLDER / "model.ckpt-1500", tmp_path / "converted")
        converted = transformers.BertForPreTraining.from_pretrained(tmp_path / "converted").state_dict()
        for key, value in model.state_dict().items():
            assert torch.equal(value, converted[key]), key

    def test_bert_by_from_tf(self, tmp_path: Path) -> None:
        """The folder of a release: ``model.ckpt`` beside ``bert_config.json``."""
        for file in BERT_FOLDER.glob("model.ckpt-1500.*"):
            shutil.copy(file, tmp_path / file.name.replace("-1500", ""))
        shutil.copy(BERT_FOLDER / "bert_config.json", tmp_path)
        model = package.BertForPreTraining.from_pretrained(tmp_path, from_tf=True).eval()
        other = package.BertForPreTraining.from_pretrained(BERT_FOLDER / "model.ckpt-1500", from_tf=True)
        assert all(torch.equal(value, other.state_dict()[key]) for key, value in model.state_dict().items())
        model.config.hidden_act = "gelu_new"
        exact = package.BertForPreTraining(model.config).eval()
        exact.load_state_dict(model.state_dict())
        with np.load(BERT_FOLDER / "io.npz") as recorded:
            inputs = {
                name: torch.from_numpy(recorded[name]) for name in ("input_ids", "token_type_ids", "attention_mask")
            }
            expected = torch.from_numpy(recorded["prediction_logits"])
        torch.testing.assert_close(exact(*inputs.values())[0], expected, rtol=0, atol=1e-5)

    def test_openai_gpt(self) -> None:
        folder = FIXTURES / "gpt" / "lm-small"
        model = package.OpenAIGPTLMHeadModel.from_pretrained(str(folder), from_tf=True).eval()
        again = package.OpenAIGPTLMHeadModel(model.config).eval()
        assert package.load_tf_weights_in_openai_gpt(again, folder) is again
        with np.load(folder / "io.npz") as recorded:
            inputs = [torch.from_numpy(recorded[name]) for name in ("input_ids", "position_ids")]
            expected = torch.from_numpy(recorded["lm_logits"])
        for each in (model, again):
            torch.testing.assert_close(each(*inputs), expected, rtol=0, atol=1e-5)

    def test_gpt2(self) -> None:
        """Without a configuration of the older package: what the original says of itself is enough."""
        folder = FIXTURES / "gpt2" / "small"
        model = package.GPT2LMHeadModel.from_pretrained(folder, from_tf=True).eval()
        again = package.GPT2LMHeadModel(model.config).eval()
        assert package.load_tf_weights_in_gpt2(again, folder / "model.ckpt") is again
        with np.load(folder / "io.npz") as recorded:
            ids = torch.from_numpy(recorded["input_ids"])
            expected = torch.from_numpy(recorded["logits"])
        for each in (model, again):
            torch.testing.assert_close(each(ids)[0], expected, rtol=0, atol=1e-5)

    def test_transfo_xl(self) -> None:
        folder = FIXTURES / "transfo_xl" / "wt103-like"
        config = package.TransfoXLConfig.from_json_file(folder / "config.json")
        model = package.TransfoXLLMHeadModel(config).eval()
        assert package.load_tf_weights_in_transfo_xl(model, config, str(folder / "model.ckpt-0")) is model
        with np.load(folder / "io.npz") as recorded:
            mems = None
            for segment in range(3):
                ids, target, expected = (
                    torch.from_numpy(recorded[f"{name}_{segment}"]) for name in ("input_ids", "target_ids", "nll")
                )
                losses, mems = model(ids, target, mems)
                torch.testing.assert_close(losses, expected, rtol=0, atol=3e-5)
                torch.testing.assert_close(torch.stack(mems), torch.from_numpy(recorded[f"mems_{segment}"]),
                                           rtol=0, atol=3e-5)  # fmt: skip

    def test_a_checkpoint_of_another_size_is_refused(self) -> None:
        config = package.BertConfig.from_json_file(BERT_FOLDER / "bert_config.json")
        config.intermediate_size += 1
        with pytest.raises(RuntimeError, match="size mismatch"):
            package.load_tf_weights_in_bert(package.BertModel(config), BERT_FOLDER / "model.ckpt-1500")


class TestConvertedFolders:
    """Folders that the converter has written, tokenizers included."""

    @staticmethod
    def convert(case: str, checkpoint: str, config: str | None, folder: Path) -> dict[str, torch.Tensor]:
        """Converts a case; returns what the original code computed for it."""
        source = FIXTURES / case
        convert_checkpoint(source / checkpoint, folder, config=None if config is None else source / config)
        with np.load(source / "io.npz") as recorded:
            return {name: torch.from_numpy(recorded[name]) for name in recorded.files}

    def test_bert(self, tmp_path: Path) -> None:
        case = self.convert("bert/squad", "model.ckpt-820", "bert_config.json", tmp_path)
        model = package.BertForQuestionAnswering.from_pretrained(tmp_path).eval()
        start, end = model(case["input_ids"], case["token_type_ids"], case["attention_mask"])
        torch.testing.assert_close(start, case["start_logits"], rtol=0, atol=1e-5)
        torch.testing.assert_close(end, case["end_logits"], rtol=0, atol=1e-5)
        assert package.BertTokenizer.from_pretrained(tmp_path).vocab.keys() >= {"[CLS]", "[SEP]"}

    def test_openai_gpt(self, tmp_path: Path) -> None:
        case = self.convert("gpt/lm-small", "", "config.json", tmp_path)
        model = package.OpenAIGPTLMHeadModel.from_pretrained(tmp_path).eval()
        scores = model(case["input_ids"], case["position_ids"])
        torch.testing.assert_close(scores, case["lm_logits"], rtol=0, atol=1e-5)
        assert len(package.OpenAIGPTTokenizer.from_pretrained(tmp_path)) == model.config.vocab_size

    def test_gpt2(self, tmp_path: Path) -> None:
        case = self.convert("gpt2/small", "model.ckpt", None, tmp_path)
        model = package.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
        scores, presents = model(case["input_ids"])
        torch.testing.assert_close(scores, case["logits"], rtol=0, atol=1e-5)
        assert len(presents) == model.config.n_layer
        assert len(package.GPT2Tokenizer.from_pretrained(tmp_path)) == model.config.vocab_size

    def test_transfo_xl(self, tmp_path: Path) -> None:
        case = self.convert("transfo_xl/wt103-like-same-length", "model.ckpt-0", "config.json", tmp_path / "model")
        model = package.TransfoXLLMHeadModel.from_pretrained(tmp_path / "model").eval()
        losses, _ = model(case["input_ids_0"], case["target_ids_0"])
        torch.testing.assert_close(losses, case["nll_0"], rtol=0, atol=3e-5)
        convert_checkpoint(FIXTURES / "transfo_xl" / "corpus-wt103" / "cache.pkl", tmp_path / "tokenizer")
        tokenizer = package.TransfoXLTokenizer.from_pretrained(tmp_path / "tokenizer")
        assert (
            tokenizer.idx2sym
            == package.TransfoXLCorpus.from_pretrained(FIXTURES / "transfo_xl" / "corpus-wt103").vocab.idx2sym
        )


class OwnModel(BertPreTrainedModel):
    """A script's own model, as many have it."""

    def __init__(self, config: Any, num_labels: int, factor: float = 1.0) -> None:
        super().__init__(config)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.scores = nn.Linear(config.hidden_size, num_labels)
        self.factor = factor
        self.apply(self.init_bert_weights)

    def forward(self, input_ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        _, pooled = self.bert(input_ids, None, mask, output_all_encoded_layers=False)
        scores: torch.Tensor = self.scores(self.dropout(pooled)) * self.factor
        return scores


def test_a_model_of_a_script_s_own(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    pretrained = Recording.read("BertForPreTraining")
    pretrained.write(folder)
    model = OwnModel.from_pretrained(folder, 3, factor=2.0)
    assert torch.equal(model.bert.pooler.dense.weight, pretrained.weights["bert.pooler.dense.weight"])
    assert (model.scores.out_features, model.factor) == (3, 2.0)
    assert "scores.weight, scores.bias" in caplog.text
    assert model(pretrained.inputs["ids"], pretrained.inputs["mask"]).shape == (3, 3)


@pytest.mark.parametrize("name", ["OpenAIGPTModel", "GPT2Model", "TransfoXLModel"])
def test_all_parameters_are_initialised_anew_when_a_script_says_so(name: str) -> None:
    model = Recording.read(name).model()
    before = {key: parameter.clone() for key, parameter in model.named_parameters()}
    model.apply(model.init_weights)
    assert all(not torch.equal(before[key], parameter) for key, parameter in model.named_parameters())
    assert all(parameter.abs().max() < 1.2 for parameter in model.parameters())


@pytest.mark.parametrize("name", ["OpenAIGPTLMHeadModel", "OpenAIGPTDoubleHeadsModel", "OpenAIGPTModel"])
def test_special_tokens_of_gpt(name: str, tmp_path: Path) -> None:
    recording = Recording.read(name)
    recording.write(tmp_path)
    assert recording.model_class.from_pretrained(tmp_path).config.n_special == 3
    model = recording.model_class.from_pretrained(tmp_path, num_special_tokens=5)
    base = model if name == "OpenAIGPTModel" else model.transformer
    stored = next(value for key, value in recording.weights.items() if key.endswith("tokens_embed.weight"))
    assert (model.config.n_special, model.config.total_tokens_embeddings) == (5, 24)
    assert base.tokens_embed.weight.shape == (24, 8)
    assert torch.equal(base.tokens_embed.weight[:22], stored)
    model.set_num_special_tokens(0)
    assert torch.equal(base.tokens_embed.weight, stored[:19])
    if base is not model:
        assert model.lm_head.decoder.weight is base.tokens_embed.weight
        assert model.lm_head.decoder.out_features == 19


def test_old_files_of_torch(recording: Recording, folder: Path) -> None:
    """``torch.save`` of 2019 wrote no zip archive."""
    torch.save(recording.weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert_is(recording, recording.model_class.from_pretrained(folder, num_labels=4))


def test_nothing_is_said_where_nothing_is_amiss(
    recording: Recording, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        recording.model_class.from_pretrained(folder, num_labels=4)
    assert not caplog.messages

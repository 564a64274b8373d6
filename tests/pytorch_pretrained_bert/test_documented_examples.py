"""The examples of the documentation of pytorch-pretrained-bert 0.6, run on tiny models that bear the releases' names.

A test is named after the section that it stands for, and its code is that of the section, but for ``.to('cuda')``.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.golden_cases import FIXTURES
from tests.shared.hub_server import Hub, Repository
from torch import nn
from torch.nn import CrossEntropyLoss
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset

import transformers
from pytorch_pretrained_bert import (
    CONFIG_NAME,
    PYTORCH_PRETRAINED_BERT_CACHE,
    WEIGHTS_NAME,
    BertAdam,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizer,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    GPT2Tokenizer,
    OpenAIAdam,
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    OpenAIGPTTokenizer,
    TransfoXLConfig,
    TransfoXLCorpus,
    TransfoXLLMHeadModel,
    TransfoXLModel,
    TransfoXLTokenizer,
)
from pytorch_pretrained_bert.optimization import WarmupCosineWithHardRestartsSchedule, WarmupLinearSchedule

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "was", "jim", "henson", "?", "a", "puppet", "##eer", "man",
    "the", "in",
]  # fmt: skip
HENSON = WORDS.index("henson")
TEXTS_OF_XL = ("Who was Jim Henson ?", "Jim Henson was a puppeteer")


def bert_config() -> BertConfig:
    return BertConfig(len(WORDS), hidden_size=16, num_hidden_layers=12, num_attention_heads=2, intermediate_size=24,
                      max_position_embeddings=32)  # fmt: skip


def make_bert(folder: Path) -> None:
    model = BertForPreTraining(bert_config())
    with torch.no_grad():
        model.cls.predictions.bias[HENSON] = 9.0  # it has learned one thing
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    model.config.to_json_file(folder / "config.json")
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))


def make_gpt(folder: Path) -> None:
    files = FIXTURES / "gpt" / "vocabulary"
    tokenizer = OpenAIGPTTokenizer(files / "encoder_bpe_40000.json", files / "vocab_40000.bpe")
    tokenizer.save_vocabulary(folder)
    model = OpenAIGPTModel(OpenAIGPTConfig(len(tokenizer), n_positions=64, n_ctx=64, n_embd=16, n_layer=2, n_head=2))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    model.config.to_json_file(folder / "config.json")


def make_xl(folder: Path) -> None:
    tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    tokenizer.count_sents([tokenizer.tokenize(text) for text in TEXTS_OF_XL])
    tokenizer.build_vocab()
    tokenizer.save_vocabulary(folder)
    config = TransfoXLConfig(len(tokenizer), cutoffs=[3, 6], d_model=16, d_embed=16, n_head=2, d_head=8, d_inner=20,
                             n_layer=3, mem_len=12, clamp_len=10)  # fmt: skip
    model = TransfoXLLMHeadModel(config)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    model.config.to_json_file(folder / "config.json")
    text = tokenizer.encode_sents([tokenizer.tokenize(text) for text in TEXTS_OF_XL * 4], ordered=True)
    torch.save({"dataset": "wt103", "train": text, "valid": text, "test": text}, folder / "corpus.bin")


def make_gpt2(folder: Path) -> None:
    files = FIXTURES / "gpt2" / "tokenizer"
    tokenizer = GPT2Tokenizer(files / "encoder.json", files / "vocab.bpe")
    tokenizer.save_vocabulary(folder)
    model = GPT2LMHeadModel(GPT2Config(len(tokenizer), n_positions=64, n_ctx=64, n_embd=16, n_layer=2, n_head=2))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    model.config.to_json_file(folder / "config.json")


RELEASES: dict[str, Callable[[Path], None]] = {
    "bert-base-uncased": make_bert,
    "openai-gpt": make_gpt,
    "transfo-xl-wt103": make_xl,
    "gpt2": make_gpt2,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    places = {name: tmp_path_factory.mktemp(name) for name in RELEASES}
    for name, make in RELEASES.items():
        make(places[name])
    return places


@pytest.fixture(autouse=True)
def releases(folders: dict[str, Path], hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Path]]:
    """The releases, to be had by their names."""
    for name, folder in folders.items():
        hub.repositories[name] = Repository({"main": folder})
    monkeypatch.setattr("transformers.models.openai.tokenization_openai.has_packages", lambda: False)
    return folders


def bert_inputs() -> tuple[Any, list[str], torch.Tensor, torch.Tensor]:
    """Usage, BERT: the tokenized input."""
    tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")
    text = "[CLS] Who was Jim Henson ? [SEP] Jim Henson was a puppeteer [SEP]"
    tokenized_text = tokenizer.tokenize(text)
    masked_index = 8
    tokenized_text[masked_index] = "[MASK]"
    indexed_tokens = tokenizer.convert_tokens_to_ids(tokenized_text)
    segments_ids = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    return tokenizer, tokenized_text, torch.tensor([indexed_tokens]), torch.tensor([segments_ids])


class TestUsage:
    """Usage."""

    def test_bert_tokenizer(self) -> None:
        _, tokenized_text, tokens_tensor, segments_tensors = bert_inputs()
        assert tokenized_text == (
            ["[CLS]", "who", "was", "jim", "henson", "?", "[SEP]", "jim", "[MASK]", "was", "a", "puppet", "##eer",
             "[SEP]"]
        )  # fmt: skip
        assert tokens_tensor.shape == segments_tensors.shape == (1, 14)

    def test_bert_model(self) -> None:
        _, _, tokens_tensor, segments_tensors = bert_inputs()
        model = BertModel.from_pretrained("bert-base-uncased")
        model.eval()
        with torch.no_grad():
            encoded_layers, _ = model(tokens_tensor, segments_tensors)
        assert len(encoded_layers) == 12

    def test_bert_for_masked_lm(self) -> None:
        tokenizer, _, tokens_tensor, segments_tensors = bert_inputs()
        masked_index = 8
        model = BertForMaskedLM.from_pretrained("bert-base-uncased")
        model.eval()
        with torch.no_grad():
            predictions = model(tokens_tensor, segments_tensors)
        predicted_index = torch.argmax(predictions[0, masked_index]).item()
        predicted_token = tokenizer.convert_ids_to_tokens([predicted_index])[0]
        assert predicted_token == "henson"

    def test_openai_gpt(self, releases: dict[str, Path]) -> None:
        tokenizer = OpenAIGPTTokenizer.from_pretrained("openai-gpt")
        text = "Who was Jim Henson ? Jim Henson was a puppeteer"
        tokenized_text = tokenizer.tokenize(text)
        indexed_tokens = tokenizer.convert_tokens_to_ids(tokenized_text)
        tokens_tensor = torch.tensor([indexed_tokens])

        model: Any = OpenAIGPTModel.from_pretrained("openai-gpt")
        model.eval()
        with torch.no_grad():
            hidden_states = model(tokens_tensor)
        assert hidden_states.shape == (1, len(tokenized_text), 16)

        model = OpenAIGPTLMHeadModel.from_pretrained("openai-gpt")
        model.eval()
        with torch.no_grad():
            predictions = model(tokens_tensor)
        predicted_index = torch.argmax(predictions[0, -1, :]).item()
        predicted_token = tokenizer.convert_ids_to_tokens([predicted_index])[0]
        today = transformers.OpenAIGPTLMHeadModel.from_pretrained(releases["openai-gpt"])
        assert tokenizer.encoder[predicted_token] == today(tokens_tensor).logits[0, -1].argmax().item()

    def test_transformer_xl(self, releases: dict[str, Path]) -> None:
        tokenizer = TransfoXLTokenizer.from_pretrained("transfo-xl-wt103")
        text_1 = "Who was Jim Henson ?"
        text_2 = "Jim Henson was a puppeteer"
        tokenized_text_1 = tokenizer.tokenize(text_1)
        tokenized_text_2 = tokenizer.tokenize(text_2)
        indexed_tokens_1 = tokenizer.convert_tokens_to_ids(tokenized_text_1)
        indexed_tokens_2 = tokenizer.convert_tokens_to_ids(tokenized_text_2)
        tokens_tensor_1 = torch.tensor([indexed_tokens_1])
        tokens_tensor_2 = torch.tensor([indexed_tokens_2])

        model: Any = TransfoXLModel.from_pretrained("transfo-xl-wt103")
        model.eval()
        with torch.no_grad():
            hidden_states_1, mems_1 = model(tokens_tensor_1)
            hidden_states_2, _ = model(tokens_tensor_2, mems=mems_1)
        assert not torch.allclose(hidden_states_2, model(tokens_tensor_2)[0])
        assert hidden_states_1.shape == (1, 5, 16)

        model = TransfoXLLMHeadModel.from_pretrained("transfo-xl-wt103")
        model.eval()
        with torch.no_grad():
            _, mems_1 = model(tokens_tensor_1)
            predictions_2, _ = model(tokens_tensor_2, mems=mems_1)
        predicted_index = torch.argmax(predictions_2[0, -1, :]).item()
        predicted_token = tokenizer.convert_ids_to_tokens([predicted_index])[0]
        assert predicted_token in tokenizer.idx2sym
        torch.testing.assert_close(predictions_2.exp().sum(-1), torch.ones(1, 5))

    def test_openai_gpt_2(self, releases: dict[str, Path]) -> None:
        tokenizer = GPT2Tokenizer.from_pretrained("gpt2")
        text_1 = "Who was Jim Henson ?"
        text_2 = "Jim Henson was a puppeteer"
        indexed_tokens_1 = tokenizer.encode(text_1)
        indexed_tokens_2 = tokenizer.encode(text_2)
        tokens_tensor_1 = torch.tensor([indexed_tokens_1])
        tokens_tensor_2 = torch.tensor([indexed_tokens_2])

        model: Any = GPT2Model.from_pretrained("gpt2")
        model.eval()
        with torch.no_grad():
            _, past = model(tokens_tensor_1)
            hidden_states_2, past = model(tokens_tensor_2, past=past)
            at_once, _ = model(torch.cat([tokens_tensor_1, tokens_tensor_2], dim=1))
        torch.testing.assert_close(hidden_states_2, at_once[:, len(indexed_tokens_1) :])

        model = GPT2LMHeadModel.from_pretrained("gpt2")
        model.eval()
        with torch.no_grad():
            _, past = model(tokens_tensor_1)
            predictions_2, past = model(tokens_tensor_2, past=past)
        predicted_index = torch.argmax(predictions_2[0, -1, :]).item()
        predicted_token = tokenizer.decode([predicted_index])
        today = transformers.GPT2LMHeadModel.from_pretrained(releases["gpt2"])
        scores = today(torch.cat([tokens_tensor_1, tokens_tensor_2], dim=1)).logits
        assert predicted_token == tokenizer.decode([scores[0, -1].argmax().item()])


class TestLoadingPretrainedWeights:
    """Loading Google AI or OpenAI pre-trained weights or PyTorch dump."""

    def test_examples(self) -> None:
        tokenizer: Any = BertTokenizer.from_pretrained("bert-base-uncased", do_lower_case=True, do_basic_tokenize=True)
        model: Any = BertForSequenceClassification.from_pretrained("bert-base-uncased", 2)
        assert tokenizer.max_len == 512
        assert model.num_labels == 2
        tokenizer = OpenAIGPTTokenizer.from_pretrained("openai-gpt")
        model = OpenAIGPTModel.from_pretrained("openai-gpt")
        assert (tokenizer.max_len, model.config.n_special) == (512, 0)
        tokenizer = TransfoXLTokenizer.from_pretrained("transfo-xl-wt103")
        model = TransfoXLModel.from_pretrained("transfo-xl-wt103")
        assert len(tokenizer) == model.config.n_token
        tokenizer = GPT2Tokenizer.from_pretrained("gpt2")
        model = GPT2Model.from_pretrained("gpt2")
        assert (tokenizer.max_len, len(tokenizer)) == (1024, model.config.vocab_size)

    def test_cache_dir(self, tmp_path: Path) -> None:
        args = Namespace(local_rank=0)
        cache_dir = os.path.join(tmp_path, f"distributed_{args.local_rank}")  # noqa: PTH118
        BertModel.from_pretrained("bert-base-uncased", cache_dir=cache_dir)
        BertTokenizer.from_pretrained("bert-base-uncased", cache_dir=cache_dir)
        assert {path.name for path in Path(cache_dir).rglob("*")} >= {"pytorch_model.bin", "config.json", "vocab.txt"}
        assert str(PYTORCH_PRETRAINED_BERT_CACHE).endswith(".pytorch_pretrained_bert")


class TestSerialization:
    """Serialization best-practices."""

    @pytest.mark.parametrize("wrap", [nn.DataParallel, nn.Identity])
    def test_recommended_way(self, wrap: Any, tmp_path: Path) -> None:
        output_dir = str(tmp_path)
        tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")
        model: Any = BertForQuestionAnswering.from_pretrained("bert-base-uncased")
        expected = model.state_dict()
        if wrap is nn.DataParallel:
            model = nn.DataParallel(model)

        model_to_save = model.module if hasattr(model, "module") else model
        output_model_file = os.path.join(output_dir, WEIGHTS_NAME)  # noqa: PTH118
        output_config_file = os.path.join(output_dir, CONFIG_NAME)  # noqa: PTH118
        torch.save(model_to_save.state_dict(), output_model_file)
        model_to_save.config.to_json_file(output_config_file)
        tokenizer.save_vocabulary(output_dir)

        model = BertForQuestionAnswering.from_pretrained(output_dir)
        tokenizer = BertTokenizer.from_pretrained(output_dir, do_lower_case=True)
        assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
        assert list(tokenizer.vocab) == WORDS

    def test_recommended_way_for_gpt(self, tmp_path: Path) -> None:
        tokenizer = OpenAIGPTTokenizer.from_pretrained("openai-gpt", special_tokens=["_start_"])
        model = OpenAIGPTDoubleHeadsModel.from_pretrained("openai-gpt", num_special_tokens=1)
        torch.save(model.state_dict(), tmp_path / WEIGHTS_NAME)
        model.config.to_json_file(tmp_path / CONFIG_NAME)
        tokenizer.save_vocabulary(tmp_path)
        expected = model.state_dict()
        model = OpenAIGPTDoubleHeadsModel.from_pretrained(str(tmp_path))
        tokenizer = OpenAIGPTTokenizer.from_pretrained(str(tmp_path))
        assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
        assert len(tokenizer) == model.config.total_tokens_embeddings

    def test_specific_paths(self, tmp_path: Path) -> None:
        output_model_file = str(tmp_path / "my_own_model_file.bin")
        output_config_file = str(tmp_path / "my_own_config_file.bin")
        output_vocab_file = str(tmp_path / "my_own_vocab_file.bin")
        tokenizer: Any = BertTokenizer.from_pretrained("bert-base-uncased")
        model: Any = BertForQuestionAnswering.from_pretrained("bert-base-uncased")
        torch.save(model.state_dict(), output_model_file)
        model.config.to_json_file(output_config_file)
        tokenizer.save_vocabulary(output_vocab_file)
        expected = model.state_dict()

        config: Any = BertConfig.from_json_file(output_config_file)
        model = BertForQuestionAnswering(config)
        state_dict = torch.load(output_model_file)
        model.load_state_dict(state_dict)
        tokenizer = BertTokenizer(output_vocab_file, do_lower_case=True)
        assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
        assert list(tokenizer.vocab) == WORDS

        tokenizer = OpenAIGPTTokenizer.from_pretrained("openai-gpt")
        model = OpenAIGPTDoubleHeadsModel.from_pretrained("openai-gpt")
        torch.save(model.state_dict(), output_model_file)
        model.config.to_json_file(output_config_file)
        tokenizer.save_vocabulary(output_vocab_file)
        config = OpenAIGPTConfig.from_json_file(output_config_file)
        model = OpenAIGPTDoubleHeadsModel(config)
        state_dict = torch.load(output_model_file)
        model.load_state_dict(state_dict)
        ids = tokenizer.encode("hello there")
        tokenizer = OpenAIGPTTokenizer(output_vocab_file)
        assert tokenizer.encode("hello there") == ids


class TestConfigurations:
    """Configurations."""

    @pytest.mark.parametrize("config_class", [BertConfig, OpenAIGPTConfig, GPT2Config, TransfoXLConfig])
    def test_utilities(self, config_class: Any, tmp_path: Path) -> None:
        config = config_class.from_dict({"initializer_range": 0.5, "mine": [1]})
        assert (config.initializer_range, config.mine) == (0.5, [1])
        assert config.to_dict()["mine"] == [1]
        config.to_json_file(tmp_path / "any.json")
        assert config.to_json_string() == (tmp_path / "any.json").read_text()
        assert config_class.from_json_file(tmp_path / "any.json").to_dict() == config.to_dict()

    def test_wrong_first_arguments(self) -> None:
        with pytest.raises(ValueError, match="size of the vocabulary or the path"):
            BertConfig(1.5)  # type: ignore[arg-type]


class TestModels:
    """Models."""

    def test_openai_gpt_model_order_of_the_embeddings(self) -> None:
        model = OpenAIGPTModel.from_pretrained("openai-gpt")
        words = model.config.vocab_size
        model.set_num_special_tokens(3)
        config = model.config
        assert config.total_tokens_embeddings == config.vocab_size + config.n_special == words + 3
        assert model(torch.tensor([[0, words - 1, words, words + 2]])).shape == (1, 4, 16)

    def test_transfo_xl_model_hidden_states_of_each_layer(self) -> None:
        model: Any = TransfoXLModel.from_pretrained("transfo-xl-wt103").eval()
        tokens_tensor = torch.tensor([[2, 3, 4, 5]])
        hidden_states, mems = model(tokens_tensor)
        seq_length = hidden_states.size(1)
        lower_hidden_states = [t[-seq_length:, ...].transpose(0, 1) for t in mems]
        all_hidden_states = [*lower_hidden_states, hidden_states]
        today = transformers.TransfoXLModel(transformers.TransfoXLConfig(**vars(model.config))).eval()
        today.load_state_dict(model.state_dict())
        for state, expected in zip(all_hidden_states, today(tokens_tensor, output_hidden_states=True).hidden_states,
                                   strict=True):  # fmt: skip
            torch.testing.assert_close(state, expected)

    def test_gpt2_double_heads_model_losses_are_those_of_each_text(self) -> None:
        """With several choices the next tokens are those of the same choice."""
        double: Any = GPT2DoubleHeadsModel.from_pretrained("gpt2").eval()
        single: Any = GPT2LMHeadModel.from_pretrained("gpt2").eval()
        ids = torch.randint(0, 99, (2, 3, 7))
        labels = ids.masked_fill(ids % 4 == 0, -1)
        (loss,) = double(ids, torch.zeros(2, 3, dtype=torch.long), labels)
        torch.testing.assert_close(loss, single(ids.flatten(0, 1), lm_labels=labels.flatten(0, 1)))

    def test_labels_of_minus_one_count_for_nothing(self) -> None:
        model: Any = BertForTokenClassification.from_pretrained("bert-base-uncased", num_labels=3).eval()
        ids, labels = torch.arange(8)[None] + 2, torch.tensor([[0, 1, 2, 0, 1, 2, -1, -1]])
        expected = CrossEntropyLoss()(model(ids)[0, :6], labels[0, :6])
        torch.testing.assert_close(model(ids, labels=labels), expected)


def classification_data(size: int = 24) -> TensorDataset:
    """Texts with a word in them that decides their class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (size,), generator=generator)
    ids = torch.randint(9, len(WORDS), (size, 8), generator=generator)
    ids[:, 0], ids[:, 3] = WORDS.index("[CLS]"), 5 + labels
    mask = torch.ones(size, 8, dtype=torch.long)
    mask[:, 6:] = torch.randint(0, 2, (size, 1), generator=generator)
    return TensorDataset(ids, mask, torch.zeros_like(ids), labels)


class TestTrainingLargeModels:
    """Training large models; Fine-tuning with BERT: the loop of run_classifier.py, with its arguments."""

    @pytest.mark.parametrize("steps", [1, 2])
    @pytest.mark.parametrize("n_gpu", [1, 2])
    def test_run_classifier(self, steps: int, n_gpu: int, tmp_path: Path) -> None:
        args = Namespace(learning_rate=1e-2, warmup_proportion=0.1, num_train_epochs=8, train_batch_size=8 // steps,
                         gradient_accumulation_steps=steps, fp16=False, output_dir=str(tmp_path))  # fmt: skip
        torch.manual_seed(1)
        config = bert_config()
        config.num_hidden_layers, config.initializer_range = 1, 0.3
        model: Any = BertForSequenceClassification(config, num_labels=2)
        if n_gpu > 1:
            model = nn.DataParallel(model)
        param_optimizer = list(model.named_parameters())
        no_decay = ["bias", "LayerNorm.bias", "LayerNorm.weight"]
        optimizer_grouped_parameters = [
            {"params": [p for n, p in param_optimizer if not any(nd in n for nd in no_decay)], "weight_decay": 0.01},
            {"params": [p for n, p in param_optimizer if any(nd in n for nd in no_decay)], "weight_decay": 0.0},
        ]
        train_data = classification_data()
        num_train_optimization_steps = (
            len(train_data) // args.train_batch_size // args.gradient_accumulation_steps * args.num_train_epochs
        )
        optimizer = BertAdam(
            optimizer_grouped_parameters,
            lr=args.learning_rate,
            warmup=args.warmup_proportion,
            t_total=num_train_optimization_steps,
        )
        train_dataloader = DataLoader(train_data, sampler=RandomSampler(train_data), batch_size=args.train_batch_size)
        losses, rates, global_step = [], [], 0
        model.train()
        for _ in range(int(args.num_train_epochs)):
            for step, batch in enumerate(train_dataloader):
                input_ids, input_mask, segment_ids, label_ids = batch
                logits = model(input_ids, segment_ids, input_mask, labels=None)
                loss = CrossEntropyLoss()(logits.view(-1, 2), label_ids.view(-1))
                if n_gpu > 1:
                    loss = loss.mean()
                if args.gradient_accumulation_steps > 1:
                    loss = loss / args.gradient_accumulation_steps
                loss.backward()
                losses.append(loss.item() * steps)
                if (step + 1) % args.gradient_accumulation_steps == 0:
                    optimizer.step()
                    optimizer.zero_grad()
                    global_step += 1
                    rates.append(optimizer.get_lr()[0])
        assert global_step == num_train_optimization_steps
        assert max(rates) > rates[-1] == pytest.approx(0.0, abs=1e-9)
        assert sum(losses[-3:]) < 0.8 * sum(losses[:3])

        model_to_save = model.module if hasattr(model, "module") else model
        torch.save(model_to_save.state_dict(), tmp_path / WEIGHTS_NAME)
        model_to_save.config.to_json_file(tmp_path / CONFIG_NAME)
        model = BertForSequenceClassification.from_pretrained(args.output_dir, num_labels=2)
        model.eval()
        right = 0
        for ids, mask, segments, labels in DataLoader(train_data, sampler=SequentialSampler(train_data), batch_size=8):
            with torch.no_grad():
                loss = model(ids, segments, mask, labels)
                logits = model(ids, segments, mask)
            torch.testing.assert_close(loss, CrossEntropyLoss()(logits, labels))
            right += int((logits.argmax(1) == labels).sum())
        assert right > len(train_data) // 2

    def test_half_precision(self) -> None:
        model: Any = BertForQuestionAnswering.from_pretrained("bert-base-uncased").half().eval()
        start, end = model(torch.tensor([[2, 5, 6]]), None, torch.tensor([[1, 1, 0]]))
        assert start.dtype == end.dtype == torch.float16
        assert torch.isfinite(start).all()
        loss = model(torch.tensor([[2, 5, 6]]), None, None, torch.tensor([0]), torch.tensor([1]))
        loss.backward()
        assert model.qa_outputs.weight.grad.dtype == torch.float16

    def test_a_gradient_of_every_parameter(self) -> None:
        """All that is trained is trained; today's pooler is no part of heads that do not use it, 0.6's is."""
        model: Any = BertForMaskedLM.from_pretrained("bert-base-uncased")
        ids = torch.tensor([[2, 5, 6, 7]])
        model(ids, masked_lm_labels=ids).backward()
        without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
        assert without == {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}


class TestOptimizers:
    """Optimizers, and Learning Rate Schedules."""

    @pytest.mark.parametrize("kind", [BertAdam, OpenAIAdam])
    def test_arguments_and_schedules(self, kind: Any) -> None:
        parameter = nn.Parameter(torch.ones(2, 2))
        schedules = ("warmup_linear", "warmup_constant", "warmup_cosine", "none", None, WarmupLinearSchedule(0.1, 10),
                     WarmupCosineWithHardRestartsSchedule(warmup=0.1, t_total=10, cycles=2.0))  # fmt: skip
        for schedule in schedules:
            limits = {} if isinstance(schedule, WarmupLinearSchedule | WarmupCosineWithHardRestartsSchedule) else {
                "warmup": 0.1, "t_total": 10}  # fmt: skip
            optimizer = kind([parameter], lr=0.1, schedule=schedule, b1=0.9, b2=0.999, e=1e-6, weight_decay=0.01,
                             max_grad_norm=1.0, **limits)  # fmt: skip
            assert optimizer.get_lr() == [0]
            before = parameter.detach().clone()
            for _ in range(2):
                (parameter**2).sum().backward()
                optimizer.step()
                optimizer.zero_grad()
            assert not torch.equal(parameter, before)
            assert len(optimizer.get_lr()) == 1

    def test_openai_gpt_fine_tuning(self) -> None:
        """Fine-tuning OpenAI GPT on RocStories: the loop of run_openai_gpt.py."""
        special_tokens = ["_start_", "_delimiter_", "_classify_"]
        tokenizer = OpenAIGPTTokenizer.from_pretrained("openai-gpt", special_tokens=special_tokens)
        special_tokens_ids: Any = tokenizer.convert_tokens_to_ids(special_tokens)
        model: Any = OpenAIGPTDoubleHeadsModel.from_pretrained("openai-gpt", num_special_tokens=len(special_tokens))
        story, endings = tokenizer.encode("hello there"), (tokenizer.encode("the end"), tokenizer.encode("no end"))
        rows = [[special_tokens_ids[0], *story, special_tokens_ids[1], *end, special_tokens_ids[2]] for end in endings]
        length = max(map(len, rows))
        input_ids = torch.tensor([[row + [0] * (length - len(row)) for row in rows]])
        lm_labels = torch.tensor([[row + [-1] * (length - len(row)) for row in rows]])
        mc_token_ids = torch.tensor([[len(row) - 1 for row in rows]])
        optimizer = OpenAIAdam(model.parameters(), lr=1e-2, warmup=0.002, max_grad_norm=1, weight_decay=0.01,
                               t_total=10)  # fmt: skip
        model.train()
        losses = []
        for _ in range(10):
            first, second = model(input_ids, mc_token_ids, lm_labels, torch.tensor([1]))
            loss = 0.9 * first + second
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    def test_transfo_xl_evaluation(self) -> None:
        """Evaluating the pre-trained Transformer-XL: the loop of run_transfo_xl.py."""
        corpus = TransfoXLCorpus.from_pretrained("transfo-xl-wt103")
        va_iter = corpus.get_iterator("valid", 2, 4, device="cpu", ext_len=0)
        model: Any = TransfoXLLMHeadModel.from_pretrained("transfo-xl-wt103")
        model.eval()
        model.reset_length(4, 0, 8)
        total_len, total_loss, mems = 0, 0.0, None
        with torch.no_grad():
            for data, target, seq_len in va_iter:
                loss, mems = model(data, target, mems)
                total_loss += seq_len * loss.mean().item()
                total_len += seq_len
        assert mems[0].shape == (8, 2, 16)
        assert total_loss / total_len == pytest.approx(torch.tensor(len(corpus.vocab)).log().item(), abs=0.5)

    def test_gpt2_generation(self) -> None:
        """Conditional generation: the loop of run_gpt2.py, whose past grows by a token at each step."""
        enc = GPT2Tokenizer.from_pretrained("gpt2")
        model: Any = GPT2LMHeadModel.from_pretrained("gpt2").eval()
        context = torch.tensor([enc.encode("Who was Jim")])
        prev, output, past = context, context, None
        with torch.no_grad():
            for _ in range(5):
                logits, past = model(prev, past=past)
                prev = logits[:, -1, :].topk(1)[1]
                output = torch.cat((output, prev), dim=1)
            expected = model(output[:, :-1])[0][:, -1].argmax(-1)
        assert output[0, -1] == expected
        assert past[0].shape[-2] == output.shape[1] - 1
        assert enc.decode(output[0].tolist()).startswith("Who was Jim")

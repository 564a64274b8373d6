"""Records what pytorch-pretrained-bert 0.6.2 computes, for the tests beside this file.

It needs an environment of its own, in which that release is installed together with today's torch::

    python -m venv peer && peer/bin/pip install torch 'pytorch-pretrained-bert==0.6.2'
    peer/bin/python tests/pytorch_pretrained_bert/record.py

Every model is a tiny one with random weights, biases and layer norms included. A record is an ``.npz`` file: the
weights under the keys of the state dict, the inputs, the results, and ``case``, a JSON object that says how the model
was made and called. In it a result is spelled as what it is made of: ``["tuple", ["tensor", 0], …]``.

Two things are done to the release, which was written for torch 1.0: masks of bytes are taken as booleans, and the
adaptive softmax is asked to return losses in the order of the words (it sorted them by cluster). The losses of texts
with several choices are not recorded for GPT-2, whose release compared the scores of one choice with the words of the
next.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

import pytorch_pretrained_bert as peer
from pytorch_pretrained_bert import optimization

FOLDER = Path(__file__).resolve().with_name("recorded")

BERT = {
    "vocab_size_or_config_json_file": 23,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 9,
}
GPT = {
    "vocab_size_or_config_json_file": 19,
    "n_special": 3,
    "n_positions": 9,
    "n_ctx": 9,
    "n_embd": 8,
    "n_layer": 2,
    "n_head": 2,
}
GPT2 = {"vocab_size_or_config_json_file": 19, "n_positions": 9, "n_ctx": 9, "n_embd": 8, "n_layer": 2, "n_head": 2}
XL = {
    "vocab_size_or_config_json_file": 31,
    "cutoffs": [5, 12],
    "d_model": 8,
    "d_embed": 8,
    "n_head": 2,
    "d_head": 3,
    "d_inner": 12,
    "div_val": 2,
    "n_layer": 2,
    "tgt_len": 5,
    "mem_len": 6,
    "clamp_len": 4,
    "same_length": True,
}


def integers(high, shape, seed=0, low=0):
    return np.random.default_rng(seed).integers(low, high, shape)


def with_ignored(labels, every=3):
    labels = labels.copy()
    labels.reshape(-1)[::every] = -1
    return labels


ROWS = (3, 6)
CHOICES = (2, 3, 6)
BERT_INPUTS = {
    "ids": integers(23, ROWS), "segments": integers(2, ROWS, 1), "mask": np.tril(np.ones(ROWS, int), 3),
    "words": with_ignored(integers(23, ROWS, 2)), "next": integers(2, (3,), 3), "classes": integers(4, (3,), 4),
    "tags": integers(4, ROWS, 5), "starts": np.array([0, 4, 11]), "ends": np.array([[2], [5], [12]]),
}  # fmt: skip
CHOICE_INPUTS = {
    "ids": integers(23, CHOICES), "segments": integers(2, CHOICES, 1), "mask": integers(2, CHOICES, 2) | 1,
    "right": np.array([2, 0]),
}  # fmt: skip
INPUTS = ["ids", "segments", "mask"]

GPT_INPUTS = {
    "ids": integers(22, CHOICES), "positions": integers(9, CHOICES, 1), "types": integers(22, CHOICES, 2),
    "words": with_ignored(integers(22, CHOICES, 3)), "at": integers(6, (2, 3), 4), "right": np.array([1, 2]),
}  # fmt: skip
GPT2_INPUTS = {name: np.minimum(value, 18) for name, value in GPT_INPUTS.items()}
GPT2_INPUTS["more"] = integers(19, (2, 3, 2), 5)
ROW_INPUTS = {"rows": integers(19, ROWS, 6), "row_words": with_ignored(integers(19, ROWS, 7)), **GPT2_INPUTS}
XL_INPUTS = {"first": integers(31, (2, 5)), "second": integers(31, (2, 4), 1), "words": integers(31, (2, 4), 2)}


def call(*args, **kwargs):
    """A call of the model; texts name inputs, ``@n.path`` is a part of the result of call n."""
    return {"args": list(args), "kwargs": kwargs}


#: Name of the record -> class, configuration, further arguments of the constructor, inputs, calls.
CASES = {
    "BertModel": ("BertModel", BERT, [], BERT_INPUTS, [
        call("ids"), call(*INPUTS), call(*INPUTS, False), call("ids", output_all_encoded_layers=False)]),
    "BertForPreTraining": ("BertForPreTraining", BERT, [], BERT_INPUTS, [
        call(*INPUTS), call(*INPUTS, "words"), call(*INPUTS, "words", "next")]),
    "BertForMaskedLM": ("BertForMaskedLM", BERT, [], BERT_INPUTS, [call(*INPUTS), call(*INPUTS, "words")]),
    "BertForNextSentencePrediction": ("BertForNextSentencePrediction", BERT, [], BERT_INPUTS, [
        call(*INPUTS), call(*INPUTS, "next")]),
    "BertForSequenceClassification": ("BertForSequenceClassification", BERT, [4], BERT_INPUTS, [
        call(*INPUTS), call(*INPUTS, "classes")]),
    "BertForMultipleChoice": ("BertForMultipleChoice", BERT, [3], CHOICE_INPUTS, [
        call("ids"), call(*INPUTS), call(*INPUTS, "right")]),
    "BertForTokenClassification": ("BertForTokenClassification", BERT, [4], BERT_INPUTS, [
        call(*INPUTS), call("ids", labels="tags"), call(*INPUTS, "tags")]),
    "BertForQuestionAnswering": ("BertForQuestionAnswering", BERT, [], BERT_INPUTS, [
        call(*INPUTS), call(*INPUTS, "starts", "ends")]),
    "OpenAIGPTModel": ("OpenAIGPTModel", GPT, [], GPT_INPUTS, [
        call("ids"), call("ids", "positions"), call("ids", "positions", "types")]),
    "OpenAIGPTLMHeadModel": ("OpenAIGPTLMHeadModel", GPT, [], GPT_INPUTS, [
        call("ids", "positions", "types"), call("ids", lm_labels="words")]),
    "OpenAIGPTDoubleHeadsModel": ("OpenAIGPTDoubleHeadsModel", GPT, [], GPT_INPUTS, [
        call("ids", "at"), call("ids", "at", mc_labels="right"), call("ids", "at", "words"),
        call("ids", "at", "words", "right", "types", "positions")]),
    "GPT2Model": ("GPT2Model", GPT2, [], GPT2_INPUTS, [
        call("ids"), call("ids", "positions", "types"), call("more", past="@0.1")]),
    "GPT2LMHeadModel": ("GPT2LMHeadModel", GPT2, [], ROW_INPUTS, [
        call("ids"), call("more", past="@0.1"), call("ids", "positions", "types"),
        call("rows", lm_labels="row_words")]),
    "GPT2DoubleHeadsModel": ("GPT2DoubleHeadsModel", GPT2, [], GPT2_INPUTS, [
        call("ids", "at"), call("ids", "at", None, "right"), call("ids", "at", None, None, "types", "positions")]),
    "TransfoXLModel": ("TransfoXLModel", XL, [], XL_INPUTS, [
        call("first"), call("second", "@0.1"), call("second", mems="@1.1")]),
    "TransfoXLModel-ext_len": ("TransfoXLModel", {**XL, "ext_len": 2, "same_length": False}, [], XL_INPUTS, [
        call("first"), call("second", "@0.1"), call("second", "@1.1")]),
    "TransfoXLModel-no-memory": ("TransfoXLModel", {**XL, "mem_len": 0, "untie_r": False, "same_length": False}, [],
        XL_INPUTS, [
        call("first")]),
    "TransfoXLLMHeadModel": ("TransfoXLLMHeadModel", XL, [], XL_INPUTS, [
        call("first"), call("second", mems="@0.1"), call("second", "words", "@1.1")]),
    "TransfoXLLMHeadModel-one-table": ("TransfoXLLMHeadModel", {**XL, "div_val": 1, "d_embed": 6}, [], XL_INPUTS, [
        call("first"), call("second", "words", "@0.1")]),
    "TransfoXLLMHeadModel-other-lengths": ("TransfoXLLMHeadModel", XL, [], XL_INPUTS, [
        call("first"), call("second", None, "@0.1"), call("second", "words", "@1.1")]),
}  # fmt: skip

#: What ``reset_length`` is called with before the calls.
LENGTHS = {"TransfoXLLMHeadModel-other-lengths": [4, 1, 3]}


def randomise(model):
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = "norm" in name.lower() or "ln_" in name
            parameter.normal_(std=0.3).add_(1.0 if norm and name.endswith("weight") else 0.0)


def spelled(result, tensors):
    if isinstance(result, torch.Tensor):
        tensors.append(result.detach().numpy())
        return ["tensor", len(tensors) - 1]
    if isinstance(result, (list, tuple)):
        return [type(result).__name__, *(spelled(member, tensors) for member in result)]
    return result


def argument(value, inputs, results):
    if not isinstance(value, str):
        return value
    if not value.startswith("@"):
        return torch.from_numpy(inputs[value])
    number, *path = value[1:].split(".")
    result = results[int(number)]
    for step in path:
        result = result[int(step)]
    return result


def run(model, inputs, calls):
    results = []
    for each in calls:
        args = [argument(value, inputs, results) for value in each["args"]]
        kwargs = {name: argument(value, inputs, results) for name, value in each["kwargs"].items()}
        results.append(model(*args, **kwargs))
    return results


def loss_of(result):
    """The loss that a script would take: a scalar, the sum of a list of them, the mean of those of words; or None."""
    if isinstance(result, list):
        return sum(result)
    if isinstance(result, tuple):
        return result[0].mean() if result[0].dim() == 2 and len(result) == 2 and isinstance(result[1], list) else None
    return result if result.dim() == 0 else None


def train_model(model, inputs, calls):
    """The losses of the last call in a short training without dropout; None if it gives no loss."""
    if loss_of(run(model, inputs, calls)[-1]) is None:
        return None
    optimizer = peer.BertAdam(model.parameters(), lr=0.01, warmup=0.2, t_total=8)
    losses = []
    for _ in range(6):
        loss = loss_of(run(model, inputs, calls)[-1])
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return losses


def record_model(name, kind, settings, extra, inputs, calls):
    config_class = {"B": peer.BertConfig, "O": peer.OpenAIGPTConfig, "G": peer.GPT2Config, "T": peer.TransfoXLConfig}
    config = config_class[kind[0]](**settings)
    model = getattr(peer, kind)(config, *extra)
    if hasattr(model, "crit"):
        model.crit.keep_order = True
    if name in LENGTHS:
        model.reset_length(*LENGTHS[name])
    randomise(model)
    model.eval()
    results, tensors = run(model, inputs, calls), []
    case = {"class": kind, "settings": settings, "extra": extra, "config": config.to_json_string(), "calls": calls,
            "results": [spelled(result, tensors) for result in results], "lengths": LENGTHS.get(name)}  # fmt: skip
    arrays = {"weight/" + key: value.numpy().copy() for key, value in model.state_dict().items()}
    arrays.update({"input/" + key: value for key, value in inputs.items()})
    arrays.update({f"result/{number}": value for number, value in enumerate(tensors)})
    case["losses"] = train_model(model, inputs, calls)
    np.savez_compressed(FOLDER / f"{name}.npz", case=json.dumps(case), **arrays)


SCHEDULES = {
    "ConstantLR": [{}],
    "WarmupConstantSchedule": [{"warmup": 0.1, "t_total": 20}],
    "WarmupLinearSchedule": [{"warmup": 0.1, "t_total": 20}, {"warmup": -1, "t_total": 20}, {"warmup": -1}],
    "WarmupCosineSchedule": [{"warmup": 0.2, "t_total": 20}, {"warmup": 0.2, "t_total": 20, "cycles": 1.5}],
    "WarmupCosineWithHardRestartsSchedule": [{"warmup": 0.1, "t_total": 20, "cycles": 3.0}],
    "WarmupCosineWithWarmupRestartsSchedule": [{"warmup": 0.1, "t_total": 20, "cycles": 4.0}],
}  # fmt: skip

OPTIMIZERS = {
    "BertAdam": [{}, {"warmup": 0.1, "t_total": 12}, {"warmup": 0.3, "t_total": 12, "schedule": "warmup_cosine"},
                 {"warmup": 0.3, "t_total": 12, "schedule": "warmup_constant", "weight_decay": 0.0,
                  "max_grad_norm": -1},
                 {"b1": 0.7, "b2": 0.9, "e": 1e-3, "schedule": None}],
    "OpenAIAdam": [{}, {"warmup": 0.1, "t_total": 12}, {"weight_decay": 0.1, "max_grad_norm": 0.5},
                   {"weight_decay": 0.1, "vector_l2": True, "schedule": "none", "b1": 0.7, "b2": 0.9, "e": 1e-3}],
}  # fmt: skip

SHAPES = ((2, 3), (4,))
STEPS = 15


def train(kind, settings):
    random = np.random.default_rng(0)
    parameters = [torch.nn.Parameter(torch.from_numpy(random.normal(size=shape))) for shape in SHAPES]
    optimizer = getattr(peer, kind)(parameters, lr=0.01, **settings)
    values, rates = [], [list(map(float, optimizer.get_lr()))]
    for _ in range(STEPS):
        for parameter in parameters:
            parameter.grad = torch.from_numpy(random.normal(size=tuple(parameter.shape)) * 2)
        optimizer.step()
        values.append([value for parameter in parameters for value in parameter.detach().reshape(-1).tolist()])
        rates.append(list(map(float, optimizer.get_lr())))
    return {"settings": settings, "values": values, "rates": rates}, optimizer


def record_optimization():
    curves = {kind: [{"settings": settings, "factors": [getattr(optimization, kind)(**settings).get_lr(step)
                                                        for step in range(26)]} for settings in all_settings]
              for kind, all_settings in SCHEDULES.items()}  # fmt: skip
    trainings = {kind: [train(kind, settings)[0] for settings in all_settings]
                 for kind, all_settings in OPTIMIZERS.items()}  # fmt: skip
    (FOLDER / "optimization.json").write_text(json.dumps({"curves": curves, "trainings": trainings}))
    for kind in OPTIMIZERS:
        torch.save(train(kind, {"warmup": 0.1, "t_total": 12})[1].state_dict(), FOLDER / f"{kind}.pt")


FIXTURES = FOLDER.parent.parent / "fixtures"

TEXTS = [
    "", "  ", "Hello, wörld!  Don't.", "[CLS] unaffable [MASK] [SEP] the end. [SEP]",
    "the\u4e2d\u6587hello \u304b\u306a", "Caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m, \u0130stanbul \u03a3\u03a3",
    "tab\tnew\nline\r\u00a0\u3000\u200bzero\ufeff", "e.g. 12,345.67 -- (it's) [x]_y* #1 @me",
    "\ue000\u0378\ufffd\x00\x07 \U0002b820", "we've I'm isn't do not they're",
    "<unk> <eos> <|endoftext|> _start_ [SEP]x", "The cat sat on the mat . The CAT",
    "hello there, world ! hello ? a 's b", "d\u00f6n't \u0308don't don't",
]  # fmt: skip

BERT_TOKENIZERS = [
    {},
    {"do_lower_case": False},
    {"do_basic_tokenize": False},
    {"never_split": ["[MASK]", "Don't.", "don't"]},
]

PREPARED = {"train": " = Title = \n\n the cat sat on the mat .\n the dog <unk> . The\n", "valid": " the bird sat\n",
            "test": " a cat\n"}  # fmt: skip


def record_bert(settings):
    tokenizer = peer.BertTokenizer(FIXTURES / "bert" / "tokenization" / "vocab.txt", **settings)
    tokens = [tokenizer.tokenize(text) for text in TEXTS]
    return {"settings": settings, "tokens": tokens, "ids": [tokenizer.convert_tokens_to_ids(each) for each in tokens]}


def record_gpt():
    folder = FIXTURES / "gpt" / "vocabulary"
    tokenizer = peer.OpenAIGPTTokenizer(folder / "encoder_bpe_40000.json", folder / "vocab_40000.bpe")
    ids = [tokenizer.encode(text) for text in TEXTS]
    return {"ids": ids, "decoded": [tokenizer.decode(each) for each in ids],
            "spaced": [tokenizer.decode(each, clean_up_tokenization_spaces=False) for each in ids]}  # fmt: skip


def record_gpt2():
    """Of ASCII texts: the release took characters for bytes."""
    folder = FIXTURES / "gpt2" / "tokenizer"
    tokenizer = peer.GPT2Tokenizer(folder / "encoder.json", folder / "vocab.bpe")
    texts = [text for text in TEXTS if text.isascii()]
    ids = [tokenizer.encode(text) for text in texts]
    random = [integers(len(tokenizer), (9,), seed).tolist() for seed in range(20)]
    return {"texts": texts, "tokens": [tokenizer.tokenize(text) for text in texts], "ids": ids,
            "random": random, "decoded": [tokenizer.decode(each) for each in random]}  # fmt: skip


def record_corpus(settings, dataset):
    corpus = peer.TransfoXLCorpus(**settings)
    with tempfile.TemporaryDirectory() as folder:
        for split, text in PREPARED.items():
            (Path(folder) / f"{split}.txt").write_text(text)
        corpus.build_corpus(folder, dataset)
    segments = [corpus.get_iterator("train", 2, 3), corpus.get_iterator("valid", 1, 2, ext_len=1),
                corpus.get_iterator("train", 2, 3).get_fixlen_iter(2)]  # fmt: skip
    return {"settings": settings, "dataset": dataset, "words": corpus.vocab.idx2sym,
            "texts": {split: getattr(corpus, split).tolist() for split in PREPARED},
            "segments": [[[data.tolist(), target.tolist(), length] for data, target, length in each]
                         for each in segments]}  # fmt: skip


def record_tokenizers():
    data_sets = {"wt103": False, "wt2": False, "ptb": True, "text8": True}
    corpora = [record_corpus({"special": ["<eos>", "<unk>"], "lower_case": lower_case}, dataset)
               for dataset, lower_case in data_sets.items()]  # fmt: skip
    recorded = {"texts": TEXTS, "bert": list(map(record_bert, BERT_TOKENIZERS)), "gpt": record_gpt(),
                "gpt2": record_gpt2(), "prepared": PREPARED, "corpora": corpora}  # fmt: skip
    (FOLDER / "tokenization.json").write_text(json.dumps(recorded))


def main():
    warnings.simplefilter("ignore")
    masked_fill = torch.Tensor.masked_fill
    torch.Tensor.masked_fill = lambda tensor, mask, value: masked_fill(tensor, mask.bool(), value)
    for name, case in CASES.items():
        record_model(name, *case)
    record_optimization()
    record_tokenizers()


if __name__ == "__main__":
    sys.exit(main())

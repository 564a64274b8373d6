from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.models.xlm.reference import Original, in_double_precision
from tests.shared.converter_tester import ConverterTester, assert_same
from tests.shared.memory_checkpoint import MemoryCheckpoint

import transformers
from transformers import AutoTokenizer, XLMModel, XLMTokenizer, XLMWithLMHeadModel, convert_checkpoint
from transformers.checkpoints import Variable
from transformers.commands.transformers_cli import main
from transformers.conversion.export_files import ExportReport
from transformers.errors import UserError
from transformers.models.auto.exporting import export_checkpoint
from transformers.models.xlm.convert_xlm_original_tf_checkpoint_to_pytorch import FAMILY, embedded_vocabulary

Contents = dict[str, Any]

MLM = Original()
CLM = Original(causal=True, gelu=False)
UNTIED = Original(shared=False)
ADAPTIVE = Original(cutoffs=(12, 20))


def save(folder: Path, contents: Contents, *, zipped: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "best-valid_mlm_ppl.pth"
    torch.save(contents, path, _use_new_zipfile_serialization=zipped)
    return path


def nested(arrays: Mapping[str, Any]) -> Contents:
    """Variables as dictionaries inside of each other."""
    contents: Contents = {}
    for name, values in arrays.items():
        *path, last = name.split("/")
        inside = contents
        for part in path:
            inside = inside.setdefault(part, {})
        inside[last] = torch.from_numpy(values.copy())
    return contents


class TestXLMConversion(ConverterTester):
    family = FAMILY
    sizes: ClassVar = {"V": 11, "E": 8, "P": 512, "L": 3, "i": 2, "N": 3}
    absent = ("model/pred_layer.proj.head.*",)
    config_file = "params.json"
    config: ClassVar = {
        "n_words": 11, "emb_dim": 8, "n_layers": 2, "n_heads": 2, "n_langs": 3, "max_position_embeddings": 512,
        "gelu_activation": True, "share_inout_emb": False,
    }  # fmt: skip

    def save(self, folder: Path, arrays: Any, **how: Any) -> Path:
        """A file of PyTorch, which has the configuration in it."""
        folder.mkdir()
        pairs = arrays.items() if isinstance(arrays, Mapping) else arrays
        named = {each.name if isinstance(each, Variable) else each: values for each, values in pairs}
        contents = nested(named)
        if any(isinstance(each, Variable) and each.dtype == "bfloat16" for each, _ in pairs):
            contents["model"] = {name: tensor.view(torch.bfloat16) for name, tensor in contents["model"].items()}
        torch.save({**contents, "params": self.config}, folder / "model.pth", **how)
        return folder / "model.pth"

    def export(self, folder: Path, prefix: Path) -> ExportReport:
        return super().export(folder, prefix.with_name("model.pth"))

    @pytest.mark.parametrize("zipped", [False, True])
    def test_how_a_checkpoint_was_written_makes_no_difference(self, zipped: bool, tmp_path: Path) -> None:
        architecture = self.main_architecture()
        self.save(tmp_path / "source", self.arrays(architecture), _use_new_zipfile_serialization=zipped)

        report = self.convert(tmp_path / "source" / "model.pth", tmp_path / "out")

        assert report.architecture == architecture
        assert_same(self.load(architecture, tmp_path / "out"), self.expected(architecture))

    def test_a_model_loads_the_original_directly(self, architecture: str, tmp_path: Path) -> None:
        source = self.save(tmp_path / "source", self.arrays(architecture))

        assert_same(self.load(architecture, source), self.expected(architecture))


# What a file of the trainer may be like


def module_prefix(contents: Contents) -> None:
    contents["model"] = {f"module.{name}": tensor for name, tensor in contents["model"].items()}


def namespace(contents: Contents) -> None:
    contents["params"] = argparse.Namespace(**contents["params"])


def few_params(contents: Contents) -> None:
    absent = ("n_words", "bos_index", "eos_index", "pad_index", "unk_index", "mask_index", "use_lang_emb", "use_memory")
    for name in (*absent, "asm", "share_inout_emb", "sinusoidal_embeddings"):
        del contents["params"][name]


def separate_copies(contents: Contents) -> None:
    contents["model"] = {name: tensor.clone() for name, tensor in contents["model"].items()}


def half_precision(contents: Contents) -> None:
    contents["model"] = {name: tensor.half() for name, tensor in contents["model"].items()}


def optimizer(contents: Contents) -> None:
    contents["model_optimizer"] = {"state": {0: {"exp_avg": torch.full((3,), torch.nan)}}, "param_groups": []}


def translation(contents: Contents) -> None:
    contents["encoder"] = contents.pop("model")
    contents["decoder"] = {
        **{name: torch.full_like(tensor, torch.nan) for name, tensor in contents["encoder"].items()},
        "layer_norm15.0.weight": torch.ones(12),
        "encoder_attn.0.q_lin.weight": torch.ones(12, 12),
    }
    contents["encoder_optimizer"] = {"state": {0: {"exp_avg": torch.ones(3)}}}


def no_change(contents: Contents) -> None:
    pass


LAYOUTS: Mapping[str, tuple[Original, Callable[[Contents], None]]] = {
    "masked words": (MLM, no_change),
    "next words, relu": (CLM, no_change),
    "next words, untied": (replace(CLM, shared=False), no_change),
    "translation pairs": (replace(MLM, pairs=True), no_change),
    "one language": (replace(MLM, languages=("en",)), no_change),
    "languages without embeddings": (replace(MLM, language_table=False), no_change),
    "relu": (replace(MLM, gelu=False), no_change),
    "one layer, one head": (replace(MLM, layers=1, heads=1), no_change),
    "eleven layers": (replace(MLM, layers=11), no_change),
    "untied": (UNTIED, no_change),
    "adaptive softmax": (ADAPTIVE, no_change),
    "adaptive softmax, one cluster": (replace(ADAPTIVE, cutoffs=(15,), divisor=4.0), no_change),
    "adaptive softmax, causal": (replace(ADAPTIVE, causal=True), no_change),
    "data parallel": (MLM, module_prefix),
    "params in a Namespace": (MLM, namespace),
    "params of old releases": (MLM, few_params),
    "tied, but saved twice": (MLM, separate_copies),
    "half precision": (MLM, half_precision),
    "half precision, untied": (UNTIED, half_precision),
    "with its optimizer": (MLM, optimizer),
    "translation model": (replace(MLM, shared=True), translation),
}


def inputs_of(original: Original) -> dict[str, torch.Tensor]:
    """Padded rows of several languages; the first one is a translation pair, whose positions begin anew."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, original.words, (3, 8), generator=generator)
    lengths = torch.tensor([8, 5, 1])
    positions = torch.arange(8).repeat(3, 1)
    positions[0, 4:] -= 4
    langs = torch.arange(3)[:, None].repeat(1, 8) % len(original.languages)
    langs[0, 4:] = len(original.languages) - 1
    ids[torch.arange(8) >= lengths[:, None]] = 2
    return {"input_ids": ids, "lengths": lengths, "position_ids": positions, "langs": langs}


@pytest.mark.parametrize("zipped", [False, True], ids=["legacy", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_converted_model_computes_what_the_original_computes(layout: str, zipped: bool, tmp_path: Path) -> None:
    original, change = LAYOUTS[layout]
    contents = original.file()
    change(contents)
    tensors = {
        name.removeprefix("module."): tensor.float()
        for name, tensor in contents.get("model", contents.get("encoder")).items()
    }
    source = save(tmp_path / "source", contents, zipped=zipped)

    convert_checkpoint(source, tmp_path / "out", "xlm")
    model, info = XLMWithLMHeadModel.from_pretrained(tmp_path / "out", output_loading_info=True)

    assert not any(info.values())
    assert model.config.causal == original.causal
    stored = {name: tensor for name, tensor in model.state_dict().items() if tensor.dtype != torch.float32}
    assert not stored
    inputs = inputs_of(original)
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True)
    arrays = {name: each.numpy() for name, each in inputs.items()}
    states = original.hidden_states(
        in_double_precision(tensors), arrays["input_ids"], arrays["lengths"], arrays["langs"], arrays["position_ids"]
    )
    assert len(output.hidden_states) == len(states)
    for state, expected in zip(output.hidden_states, states, strict=True):
        assert np.abs(state.numpy() - expected).max() < 1e-5
    scores = original.scores(in_double_precision(tensors), states[-1])
    assert np.abs(output.logits.numpy() - scores).max() < 1e-5


@pytest.mark.parametrize(
    ("layout", "tied"),
    [
        ("masked words", True),
        ("tied, but saved twice", True),
        ("half precision", True),
        ("untied", False),
        ("adaptive softmax", False),
    ],
)
def test_the_output_layer_is_tied_if_its_values_are_those_of_the_embeddings(
    layout: str, tied: bool, tmp_path: Path
) -> None:
    original, change = LAYOUTS[layout]
    contents = original.file()
    change(contents)

    report = convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out.safetensors", "xlm")

    stored = transformers.modeling_files.read_weights([tmp_path / "out.safetensors"])
    assert ("pred_layer.proj.weight" in stored) == (layout == "untied")
    model = XLMWithLMHeadModel.from_pretrained(tmp_path / "out.safetensors")
    assert model.config.tie_word_embeddings is tied
    if not original.cutoffs:
        assert (model.pred_layer.proj.weight is model.transformer.embeddings.weight) is tied
    assert any("model/pred_layer.proj.weight" in names for names in report.skipped.values()) is tied


# What the plan decides, and what it refuses


def changed(original: Original, **params: Any) -> Contents:
    """A file in which some of the options say something else."""
    contents = original.file()
    contents["params"].update(params)
    return contents


def without(contents: Contents, *names: str) -> Contents:
    for name in names:
        del contents["model"][name]
    return contents


def test_of_a_translation_model_the_encoder_is_converted_and_the_decoder_is_reported(tmp_path: Path) -> None:
    contents = MLM.file()
    translation(contents)

    report = convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm")

    reasons = {name: reason for reason, names in report.skipped.items() for name in names}
    assert "decoder of a translation model" in reasons["decoder/encoder_attn.0.q_lin.weight"]
    assert {name for name in reasons if name.startswith("decoder/")} == {
        f"decoder/{name}" for name in contents["decoder"]
    }
    assert "optimizer" in reasons["encoder_optimizer/state/0/exp_avg"]


def test_messages_spell_variables_as_the_file_does(tmp_path: Path) -> None:
    contents = without(MLM.file(), "attentions.1.q_lin.weight")
    module_prefix(contents)

    with pytest.raises(UserError, match=r"module\.attentions\.1\.q_lin\.weight is missing"):
        convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (changed(MLM, emb_dim=24), r"emb_dim +the checkpoint says 24, model/embeddings.weight is \[30, 12\]"),
        (changed(MLM, n_layers=3), r"n_layers +the checkpoint says 3, the checkpoint has layers 0..1 \(2\)"),
        (changed(MLM, n_words=31), r"n_words +the checkpoint says 31, model/embeddings.weight is \[30, 12\]"),
        (changed(MLM, n_langs=4), r"n_langs +the checkpoint says 4, model/lang_embeddings.weight is \[3, 12\]"),
        (changed(MLM, n_heads=5), "n_heads +5 heads do not divide a width of 12"),
        (changed(MLM, n_heads=None), "--num_heads"),
        (changed(MLM, use_lang_emb=False), "use_lang_emb .*model/lang_embeddings.weight"),
        (without(MLM.file(), "lang_embeddings.weight"), "n_langs .* model/lang_embeddings.weight is missing"),
        (changed(UNTIED, share_inout_emb=True), "share_inout_emb .*model/pred_layer.proj.weight .* differ"),
        (without(UNTIED.file(), "pred_layer.proj.weight"), "proj.weight is missing: .*share_inout_emb"),
        (changed(MLM, asm=True), "asm .*no adaptive softmax"),
        (changed(ADAPTIVE, asm=False), "asm .*an adaptive softmax"),
        (changed(ADAPTIVE, asm_cutoffs=[10, 20]), r"asm_cutoffs .*\[10, 20\].*\[12, 20, 30\]"),
        (changed(ADAPTIVE, asm_div_value=4.0), r"asm_div_value +4.0 .*\[3, 0\].*\[6, 3\]"),
        (without(MLM.file(), "ffns.1.lin1.bias"), "model/ffns.1.lin1.bias is missing"),
        (without(MLM.file(), "pred_layer.proj.bias"), "model/pred_layer.proj.bias is missing"),
        (without(ADAPTIVE.file(), "pred_layer.proj.tail.0.1.weight"), "tail.0.1.weight is missing"),
        ({"decoder": MLM.tensors(), "params": MLM.params()}, "is no XLM checkpoint"),
    ],
)
def test_files_that_contradict_themselves_are_refused(contents: Contents, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm")
    assert not (tmp_path / "out").exists()


def test_memory_layers_are_refused_by_name(tmp_path: Path) -> None:
    contents = without(changed(MLM, use_memory=True), "ffns.1.lin1.weight", "ffns.1.lin1.bias")
    contents["model"]["memories.1.keys"] = torch.ones(4, 4)

    for model_type in ("xlm", "auto"):
        with pytest.raises(UserError, match=r"model/memories\.1\.keys: a product-key memory layer"):
            convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", model_type)


def test_what_was_trained_on_both_tasks_is_not_causal(tmp_path: Path) -> None:
    contents = changed(MLM, clm_steps=[("en", None)])

    convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm")

    assert XLMModel.from_pretrained(tmp_path / "out").config.causal is False


def test_a_given_configuration_completes_what_the_options_lack(tmp_path: Path) -> None:
    contents = MLM.file()
    del contents["params"]["n_heads"]

    convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm", {"n_heads": 4})

    config = XLMModel.from_pretrained(tmp_path / "out").config
    assert (config.n_heads, config.gelu_activation, config.n_langs) == (4, True, 3)


def test_a_given_configuration_decides_what_the_file_contradicts(tmp_path: Path) -> None:
    source = save(tmp_path / "source", changed(UNTIED, share_inout_emb=True))

    convert_checkpoint(source, tmp_path / "out", "xlm", {"share_inout_emb": False})

    assert_same(
        XLMWithLMHeadModel.from_pretrained(tmp_path / "out").transformer.state_dict(),
        {name: each for name, each in UNTIED.tensors().items() if not name.startswith("pred_layer")},
    )


def test_cutoffs_of_a_model_without_adaptive_softmax_mean_nothing(tmp_path: Path) -> None:
    source = save(tmp_path / "source", changed(MLM, asm_cutoffs="8000,20000"))

    report = convert_checkpoint(source, tmp_path / "out", "xlm")

    assert XLMModel.from_pretrained(tmp_path / "out").config.asm_cutoffs is None
    assert not any("asm" in line for line in report.assumed)


def test_the_clusters_of_an_adaptive_softmax_show_in_its_tensors(tmp_path: Path) -> None:
    source = save(tmp_path / "source", changed(replace(ADAPTIVE, divisor=4.0), asm_cutoffs=None, asm_div_value=None))

    convert_checkpoint(source, tmp_path / "out", "xlm")

    config = XLMModel.from_pretrained(tmp_path / "out").config
    assert (config.asm_cutoffs, config.asm_div_value) == ([12, 20], 4.0)


def test_the_configuration_says_what_the_original_computes(tmp_path: Path) -> None:
    convert_checkpoint(save(tmp_path / "source", CLM.file()), tmp_path / "out", "xlm")

    config = XLMModel.from_pretrained(tmp_path / "out").config
    assert (config.causal, config.gelu_activation, config.dropout, config.attention_dropout) == (True, False, 0.1, 0.2)
    assert (config.lang2id, config.id2lang) == ({"de": 0, "en": 1, "fr": 2}, {0: "de", 1: "en", 2: "fr"})
    assert (config.pad_index, config.pad_token_id, config.mask_index, config.max_position_embeddings) == (2, 2, 5, 512)
    assert not hasattr(config, "dump_path")


def test_an_encoder_without_an_output_layer_becomes_the_base_model(tmp_path: Path) -> None:
    contents = {**MLM.file(), "model": MLM.tensors(output=False)}

    report = convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out")

    assert report.architecture == "XLMModel"
    assert_same(XLMModel.from_pretrained(tmp_path / "out").state_dict(), contents["model"])


def test_inspect_recognises_it_and_says_how_to_convert_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "source", CLM.file())

    assert main(["inspect", str(source)]) == 0

    shown = capsys.readouterr().out
    assert "It looks like XLM" in shown
    assert "It is for XLMWithLMHeadModel" in shown
    assert "causal = True" in shown
    assert "--model_type xlm" in shown


def test_the_converter_has_the_name_that_the_ecosystem_gives_it() -> None:
    module = importlib.import_module("transformers.models.xlm.convert_xlm_original_pytorch_checkpoint_to_pytorch")
    assert module.FAMILY is FAMILY


def test_code_in_a_file_is_named_and_never_run(tmp_path: Path) -> None:
    """The reader's own tests have the many kinds; this is that nothing goes round it."""
    trap = tmp_path / "sprung"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (trap,)

    source = save(tmp_path / "source", {**MLM.file(), "extra": Hostile()})

    for load in (lambda: convert_checkpoint(source, tmp_path / "out"), lambda: XLMModel.from_pretrained(source)):
        with pytest.raises(UserError):
            load()
    assert not trap.exists()


# The vocabulary


def spelled(original: Original) -> dict[str, int]:
    """The dictionary as the ecosystem spells it."""
    words = enumerate(original.dictionary().values())
    return {
        word if number < 14 else word[:-2] if word.endswith("@@") else f"{word}</w>": number for number, word in words
    }


def test_the_dictionary_becomes_the_vocabulary_of_the_ecosystem(tmp_path: Path) -> None:
    report = convert_checkpoint(save(tmp_path / "source", MLM.file()), tmp_path / "out", "xlm")

    vocabulary = json.loads((tmp_path / "out" / "vocab.json").read_text(encoding="utf-8"))
    assert vocabulary == spelled(MLM)
    assert (vocabulary["<special1>"], vocabulary["w0</w>"], vocabulary["w1"]) == (5, 14, 15)
    assert any("there is no codes* and no merges.txt" in line for line in report.assumed)


@pytest.mark.parametrize(
    ("word", "plain"), [("w@@", True), ("W", False), ("é", False), ("e\u0301", False), ("и", True)]
)
def test_the_words_show_whether_case_and_accents_were_kept(word: str, plain: bool) -> None:
    original = MLM.file()
    original["dico_id2word"][20] = word

    checkpoint = MemoryCheckpoint({f"model/{name}": tensor.numpy() for name, tensor in original["model"].items()})
    checkpoint.metadata = original
    embedded = embedded_vocabulary(checkpoint)

    assert embedded is not None
    assert embedded.settings["do_lowercase_and_remove_accent"] is plain
    assert embedded.assumed[0].startswith(f"do_lowercase_and_remove_accent = {str(plain).lower()} ")


def test_with_its_merges_the_dictionary_becomes_a_tokenizer(tmp_path: Path) -> None:
    source = save(tmp_path / "source", MLM.file())
    (source.parent / "codes_defren").write_text("w 1</w> 9\nw 2</w> 5\n", encoding="utf-8")

    report = convert_checkpoint(source, tmp_path / "out", "xlm")

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert type(tokenizer) is XLMTokenizer
    assert tokenizer.get_vocab() == spelled(MLM)
    assert tokenizer("w2 W2", lang="de")["input_ids"] == [1, 16, 16, 1]
    assert (tokenizer.lang2id, tokenizer.id2lang) == (MLM.params()["lang2id"], MLM.params()["id2lang"])
    assert tokenizer.model_max_length == 512
    assert any(line.startswith("do_lowercase_and_remove_accent = true") for line in report.assumed)


def test_a_file_without_a_dictionary_has_no_vocabulary(tmp_path: Path) -> None:
    contents = MLM.file()
    for name in ("dico_id2word", "dico_word2id", "dico_counts"):
        del contents[name]

    convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm")

    assert not (tmp_path / "out" / "vocab.json").exists()


def test_a_dictionary_of_another_model_is_refused(tmp_path: Path) -> None:
    contents = MLM.file()
    del contents["dico_id2word"][29]

    with pytest.raises(UserError, match="dico_id2word does not number the 30 rows of model/embeddings.weight"):
        convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "out", "xlm")
    assert not (tmp_path / "out").exists()


# The way back


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_comes_back(layout: str, tmp_path: Path) -> None:
    original, change = LAYOUTS[layout]
    contents = original.file()
    change(contents)
    convert_checkpoint(save(tmp_path / "source", contents), tmp_path / "one", "xlm")

    report = export_checkpoint(tmp_path / "one", tmp_path / "back" / "mlm.pth", global_step=7)
    convert_checkpoint(tmp_path / "back" / "mlm.pth", tmp_path / "two", "xlm")

    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    found = torch.load(tmp_path / "back" / "mlm.pth", weights_only=True)
    wanted = original.file()
    assert found["n_total_iter"] == 7
    for name in ("dico_id2word", "dico_word2id"):
        assert found[name] == wanted[name]
    assert found["dico_counts"] == dict.fromkeys(wanted["dico_word2id"], 0)
    assert any("dico_counts" in note for note in report.notes)
    kept = {name: value for name, value in wanted["params"].items() if name in found["params"]}
    if not original.pairs:
        assert found["params"] == kept | {"encoder_only": True}
    if not layout.startswith("half"):
        assert_same(found["model"], wanted["model"])
    shared = found["model"].get("pred_layer.proj.weight")
    tied = shared is not None and shared.data_ptr() == found["model"]["embeddings.weight"].data_ptr()
    assert tied == (original.shared and not original.cutoffs)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def converted(folder: Path, original: Original = MLM, **fields: Any) -> Path:
    """A converted model, whose configuration says something else in places."""
    convert_checkpoint(save(folder / "source", original.file()), folder / "one", "xlm")
    config = folder / "one" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | fields))
    return folder / "one"


def test_merges_become_codes_with_counts(tmp_path: Path) -> None:
    source = save(tmp_path / "source", MLM.file())
    (source.parent / "codes_defren").write_text("w 1</w> 9\nw 2</w> 5\n", encoding="utf-8")
    convert_checkpoint(source, tmp_path / "one", "xlm")

    export_checkpoint(tmp_path / "one", tmp_path / "back" / "mlm.pth")

    assert (tmp_path / "back" / "codes").read_text() == "w 1</w> 0\nw 2</w> 0\n"
    convert_checkpoint(tmp_path / "back" / "mlm.pth", tmp_path / "two", "xlm")
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")


@pytest.mark.parametrize("names", [{}, {"lang2id": None, "id2lang": None}])
def test_languages_may_have_no_names(names: dict[str, None], tmp_path: Path) -> None:
    model = converted(tmp_path, CLM, **names)

    report = export_checkpoint(model, tmp_path / "mlm.pth")

    params = torch.load(tmp_path / "mlm.pth", weights_only=True)["params"]
    assert params["id2lang"] == ({} if names else {0: "de", 1: "en", 2: "fr"})
    assert [step[0] for step in params["clm_steps"]] == (["0", "1", "2"] if names else ["de", "en", "fr"])
    assert any("lang2id" in note for note in report.notes) == bool(names)


@pytest.mark.parametrize(
    ("original", "fields", "said"),
    [
        (MLM, {"layer_norm_eps": 1e-5}, "layer_norm_eps is 1e-05, the original only has 1e-12"),
        (MLM, {"max_position_embeddings": 500}, "max_position_embeddings is 500, the original only has 512"),
        (MLM, {"n_langs": 4}, r"lang_embeddings.weight is \[3, 12\], the configuration says \[4, 12\]"),
        (MLM, {"mask_index": 4}, "mask_index is 4, which is <special0> in vocab.json, and <special1> in the original"),
        (MLM, {"tie_word_embeddings": False}, "pred_layer.proj.weight is not stored"),
        (UNTIED, {"tie_word_embeddings": True}, "pred_layer.proj.weight differs from transformer.embeddings.weight"),
        (ADAPTIVE, {"asm_cutoffs": [13, 20]}, r"pred_layer.proj.tail.0.1.weight is \[8, 6\], .* says \[7, 6\]"),
    ],
)
def test_what_the_original_cannot_express_is_named(
    original: Original, fields: dict[str, Any], said: str, tmp_path: Path
) -> None:
    model = converted(tmp_path, original, **fields)

    with pytest.raises(UserError, match=said):
        export_checkpoint(model, tmp_path / "back" / "mlm.pth")
    assert not (tmp_path / "back").exists()


def test_a_vocabulary_has_to_number_the_embeddings(tmp_path: Path) -> None:
    model = converted(tmp_path)
    loaded = XLMWithLMHeadModel.from_pretrained(model)
    loaded.resize_token_embeddings(33)
    loaded.save_pretrained(model)

    with pytest.raises(UserError, match=r"vocab_size is 33, but vocab.json has 30 words"):
        export_checkpoint(model, tmp_path / "back" / "mlm.pth")

    (model / "vocab.json").unlink()
    report = export_checkpoint(model, tmp_path / "back" / "mlm.pth")
    assert any("no dictionary is written" in note for note in report.notes)


@pytest.mark.parametrize(("name", "said"), [("mlm", "does not end in .pth"), (".", "Name a checkpoint in it")])
def test_the_output_is_a_file_of_pytorch(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        export_checkpoint(converted(tmp_path), tmp_path / name)

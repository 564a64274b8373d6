"""What is refused, and the words that it is refused with.

``utils/list_bad_inputs.py`` prints the cases with their messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays, with_training_state

from transformers.checkpoints import write_bundle
from transformers.commands.transformers_cli import main
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY as BERT
from transformers.models.gpt2.convert_gpt2_original_tf_checkpoint_to_pytorch import FAMILY as GPT2

SIZES = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2, "N": 3}
CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "initializer_range": 0.02,
    "intermediate_size": 12,
    "max_position_embeddings": 6,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": 11,
}
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "e", "f")
PREFIX = "release/model.ckpt"
QUERY = "bert/encoder/layer_1/attention/self/query/kernel"


def bert_arrays(architecture: str = "BertForPreTraining", **sizes: int) -> dict[str, Array]:
    return synthetic_arrays(BERT, architecture, {**SIZES, **sizes})


@dataclass
class Workplace:
    """A good conversion, for a case to spoil. The current folder is its root.

    Attributes:
        arguments: The flags and their values.
    """

    arguments: dict[str, str | None] = field(
        default_factory=lambda: {
            "--model_type": "bert",
            "--tf_checkpoint": PREFIX,
            "--config": "release/bert_config.json",
            "--pytorch_dump_output": "out",
        }
    )

    def __post_init__(self) -> None:
        Path("release").mkdir()
        self.checkpoint(bert_arrays())
        self.config(CONFIG)
        Path("release/vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))

    def checkpoint(self, arrays: Mapping[str, Array], prefix: str = PREFIX, **how: Any) -> None:
        """Writes the checkpoint, in place of the one that is there."""
        for file in Path(prefix).parent.glob(f"{Path(prefix).name}.*"):
            file.unlink()
        write_bundle(prefix, arrays, **how)

    def config(self, fields: Mapping[str, Any]) -> None:
        Path("release/bert_config.json").write_text(json.dumps(fields, indent=2))

    @property
    def data(self) -> Path:
        """The file that holds the tensors."""
        return Path(f"{PREFIX}.data-00000-of-00001")

    @property
    def command(self) -> list[str]:
        given = ((flag, value) for flag, value in self.arguments.items() if value is not None)
        return ["convert", *(word for flag, value in given for word in ((flag, value) if value else (flag,)))]


@dataclass(frozen=True)
class BadInput:
    """Something that cannot be converted.

    Attributes:
        title: What is wrong, for the table.
        spoil: Makes it so.
        words: What the message has to say.
        status: The exit status.
    """

    title: str
    spoil: Callable[[Workplace], object]
    words: tuple[str, ...]
    status: int = 1


def field_is(name: str, value: Any, *words: str) -> BadInput:
    """A field of the configuration with a wrong value."""
    return BadInput(
        f"`{name}` is `{json.dumps(value)}`",
        lambda place: place.config({**CONFIG, name: value}),
        ("bert_config.json", name, *words),
    )


def field_contradicts(name: str, value: int, evidence: str) -> BadInput:
    """A field of the configuration that the tensors contradict."""
    return field_is(name, value, f"says {value}", evidence)


def flag(flag: str, value: str, *words: str, title: str = "", status: int = 1) -> BadInput:
    """A flag with a value that cannot be."""
    return BadInput(
        title or f"`{flag} {value}`".replace(" `", "`"),
        lambda place: place.arguments.update({flag: value}),
        words,
        status,
    )


def checkpoint(title: str, change: Callable[[dict[str, Array]], object], *words: str) -> BadInput:
    """Other variables than there should be."""

    def spoil(place: Workplace) -> None:
        arrays = bert_arrays()
        change(arrays)
        place.checkpoint(arrays)

    return BadInput(title, spoil, words)


def file(title: str, change: Callable[[Workplace], object], *words: str) -> BadInput:
    """Files that are not what they should be."""
    return BadInput(title, change, words)


def flip_a_bit(path: Path, at: int = -200) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def cut(path: Path, to: int) -> None:
    path.write_bytes(path.read_bytes()[:to])


def output_as_vocabulary(place: Workplace) -> None:
    """The vocabulary is written anew with other ends of lines; the same bytes would stay where they are."""
    vocabulary = Path("release/vocab.txt")
    vocabulary.write_bytes(vocabulary.read_bytes().replace(b"\n", b"\r\n"))
    place.arguments.update({"--pytorch_dump_output": "release", "--overwrite": ""})


def output_as_input(place: Workplace) -> None:
    """The configuration is called like a file of the output."""
    Path("release/bert_config.json").rename("release/config.json")
    place.arguments |= {"--config": "release/config.json", "--pytorch_dump_output": "release", "--overwrite": ""}


def another_checkpoint(place: Workplace) -> None:
    place.checkpoint(bert_arrays(), "release/model.ckpt-2")
    place.arguments["--tf_checkpoint"] = "release"


def gpt2_checkpoint(place: Workplace) -> None:
    place.checkpoint(synthetic_arrays(GPT2, "GPT2LMHeadModel", {"V": 11, "P": 6, "E": 8, "i": 2}))
    place.arguments["--config"] = None


def without_heads(place: Workplace) -> None:
    place.arguments["--config"] = None
    Path("release/bert_config.json").unlink()


def classifier(place: Workplace, arguments: Mapping[str, str] | None = None, **fields: Any) -> None:
    place.checkpoint(bert_arrays("BertForSequenceClassification"))
    place.config({**CONFIG, **fields})
    place.arguments |= arguments or {}


def two_models(arrays: dict[str, Array]) -> None:
    arrays |= {f"teacher/{name}": values for name, values in bert_arrays().items()}


def rename(arrays: dict[str, Array], old: str, new: str) -> None:
    arrays[new] = arrays.pop(old)


def drop(arrays: dict[str, Array], *names: str) -> None:
    for name in names:
        del arrays[name]


def move_a_layer(arrays: dict[str, Array]) -> None:
    for name in [name for name in arrays if "layer_1" in name]:
        rename(arrays, name, name.replace("layer_1", "layer_2"))


def lose_a_shard(place: Workplace) -> None:
    place.checkpoint(bert_arrays(), shards=3)
    Path(f"{PREFIX}.data-00001-of-00003").unlink()


def large_values(place: Workplace) -> None:
    place.checkpoint(bert_arrays() | {QUERY: np.full((8, 8), 1e6, np.float32)})
    place.arguments["--dtype"] = "float16"


def existing_output(place: Workplace) -> None:
    Path("out").mkdir()
    Path("out/model.safetensors").write_text("mine")


def with_config(name: str, content: str | bytes | None) -> Callable[[Workplace], None]:
    def spoil(place: Workplace) -> None:
        path = Path("release/bert_config.json")
        path.unlink()
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 1234567\n"

INPUTS = (
    # ------------------------------------------------------------------------- the configuration, field by field
    field_contradicts("num_hidden_layers", 1, "the checkpoint has layers 0..1 (2)"),
    field_contradicts("num_hidden_layers", 3, "the checkpoint has layers 0..1 (2)"),
    field_contradicts("hidden_size", 16, "bert/embeddings/word_embeddings is [11, 8]"),
    field_contradicts("vocab_size", 12, "bert/embeddings/word_embeddings is [11, 8]"),
    field_contradicts("max_position_embeddings", 512, "bert/embeddings/position_embeddings is [6, 8]"),
    field_contradicts("type_vocab_size", 1, "bert/embeddings/token_type_embeddings is [2, 8]"),
    field_contradicts("intermediate_size", 32, "bert/encoder/layer_0/intermediate/dense/kernel is [8, 12]"),
    BadInput(
        "`num_attention_heads` is 3, which does not divide 8",
        lambda place: place.config({**CONFIG, "num_attention_heads": 3}),
        ("num_attention_heads", "3 heads", "8"),
    ),
    field_is("num_attention_heads", 0, "0 is not a whole number from 1 on"),
    field_is("num_attention_heads", -2, "-2 is not a whole number"),
    field_is("num_attention_heads", 2.0, "2.0 is not a whole number"),
    field_is("num_hidden_layers", "2", '"2" is not a whole number'),
    field_is("hidden_size", None, "null is not a whole number"),
    field_is("vocab_size", True, "true is not a whole number"),
    field_is("hidden_act", "swish", '"swish"', "gelu"),
    field_is("hidden_act", 7, "7 is not a string"),
    field_is("hidden_dropout_prob", 1.5, "1.5", "from 0 to 1"),
    field_is("attention_probs_dropout_prob", "0.1", '"0.1" is not a number'),
    field_is("initializer_range", -0.02, "-0.02"),
    field_is("layer_norm_eps", float("nan"), "NaN"),
    BadInput(
        "several fields at once",
        lambda place: place.config({**CONFIG, "num_hidden_layers": 12, "hidden_size": 768, "hidden_act": "swish"}),
        ("num_hidden_layers", "hidden_size", "hidden_act", "says 12", "says 768", '"swish"', "leave --config out"),
    ),
    BadInput("no configuration, and a model that nobody knows", without_heads, ("num_attention_heads", "--num_heads")),
    BadInput(
        "a configuration of another family",
        lambda place: place.config({"n_vocab": 11, "n_ctx": 6, "n_embd": 8, "n_head": 2, "n_layer": 2}),
        ("bert_config.json has no field of a BERT configuration", "n_ctx"),
    ),
    field_is("model_type", "roberta", '"roberta"', "BERT"),
    BadInput("a configuration that is not JSON", with_config("", "{hidden_size: 8}"), ("bert_config.json", "line 1")),
    BadInput("a configuration that is a list", with_config("", "[1, 2]"), ("bert_config.json", "object", "list")),
    BadInput("a configuration that is empty", with_config("", ""), ("bert_config.json", "JSON")),
    BadInput("a configuration that is not text", with_config("", b"\xff\xfe\0"), ("bert_config.json", "UTF-8")),
    BadInput("a configuration that is absent", with_config("", None), ("release/bert_config.json does not exist",)),
    flag("--config", "release", "release: Is a directory", title="a configuration that is a folder"),
    # ----------------------------------------------------------------------------------- the files of the checkpoint
    file("a tensor with a flipped bit", lambda place: flip_a_bit(place.data), "damaged", "variable cls/", "checksum"),
    file("data that are cut off", lambda place: cut(place.data, 500), "data-00000-of-00001 has 500 bytes", "needs"),
    file("data that are absent", lambda place: place.data.unlink(), "data-00000-of-00001 is absent"),
    file("an absent shard", lose_a_shard, "data-00001-of-00003 is absent"),
    file("a damaged index", lambda place: flip_a_bit(Path(f"{PREFIX}.index"), 100), "model.ckpt.index", "damaged"),
    file("an index that is cut off", lambda place: cut(Path(f"{PREFIX}.index"), 300), "model.ckpt.index is damaged"),
    file(
        "a Git LFS pointer in place of the index",
        lambda place: Path(f"{PREFIX}.index").write_text(LFS_POINTER),
        "model.ckpt.index",
        "git lfs pull",
    ),
    file(
        "a Git LFS pointer in place of the data",
        lambda place: place.data.write_text(LFS_POINTER),
        "data-00000-of-00001",
        "git lfs pull",
    ),
    file(
        "a web page in place of the index",
        lambda place: Path(f"{PREFIX}.index").write_text("<!DOCTYPE html><html>404</html>"),
        "model.ckpt.index",
        "web page",
    ),
    flag(
        "--tf_checkpoint", "release/model.ckpt-8", "release/model.ckpt-8", "there is model.ckpt", title="a wrong name"
    ),
    flag("--tf_checkpoint", "relaese/model.ckpt", "relaese", "no folder", title="a wrong folder"),
    flag("--tf_checkpoint", ".", "no checkpoint in", title="a folder without a checkpoint"),
    flag("--tf_checkpoint", "release/bert_config.json", "bert_config.json", title="the configuration as checkpoint"),
    file("a folder with several checkpoints", another_checkpoint, "2 checkpoints", "model.ckpt", "model.ckpt-2"),
    # -------------------------------------------------------------------------------------------------- the variables
    checkpoint(
        "a variable that is not known",
        lambda arrays: arrays.update({"bert/encoder/adapter/kernel": np.ones((2, 2), np.float32)}),
        "bert/encoder/adapter/kernel is not known",
        "--skip",
    ),
    checkpoint(
        "a variable under a wrong name",
        lambda arrays: rename(arrays, QUERY, QUERY.replace("query", "qeury")),
        f"{QUERY} is missing",
        "is not known (closest is bert.encoder.layer.1.attention.self.query.weight)",
    ),
    checkpoint("variables that are missing", lambda arrays: drop(arrays, QUERY), f"{QUERY} is missing"),
    checkpoint(
        "a layer that is missing between others",
        move_a_layer,
        "num_hidden_layers",
        "layers 0..2 (3)",
        "bert/encoder/layer_1/attention/self/query/kernel is missing",
        "bert/encoder/layer_1/output/LayerNorm/beta is missing",
    ),
    checkpoint(
        "a head that lacks its bias",
        lambda arrays: drop(arrays, "cls/predictions/output_bias"),
        "BertForPreTraining",
        "cls/predictions/output_bias is missing",
    ),
    checkpoint(
        "a layer with a huge number",
        lambda arrays: rename(arrays, QUERY, QUERY.replace("layer_1", "layer_999999999")),
        f"{QUERY} is missing",
        "layer_999999999/attention/self/query/kernel is not known",
    ),
    checkpoint(
        "a tensor of another shape",
        lambda arrays: arrays.update({QUERY: np.ones((8, 9), np.float32)}),
        f"{QUERY} is [8, 9], expected [8, 8]",
    ),
    checkpoint(
        "integers in place of weights",
        lambda arrays: arrays.update({QUERY: np.ones((8, 8), np.int32)}),
        f"{QUERY} holds int32, not floating-point numbers",
    ),
    checkpoint(
        "strings in place of weights",
        lambda arrays: arrays.update({QUERY: np.full((8, 8), b"x", object)}),
        f"{QUERY} holds string, not floating-point numbers",
    ),
    checkpoint(
        "the heads of two tasks",
        lambda arrays: arrays.update(
            {"output_weights": np.ones((3, 8), np.float32), "output_bias": np.ones(3, np.float32)}
        ),
        "BertForPreTraining",
        "BertForSequenceClassification",
        "--architecture",
    ),
    checkpoint("two models", two_models, "several models", "  teacher/bert/"),
    checkpoint(
        "nothing but the state of an optimizer",
        lambda arrays: [arrays.pop(name) for name in [*arrays]] and arrays.update(global_step=np.array(1)),
        "no BERT checkpoint",
    ),
    file("another family's checkpoint", gpt2_checkpoint, "no BERT checkpoint", "GPT-2", "--model_type gpt2"),
    # ------------------------------------------------------------------------------------------------------ the flags
    flag("--model_type", "brt", "'brt'", "bert", "gpt2"),
    flag("--architecture", "BertForPretraining", "Did you mean BertForPreTraining?"),
    flag("--architecture", "BertForQuestionAnswering", "cls/squad/output_weights is missing"),
    flag("--num_heads", "4", "--num_heads", "4", "bert_config.json says 2"),
    flag("--num_heads", "0", "--num_heads", "0 is not a whole number from 1 on"),
    BadInput(
        "`--num_labels 2`, and a head of three labels",
        lambda place: classifier(place, {"--num_labels": "2"}),
        ("--num_labels", "2", "3"),
    ),
    BadInput(
        "names for two labels, and a head of three",
        lambda place: classifier(place, id2label={"0": "no", "1": "yes"}),
        ("id2label", "bert_config.json", "2", "3"),
    ),
    flag("--max_shard_size", "big", "'big' is not a size", "5GB"),
    flag("--max_shard_size", "0.1", "'0.1' is not a size"),
    flag("--max_shard_size", "-5GB", "--max_shard_size", status=2),
    flag("--dtype", "int8", "float16", status=2),
    flag("--num_heads", "four", "four", status=2),
    flag("--nonsense", "", "--nonsense", status=2),
    BadInput(
        "no output is named",
        lambda place: place.arguments.update({"--pytorch_dump_output": None}),
        ("--pytorch_dump_output",),
        status=2,
    ),
    flag("--tokenizer", "nowhere", "nowhere", "vocab.txt", title="a tokenizer that is not there"),
)

OUTPUTS = (
    BadInput("an output that exists", existing_output, ("exists already", "out/model.safetensors", "--overwrite")),
    BadInput("an output that is an input", output_as_input, ("would replace an input", "release/config.json")),
    BadInput(
        "an output that would replace the vocabulary",
        output_as_vocabulary,
        ("would replace an input", "release/vocab.txt"),
    ),
    flag("--pytorch_dump_output", "release/vocab.txt", "release/vocab.txt is a file", title="an output that is a file"),
    flag("--pytorch_dump_output", "release/vocab.txt/a/out", "Not a directory", title="an output below a file"),
    BadInput(
        "a report that exists",
        lambda place: (Path("report.json").write_text("{}"), place.arguments.update({"--report": "report.json"})),
        ("exists already", "report.json"),
    ),
    BadInput(
        "a report that would replace an input",
        lambda place: place.arguments.update({"--report": "release/bert_config.json", "--overwrite": ""}),
        ("would replace an input", "release/bert_config.json"),
    ),
    flag("--report", "nowhere/report.json", "no folder nowhere", title="a report in a folder that is not there"),
    flag("--report", "out/config.json", "out/config.json", "file of the output", title="a report in the output"),
    BadInput(
        "`--dtype float16`, and values that are too large for it",
        large_values,
        (QUERY, "too large for float16", "bfloat16"),
    ),
)

CASES = INPUTS + OUTPUTS


def files_below(folder: Path) -> dict[str, bytes | None]:
    """All files and folders with their contents, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.chdir(tmp_path)
    return Workplace()


def test_the_conversion_that_is_spoilt_is_a_good_one(place: Workplace) -> None:
    assert main(place.command) == 0
    assert {"config.json", "model.safetensors", "vocab.txt"} <= {path.name for path in Path("out").iterdir()}


def test_nothing_that_trainings_leave_is_a_bad_input(place: Workplace) -> None:
    place.checkpoint(with_training_state(bert_arrays()))

    assert main(place.command) == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_bad_input_is_refused_in_words_and_leaves_nothing(
    case: BadInput, place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    case.spoil(place)
    before = files_below(Path())

    status: object
    try:
        status = main(place.command)
    except SystemExit as left:
        status = left.code

    out, err = capsys.readouterr()
    assert status == case.status, err
    assert [word for word in case.words if word not in err] == [], err
    assert err.startswith(("transformers-cli convert: ", "usage: "))
    assert "Traceback" not in err
    assert "error of the program itself" not in err
    assert str(Path.cwd()) not in err, "files are spelled as the user spells them"
    assert out == ""
    assert files_below(Path()) == before


@pytest.mark.parametrize("case", [case for case in INPUTS if case.status == 1], ids=lambda case: case.title)
def test_it_is_refused_for_a_single_file_as_well(case: BadInput, place: Workplace) -> None:
    case.spoil(place)
    place.arguments["--pytorch_dump_output"] = "files/model.safetensors"
    before = files_below(Path())

    assert main(place.command) == 1
    assert files_below(Path()) == before


def test_every_case_has_a_title_of_its_own() -> None:
    titles = [case.title for case in CASES]

    assert len(set(titles)) == len(titles) >= 40

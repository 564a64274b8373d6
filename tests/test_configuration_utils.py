"""Configurations: JSON both ways, unknown fields, labels, other names of fields."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared.config_tester import ConfigTests
from tests.shared.hub_server import Hub
from transformers import PretrainedConfig, UserError


class SmallConfig(PretrainedConfig):
    model_type = "small"
    attribute_map: ClassVar[Mapping[str, str]] = {"hidden_size": "n_embd"}

    def __init__(self, n_embd: int = 8, rate: float = 0.1, pad_token_id: int = 0, **fields: Any) -> None:
        self.n_embd = n_embd
        self.rate = rate
        self.doubled = 2 * n_embd
        fields.pop("doubled", None)
        super().__init__(pad_token_id=pad_token_id, **fields)


class TestSmallConfig(ConfigTests):
    config_class = SmallConfig
    fields: ClassVar[dict[str, Any]] = {"n_embd": 12, "rate": 0.25}


def test_common_fields_have_the_ecosystems_defaults() -> None:
    config = PretrainedConfig()
    assert (config.num_labels, config.id2label, config.label2id) == (
        2,
        {0: "LABEL_0", 1: "LABEL_1"},
        {"LABEL_0": 0, "LABEL_1": 1},
    )
    assert config.use_return_dict is config.return_dict is config.tie_word_embeddings is True
    for name in (
        "output_attentions",
        "output_hidden_states",
        "is_decoder",
        "is_encoder_decoder",
        "add_cross_attention",
    ):
        assert getattr(config, name) is False
    assert config.pruned_heads == {}
    assert config.chunk_size_feed_forward == 0
    assert config.bos_token_id is config.eos_token_id is config.pad_token_id is config.problem_type is None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = config.nonsense


def test_json_is_sorted_and_leaves_out_what_is_common_and_default() -> None:
    text = SmallConfig(zebra=1, output_attentions=True).to_json_string()
    fields = json.loads(text)
    assert list(fields) == sorted(fields)
    assert fields.keys() == {"doubled", "model_type", "n_embd", "output_attentions", "rate", "zebra", "pad_token_id"}
    assert text == SmallConfig(output_attentions=True, zebra=1).to_json_string()
    assert text.endswith("}\n")
    everything = json.loads(SmallConfig().to_json_string(use_diff=False))
    assert everything.keys() > {"return_dict", "id2label", "torch_dtype", "architectures"}


def test_a_common_field_whose_default_the_family_changes_is_written() -> None:
    assert SmallConfig(pad_token_id=None).to_diff_dict()["pad_token_id"] is None
    assert SmallConfig.from_dict(SmallConfig(pad_token_id=None).to_diff_dict()).pad_token_id is None


def test_json_file_round_trip(tmp_path: Path) -> None:
    config = SmallConfig(n_embd=3)
    config.to_json_file(tmp_path / "any.json")
    assert SmallConfig.from_json_file(tmp_path / "any.json") == config
    assert SmallConfig.from_pretrained(tmp_path / "any.json") == config


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}x", fullmatch=True), json_values, max_size=4))
def test_any_json_field_survives(fields: dict[str, Any]) -> None:
    config = SmallConfig(**fields)
    assert SmallConfig.from_dict(json.loads(config.to_json_string())) == config


# Labels


def test_labels_stay_consistent() -> None:
    config = PretrainedConfig(id2label={"0": "no", "1": "yes", "2": "maybe"})
    assert config.id2label == {0: "no", 1: "yes", 2: "maybe"}
    assert config.label2id == {"no": 0, "yes": 1, "maybe": 2}
    assert config.num_labels == 3
    config.id2label = {0: "a", 1: "b"}
    assert (config.num_labels, config.label2id) == (2, {"a": 0, "b": 1})
    config.num_labels = 2
    assert config.id2label == {0: "a", 1: "b"}
    config.num_labels = 3
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}


def test_there_may_be_no_labels_but_not_fewer() -> None:
    config = PretrainedConfig(num_labels=0)
    assert (config.num_labels, config.id2label, config.label2id) == (0, {}, {})
    with pytest.raises(UserError, match="num_labels is -1"):
        PretrainedConfig(num_labels=-1)


def test_labels_follow_from_label2id_alone() -> None:
    assert PretrainedConfig(label2id={"x": 0, "y": 1, "z": 2}).id2label == {0: "x", 1: "y", 2: "z"}


def test_integer_keys_come_back_from_json(tmp_path: Path) -> None:
    SmallConfig(id2label={index: f"l{index}" for index in range(11)}, pruned_heads={1: [0, 2]}).save_pretrained(
        tmp_path
    )
    loaded = SmallConfig.from_pretrained(tmp_path)
    assert list(loaded.id2label) == list(range(11))
    assert loaded.pruned_heads == {1: [0, 2]}


def test_another_number_of_labels_replaces_stored_names() -> None:
    stored = {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}
    assert SmallConfig.from_dict(stored, num_labels=2).id2label == {0: "a", 1: "b"}
    renamed = SmallConfig.from_dict(stored, num_labels=3)
    assert (renamed.num_labels, renamed.label2id["LABEL_2"]) == (3, 2)


def test_stored_names_count_when_the_number_disagrees(caplog: pytest.LogCaptureFixture) -> None:
    assert PretrainedConfig(num_labels=5, id2label={0: "a"}).num_labels == 1
    assert "num_labels is 5, but id2label names 1 labels" in caplog.text


# Reading what others wrote


def test_an_old_file_keeps_its_generation_fields() -> None:
    fields = {"model_type": "small", "max_length": 50, "do_sample": True, "transformers_version": "4.1.0", "_x": 1}
    config = SmallConfig.from_dict(fields)
    assert (config.max_length, config.do_sample) == (50, True)
    assert not fields.items() - config.to_diff_dict().items()


@pytest.mark.parametrize("name", ["torch_dtype", "dtype"])
def test_dtype_is_a_string_under_both_names(name: str) -> None:
    config = PretrainedConfig(**{name: "float16"})
    assert config.dtype == config.torch_dtype == "float16"
    assert config.to_diff_dict() == {"torch_dtype": "float16"}


def test_overrides_go_through_the_constructor() -> None:
    config = SmallConfig.from_dict({"n_embd": 4, "doubled": 8}, hidden_size=6)
    assert (config.n_embd, config.doubled) == (6, 12)


def test_unknown_arguments_are_returned_or_refused(tmp_path: Path) -> None:
    SmallConfig(extra=1).save_pretrained(tmp_path)
    config, unused = SmallConfig.from_pretrained(tmp_path, rate=0.5, extra=2, foo=3, return_unused_kwargs=True)
    assert (config.rate, config.extra, unused) == (0.5, 2, {"foo": 3})
    with pytest.raises(TypeError, match="SmallConfig has no fields bar, foo"):
        SmallConfig.from_pretrained(tmp_path, foo=3, bar=4)


def test_get_config_dict_returns_fields_and_what_it_did_not_use(tmp_path: Path) -> None:
    SmallConfig().save_pretrained(tmp_path / "inner")
    fields, unused = SmallConfig.get_config_dict(tmp_path, subfolder="inner", revision="main", n_embd=5)
    assert fields["n_embd"] == 8
    assert unused == {"n_embd": 5}


def test_the_config_of_a_weight_file_stands_beside_it(tmp_path: Path) -> None:
    SmallConfig(n_embd=3).save_pretrained(tmp_path)
    (tmp_path / "my.bin").touch()
    assert SmallConfig.from_pretrained(tmp_path / "my.bin").n_embd == 3


def test_from_the_hub(hub: Hub, hub_folder: Path) -> None:
    SmallConfig(n_embd=3).save_pretrained(hub_folder)
    assert SmallConfig.from_pretrained("someone/model").n_embd == 3
    assert hub.downloads() == ["main/config.json"]


def test_another_familys_file_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    assert SmallConfig.from_dict({"model_type": "large"}).model_type == "small"
    assert "model type 'large' is read as SmallConfig" in caplog.text
    caplog.clear()
    SmallConfig.from_dict({"model_type": "small"})
    assert not caplog.text


# Errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1,\n "b" 2}', r"config.json is not valid JSON: .*line 2, column 6"),
        ("[1]", "should hold a JSON object, but holds a list"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        ('{"to_dict": 1, "save_pretrained": 2}', "names of its own:\n  save_pretrained\n  to_dict"),
        ('{"problem_type": "guessing"}', "problem_type is 'guessing', but must be one of regression"),
    ],
)
def test_a_bad_file_is_reported(tmp_path: Path, content: str | bytes, message: str) -> None:
    (tmp_path / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        SmallConfig.from_pretrained(tmp_path)


def test_an_absent_file_is_an_oserror_too(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"has no config\.json"):
        SmallConfig.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="does not exist"):
        SmallConfig.from_json_file(tmp_path / "absent.json")


def test_saving_onto_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        SmallConfig().save_pretrained(tmp_path / "file")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SmallConfig(n_embd=3).save_pretrained(tmp_path)

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        SmallConfig(n_embd=4).save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    assert SmallConfig.from_pretrained(tmp_path).n_embd == 3


def test_logging_is_quiet_without_a_reason(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with caplog.at_level(logging.DEBUG):
        SmallConfig().save_pretrained(tmp_path)
        SmallConfig.from_pretrained(tmp_path)
    assert not caplog.text

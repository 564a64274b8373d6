"""What holds for the configuration class of every family. A family's test says which class, and some fields."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from transformers.configuration_utils import PretrainedConfig


class ConfigTests:
    """Base class of the families' tests.

    Attributes:
        config_class: The class.
        fields: Fields of the family, with other values than their defaults.
    """

    config_class: ClassVar[type[PretrainedConfig]]
    fields: ClassVar[Mapping[str, Any]]

    def test_fields_are_attributes_and_differ_from_the_defaults(self) -> None:
        config, defaults = self.config_class(**self.fields), self.config_class()
        for name, value in self.fields.items():
            assert getattr(config, name) == value
            assert getattr(defaults, name) != value

    def test_all_is_as_before_after_saving_and_loading(self, tmp_path: Path) -> None:
        config = self.config_class(**self.fields, num_labels=5, some_field_of_another_tool={"a": [1, None]})
        config.save_pretrained(tmp_path)
        loaded = self.config_class.from_pretrained(tmp_path)
        assert loaded == config
        assert loaded.some_field_of_another_tool == {"a": [1, None]}
        assert loaded.name_or_path == str(tmp_path)

    def test_the_file_names_the_family_and_all_its_fields(self, tmp_path: Path) -> None:
        self.config_class().save_pretrained(tmp_path)
        written = json.loads((tmp_path / "config.json").read_text())
        assert written["model_type"] == self.config_class.model_type != ""
        assert not {self.config_class.attribute_map.get(name, name) for name in self.fields} - written.keys()

    def test_other_names_mean_the_same_field(self) -> None:
        for alias, name in self.config_class.attribute_map.items():
            value = getattr(self.config_class(**self.fields), name)
            config = self.config_class(**{alias: value})
            assert getattr(config, name) == getattr(config, alias) == value
            setattr(config, alias, None)
            assert getattr(config, name) is None
            assert alias not in config.to_dict()

    def test_fields_can_be_replaced_when_loading(self, tmp_path: Path) -> None:
        self.config_class().save_pretrained(tmp_path)
        loaded = self.config_class.from_pretrained(tmp_path, **self.fields)
        assert {name: getattr(loaded, name) for name in self.fields} == dict(self.fields)

    def test_copies_are_equal_and_independent(self) -> None:
        config = self.config_class(**self.fields)
        for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
            assert other == config
            other.id2label[0] = "another"
            assert other != config

"""What the conversion of every family has to do, as one test class.

A family's test module derives from :class:`ConverterTester` and states its rules, tiny sizes and its configuration::

    class TestBertConversion(ConverterTester):
        family = FAMILY
        sizes = {"V": 11, "H": 8, ...}
        config_file = "bert_config.json"
        config = {"hidden_size": 8, ...}
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import transformers
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays, with_training_state
from transformers.checkpoints import Variable, write_bundle
from transformers.conversion import ConversionPlan, ConversionReport, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.export_files import ExportReport
from transformers.conversion.family import Family
from transformers.conversion.layout import VariableTable
from transformers.conversion.pieces import cast, same_bits
from transformers.conversion.run import converted
from transformers.models.auto.exporting import export_checkpoint
from transformers.models.auto.verification import verify_model

Arrays = Mapping[str, Array]


class ConverterTester:
    """The tests; see the module's docstring for what a family has to state."""

    family: ClassVar[Family]
    #: Sizes of the symbols and lengths of the indices in the family's rules, the number of labels included.
    sizes: ClassVar[Mapping[str, int]]
    #: Variables that a checkpoint of another layout has, and these do not (wildcards).
    absent: ClassVar[tuple[str, ...]] = ()
    #: The name and the content of the original's configuration file.
    config_file: ClassVar[str]
    config: ClassVar[Mapping[str, Any]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "architecture" in metafunc.fixturenames and hasattr(self, "family"):
            metafunc.parametrize("architecture", sorted(self.family.architectures))

    # What the tests are made of

    def arrays(self, architecture: str) -> dict[str, Array]:
        return synthetic_arrays(self.family, architecture, self.sizes, absent=self.absent)

    def plan(self, architecture: str) -> tuple[ConversionPlan, MemoryCheckpoint]:
        checkpoint = MemoryCheckpoint(self.arrays(architecture))
        request = PlanRequest(configs=[ConfigSource(self.config_file, self.config)], architecture=architecture)
        return make_plan(self.family, checkpoint, request), checkpoint

    def save(self, folder: Path, arrays: Arrays, **how: Any) -> Path:
        """Writes a checkpoint and the configuration beside it."""
        folder.mkdir()
        (folder / self.config_file).write_text(json.dumps(self.config))
        write_bundle(folder / "model.ckpt", arrays, **how)
        return folder / "model.ckpt"

    def convert(self, source: Path, output: Path, **options: Any) -> ConversionReport:
        return transformers.convert_checkpoint(source, output, self.family.model_type, **options)

    def load(self, architecture: str, path: Path, **options: Any) -> dict[str, torch.Tensor]:
        """The state dict of a converted model, all of whose tensors were found and used."""
        model_class = getattr(transformers, architecture)
        model, info = model_class.from_pretrained(path, output_loading_info=True, **options)
        assert {name: found for name, found in info.items() if found} == {}
        state: dict[str, torch.Tensor] = model.state_dict()
        return state

    def expected(self, architecture: str) -> dict[str, torch.Tensor]:
        """The state dict that a model has to have."""
        plan, checkpoint = self.plan(architecture)
        state = {
            row.target: torch.from_numpy(
                np.concatenate([piece.reshape(-1) for piece in converted(row, checkpoint)]).reshape(row.shape)
            )
            for row in plan.rows
        }
        return state | {key: state[original] for key, original in plan.tied.items()}

    def shows(self, architecture: str) -> bool:
        """Whether the class has to follow from the variables."""
        has_head = self.arrays(architecture).keys() != self.arrays(self.family.base_model).keys()
        return architecture == self.family.headless or (has_head and self.family.architectures[architecture].detected)

    def main_architecture(self) -> str:
        """The class with the most variables, of those that need not be named."""
        return max(filter(self.shows, self.family.architectures), key=lambda name: len(self.arrays(name)))

    # The table

    def test_every_parameter_of_the_class_has_exactly_one_origin(self, architecture: str) -> None:
        plan, _ = self.plan(architecture)
        config = self.family.config_class(**plan.config)
        with torch.device("meta"):
            model = getattr(transformers, architecture)(config)

        shapes = {row.target: row.shape for row in plan.rows}
        tied = {key: shapes[original] for key, original in plan.tied.items()}

        assert len(shapes) == len(plan.rows)
        assert shapes.keys().isdisjoint(tied)
        assert shapes | tied == {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
        for key, original in plan.tied.items():
            assert model.get_parameter(key) is model.get_parameter(original)

    def test_the_table_reads_backwards(self, architecture: str) -> None:
        """Every element of every variable comes back, from one place."""
        plan, checkpoint = self.plan(architecture)
        restored = {name: np.full(variable.shape, np.nan) for name, variable in checkpoint.variables.items()}

        for row in plan.rows:
            result = row.operation.forward([checkpoint.read(source) for source in row.sources])
            shapes = [checkpoint.variables[source].shape for source in row.sources]
            for part in row.operation.restore(result, shapes):
                place = restored[row.sources[part.source]]
                assert np.isnan(place[part.region]).all()
                place[part.region] = part.values

        unused = {skipped.name for skipped in plan.skipped}
        for name, values in restored.items():
            assert name in unused or np.array_equal(values.astype(np.float32), checkpoint.read(name)), name

    def test_the_rules_leave_nothing_of_a_model_out(self) -> None:
        for architecture in self.family.architectures:
            plan, checkpoint = self.plan(architecture)
            used = {source for row in plan.rows for source in row.sources}
            assert used == set(checkpoint.variables), architecture

    # From a file to a model

    def test_a_converted_model_holds_what_the_variables_hold(self, architecture: str, tmp_path: Path) -> None:
        source = self.save(tmp_path / "source", self.arrays(architecture))
        named = {} if self.shows(architecture) else {"architecture": architecture}

        report = self.convert(source, tmp_path / "out", **named)

        assert report.architecture == architecture
        assert report.round_trip
        assert report.rounded == []
        assert_same(self.load(architecture, tmp_path / "out"), self.expected(architecture))
        config = json.loads((tmp_path / "out" / "config.json").read_text())
        assert config["architectures"] == [architecture]
        assert config["model_type"] == self.family.model_type

    def test_a_model_loads_the_original_directly(self, architecture: str, tmp_path: Path) -> None:
        source = self.save(tmp_path / "source", self.arrays(architecture))

        assert_same(self.load(architecture, Path(f"{source}.index")), self.expected(architecture))

    @pytest.mark.parametrize("variant", ["shuffled", "training", "scope", "hub", "partitions", "shards", "float64"])
    def test_how_a_checkpoint_was_written_makes_no_difference(self, variant: str, tmp_path: Path) -> None:
        architecture = self.main_architecture()
        arrays = self.arrays(architecture)
        write = getattr(self, f"_save_{variant}")
        write(tmp_path / "source", arrays)

        report = self.convert(tmp_path / "source" / "model.ckpt", tmp_path / "out")

        assert report.architecture == architecture
        assert_same(self.load(architecture, tmp_path / "out"), self.expected(architecture))
        skipped = {name for names in report.skipped.values() for name in names}
        assert skipped == set(with_training_state(arrays)) - set(arrays) if variant == "training" else not skipped

    def _save_shuffled(self, folder: Path, arrays: Arrays) -> None:
        variables = [(Variable(name, values.shape, "float32"), values) for name, values in arrays.items()]
        random.Random(0).shuffle(variables)
        self.save(folder, variables)  # type: ignore[arg-type]

    def _save_training(self, folder: Path, arrays: Arrays) -> None:
        self.save(folder, with_training_state(arrays))

    def _save_scope(self, folder: Path, arrays: Arrays) -> None:
        self.save(folder, {f"outer/scope/{name}": values for name, values in arrays.items()})

    def _save_hub(self, folder: Path, arrays: Arrays) -> None:
        """The encoder is a module of TensorFlow Hub, the head stands outside."""
        encoder = self.arrays(self.family.base_model)
        self.save(folder, {f"module/{name}" if name in encoder else name: each for name, each in arrays.items()})

    def _save_partitions(self, folder: Path, arrays: Arrays) -> None:
        cuts = {name: [min(2, size) for size in values.shape] for name, values in arrays.items() if values.ndim}
        self.save(folder, arrays, partitions=cuts, shards=2)

    def _save_shards(self, folder: Path, arrays: Arrays) -> None:
        self.save(folder, arrays, shards=5)

    def _save_float64(self, folder: Path, arrays: Arrays) -> None:
        self.save(folder, {name: values.astype(np.float64) for name, values in arrays.items()})

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_narrow_variables_become_float32(self, dtype: str, tmp_path: Path) -> None:
        architecture = self.main_architecture()
        narrow = {name: cast(values, "float32", dtype) for name, values in self.arrays(architecture).items()}
        self.save(
            tmp_path / "source",
            [(Variable(name, values.shape, dtype), values) for name, values in narrow.items()],  # type: ignore[arg-type]
        )

        report = self.convert(tmp_path / "source", tmp_path / "out")

        assert report.rounded == []
        constants = {row.target for row in self.plan(architecture)[0].rows if not row.sources}
        expected = {
            key: tensor if key in constants else tensor.to(getattr(torch, dtype)).float()
            for key, tensor in self.expected(architecture).items()
        }
        assert_same(self.load(architecture, tmp_path / "out"), expected)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_the_output_can_be_narrow(self, dtype: str, tmp_path: Path) -> None:
        architecture = self.main_architecture()
        source = self.save(tmp_path / "source", self.arrays(architecture))

        report = self.convert(source, tmp_path / "out", dtype=dtype)

        assert set(report.rounded) == {row.target for row in self.plan(architecture)[0].rows if row.sources}
        expected = {key: tensor.to(getattr(torch, dtype)) for key, tensor in self.expected(architecture).items()}
        assert_same(self.load(architecture, tmp_path / "out", dtype="auto"), expected)

    # The output

    @pytest.mark.parametrize("name", ["model.safetensors", "model.bin", "model.pt", "model.pth", "sub/folder"])
    def test_all_outputs_agree_and_are_the_same_each_time(self, name: str, tmp_path: Path) -> None:
        architecture = self.main_architecture()
        source = self.save(tmp_path / "source", self.arrays(architecture))

        for attempt in ("one", "two"):
            self.convert(source, tmp_path / attempt / name)

        assert_same(self.load(architecture, tmp_path / "one" / name), self.expected(architecture))
        assert contents(tmp_path / "one") == contents(tmp_path / "two")

    def test_shards_are_loaded_together(self, tmp_path: Path) -> None:
        architecture = self.main_architecture()
        source = self.save(tmp_path / "source", self.arrays(architecture))

        report = self.convert(source, tmp_path / "out", max_shard_size=400)

        shards = list((tmp_path / "out").glob("model-*-of-*.safetensors"))
        assert len(shards) > 2
        assert {path.name for path in shards} <= set(report.files)
        assert_same(self.load(architecture, tmp_path / "out"), self.expected(architecture))

    # The way back

    def test_the_way_back_leads_to_the_same_bytes(self, architecture: str, tmp_path: Path) -> None:
        source = self.save(tmp_path / "source", self.arrays(architecture))
        self.convert(source, tmp_path / "one", architecture=architecture)

        report = self.export(tmp_path / "one", tmp_path / "back" / "model.ckpt-9")

        assert report.rounded == []
        assert report.architecture == architecture
        self.convert(tmp_path / "back", tmp_path / "two", architecture=architecture)
        assert contents(tmp_path / "one") == contents(tmp_path / "two")
        proof = verify_model(tmp_path / "one", tmp_path / "back", self.family.model_type)
        assert (proof.architecture, proof.rounded) == (architecture, 0)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_the_way_back_of_a_narrow_model(self, dtype: str, tmp_path: Path) -> None:
        """It is widened, which loses nothing."""
        source = self.save(tmp_path / "source", self.arrays(self.main_architecture()))
        self.convert(source, tmp_path / "one", dtype=dtype)

        report = self.export(tmp_path / "one", tmp_path / "back" / "model.ckpt-9")

        assert report.rounded == []
        self.convert(tmp_path / "back", tmp_path / "two", dtype=dtype)
        assert contents(tmp_path / "one") == contents(tmp_path / "two")

    def export(self, folder: Path, prefix: Path) -> ExportReport:
        return export_checkpoint(folder, prefix, self.family.model_type)

    # The configuration

    def test_every_size_in_the_configuration_is_held_against_the_tensors(self) -> None:
        sized = [field for field in self.family.fields if field.size and field.spelling in self.config]
        assert sized

        for field in sized:
            wrong = {**self.config, field.spelling: self.config[field.spelling] + 1}
            with pytest.raises(transformers.UserError, match=f"{field.spelling} .*says {wrong[field.spelling]}"):
                self._plan_with(wrong)

    def test_every_size_follows_from_the_tensors(self) -> None:
        sized = {field.spelling for field in self.family.fields if field.size}
        rest = {name: value for name, value in self.config.items() if name not in sized}

        assert self._plan_with(rest).config == self._plan_with(self.config).config

    def _plan_with(self, config: Mapping[str, Any]) -> ConversionPlan:
        checkpoint = MemoryCheckpoint(self.arrays(self.main_architecture()))
        return make_plan(self.family, checkpoint, PlanRequest(configs=[ConfigSource(self.config_file, config)]))

    def test_released_models_are_told_apart_by_their_shapes(self) -> None:
        sizes = [tuple(sorted(model.sizes.items())) for model in self.family.released]

        assert len(set(sizes)) == len(sizes)

    def test_the_family_is_recognised(self) -> None:
        checkpoint = MemoryCheckpoint(self.arrays(self.main_architecture()))

        assert VariableTable(checkpoint.variables, self.family).is_of_family
        assert not VariableTable({"model/other": Variable("model/other", (1,), "float32")}, self.family).is_of_family


def assert_same(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Holds state dicts against each other, bit for bit."""
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype, key
        assert same_bits(*(each.view(torch.uint8).numpy() for each in (found[key], tensor.contiguous()))), key


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

from __future__ import annotations

from pathlib import Path

from utils.check_public_names import PACKAGE, family_faults, faults

from transformers.models.auto.tables import FAMILIES

FAMILY_INIT = """
PUBLIC_NAMES = {"configuration_x": ("XConfig",), "modeling_x": ("XModel", "XForPreTraining")}
"""
CONFIGURATION = '''
class XConfig(PretrainedConfig):
    """The hyper-parameters."""
'''
MODELING = '''
class XPreTrainedModel(PreTrainedModel):
    """What the models share."""

class XModel(XPreTrainedModel):
    pass

class XLayer(Module):
    pass
'''


def test_this_repository_keeps_the_rules() -> None:
    assert [*faults(PACKAGE), *family_faults(PACKAGE)] == []


def test_every_fault_of_a_table_is_named(tmp_path: Path) -> None:
    family = tmp_path / "models" / "x"
    family.mkdir(parents=True)
    (family / "__init__.py").write_text(FAMILY_INIT)
    (family / "configuration_x.py").write_text(CONFIGURATION)
    (family / "modeling_x.py").write_text(MODELING)

    assert list(faults(tmp_path)) == [
        f"{family}/modeling_x.py: XForPreTraining is public but not defined here",
        f"{family}/modeling_x.py:5: XModel is public but has no docstring",
        f"{family}/modeling_x.py:2: XPreTrainedModel is not in the family's table of public names",
    ]


def test_a_table_may_hand_on_the_names_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "__init__.py").write_text('_CORE = {"inner": ("Thing", "Absent")}')
    (tmp_path / "inner" / "__init__.py").write_text('PUBLIC_NAMES = {"things": ("Thing",)}')
    (tmp_path / "inner" / "things.py").write_text("Thing = object")

    assert list(faults(tmp_path)) == [f"{tmp_path}/inner/__init__.py: Absent is public but not defined here"]


def test_classes_of_the_families_table_must_be_public(tmp_path: Path) -> None:
    for folder in {entry.folder for entry in FAMILIES.values()}:
        (tmp_path / "models" / folder).mkdir(parents=True)
        (tmp_path / "models" / folder / "__init__.py").touch()

    found = list(family_faults(tmp_path))

    assert "models/auto/tables.py: gpt2 names GPT2Config, which models/gpt2 does not list" in found
    assert any("convert_bert_original" in fault for fault in found)

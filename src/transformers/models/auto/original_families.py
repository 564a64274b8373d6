"""What the families declare about their original checkpoints."""

from __future__ import annotations

import importlib

from ...conversion.family import Family
from .tables import FAMILIES


def load_family(model_type: str) -> Family:
    """What a family declares about its original checkpoints."""
    entry = FAMILIES[model_type]
    module = importlib.import_module(f"..{entry.folder}.{entry.converter}", __package__)
    family: Family = module.FAMILY
    return family

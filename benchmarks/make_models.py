"""Writes a model of a released size with random parameters: ``make_models.py CLASS FIELDS.json FOLDER``.

Run in our own environment. Peers load the same folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

import transformers


def main() -> None:
    """Makes and saves the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_class")
    parser.add_argument("fields", type=json.loads)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model_class = getattr(transformers, arguments.model_class)
    model_class(model_class.config_class(**arguments.fields)).save_pretrained(arguments.folder)


if __name__ == "__main__":
    main()

"""A vocabulary in the place of a checkpoint: it becomes a tokenizer, and there is no model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._files import write_text
from ...conversion.layout import ConversionError
from ...conversion.output import Destination, atomic_output, refuse_existing
from ...conversion.report import TokenizerReport
from .original_families import load_family
from .original_tokenizers import find_tokenizer
from .tables import FAMILIES, find_model_type


@dataclass(frozen=True)
class OriginalVocabulary:
    """A vocabulary that was given in the place of a checkpoint.

    Attributes:
        file: Its file.
        model_type: Its family.
    """

    file: Path
    model_type: str

    def __str__(self) -> str:
        return f"{self.file} is a vocabulary without a model: it becomes a {self.tokenizer} ({self.model_type})"

    @property
    def tokenizer(self) -> str:
        """The class of the tokenizer that it becomes."""
        return FAMILIES[self.model_type].tokenizer


def find_original_vocabulary(path: Path, model_type: str, requests: Mapping[str, Any]) -> OriginalVocabulary | None:
    """The vocabulary that a path means, if it does not mean a checkpoint.

    Args:
        path: What was given as the checkpoint.
        model_type: The family as the user spells it, or ``auto``.
        requests: What was asked for that is about a model: name -> value, empty if it was not asked for.

    Raises:
        ConversionError: If something was asked for that a vocabulary does not have.
    """
    known = FAMILIES if model_type == "auto" else filter(None, [find_model_type(model_type)])
    for name in known:
        find = load_family(name).find_vocabulary
        if find is not None and (file := find(path)) is not None:
            if asked := [request for request, value in requests.items() if value]:
                raise ConversionError(f"{file} is a vocabulary without a model, which these are about:", asked)
            return OriginalVocabulary(file, name)
    return None


def convert_vocabulary(
    vocabulary: OriginalVocabulary, output: Path, *, overwrite: bool, report: Path | None = None
) -> TokenizerReport:
    """Writes the tokenizer of a vocabulary into a folder, beside the files of a model if there are any.

    Args:
        vocabulary: The vocabulary.
        output: The folder.
        overwrite: Whether files that exist may be replaced.
        report: A file for the report as JSON.

    Raises:
        OutputError: If the output cannot be written.
        ConversionError: If it is no folder.
    """
    started = time.monotonic()
    destination = Destination(output, for_weights=False)
    if destination.is_file:
        raise ConversionError(f"{vocabulary.file} has no weights for {output}.", advice="Name a folder as the output.")
    found = find_tokenizer(vocabulary.model_type, vocabulary.file, vocabulary.file.parent, None)
    if report is not None:
        refuse_existing([report], [vocabulary.file], overwrite=overwrite)
    with atomic_output(destination, (), 0, [vocabulary.file], overwrite=overwrite) as staging:
        found.save(staging.folder)
        written = sorted(path.name for path in staging.folder.iterdir())
    made = _report(vocabulary, found.assumed, destination.folder, written, time.monotonic() - started)
    if report is not None:
        write_text(report, made.to_json())
    return made


def _report(
    vocabulary: OriginalVocabulary, assumed: Sequence[str], folder: Path, written: Sequence[str], seconds: float
) -> TokenizerReport:
    return TokenizerReport(
        source=str(vocabulary.file),
        model_type=vocabulary.model_type,
        tokenizer=vocabulary.tokenizer,
        assumed=assumed,
        seconds=seconds,
        folder=folder,
        files=written,
        load_line=f"transformers.AutoTokenizer.from_pretrained({str(folder)!r})",
    )

"""The tokenizer of an original release: found beside its checkpoint, or where the user says, and written anew."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...conversion.layout import ConversionError
from .tables import FAMILIES

if TYPE_CHECKING:
    from ...tokenization_utils import PreTrainedTokenizerBase

#: A folder with one of these holds a tokenizer of the ecosystem, which is taken as it is.
_SAVED_TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class FoundTokenizer:
    """The tokenizer that goes with a conversion.

    Attributes:
        tokenizer: The tokenizer, or None if there is none.
        files: The files that it was made from, which must not be replaced.
        assumed: What was assumed about it, and why.
    """

    tokenizer: PreTrainedTokenizerBase | None = None
    files: Sequence[Path] = ()
    assumed: Sequence[str] = field(default_factory=tuple)

    def save(self, folder: Path) -> None:
        """Writes its files into a folder."""
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder)


def find_tokenizer(model_type: str, place: Path | None, beside: Path, max_length: int | None) -> FoundTokenizer:
    """Looks for the vocabulary files of a family.

    Args:
        model_type: The family.
        place: The file or folder that the user names, or None.
        beside: The folder of the checkpoint, where they are looked for otherwise.
        max_length: The longest sequence that the model takes.

    Raises:
        ConversionError: If the place that the user names does not hold them.
    """
    entry = FAMILIES[model_type]
    package = importlib.import_module(f"..{entry.folder}", __package__)
    tokenizer_class: type[PreTrainedTokenizerBase] = getattr(package, entry.tokenizer)
    settings = {} if max_length is None else {"model_max_length": max_length}
    if place is not None and any((place / name).is_file() for name in _SAVED_TOKENIZER):
        return FoundTokenizer(
            tokenizer_class.from_pretrained(place), [path for path in place.iterdir() if path.is_file()]
        )
    names = tokenizer_class.original_vocab_files
    if place is not None and place.is_file() and len(names) == 1:
        files = dict.fromkeys(names, place)
    else:
        folder = beside if place is None else place
        files = {argument: folder / name for argument, name in names.items() if (folder / name).is_file()}
    if len(files) < len(names):
        return _incomplete(list(files.values()), list(names.values()), place)
    return FoundTokenizer(
        tokenizer_class.from_original(files, **settings),
        list(files.values()),
        tokenizer_class.original_assumptions(files),
    )


def _incomplete(found: Sequence[Path], names: Sequence[str], place: Path | None) -> FoundTokenizer:
    if place is not None:
        raise ConversionError(
            f"{place} does not hold the tokenizer of this family: {', '.join(names)}.",
            advice="Name the folder of these files with --tokenizer, or leave it out to convert without them.",
        )
    there = {path.name for path in found}
    absent = [name for name in names if name not in there]
    return FoundTokenizer(
        assumed=[f"no tokenizer is written: there is no {' and no '.join(absent)} beside the checkpoint"]
    )

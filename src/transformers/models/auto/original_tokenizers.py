"""The tokenizer of an original release: found beside its checkpoint, or where the user says, and written anew."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._files import write_text
from ...conversion.family import EmbeddedVocabulary
from ...conversion.layout import ConversionError
from .tables import FAMILIES, FamilyEntry

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
        texts: Files of an incomplete tokenizer: name -> content.
    """

    tokenizer: PreTrainedTokenizerBase | None = None
    files: Sequence[Path] = ()
    assumed: Sequence[str] = field(default_factory=tuple)
    texts: Mapping[str, str] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Writes its files into a folder."""
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder)
        for name, text in self.texts.items():
            write_text(folder / name, text)


def find_tokenizer(
    model_type: str,
    place: Path | None,
    beside: Path,
    max_length: int | None,
    embedded: EmbeddedVocabulary | None = None,
) -> FoundTokenizer:
    """Looks for the vocabulary files of a family.

    Args:
        model_type: The family.
        place: The file or folder that the user names, or None.
        beside: The folder of the checkpoint, where they are looked for otherwise.
        max_length: The longest sequence that the model takes.
        embedded: The vocabulary that the checkpoint holds itself.

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
    if embedded is not None:
        return _complete(tokenizer_class, embedded, place, beside, settings)
    names = tokenizer_class.original_vocab_files
    word_pieces = _word_pieces(entry, list(names.values()), place, beside)
    if word_pieces is not None:
        return _bert_tokenizer(word_pieces, settings)
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


def _word_pieces(entry: FamilyEntry, names: Sequence[str], place: Path | None, beside: Path) -> Path | None:
    """The vocabulary of a model with BERT's tokenizer, where the family's own (``names``) is not there."""
    if place is not None and place.is_file():
        return place if entry.word_pieces and place.suffix == ".txt" else None
    folder = beside if place is None else place
    if any((folder / name).is_file() for name in names):
        return None
    return next((folder / name for name in entry.word_pieces if (folder / name).is_file()), None)


def _bert_tokenizer(vocab_file: Path, settings: Mapping[str, Any]) -> FoundTokenizer:
    """BERT's tokenizer with a vocabulary that is read as ALBERT reads it."""
    from ..albert.tokenization_albert import read_wordpieces
    from ..bert.tokenization_bert import BertTokenizer, infer_lower_casing, wordpiece_engine

    lower_casing = infer_lower_casing(vocab_file)
    tokenizer = BertTokenizer(
        do_lower_case=lower_casing.value,
        tokenizer_object=wordpiece_engine(read_wordpieces(vocab_file)),
        original_tokenization=True,
        **settings,
    )
    return FoundTokenizer(tokenizer, [vocab_file], BertTokenizer.original_assumptions({"vocab_file": vocab_file}))


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


def _complete(
    tokenizer_class: type[PreTrainedTokenizerBase],
    embedded: EmbeddedVocabulary,
    place: Path | None,
    beside: Path,
    settings: Mapping[str, Any],
) -> FoundTokenizer:
    """The tokenizer of a vocabulary that the checkpoint holds, with the files that it lacks."""
    found = {argument: _candidates(patterns, place or beside) for argument, patterns in embedded.lacking.items()}
    problems = [_not_one(paths, embedded.lacking[argument]) for argument, paths in found.items() if len(paths) != 1]
    if problems and place is not None:
        raise ConversionError(
            f"{place} does not complete the tokenizer:", problems, "Name the file itself with --tokenizer."
        )
    if problems:
        why = f"{'; '.join(problems)} beside the checkpoint (--tokenizer names it)"
        return FoundTokenizer(
            assumed=[f"of the tokenizer only {', '.join(embedded.alone)} is written: {why}"], texts=embedded.alone
        )
    files = {argument: path for argument, (path,) in found.items()}
    return FoundTokenizer(
        tokenizer_class.from_original(files, **settings, **embedded.settings),
        list(files.values()),
        (*embedded.assumed, *tokenizer_class.original_assumptions(files)),
    )


def _not_one(found: Sequence[Path], patterns: Sequence[str]) -> str:
    if not found:
        return f"there is no {' and no '.join(patterns)}"
    return f"there are several: {', '.join(path.name for path in found)}"


def _candidates(patterns: Sequence[str], place: Path) -> list[Path]:
    """The file that is meant, or those in the folder that have one of the names, the likeliest names first."""
    if place.is_file():
        return [place]
    found = (sorted(path for path in place.glob(pattern) if path.is_file()) for pattern in patterns)
    return next((paths for paths in found if paths), [])

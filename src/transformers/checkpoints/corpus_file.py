"""Pickles of Transformer-XL's data preparation: the cache of a data set, and vocabularies of later tokenizers.

``cache.pkl`` is a corpus - its vocabulary and its texts as numbers - written by Python 2 or 3. ``vocab.pkl`` and
``vocab.bin`` are the vocabulary alone, a dictionary of its attributes, as a plain pickle or as a PyTorch file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from .damage import FormatError, RefusedError, blamed_on
from .inert import PLAIN_NAMES, Dialect, Maker, Record, kind_of, make_record
from .mapped import MappedFile
from .pickled_arrays import ARRAY_NAMES, ArrayInFile, PickledArray
from .torch_file import is_torch_file, read_object
from .unpickling import unpickle

#: A text as numbers, or the paths of the files that it is in.
Text: TypeAlias = ArrayInFile | list[str] | None

_CORPUS = re.compile(rb"(?s).{0,16}(?:data_utils|__main__)(?:\n|.{1,4})Corpus")


def _make_nothing(arguments: tuple[Any, ...]) -> None:
    """For what is of no use here."""


#: What later tokenizers left in their vocabularies; nothing of it is used.
_LEFT_BEHIND: Mapping[tuple[str, str], Maker] = {
    ("re", "_compile"): _make_nothing,
    ("sacremoses.normalize", "MosesPunctNormalizer"): make_record,
    ("sacremoses.tokenize", "MosesDetokenizer"): make_record,
    ("sacremoses.tokenize", "MosesTokenizer"): make_record,
    ("tokenizers", "AddedToken"): make_record,
    ("transformers.tokenization_utils", "Trie"): make_record,
}
_NAMES: Mapping[tuple[str, str], Maker | None] = {
    **PLAIN_NAMES,
    **ARRAY_NAMES,
    **_LEFT_BEHIND,
    **{(module, "Corpus"): make_record for module in ("data_utils", "__main__")},
    **{(module, "Vocab"): make_record for module in ("vocabulary", "utils.vocabulary")},
}
_DIALECT = Dialect(_NAMES)


@dataclass(frozen=True)
class Corpus:
    """A data set.

    Attributes:
        dataset: Its name, such as ``wt103``; None if it has none.
        vocabulary: The attributes of its vocabulary: ``idx2sym`` (list of words), ``sym2idx`` (word -> number),
            ``special`` (list), ``lower_case``, ``delimiter``, ``min_freq``, ``max_size``, ``vocab_file``, ``counter``
            (word -> count) and the numbers of special words (``eos_idx``, ``unk_idx``).
        cutoffs: Where the clusters of the adaptive softmax end, with 0 and the size of the vocabulary; may be empty.
        train: The training text. ``values()`` of it reads the numbers.
        valid: The validation text.
        test: The test text.
    """

    dataset: str | None
    vocabulary: Mapping[str, Any]
    cutoffs: list[int] = field(default_factory=list)
    train: Text = None
    valid: Text = None
    test: Text = None


def is_corpus_file(path: Path) -> bool:
    """Whether a file begins like the pickle of a corpus."""
    with blamed_on(path), path.open("rb") as file:
        return bool(_CORPUS.match(file.read(64)))


def read_corpus(path: Path) -> Corpus:
    """Reads the cache of a data set.

    Args:
        path: The file, ``cache.pkl``.

    Raises:
        CheckpointError: If it is damaged, or has anything in it but a corpus.
    """
    with blamed_on(path):
        corpus = _attributes(_read_pickle(path), "corpus")
        dataset, cutoffs = corpus.get("dataset"), corpus.get("cutoffs", [])
        if not isinstance(dataset, str | None) or not _is_list(cutoffs, int):
            raise FormatError("the name or the cutoffs of the corpus are not what they should be")
        texts = {name: _text(path, name, corpus.get(name)) for name in ("train", "valid", "test")}
        vocabulary = _checked_vocabulary(_attributes(corpus.get("vocab"), "vocabulary"))
        return Corpus(dataset, vocabulary, list(cutoffs), **texts)


def read_vocabulary(path: Path) -> dict[str, Any]:
    """Reads a vocabulary that was saved alone (``vocab.pkl``, ``vocab.bin``).

    Args:
        path: The file.

    Returns:
        Its attributes, see :class:`Corpus`.

    Raises:
        CheckpointError: If it is damaged, or has anything in it but a vocabulary.
    """
    with blamed_on(path):
        value = read_object(path) if is_torch_file(path) else _read_pickle(path)
        return _checked_vocabulary(_attributes(value, "vocabulary"))


def _read_pickle(path: Path) -> Any:
    file = MappedFile(path)
    value, _ = unpickle(file.view(0, file.size), _DIALECT)
    return value


def _attributes(value: Any, what: str) -> dict[str, Any]:
    attributes = value.attributes if isinstance(value, Record) else value
    if not isinstance(attributes, dict) or not all(isinstance(name, str) for name in attributes):
        raise RefusedError(f"its {what} is {kind_of(value)}")
    return attributes


def _text(path: Path, name: str, value: Any) -> Text:
    if isinstance(value, PickledArray):
        return ArrayInFile(path, value)
    if value is None:
        return None
    if isinstance(value, list) and _is_list(value, str):
        return value
    raise FormatError(f"its text {name} is {kind_of(value)}")


def _checked_vocabulary(attributes: dict[str, Any]) -> dict[str, Any]:
    words, numbers = attributes.get("idx2sym"), attributes.get("sym2idx")
    if not isinstance(words, list) or not isinstance(numbers, dict):
        raise FormatError("its vocabulary lacks the words (idx2sym) or their numbers (sym2idx)")
    for place, word in enumerate(words):
        if not isinstance(word, str):
            shown = repr(word)[:80] if isinstance(word, bytes) else kind_of(word)
            raise FormatError(f"word {place} of its vocabulary is no text in UTF-8: {shown}")
    if numbers != {word: place for place, word in enumerate(words)}:
        raise FormatError("the words of its vocabulary (idx2sym) and their numbers (sym2idx) contradict each other")
    return attributes


def _is_list(value: Any, kind: type[Any]) -> bool:
    return isinstance(value, list) and all(isinstance(member, kind) for member in value)

"""From a text to words for XLM, by the rules of the original or of the Hub, in any of its languages.

Chinese, Japanese and Thai have no spaces between words: packages that are not part of this library find them.
"""

from __future__ import annotations

import functools
import importlib
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import MissingDependencyError, MissingFileError
from . import moses

if TYPE_CHECKING:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

#: Where KyTea's model is looked for, as by the Hub's tokenizer.
_KYTEA_MODEL = Path("~/local/share/kytea/model.bin")

_ROMANIAN = str.maketrans({"Ş": "S", "ş": "s", "Ș": "S", "ș": "s", "Ţ": "T", "ţ": "t", "Ț": "T", "ț": "t",
                           "Ă": "A", "ă": "a", "Â": "A", "â": "a", "Î": "I", "î": "i"})  # fmt: skip


class WordRules(Protocol):
    """How texts become words in languages that have spaces between them."""

    def clean(self, text: str, language: str) -> str:
        """The text in plain punctuation, without what cannot be printed."""

    def split(self, text: str, language: str) -> list[str]:
        """The words of a clean text."""


class OriginalRules:
    """The Moses scripts that the authors used."""

    def clean(self, text: str, language: str) -> str:
        """See :class:`WordRules`."""
        return moses.clean(text, language)

    def split(self, text: str, language: str) -> list[str]:
        """See :class:`WordRules`."""
        return moses.split_words(text, language)


class HubRules:
    """The Hub's tokenizer: sacremoses, full-width ones stay ones, what cannot be printed leaves no space behind."""

    def clean(self, text: str, language: str) -> str:
        """See :class:`WordRules`."""
        plain = moses.replace_unicode_punctuation(text, as_of_2019=False)
        return moses.replace_non_printing(_sacremoses(language)[0].normalize(plain), "")

    def split(self, text: str, language: str) -> list[str]:
        """See :class:`WordRules`."""
        if language == "ro":
            text = text.translate(_ROMANIAN)
        return list(_sacremoses(language)[1].tokenize(text, escape=False))


@functools.cache
def _sacremoses(language: str) -> tuple[MosesPunctNormalizer, MosesTokenizer]:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    return MosesPunctNormalizer(lang=language), MosesTokenizer(lang=language)


def words_of(text: str, language: str, rules: WordRules) -> list[str]:
    """The words of a text.

    Raises:
        MissingDependencyError: The package is absent that finds the words of this language.
    """
    if language not in _SEGMENTERS:
        return rules.split(rules.clean(text, language), language)
    segment = _segmenter(language)
    if language == "zh":
        return rules.clean(" ".join(segment(text)), language).split()
    return " ".join(segment(rules.clean(text, language))).split()


def lowercase_and_remove_accents(text: str) -> str:
    """A text without capitals and without the marks on letters."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(character for character in decomposed if unicodedata.category(character) != "Mn").lower()


Segmenter = Callable[[str], Iterable[str]]


def _jieba(module: Any) -> Segmenter:
    cut: Segmenter = module.cut
    return cut


def _pythainlp(module: Any) -> Segmenter:
    cut: Segmenter = module.word_tokenize
    return cut


def _kytea(module: Any) -> Segmenter:
    path = _KYTEA_MODEL.expanduser()
    if not path.is_file():
        raise MissingFileError(
            f"KyTea's model is not at {path}.",
            advice="Put it there, or give texts that are split with bypass_tokenizer.",
        )
    cut: Segmenter = module.Mykytea(f"-model {path}").getWS
    return cut


#: Language -> its name, the module and package that find its words, and how.
_SEGMENTERS = {
    "zh": ("Chinese", "jieba", "jieba", _jieba),
    "ja": ("Japanese", "Mykytea", "kytea", _kytea),
    "th": ("Thai", "pythainlp.tokenize", "pythainlp", _pythainlp),
}


@functools.cache
def _segmenter(language: str) -> Segmenter:
    name, module, package, segmenter_of = _SEGMENTERS[language]
    try:
        return segmenter_of(importlib.import_module(module))
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{name} texts need {package} to find their words: pip install {package}",
            advice="Or give texts whose words have spaces between them, with bypass_tokenizer=True.",
        ) from error

"""Steps of text preparation that several families share, for the engine. Each does exactly what Python does."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable

from tokenizers import Regex, normalizers

_CASED = r"[\p{Cased}&&[^\p{Case_Ignorable}]]"
_FINAL_SIGMA = rf"(?<={_CASED}\p{{Case_Ignorable}}*)Σ(?!\p{{Case_Ignorable}}*{_CASED})"
_OTHER_SPACES = r"[\x09-\x0D\x1C-\x1F\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]"
#: All characters with a combining class are in here.
_RANGE_OF_COMBINING = range(0x300, 0x1F000)


def lower_case() -> list[normalizers.Normalizer]:
    """``str.lower``, to which a capital sigma at a word's end is a final one."""
    return [normalizers.Replace(Regex(_FINAL_SIGMA), "ς"), normalizers.Lowercase()]


def plain_spaces() -> normalizers.Normalizer:
    """Spaces for all that ``str.split`` splits at; several in a row stay."""
    return normalizers.Replace(Regex(_OTHER_SPACES), " ")


def strip_accents() -> list[normalizers.Normalizer]:
    """NFKD without the characters that have a combining class."""
    return [normalizers.NFKD(), normalizers.Replace(Regex(_combining()), "")]


@functools.cache
def _combining() -> str:
    return character_class(code for code in _RANGE_OF_COMBINING if unicodedata.combining(chr(code)))


def character_class(codes: Iterable[int]) -> str:
    """A class of characters in the engine's regular expressions, from ascending code points."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges) + "]"

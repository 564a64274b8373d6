"""The Moses scripts of August 2019, with which XLM's authors prepared their texts, as functions.

They are ``replace-unicode-punctuation``, ``normalize-punctuation``, ``remove-non-printing-char`` and ``tokenizer
-no-escape`` of moses-smt/mosesdecoder at 9f08d77b. The package ``sacremoses`` has later rules, and differs in details;
the lists of abbreviations are the same and come from it.
"""

from __future__ import annotations

import functools

import regex

# The rules take the characters beside those that they change as the scripts do, with which they are used up for the
# next match of the same rule.

#: Characters and what stands for them.
_PLAIN_PUNCTUATION = str.maketrans({
    "，": ",", "、": ",", "”": '"', "“": '"', "《": '"', "》": '"', "「": '"', "」": '"', "’": "'", "∶": ":", "：": ":",
    "？": "?", "（": "(", "）": ")", "！": "!", "；": ";", "％": "%", "～": "~", "…": "...", "━": "-", "〈": "<",
    "〉": ">", "【": "[", "】": "]", **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
})  # fmt: skip
#: In those days the script took the full-width digit one for a quotation mark.
_PLAIN_PUNCTUATION_OF_2019 = _PLAIN_PUNCTUATION | {ord("１"): '"'}
_FULL_STOPS = regex.compile(r"[。．]\s*")

_NBSP = "\N{NO-BREAK SPACE}"
Rule = tuple[regex.Pattern[str], str]

_BRACKETS: tuple[tuple[str, str], ...] = (
    (r"\r", ""),
    (r"\(", " ("),
    (r"\)", ") "),
    (" +", " "),
    (r"\) ([.!:?;,])", r")\1"),
    (r"\( ", "("),
    (r" \)", ")"),
    (r"(\d) %", r"\1%"),
    (" ([:;])", r"\1"),
)
_QUOTES: tuple[tuple[str, str], ...] = (
    ("`", "'"),
    ("''", ' " '),
    ("[„“”]", '"'),
    ("–", "-"),
    ("—", " - "),
    (" +", " "),
    ("´", "'"),
    ("([a-zA-Z])‘([a-zA-Z])", r"\1'\2"),
    ("([a-zA-Z])’([a-zA-Z])", r"\1'\2"),
    ("[‘‚’]", '"'),
    ("''", '"'),
    ("…", "..."),
)
_FRENCH_QUOTES: tuple[tuple[str, str], ...] = (
    (f"{_NBSP}«{_NBSP}", ' "'),
    (f"«{_NBSP}?", '"'),
    (f"{_NBSP}»{_NBSP}", '" '),
    (f"{_NBSP}?»", '"'),
)
_SPACES: tuple[tuple[str, str], ...] = (
    (f"{_NBSP}%", "%"),
    (f"nº{_NBSP}", "nº "),
    (f"{_NBSP}:", ":"),
    (f"{_NBSP}(ºC|cm)", r" \1"),
    (f"{_NBSP}([?!;])", r"\1"),
    (f",{_NBSP}", ", "),
    (" +", " "),
)
_QUOTES_BEHIND_COMMAS: tuple[tuple[str, str], ...] = ((r'"([,.]+)', r'\1"'),)
_QUOTES_BEFORE_COMMAS: tuple[tuple[str, str], ...] = ((',"', '",'), (r'(\.+)"(\s*[^<])', r'"\1\2'))

_WITH_DECIMAL_COMMA = ("de", "es", "cz", "cs", "fr")
_CZECH = ("cz", "cs")

_LETTER, _NUMBER = r"\p{Alphabetic}", r"\p{N}"
_OTHERS = regex.compile(rf"([^{_LETTER}\p{{Nd}}\s.'`,\-])")
_OTHERS_BUT_COLON = regex.compile(rf"([^{_LETTER}\p{{Nd}}\s.:'`,\-])|(:)(?!\p{{Ll}})")
_COLON_IN_WORDS = ("fi", "sv")
_COMMAS = (
    (regex.compile(f"([^{_NUMBER}]),"), r"\1 , "),
    (regex.compile(f",([^{_NUMBER}])"), r" , \1"),
    (regex.compile(f"({_NUMBER}),$"), r"\1 , "),
)
_DOTS = regex.compile(r"\.{2,}")
#: Stands for a dot of several in a row: no text has it any more, as it is for private use.
_DOT = "\ue000"


def _apostrophe(before: str, after: str, replacement: str) -> Rule:
    return regex.compile(f"({before})'({after})"), replacement


_APART, _WITH_NEXT, _WITH_LAST = r"\1 ' \2", r"\1 '\2", r"\1' \2"
_AT_NO_LETTER = (
    _apostrophe(rf"[^{_LETTER}]", rf"[^{_LETTER}]", _APART),
    _apostrophe(rf"[^{_LETTER}]", _LETTER, _APART),
    _apostrophe(_LETTER, rf"[^{_LETTER}]", _APART),
)
_ROMANCE_APOSTROPHES = (*_AT_NO_LETTER, _apostrophe(_LETTER, _LETTER, _WITH_LAST))
_APOSTROPHES = {
    "en": (
        _AT_NO_LETTER[0],
        _apostrophe(rf"[^{_LETTER}{_NUMBER}]", _LETTER, _APART),
        _AT_NO_LETTER[2],
        _apostrophe(_LETTER, _LETTER, _WITH_NEXT),
        _apostrophe(_NUMBER, "s", _WITH_NEXT),
    ),
    **dict.fromkeys(("fr", "it", "ga"), _ROMANCE_APOSTROPHES),
    "so": _AT_NO_LETTER,
}
_ANY_APOSTROPHE = ((regex.compile("'"), " ' "),)

_NUMERIC_ONLY = "#NUMERIC_ONLY#"


def replace_unicode_punctuation(text: str, *, as_of_2019: bool) -> str:
    """ASCII for full-width and CJK punctuation and digits."""
    table = _PLAIN_PUNCTUATION_OF_2019 if as_of_2019 else _PLAIN_PUNCTUATION
    return str(_FULL_STOPS.sub(". ", text)).translate(table)


def normalize_punctuation(text: str, language: str) -> str:
    """Plain quotes, dashes and spaces, by the customs of a language."""
    for pattern, replacement in _punctuation_rules(language):
        text = pattern.sub(replacement, text)
    return text


@functools.cache
def _punctuation_rules(language: str) -> tuple[Rule, ...]:
    commas: tuple[tuple[str, str], ...] = () if language in _CZECH else _QUOTES_BEFORE_COMMAS
    if language == "en":
        commas = _QUOTES_BEHIND_COMMAS
    point = "," if language in _WITH_DECIMAL_COMMA else "."
    number = ((rf"(\d){_NBSP}(\d)", rf"\1{point}\2"),)
    rules = (*_BRACKETS, *_QUOTES, *_FRENCH_QUOTES, *_SPACES, *commas, *number)
    return tuple((regex.compile(pattern), replacement) for pattern, replacement in rules)


def replace_non_printing(text: str, replacement: str = " ") -> str:
    """Control, format, private and unassigned characters as something else."""
    return str(regex.sub(r"\p{C}", replacement, text))


def clean(text: str, language: str) -> str:
    """All that happens to a text before it is split into words."""
    plain = replace_unicode_punctuation(text, as_of_2019=True)
    return replace_non_printing(normalize_punctuation(plain, language))


def split_words(text: str, language: str) -> list[str]:
    """The words of a text that is clean."""
    text = " ".join(text.split())
    text = (_OTHERS_BUT_COLON if language in _COLON_IN_WORDS else _OTHERS).sub(r" \g<0> ", text)
    text = _DOTS.sub(lambda dots: f" {_DOT * len(dots[0])} ", text)
    for pattern, replacement in (*_COMMAS, *_APOSTROPHES.get(language, _ANY_APOSTROPHE)):
        text = pattern.sub(replacement, text)
    text = " ".join(_split_full_stops(text.split(), language))
    text = regex.sub(r"\.' ?$", " . ' ", text)
    return text.replace(_DOT, ".").split()


def _split_full_stops(words: list[str], language: str) -> list[str]:
    """Words with their full stops apart, but for those of abbreviations."""
    abbreviations = _abbreviations(language)
    return [
        f"{word[:-1]} ."
        if len(word) > 1 and word[-1] == "." and not (behind and _keeps_full_stop(word[:-1], behind[0], abbreviations))
        else word
        for word, behind in ((word, words[place + 1 : place + 2]) for place, word in enumerate(words))
    ]


def _keeps_full_stop(word: str, following: str, abbreviations: dict[str, bool]) -> bool:
    """Whether a full stop belongs to the word before it.

    Args:
        word: That word.
        following: The next word.
        abbreviations: Abbreviations of the language, and whether they are such before numbers only.
    """
    if "." in word and regex.search(_LETTER, word):
        return True
    if abbreviations.get(word) is False or regex.match(r"\p{Lowercase}", following):
        return True
    return word in abbreviations and regex.match("[0-9]", following) is not None


@functools.cache
def _abbreviations(language: str) -> dict[str, bool]:
    from sacremoses.corpus import NonbreakingPrefixes

    lines = (line.partition(_NUMERIC_ONLY) for line in NonbreakingPrefixes().words(language))
    return {word.strip(): bool(numeric) for word, numeric, _ in lines}

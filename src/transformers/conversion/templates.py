"""Names with placeholders, such as ``bert/encoder/layer_{i}/output/dense/kernel``.

Filling a template and matching a name against it undo each other, which no regular expression guarantees: an index is
matched only in the spelling in which it would be written (``7``, never ``07``; with ``{i:03d}`` only ``007``).
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

#: Placeholder -> its value: an index, or one of the words that a rule lists for it.
Values = Mapping[str, int | str]


#: More digits than any real index has; keeps hostile names from becoming huge integers.
LONGEST_INDEX = 9


@dataclass(frozen=True)
class Template:
    """A name with placeholders.

    Args:
        text: The name; ``{i}`` stands for an index, any placeholder listed in ``words`` for one of its words.
        words: Placeholder -> the words that it can stand for.
    """

    text: str
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @cached_property
    def _segments(self) -> tuple[tuple[str, str | None, str], ...]:
        """The text cut into (literal, placeholder behind it, its format)."""
        parsed = string.Formatter().parse(self.text)
        return tuple((literal, field, spec or "") for literal, field, spec, _ in parsed)

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The names of all placeholders."""
        return frozenset(field for _, field, _ in self._segments if field)

    @cached_property
    def indices(self) -> frozenset[str]:
        """The placeholders that stand for an index."""
        return self.placeholders - dict(self.words).keys()

    def fill(self, values: Values) -> str:
        """The name for the given values of the placeholders."""
        return self.text.format(**values)

    def match(self, name: str) -> dict[str, int | str] | None:
        """The values for which :meth:`fill` gives ``name``, or None if there are none."""
        return next(self._matches(name, 0, {}), None)

    def _matches(self, rest: str, at: int, found: dict[str, int | str]) -> Iterator[dict[str, int | str]]:
        if at == len(self._segments):
            if not rest:
                yield found
            return
        literal, field, spec = self._segments[at]
        if not rest.startswith(literal):
            return
        rest = rest[len(literal) :]
        if field is None:
            yield from self._matches(rest, at + 1, found)
            return
        for text, value in self._candidates(field, spec, rest):
            if found.get(field, value) == value:
                yield from self._matches(rest[len(text) :], at + 1, {**found, field: value})

    def _candidates(self, field: str, spec: str, rest: str) -> Iterator[tuple[str, int | str]]:
        words = dict(self.words).get(field)
        if words is not None:
            yield from ((word, word) for word in words if rest.startswith(word))
            return
        digits = "".join(itertools.takewhile(string.digits.__contains__, rest))
        for length in range(min(len(digits), LONGEST_INDEX), 0, -1):
            if format(int(digits[:length]), spec) == digits[:length]:
                yield digits[:length], int(digits[:length])


def expand_values(
    placeholders: Iterable[str], words: Mapping[str, Iterable[str]], counts: Mapping[str, int]
) -> Iterator[dict[str, int | str]]:
    """All combinations of values for some placeholders, indices varying slowest."""
    names = sorted(placeholders, key=lambda name: (name in words, name))
    ranges: list[Iterable[int | str]] = [words[name] if name in words else range(counts[name]) for name in names]
    for values in itertools.product(*ranges):
        yield dict(zip(names, values, strict=True))

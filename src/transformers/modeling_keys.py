"""Which stored tensor is which parameter: names changed over the years, and files of base models lack a prefix."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase


def match_keys(
    stored: Iterable[str], wanted: Collection[str], base_prefix: str, ignored: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Finds the stored tensor for each key of a model.

    A stored name fits a key as it is, in its older spelling (``gamma`` and ``beta`` of layer norms), as wrappers of
    modules change it, and with or without the name of the base model in front.

    Args:
        stored: The stored names.
        wanted: The keys of the model.
        base_prefix: Name of the base model in models with a head.
        ignored: Shell patterns of stored names that need not fit.

    Returns:
        Key -> stored name, and the stored names that fit no key.
    """
    stored = list(stored)
    found = {name: name for name in stored if name in wanted}
    unexpected = []
    for name in stored:
        if name in found:
            continue
        key = next((key for key in _spellings(name, base_prefix) if key in wanted and key not in found), None)
        if key is not None:
            found[key] = name
        elif not any(fnmatchcase(name, pattern) for pattern in ignored):
            unexpected.append(name)
    return found, unexpected


def unwrapped(name: str) -> str:
    """The name that a tensor has where no part of the model is compiled by ``torch.compile``."""
    return name.replace("_orig_mod.", "")


#: How early files end the names of layer norms, and those of 2018 the names of all parameters.
_OLDER_ENDINGS = {"gamma": "weight", "beta": "bias", "g": "weight", "w": "weight", "b": "bias"}


def _spellings(name: str, base_prefix: str) -> Iterator[str]:
    name = unwrapped(name).removeprefix("module.")
    stem, _, last = name.rpartition(".")
    modern = f"{stem}.{_OLDER_ENDINGS[last]}" if last in _OLDER_ENDINGS else name
    for spelling in (name, modern):
        yield spelling
        if base_prefix:
            yield f"{base_prefix}.{spelling}"
            yield spelling.removeprefix(f"{base_prefix}.")

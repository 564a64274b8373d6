"""The two files of a byte-pair encoding: the ids of its tokens, and its merges."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence

from .errors import UserError
from .tokenization_files import missing_vocabulary, read_text

#: Two symbols that become one.
Merge = tuple[str, str]
StrPath = str | os.PathLike[str]


def read_token_ids(vocab_file: StrPath) -> dict[str, int]:
    """Token -> id, as in ``vocab.json``.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is no JSON object of numbers.
    """
    try:
        vocabulary = json.loads(read_text(vocab_file))
    except json.JSONDecodeError as error:
        raise UserError(f"{os.fspath(vocab_file)} is not valid JSON: {error}") from error
    if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
        raise UserError(f"{os.fspath(vocab_file)} is no vocabulary: it should hold an object of tokens and their ids.")
    return vocabulary


def read_merges(merges_file: StrPath) -> list[Merge]:
    """The merges of ``merges.txt``, the most frequent first. The first line is the version, the last piece is empty.

    Raises:
        MissingFileError: There is no such file.
        UserError: A line does not hold two symbols.
    """
    lines = [line.split() for line in read_text(merges_file).split("\n")[1:-1]]
    wrong = [f"line {number}: {' '.join(line)!r}" for number, line in enumerate(lines, start=2) if len(line) != 2]
    if wrong:
        raise UserError(f"{os.fspath(merges_file)} should have two symbols in each line:", wrong[:5])
    return [(left, right) for left, right in lines]


def read_vocabulary_and_merges(
    tokenizer: str, vocab_file: StrPath | None, merges_file: StrPath | None
) -> tuple[dict[str, int], list[Merge]]:
    """Both files, for the engine, which needs the parts and the results of all merges in the vocabulary.

    Args:
        tokenizer: The name of the class, for a message.
        vocab_file: See :func:`read_token_ids`.
        merges_file: See :func:`read_merges`.

    Raises:
        MissingFileError: One of them does not exist.
        UserError: One was not given, or is damaged, or they do not belong together.
    """
    absent = [name for name, path in (("vocab_file", vocab_file), ("merges_file", merges_file)) if path is None]
    if vocab_file is None or merges_file is None:
        raise missing_vocabulary(tokenizer, absent)
    vocabulary, merges = read_token_ids(vocab_file), read_merges(merges_file)
    _require_known(merges, vocabulary, f"{os.fspath(merges_file)} does not belong to {os.fspath(vocab_file)}")
    return vocabulary, merges


def _require_known(merges: Sequence[Merge], vocabulary: Collection[str], problem: str) -> None:
    unknown = [
        f"{left} {right}"
        for left, right in merges
        if left not in vocabulary or right not in vocabulary or left + right not in vocabulary
    ]
    if unknown:
        raise UserError(
            f"{problem}: {len(unknown)} merges have parts or results that are not in the vocabulary:", unknown[:5]
        )

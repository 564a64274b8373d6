"""Times the ids of all lines of a text: ``tokenizing.py WAY FOLDER TEXT [--repeat N | --outputs FILE.npz]``.

``library`` calls the tokenizer; ``engine`` calls what does the work in it, the Rust engine, and nothing else.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from clock import report

_BATCH = 1000
#: What two of the families split after the segmentation, unlike the engine.
_NUMBER_AND_COMMA = re.compile(r"\d,")


def batches(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines, a thousand at a time."""
    for start in range(0, len(lines), _BATCH):
        yield list(lines[start : start + _BATCH])


def library(folder: Path) -> Callable[[list[str]], list[list[int]]]:
    """The tokenizer as one calls it; it returns token types and the attention mask, too, where the model has them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda texts: tokenizer(texts, verbose=False)["input_ids"]  # type: ignore[no-any-return]


def engine(folder: Path) -> Callable[[list[str]], list[list[int]]]:
    """The engine of the tokenizer."""
    from tokenizers import Tokenizer

    alone = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return lambda texts: [encoding.ids for encoding in alone.encode_batch(texts)]


def main() -> None:
    """Reads the text and tokenizes it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=("library", "engine"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--outputs", type=Path)
    parser.add_argument("--numbers_apart", action="store_true", help="leave lines with numbers and commas out of those")
    arguments = parser.parse_args()
    lines = arguments.text.read_text(encoding="utf-8").split("\n")
    if arguments.outputs is not None and arguments.numbers_apart:
        lines = [line for line in lines if not _NUMBER_AND_COMMA.search(line)]
    encode = {"library": library, "engine": engine}[arguments.way](arguments.folder)

    def job() -> dict[str, Any]:
        rows = [row for texts in batches(lines) for row in encode(texts)]
        if arguments.outputs is None:
            return {}
        return {"ids": list(chain.from_iterable(rows)), "lengths": [len(row) for row in rows]}

    report(job, repeat=arguments.repeat, outputs=arguments.outputs)


if __name__ == "__main__":
    main()

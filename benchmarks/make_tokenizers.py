"""Writes 5 MB of English text, and tokenizers with vocabularies of the usual size that were trained on it.

The text are the docstrings of Python's standard library, paragraph by paragraph in an order drawn once, and again from
the start until there is enough. Run in our own environment: ``python benchmarks/make_tokenizers.py FOLDER``.
"""

from __future__ import annotations

import ast
import itertools
import json
import random
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import transformers

SIZE = 5_000_000
_WORDPIECES, _BYTE_PAIRS, _UNIGRAMS = 30522, 50257, 16000


def paragraphs() -> Iterator[str]:
    """The paragraphs of all docstrings."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*/*.py")):
        if "site-packages" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                    if len(text := " ".join(paragraph.split())) > 60:
                        yield text


def write_text(path: Path) -> list[str]:
    """Writes the text, a paragraph a line, and returns the lines."""
    different = list(dict.fromkeys(paragraphs()))
    random.Random(0).shuffle(different)
    sizes = itertools.accumulate(len(line.encode()) + 1 for line in itertools.cycle(different))
    count = sum(1 for _ in itertools.takewhile(lambda size: size < SIZE, sizes))
    lines = list(itertools.islice(itertools.cycle(different), count))
    path.write_text("\n".join(lines), encoding="utf-8")
    return lines


def write_bert(folder: Path, lines: list[str]) -> None:
    """WordPiece."""
    engine = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=_WORDPIECES, special_tokens=special, show_progress=False)
    engine.train_from_iterator((line.lower() for line in lines), trainer)
    vocabulary = engine.get_vocab()
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.__getitem__)))
    transformers.BertTokenizer.from_original({"vocab_file": folder / "vocab.txt"}).save_pretrained(folder)


def write_gpt2(folder: Path, lines: list[str]) -> None:
    """Byte-level BPE."""
    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=_BYTE_PAIRS,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    engine.train_from_iterator(lines, trainer)
    engine.model.save(str(folder))
    files = {"vocab_file": folder / "vocab.json", "merges_file": folder / "merges.txt"}
    transformers.GPT2Tokenizer.from_original(files).save_pretrained(folder)


def write_sentencepiece(path: Path, lines: list[str]) -> None:
    """A unigram model with the normalisation of ALBERT's, XLNet's and T5's."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(dict.fromkeys(lines))),
        model_prefix=str(path.with_suffix("")),
        vocab_size=_UNIGRAMS,
        model_type="unigram",
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=["[CLS]", "[SEP]", "[MASK]", "<cls>", "<sep>", "<mask>"],
        minloglevel=2,
    )


def main(folder: Path) -> None:
    """Writes everything."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = write_text(folder / "text.txt")
    for family in ("bert", "gpt2", "albert", "xlnet", "t5"):
        (folder / family).mkdir(exist_ok=True)
    write_bert(folder / "bert", lines)
    write_gpt2(folder / "gpt2", lines)
    model = folder / "spiece.model"
    write_sentencepiece(model, lines)
    for family, name in (("albert", "AlbertTokenizer"), ("xlnet", "XLNetTokenizer"), ("t5", "T5Tokenizer")):
        getattr(transformers, name).from_original({"vocab_file": model}).save_pretrained(folder / family)
        (folder / family / "config.json").write_text(json.dumps({"model_type": family}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

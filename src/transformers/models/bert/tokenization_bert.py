"""BERT's WordPiece tokenizer.

The rules are those of ``tokenization.py`` in google-research/bert. The Hub's tokenizers differ from it in a few of
them, and there are two settings: as the Hub (the default), and as the original (``original_tokenization``), which a
conversion writes. They differ in

================================  ==========================================  =======================================
what                              as the original                             as the Hub
================================  ==========================================  =======================================
special tokens in a text          ordinary characters                         recognised
a word becomes ``[UNK]``          above 200 characters                        above 100 characters
private-use, unassigned           kept                                        dropped
capital sigma at a word's end     becomes a final sigma                       becomes an ordinary sigma
ideographs U+2B820 to U+2B91F     words by themselves                         letters like others
================================  ==========================================  =======================================

and where the engine's Unicode tables are older than the characters of a text. One difference to the original remains:
the engine takes no lone surrogates.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from ...errors import UserError
from ...tokenization_files import TOKENIZER, add_tokens, load_engine, missing_vocabulary, read_text
from ...tokenization_normalizers import lower_case
from ...tokenization_special_tokens import InputTemplate
from ...tokenization_utils import PreTrainedTokenizerFast
from .basic_tokenizer import IDEOGRAPHS, BasicTokenizer, WordpieceTokenizer

__all__ = [
    "BasicTokenizer",
    "BertTokenizer",
    "BertTokenizerFast",
    "LowerCasing",
    "WordpieceTokenizer",
    "infer_lower_casing",
]

_LONGEST_WORD = 100
_LONGEST_WORD_OF_THE_ORIGINAL = 200

_DROPPED = r"[\x{0}\x{FFFD}]|[[\p{Cc}\p{Cf}]&&[^\t\n\r]]"
_WORDS_BY_THEMSELVES = (
    "[" + "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in IDEOGRAPHS) + r"!-/:-@\[-`{-~\p{P}]"
)


@dataclasses.dataclass(frozen=True, slots=True)
class TextRules:
    """How a text becomes words.

    Attributes:
        lower_case: Whether words are lower-cased.
        strip_accents: Whether accents are removed; None: if words are lower-cased.
        ideographs: Whether each CJK ideograph is a word.
        original: Whether the rules are exactly the original's, which has no choice but lower-casing.
    """

    lower_case: bool = True
    strip_accents: bool | None = None
    ideographs: bool = True
    original: bool = False

    @classmethod
    def of(cls, engine: Tokenizer) -> Self | None:
        """The rules that an engine follows, None if they are neither the original's nor the Hub's."""
        normalizer = engine.normalizer
        if isinstance(normalizer, normalizers.BertNormalizer):
            return cls(normalizer.lowercase, normalizer.strip_accents, normalizer.handle_chinese_chars)
        state = None if normalizer is None else normalizer.__getstate__()
        for rules in (cls(lower_case=True, original=True), cls(lower_case=False, original=True)):
            if state == rules.normalizer().__getstate__():
                return rules
        return None

    def updated(self, *, original: bool, **given: bool | None) -> TextRules:
        """The rules with those that are given instead; None is not given."""
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return TextRules(**{**dataclasses.asdict(self), **changes, "original": original})

    def normalizer(self) -> normalizers.Normalizer:
        """What happens to the characters."""
        if not self.original:
            return normalizers.BertNormalizer(
                clean_text=True,
                handle_chinese_chars=self.ideographs,
                strip_accents=self.strip_accents,
                lowercase=self.lower_case,
            )
        steps: list[normalizers.Normalizer] = [normalizers.Replace(Regex(_DROPPED), "")]
        if self.lower_case:
            steps += [
                *lower_case(),
                normalizers.NFD(),
                normalizers.Replace(Regex(r"\p{Mn}"), ""),
            ]
        return normalizers.Sequence(steps)

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Where the text is split."""
        if not self.original:
            return pre_tokenizers.BertPreTokenizer()
        return pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(_WORDS_BY_THEMSELVES), "isolated")]
        )

    def apply(self, engine: Tokenizer) -> None:
        """Makes an engine follow the rules."""
        engine.normalizer = self.normalizer()
        engine.pre_tokenizer = self.pre_tokenizer()
        longest = _LONGEST_WORD_OF_THE_ORIGINAL if self.original else _LONGEST_WORD
        engine.model.max_input_chars_per_word = longest


class BertTokenizer(PreTrainedTokenizerFast):
    """Text to WordPiece ids: ``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]``.

    Args:
        vocab_file: ``vocab.txt``.
        do_lower_case: Whether the text is lower-cased (default: yes, or as ``tokenizer_file`` says).
        do_basic_tokenize: Whether the text is cleaned and split at punctuation; otherwise at white space only.
        never_split: Words of the vocabulary that are left as they are where they stand alone.
        unk_token: Stands for unknown words.
        sep_token: Ends each text.
        pad_token: Fills rows up.
        cls_token: Starts each input.
        mask_token: Stands for what is to be predicted.
        tokenize_chinese_chars: Whether each CJK ideograph is a word (default: yes, or as ``tokenizer_file`` says).
        strip_accents: Whether accents are removed (default: if the text is lower-cased, or as ``tokenizer_file`` says).
        clean_up_tokenization_spaces: Whether decoding removes the spaces before punctuation.
        tokenizer_object: An engine, instead of the vocabulary file.
        tokenizer_file: A ``tokenizer.json``, instead of the vocabulary file.
        original_tokenization: Whether texts are treated exactly as by the original code, see the module.
        **settings: See :class:`~transformers.PreTrainedTokenizerBase`.
    """

    vocab_files_names = {"vocab_file": "vocab.txt", "tokenizer_file": TOKENIZER}  # noqa: RUF012
    original_vocab_files = {"vocab_file": "vocab.txt"}  # noqa: RUF012
    input_template = InputTemplate("cls A sep", "cls A sep B:1 sep:1")

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        do_lower_case: bool | None = None,
        do_basic_tokenize: bool = True,
        never_split: Collection[str] | None = None,
        unk_token: str | AddedToken = "[UNK]",
        sep_token: str | AddedToken = "[SEP]",
        pad_token: str | AddedToken = "[PAD]",
        cls_token: str | AddedToken = "[CLS]",
        mask_token: str | AddedToken = "[MASK]",
        tokenize_chinese_chars: bool | None = None,
        strip_accents: bool | None = None,
        clean_up_tokenization_spaces: bool = True,
        *,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        original_tokenization: bool = False,
        **settings: Any,
    ) -> None:
        engine = (
            load_engine(tokenizer_file) if tokenizer_object is None and tokenizer_file is not None else tokenizer_object
        )
        if engine is None:
            engine = wordpiece_engine(read_vocabulary(vocab_file), unk_token)
        rules = None
        if do_basic_tokenize:
            rules = _settle_rules(
                engine,
                original=original_tokenization,
                lower_case=do_lower_case,
                strip_accents=strip_accents,
                ideographs=tokenize_chinese_chars,
            )
        else:
            engine.normalizer, engine.pre_tokenizer = None, pre_tokenizers.WhitespaceSplit()
        if isinstance(engine.decoder, decoders.WordPiece):  # whether to clean up is decided when decoding
            engine.decoder = decoders.WordPiece(prefix=engine.decoder.prefix, cleanup=False)
        _protect(engine, never_split or ())
        self.do_lower_case = do_lower_case if rules is None else rules.lower_case
        super().__init__(
            tokenizer_object=engine,
            original_tokenization=original_tokenization,
            do_lower_case=self.do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            never_split=sorted(never_split) if never_split else None,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=tokenize_chinese_chars if rules is None else rules.ideographs,
            strip_accents=strip_accents if rules is None else rules.strip_accents,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            **settings,
        )

    @classmethod
    def from_original(
        cls, files: Mapping[str, str | os.PathLike[str]], *, do_lower_case: bool | None = None, **settings: Any
    ) -> Self:
        """The tokenizer of an original release, which treats texts exactly as the original code.

        A conversion calls ``BertTokenizer.from_original({"vocab_file": path}).save_pretrained(folder)``.

        Args:
            files: ``vocab_file`` -> path of ``vocab.txt``.
            do_lower_case: Whether the model is an uncased one. No file of a release says so; by default
                :func:`infer_lower_casing` decides.
            **settings: Such as ``model_max_length``.
        """
        if do_lower_case is None:
            do_lower_case = infer_lower_casing(files["vocab_file"]).value
        return super().from_original(files, do_lower_case=do_lower_case, **settings)

    @classmethod
    def original_assumptions(cls, files: Mapping[str, str | os.PathLike[str]]) -> tuple[str, ...]:
        """What :meth:`from_original` assumes, with the reasons, for a report.

        Args:
            files: As for :meth:`from_original`.
        """
        lower_casing = infer_lower_casing(files["vocab_file"])
        return (f"do_lower_case = {str(lower_casing.value).lower()} ({lower_casing.reason})",)


BertTokenizerFast = BertTokenizer


class LowerCasing(NamedTuple):
    """Whether a vocabulary is one of lower-cased text, and what says so."""

    value: bool
    reason: str


def infer_lower_casing(vocab_file: str | os.PathLike[str]) -> LowerCasing:
    """Decides whether text has to be lower-cased from the vocabulary, the only file of a release that shows it.

    A vocabulary that was made of lower-cased text has upper-case letters in bracketed tokens only (``[CLS]``, ``<S>``).
    """
    tokens = (token.removeprefix("##") for token in read_vocabulary(vocab_file))
    upper = [token for token in tokens if token.lower() != token and not (token[0] in "[<" and token[-1] in "]>")]
    name = Path(vocab_file).name
    if upper:
        return LowerCasing(False, f"{name} has {len(upper)} tokens with upper-case letters, such as {upper[0]!r}")
    return LowerCasing(True, f"no token of {name} has upper-case letters, except for special ones")


def read_vocabulary(vocab_file: str | os.PathLike[str] | None) -> dict[str, int]:
    """Token -> id, as the original reads ``vocab.txt``: the id is the number of the line, from 0.

    Lines are stripped of white space. Of a token that is repeated the last line counts; an empty line uses up an id.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is not UTF-8, or empty.
    """
    if vocab_file is None:
        raise missing_vocabulary("BertTokenizer", ["vocab_file"])
    lines = read_text(vocab_file).split("\n")
    if lines[-1] == "":
        lines.pop()
    vocabulary = {line.strip(): number for number, line in enumerate(lines)}
    if not any(vocabulary):
        raise UserError(f"{os.fspath(vocab_file)} holds no tokens.")
    return vocabulary


def wordpiece_engine(vocabulary: Mapping[str, int], unk_token: str | AddedToken = "[UNK]") -> Tokenizer:
    """An engine with the rules of the Hub, uncased, and without special tokens.

    Raises:
        UserError: The vocabulary has no unknown token, which the engine cannot do without.
    """
    unknown = str(unk_token.content if isinstance(unk_token, AddedToken) else unk_token)
    if unknown not in vocabulary:
        raise UserError(f"The vocabulary has no {unknown}, which stands for unknown words.")
    engine = Tokenizer(models.WordPiece(vocab=_without_gaps(vocabulary), unk_token=unknown))
    engine.decoder = decoders.WordPiece(prefix="##")
    TextRules().apply(engine)
    return engine


def _without_gaps(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """The vocabulary with a token for every id, because the engine numbers added tokens by counting.

    The ids of repeated lines get names with a space in them, which no word can be.
    """
    used = set(vocabulary.values())
    free = (number for number in range(max(used)) if number not in used)
    return {**vocabulary, **{f"[line {number + 1} is repeated below]": number for number in free}}


def _settle_rules(engine: Tokenizer, *, original: bool, **given: bool | None) -> TextRules | None:
    """Changes an engine's rules to those that are wanted; rules that are somebody's own are left alone (None)."""
    present = TextRules.of(engine)
    if present is None:
        if original:
            raise UserError(
                "tokenizer.json has rules of its own, which are neither BERT's nor the Hub's.",
                advice="Take the vocabulary file instead: BertTokenizer(vocab_file, original_tokenization=True).",
            )
        return None
    rules = present.updated(original=original, **given)
    if rules != present:
        rules.apply(engine)
    return rules


def _protect(engine: Tokenizer, words: Collection[str]) -> None:
    """Keeps words of the vocabulary whole, without normalising them, where they stand alone."""
    vocabulary = engine.get_vocab(with_added_tokens=False) if words else {}
    add_tokens(
        engine,
        [
            AddedToken(word, single_word=True, normalized=False, special=False)
            for word in sorted(words)
            if word in vocabulary
        ],
    )

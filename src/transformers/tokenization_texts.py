"""Inputs of a model from texts: what the engine is asked, and how its answer is returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Unpack, cast

from tokenizers import Encoding

from .errors import UserError
from .tokenization_encoding import BatchEncoding
from .tokenization_ids import IdsToInputs
from .tokenization_padding import EncodingOptions, Padding, Truncation, length_options

#: A text, or its words.
Text = str | Sequence[str]


class InputTypeError(UserError, TypeError):
    """What was given to a tokenizer is not text."""


class TextToInputs(IdsToInputs):
    """The part of a tokenizer that encodes texts, with the engine.

    Attributes:
        text_options: What a family's calls accept besides :class:`~transformers.tokenization_padding.EncodingOptions`.
    """

    text_options: ClassVar[frozenset[str]] = frozenset()

    def __call__(
        self,
        text: Text | Sequence[Text] | None = None,
        text_pair: Text | Sequence[Text] | None = None,
        text_target: Text | Sequence[Text] | None = None,
        text_pair_target: Text | Sequence[Text] | None = None,
        **options: Unpack[EncodingOptions],
    ) -> BatchEncoding:
        """The inputs of a model for a text, a pair of texts, or a batch of either.

        Args:
            text: A text, or a list of texts; with ``is_split_into_words`` a list of words, or a list of those.
            text_pair: The second text (an empty one is none), or as many second texts.
            text_target: What the model is to produce; its ids are returned as ``labels``.
            text_pair_target: The second text of that.
            **options: See :class:`~transformers.tokenization_padding.EncodingOptions`.

        Raises:
            UserError: What is given is no text, or the options contradict each other.
        """
        if text is None and text_target is None:
            raise InputTypeError(f"{type(self).__name__} was called without text and without text_target.")
        targets = None if text_target is None else self._encode(text_target, text_pair_target, options)
        if text is None:
            return cast("BatchEncoding", targets)
        inputs = self._encode(text, text_pair, options)
        if targets is not None:
            inputs["labels"] = targets["input_ids"]
        return inputs

    def encode_plus(
        self,
        text: Text | Sequence[int],
        text_pair: Text | Sequence[int] | None = None,
        **options: Unpack[EncodingOptions],
    ) -> BatchEncoding:
        """The older name of calling the tokenizer with one text or pair, which can be tokens or their ids, too."""
        if isinstance(text, str) or options.get("is_split_into_words"):
            return self(cast("Text", text), cast("Text | None", text_pair), **options)
        pair = None if text_pair is None else self._ids_of(text_pair)
        return self.prepare_for_model(
            self._ids_of(text), pair, prepend_batch_axis=options.get("return_tensors") is not None, **options
        )

    def _ids_of(self, text: Text | Sequence[int]) -> list[int]:
        """The ids of a text, of its tokens, or as they are; without special tokens."""
        tokens = self.tokenize(text) if isinstance(text, str) else text
        return [cast("int", self.convert_tokens_to_ids(each)) if isinstance(each, str) else each for each in tokens]

    def batch_encode_plus(
        self,
        batch_text_or_text_pairs: Sequence[Text] | Sequence[tuple[Text, Text]],
        **options: Unpack[EncodingOptions],
    ) -> BatchEncoding:
        """The older name of calling the tokenizer with a batch, in which pairs are tuples."""
        return self._encode_batch(list(batch_text_or_text_pairs), options)

    def encode(
        self,
        text: Text | Sequence[int],
        text_pair: Text | Sequence[int] | None = None,
        **options: Unpack[EncodingOptions],
    ) -> Any:
        """The ids of a text or pair, as in :meth:`encode_plus`: a list, or a tensor ``[1, tokens]``."""
        return self.encode_plus(text, text_pair, **options)["input_ids"]

    def tokenize(self, text: str, pair: str | None = None, **options: Unpack[EncodingOptions]) -> list[str]:
        """The tokens of a text or pair, by default without special tokens around it."""
        options.setdefault("add_special_tokens", False)
        encoding = self(text, pair, **options)[0]
        added = self._engine.get_added_tokens_decoder()  # the engine has their places in the text instead
        names = {number: token.content for number, token in added.items()}
        unknown = self.unk_token_id
        return [
            names[number] if number in names and (number != unknown or names[number] in token) else token
            for number, token in zip(encoding.ids, encoding.tokens, strict=True)
        ]

    def _encode(
        self, text: Text | Sequence[Text], pair: Text | Sequence[Text] | None, options: EncodingOptions
    ) -> BatchEncoding:
        split = options.get("is_split_into_words", False)
        if not _is_batch(text, split):
            words = list(text) if split else text
            return self._encode_one((words, pair) if pair else words, options)  # an empty second text is none
        if pair is None:
            return self._encode_batch([list(words) for words in text] if split else list(text), options)
        if isinstance(pair, str) or len(pair) != len(text):
            found = "one text" if isinstance(pair, str) else f"{len(pair)} texts"
            raise InputTypeError(f"text is a batch of {len(text)}, but text_pair is {found}.")
        return self._encode_batch(list(zip(text, pair, strict=True)), options)

    def _encode_one(self, item: Any, options: EncodingOptions) -> BatchEncoding:
        batch = self._encode_batch([item], options)
        if options.get("return_tensors") is None and not options.get("return_overflowing_tokens"):
            batch.data = {name: rows if name == "length" else rows[0] for name, rows in batch.items()}
        return batch

    def _encode_batch(self, items: list[Any], options: EncodingOptions) -> BatchEncoding:
        unknown = options.keys() - EncodingOptions.__annotations__.keys() - self.text_options
        if unknown:
            raise TypeError(f"{type(self).__name__} has no option {', '.join(sorted(unknown))}")
        padding, truncation = length_options(options, self)
        encodings = self._run_engine(items, truncation, options)
        samples = list(range(len(encodings)))
        if options.get("return_overflowing_tokens"):
            samples = [number for number, row in enumerate(encodings) for _ in range(1 + len(row.overflowing))]
            encodings = [part for row in encodings for part in (row, *row.overflowing)]
            truncation.require_within(max((len(row) for row in encodings), default=0))
        if options.get("max_length") is None and options.get("verbose", True):
            self._warn_of_length(max((len(row) for row in encodings), default=0))
        self._pad_encodings(encodings, padding)
        data = {name: [column(row) for row in encodings] for name, column in self._columns(options).items()}
        if options.get("return_overflowing_tokens"):
            data["overflow_to_sample_mapping"] = samples
        return BatchEncoding(data, encodings, options.get("return_tensors"))

    def _run_engine(self, items: list[Any], truncation: Truncation, options: EncodingOptions) -> list[Encoding]:
        """Encodes texts or lists of words, single or in pairs; a family that prepares texts in Python does it here."""
        self._limit_engine(items, truncation, options)
        try:
            return self._engine.encode_batch(
                items,
                is_pretokenized=options.get("is_split_into_words", False),
                add_special_tokens=options.get("add_special_tokens", True),
            )
        except TypeError as error:
            explain_input(items, error)
        except BaseException as error:
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":  # all that the engine raises
                raise UserError(f"These texts cannot be encoded: {error}.") from error
            raise

    def _limit_engine(self, items: list[Any], truncation: Truncation, options: EncodingOptions) -> None:
        """Makes the engine cut rows as is wanted, provided that the special tokens fit into them."""
        if truncation:
            pairs = any(isinstance(item, tuple) for item in items)
            special = self._engine.num_special_tokens_to_add(pairs) if options.get("add_special_tokens", True) else 0
            truncation.require_room(special)
        self._set_truncation(truncation)

    def _set_truncation(self, truncation: Truncation) -> None:
        """Changes the engine's setting where it differs: threads with the same options do not disturb each other."""
        if not truncation or truncation.max_length is None:
            if self._engine.truncation is not None:
                self._engine.no_truncation()
            return
        wanted = {"stride": truncation.stride, "strategy": truncation.strategy.value, "direction": truncation.side}
        if self._engine.truncation != {"max_length": truncation.max_length, **wanted}:
            self._engine.enable_truncation(
                truncation.max_length,
                stride=truncation.stride,
                strategy=truncation.strategy.value,
                direction=truncation.side,
            )

    def _pad_encodings(self, encodings: Sequence[Encoding], padding: Padding) -> None:
        if not padding or not encodings:
            return
        pad_id = self._require_pad_id()
        length = padding.length(max(len(row) for row in encodings))
        for row in encodings:
            row.pad(
                length,
                direction=padding.side,
                pad_id=pad_id,
                pad_type_id=self.pad_token_type_id,
                pad_token=self.pad_token,
            )

    def _columns(self, options: EncodingOptions) -> dict[str, Callable[[Encoding], Any]]:
        """What is returned -> how it is read from an encoding."""

        def wanted(name: str) -> bool:
            asked = cast("Mapping[str, bool | None]", options).get(f"return_{name}")
            return name in self.model_input_names if asked is None else asked

        columns: dict[str, Callable[[Encoding], Any]] = {"input_ids": lambda row: row.ids}
        if wanted("token_type_ids"):
            columns["token_type_ids"] = lambda row: row.type_ids
        if wanted("attention_mask"):
            columns["attention_mask"] = lambda row: row.attention_mask
        if wanted("special_tokens_mask"):
            columns["special_tokens_mask"] = lambda row: row.special_tokens_mask
        if options.get("return_offsets_mapping"):
            columns["offset_mapping"] = lambda row: row.offsets
        if wanted("length"):
            columns["length"] = len
        return columns

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens are put around a text or a pair."""
        return self._engine.num_special_tokens_to_add(pair)

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens a single text may have."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """How many tokens the two texts of a pair may have together."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)


def _is_batch(text: Any, split: bool) -> bool:
    if not isinstance(text, list | tuple):
        return False
    return not split or (len(text) > 0 and isinstance(text[0], list | tuple))


def is_text(value: Any) -> bool:
    """Whether the value is a string of whole characters."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def explain_input(items: Sequence[Any], error: TypeError) -> NoReturn:
    """Says which of the inputs is not text; the engine only says that one is not."""
    for number, item in enumerate(items):
        for text in item if isinstance(item, list | tuple) else (item,):
            words = text if isinstance(text, list | tuple) else (text,)
            for word in words:
                if not isinstance(word, str):
                    raise InputTypeError(
                        f"A tokenizer takes strings, but input {number} is or holds {_described(word)}.",
                        advice="Give a string, a list of strings, or with is_split_into_words=True lists of words.",
                    ) from error
                if not is_text(word):
                    raise InputTypeError(
                        f"Input {number} holds half of a surrogate pair, which is not a character: {_described(word)}."
                    ) from error
    raise InputTypeError(
        "Lists of words need is_split_into_words=True, and single texts must not have it.", advice=str(error)
    ) from error


def _described(value: Any) -> str:
    return f"{ascii(value)[:60]} ({type(value).__name__})"

"""What a tokenizer returns: model inputs by name, and the way back from tokens to words and characters."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .errors import UserError

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding


class TensorType(StrEnum):
    """What ``return_tensors`` accepts."""

    PYTORCH = "pt"
    NUMPY = "np"


class BatchEncoding(UserDict[str, Any]):
    """The inputs of a model by name, for one text or a batch of texts.

    Values are lists (one text), lists of lists (a batch) or tensors ``[batch, tokens]``. They are reached as items and
    as attributes; an integer index gives the engine's own ``Encoding`` of one sequence.

    Args:
        data: Name -> values, for example ``input_ids`` and ``attention_mask``.
        encoding: The engine's encodings, one for each row, where the values come from the engine.
        tensor_type: ``"pt"`` or ``"np"`` turns the values into tensors.
        prepend_batch_axis: Whether the values are those of one text and the tensors are to be a batch of one.
        n_sequences: Number of texts in each row (2 for pairs), where there are no encodings to tell.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        encoding: Encoding | Sequence[Encoding] | None = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ) -> None:
        super().__init__(data or {})
        rows = encoding if encoding is None or isinstance(encoding, Sequence) else [encoding]
        self._encodings: list[Encoding] | None = None if rows is None else list(rows)
        self._n_sequences = n_sequences
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    def __getitem__(self, item: str | int | slice) -> Any:
        if isinstance(item, str):
            return self.data[item]
        if isinstance(item, int):
            return self._of_engine()[item]
        return {name: values[item] for name, values in self.data.items()}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    @property
    def is_fast(self) -> bool:
        """Whether the engine's encodings are there, which the methods about words and characters need."""
        return self._encodings is not None

    @property
    def encodings(self) -> list[Encoding] | None:
        """The engine's encodings, one for each row, or None."""
        return self._encodings

    @property
    def n_sequences(self) -> int | None:
        """1 for single texts, 2 for pairs; None if that is not known."""
        if self._n_sequences is None and self._encodings:
            return self._encodings[0].n_sequences
        return self._n_sequences

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Turns all values into tensors, in place.

        Raises:
            UserError: A value cannot be a tensor, for example because its rows differ in length.
        """
        if tensor_type is None:
            return self
        kind = _tensor_type(tensor_type)
        for name, value in self.items():
            self.data[name] = to_tensor([value] if prepend_batch_axis else value, kind, name)
        return self

    def to(self, device: str | torch.device | int) -> BatchEncoding:
        """Moves all torch tensors to a device, in place."""
        for name, value in self.items():
            if hasattr(value, "to"):
                self.data[name] = value.to(device)
        return self

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row."""
        return self._of_engine()[batch_index].tokens

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token of a row: 0 first text, 1 second text, None special or padding."""
        return self._of_engine()[batch_index].sequence_ids

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token of a row: the index of the word that it is a part of, None for special tokens and padding."""
        return self._of_engine()[batch_index].word_ids

    def words(self, batch_index: int = 0) -> list[int | None]:
        """The older name of :meth:`word_ids`."""
        return self.word_ids(batch_index)

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Which text (0 or 1) a token belongs to."""
        row, token = self._row_and_index(batch_or_token_index, token_index)
        return row.token_to_sequence(_from_start(token, len(row)))

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The index of the word that a token is a part of."""
        row, token = self._row_and_index(batch_or_token_index, token_index)
        return row.token_to_word(_from_start(token, len(row)))

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> tuple[int, int] | None:
        """The characters ``[start, end)`` of the text that a token stands for."""
        row, token = self._row_and_index(batch_or_token_index, token_index)
        return row.token_to_chars(_from_start(token, len(row)))

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The index of the token that holds a character of the text; None for white space and what was cut off."""
        row, char = self._row_and_index(batch_or_char_index, char_index)
        return row.char_to_token(char, sequence_index)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The index of the word that holds a character of the text."""
        row, char = self._row_and_index(batch_or_char_index, char_index)
        return row.char_to_word(char, sequence_index)

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> tuple[int, int] | None:
        """The tokens ``[start, end)`` of a word."""
        row, word = self._row_and_index(batch_or_word_index, word_index)
        return row.word_to_tokens(word, sequence_index)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> tuple[int, int] | None:
        """The characters ``[start, end)`` of a word."""
        row, word = self._row_and_index(batch_or_word_index, word_index)
        return row.word_to_chars(word, sequence_index)

    def _of_engine(self) -> list[Encoding]:
        if self._encodings is None:
            raise UserError(
                "These inputs do not know their words and characters.",
                advice="Only what a tokenizer returns when it is called with text does; "
                "the result of pad() and prepare_for_model() does not.",
            )
        return self._encodings

    def _row_and_index(self, batch_or_index: int, index: int | None) -> tuple[Encoding, int]:
        """The two ways to call the methods above: with an index in the only row, or with a row and an index."""
        if index is None:
            return self._of_engine()[0], batch_or_index
        return self._of_engine()[batch_or_index], index


def _from_start(index: int, length: int) -> int:
    return index + length if index < 0 else index


def _tensor_type(name: str) -> TensorType:
    try:
        return TensorType(name)
    except ValueError:
        choices = ", ".join(f"{kind.value!r}" for kind in TensorType)
        raise UserError(f"return_tensors={name!r} is not known; it can be {choices} or None.") from None


def to_tensor(value: Any, kind: TensorType, name: str) -> Any:
    """A NumPy array or torch tensor of nested lists, arrays or tensors; integers have 64 bits.

    Raises:
        UserError: The rows differ in length or hold something that is not a number.
    """
    import numpy as np

    if kind is TensorType.PYTORCH:
        import torch

        if isinstance(value, torch.Tensor):
            return value
    try:
        array = np.asarray(value)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.dtype.kind not in "iufb":
            raise ValueError
    except ValueError:
        raise _not_rectangular(name, value) from None
    if kind is TensorType.NUMPY:
        return array
    return torch.from_numpy(array.astype(np.float32) if array.dtype == np.float64 else array)


def _not_rectangular(name: str, value: Any) -> UserError:
    lengths = sorted({len(row) for row in value if isinstance(row, Sequence)})
    if len(lengths) > 1:
        return UserError(
            f"{name} cannot be one tensor: its rows have {', '.join(map(str, lengths[:8]))} entries.",
            advice="Give padding=True and, for texts that are too long, truncation=True.",
        )
    return UserError(f"{name} cannot be a tensor: it does not hold rows of numbers.")

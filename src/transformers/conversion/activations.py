"""What the words of the original codes' configurations mean in the ecosystem, where they mean something else there."""

from __future__ import annotations

#: The original's word -> the ecosystem's, where ``gelu`` is the exact form; Google's code computes the tanh form.
_GOOGLE = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh", "linear": "linear", "": "linear"}


def google_activation(word: str | None) -> str:
    """The activation that BERT's and ALBERT's code mean by a word, in any case (``modeling.get_activation``).

    Raises:
        ValueError: If they know no such word.
    """
    try:
        return _GOOGLE[(word or "").lower()]
    except KeyError:
        known = ", ".join(sorted(filter(None, _GOOGLE)))
        raise ValueError(f'"{word}" is no activation of the original ({known}, or null)') from None


#: The words of that code whose meanings differ, see :class:`~transformers.conversion.family.ConfigField`.
GOOGLE_WORDS = tuple(filter(None, _GOOGLE))

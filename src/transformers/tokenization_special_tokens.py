"""The special tokens of a tokenizer: their names, their attributes, and where they stand in the input of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from tokenizers import AddedToken
from tokenizers.processors import TemplateProcessing

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: The roles that a special token can have, in the order in which the ecosystem lists them.
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
ADDITIONAL = "additional_special_tokens"

_FLAGS = ("lstrip", "rstrip", "single_word", "normalized")


def special_token(value: str | AddedToken | Mapping[str, Any]) -> AddedToken:
    """A special token, given as a string, as a token with flags, or as such a token is written in JSON."""
    if isinstance(value, AddedToken):
        return value
    if isinstance(value, str):
        return AddedToken(value, special=True, normalized=False)
    flags = {name: bool(value[name]) for name in (*_FLAGS, "special") if name in value}
    return AddedToken(value["content"], **{"special": True, "normalized": False, **flags})


def flags_of(token: AddedToken) -> dict[str, Any]:
    """A token as JSON."""
    return {"content": token.content, **{name: getattr(token, name) for name in _FLAGS}, "special": token.special}


def is_plain(token: AddedToken) -> bool:
    """Whether the token is the one that its content alone would give."""
    return flags_of(token) == flags_of(special_token(token.content))


class _Role:
    """The attribute ``cls_token`` and the like: the token's text, or None."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, tokenizer: None, owner: type) -> _Role: ...
    @overload
    def __get__(self, tokenizer: SpecialTokens, owner: type) -> str | None: ...
    def __get__(self, tokenizer: SpecialTokens | None, owner: type) -> str | _Role | None:
        if tokenizer is None:
            return self
        token = tokenizer._special_tokens.get(self._name)
        return None if token is None else token.content

    def __set__(self, tokenizer: SpecialTokens, value: str | AddedToken | None) -> None:
        tokenizer._set_special_tokens({self._name: value})


class _RoleId:
    """The attribute ``cls_token_id`` and the like: the token's id, or None."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name.removesuffix("_id")

    @overload
    def __get__(self, tokenizer: None, owner: type) -> _RoleId: ...
    @overload
    def __get__(self, tokenizer: SpecialTokens, owner: type) -> int | None: ...
    def __get__(self, tokenizer: SpecialTokens | None, owner: type) -> int | _RoleId | None:
        if tokenizer is None:
            return self
        token = tokenizer._special_tokens.get(self._name)
        return None if token is None else tokenizer._id_of(token.content)

    def __set__(self, tokenizer: SpecialTokens, value: int | None) -> None:
        token = None if value is None else tokenizer._engine.id_to_token(value)
        tokenizer._set_special_tokens({self._name: token})


class SpecialTokens:
    """The part of a tokenizer that knows its special tokens by their roles."""

    bos_token = _Role()
    eos_token = _Role()
    unk_token = _Role()
    sep_token = _Role()
    pad_token = _Role()
    cls_token = _Role()
    mask_token = _Role()
    bos_token_id = _RoleId()
    eos_token_id = _RoleId()
    unk_token_id = _RoleId()
    sep_token_id = _RoleId()
    pad_token_id = _RoleId()
    cls_token_id = _RoleId()
    mask_token_id = _RoleId()

    _engine: Tokenizer
    _special_tokens: dict[str, AddedToken]
    _additional_special_tokens: list[AddedToken]

    def _id_of(self, token: str) -> int | None:
        """The id of a token; that of the unknown token, if there is one, for those that the vocabulary lacks."""
        number = self._engine.token_to_id(token)
        unknown = self._special_tokens.get("unk_token")
        return self._engine.token_to_id(unknown.content) if number is None and unknown is not None else number

    def _set_special_tokens(self, tokens: Mapping[str, str | AddedToken | Mapping[str, Any] | None]) -> None:
        """Gives roles to tokens; None takes a role away."""
        for role, token in tokens.items():
            self._special_tokens.pop(role, None)
            if token is not None:
                self._special_tokens[role] = special_token(token)

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a role."""
        return [token.content for token in self._additional_special_tokens]

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens: Sequence[str | AddedToken | Mapping[str, Any]] | None) -> None:
        self._additional_special_tokens = [special_token(token) for token in tokens or ()]

    @property
    def additional_special_tokens_ids(self) -> list[int | None]:
        """The ids of :attr:`additional_special_tokens`."""
        return [self._id_of(token) for token in self.additional_special_tokens]

    @property
    def special_tokens_map_extended(self) -> dict[str, AddedToken | list[AddedToken]]:
        """Role -> token with its flags; the tokens without a role are a list."""
        roles: dict[str, AddedToken | list[AddedToken]] = {
            role: self._special_tokens[role] for role in ROLES if role in self._special_tokens
        }
        return roles | {ADDITIONAL: list(self._additional_special_tokens)} if self._additional_special_tokens else roles

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """Role -> token; the tokens without a role are a list."""
        return {
            role: [token.content for token in tokens] if isinstance(tokens, list) else tokens.content
            for role, tokens in self.special_tokens_map_extended.items()
        }

    @property
    def all_special_tokens_extended(self) -> list[AddedToken]:
        """All special tokens with their flags, each once."""
        unique: dict[str, AddedToken] = {}
        for token in (*(self._special_tokens.get(role) for role in ROLES), *self._additional_special_tokens):
            if token is not None:
                unique.setdefault(token.content, token)
        return list(unique.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """All special tokens, each once."""
        return [token.content for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of all special tokens."""
        ids = map(self._id_of, self.all_special_tokens)
        return [number for number in ids if number is not None]


class _Part(NamedTuple):
    """One item of a template: ``A`` or ``B`` for a text, otherwise the role of a special token."""

    name: str
    type_id: int

    @property
    def is_text(self) -> bool:
        return self.name in ("A", "B")


@dataclasses.dataclass(frozen=True)
class InputTemplate:
    """Where the special tokens of a family stand, and which token types its texts have.

    Written as in ``InputTemplate("cls A sep", "cls A sep B:1 sep:1")``: ``A`` and ``B`` are the texts, the other words
    are roles (``cls`` for ``cls_token``), and a number after a colon is a token type other than 0.
    """

    single: str
    pair: str

    def build(self, first: Sequence[int], second: Sequence[int] | None, token_id: Callable[[str], int]) -> list[int]:
        """The ids of one or two texts with the special tokens around them."""
        texts = {"A": first, "B": second or ()}
        return [
            number
            for part in self._parts(second is not None)
            for number in (texts[part.name] if part.is_text else (token_id(f"{part.name}_token"),))
        ]

    def token_types(self, first: Sequence[int], second: Sequence[int] | None) -> list[int]:
        """The token types of what :meth:`build` returns."""
        lengths = {"A": len(first), "B": len(second or ())}
        return [part.type_id for part in self._parts(second is not None) for _ in range(lengths.get(part.name, 1))]

    def special_tokens_mask(self, first: Sequence[int], second: Sequence[int] | None) -> list[int]:
        """1 for the special tokens of what :meth:`build` returns, 0 for the texts."""
        lengths = {"A": len(first), "B": len(second or ())}
        return [
            int(not part.is_text) for part in self._parts(second is not None) for _ in range(lengths.get(part.name, 1))
        ]

    def roles(self) -> set[str]:
        """The roles of the special tokens that are put around texts."""
        return {f"{part.name}_token" for pair in (False, True) for part in self._parts(pair) if not part.is_text}

    def processor(self, tokens: Mapping[str, str], engine: Tokenizer) -> TemplateProcessing | None:
        """The same for the engine; None if there is nothing to add, or the engine has not got all tokens.

        Args:
            tokens: Role -> token.
            engine: Gives the ids.
        """
        ids = {role: engine.token_to_id(tokens[role]) if role in tokens else None for role in self.roles()}
        if not ids or None in ids.values():
            return None

        def in_words_of_the_engine(pair: bool) -> list[str]:
            names = [f"${part.name}" if part.is_text else tokens[f"{part.name}_token"] for part in self._parts(pair)]
            return [f"{name}:{part.type_id}" for name, part in zip(names, self._parts(pair), strict=True)]

        return TemplateProcessing(
            single=in_words_of_the_engine(pair=False),
            pair=in_words_of_the_engine(pair=True),
            special_tokens=sorted({(tokens[role], number) for role, number in ids.items()}),
        )

    def _parts(self, pair: bool) -> Iterator[_Part]:
        for item in (self.pair if pair else self.single).split():
            name, _, type_id = item.partition(":")
            yield _Part(name, int(type_id or 0))

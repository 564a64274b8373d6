"""The vocabulary of a tokenizer: tokens and ids, and the tokens that are added to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast, overload

from tokenizers import AddedToken, Tokenizer

from .errors import UserError
from .tokenization_files import add_tokens
from .tokenization_special_tokens import ADDITIONAL, ROLES, SpecialTokens, special_token


class Vocabulary(SpecialTokens):
    """The part of a tokenizer that knows its tokens."""

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The engine."""
        return self._engine

    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary, without added tokens."""
        return self._engine.get_vocab_size(with_added_tokens=False)

    def __len__(self) -> int:
        return self._engine.get_vocab_size(with_added_tokens=True)

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, with added tokens."""
        return self._engine.get_vocab(with_added_tokens=True)

    @property
    def vocab(self) -> dict[str, int]:
        """Token -> id, with added tokens."""
        return self.get_vocab()

    def get_added_vocab(self) -> dict[str, int]:
        """Added token -> id; special tokens that a text is searched for are among them."""
        return {token.content: number for number, token in self.added_tokens_decoder.items()}

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Id -> added token."""
        return dict(sorted(self._engine.get_added_tokens_decoder().items()))

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """Added token -> id."""
        return self.get_added_vocab()

    def add_tokens(
        self, new_tokens: str | AddedToken | Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Adds tokens that a text is searched for before anything else.

        Args:
            new_tokens: The tokens. What the vocabulary has already keeps its id.
            special_tokens: Whether they are special: left alone by the normalisation, and skipped when decoding.

        Returns:
            How many ids are new; the embeddings of the model have to grow by as many.
        """
        tokens = [new_tokens] if isinstance(new_tokens, str | AddedToken) else new_tokens
        if special_tokens:
            return add_tokens(self._engine, map(special_token, tokens))
        return add_tokens(
            self._engine,
            [AddedToken(token, special=False) if isinstance(token, str) else token for token in tokens],
        )

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, str | AddedToken | Sequence[str | AddedToken]],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Gives roles to tokens, and adds those that the vocabulary lacks.

        Args:
            special_tokens_dict: Role (``cls_token``, …, ``additional_special_tokens``) -> token or tokens.
            replace_additional_special_tokens: Whether the tokens without a role replace those that there are.

        Returns:
            How many ids are new.

        Raises:
            UserError: There is no such role.
        """
        unknown = sorted(set(special_tokens_dict) - {*ROLES, ADDITIONAL})
        if unknown:
            raise UserError(
                f"Special tokens have no role {', '.join(unknown)}; it can be {', '.join(ROLES)}, {ADDITIONAL}."
            )
        given = {
            role: [special_token(token) for token in ([tokens] if isinstance(tokens, str | AddedToken) else tokens)]
            for role, tokens in special_tokens_dict.items()
        }
        additional = given.pop(ADDITIONAL, None)
        roles = {role: token for role, (token,) in given.items()}
        count = add_tokens(self._engine, [*roles.values(), *(additional or ())])
        self._set_special_tokens(roles)
        if additional is not None:
            kept = [] if replace_additional_special_tokens else self._additional_special_tokens
            present = {token.content for token in kept}
            self._additional_special_tokens = [*kept, *(token for token in additional if token.content not in present)]
        return count

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...  # type: ignore[overload-overlap]
    @overload
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int | None]: ...
    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int | None] | None:
        """The ids of tokens; unknown tokens have the id of the unknown token, or None if there is none."""
        return self._id_of(tokens) if isinstance(tokens, str) else [self._id_of(token) for token in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = ...) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: Sequence[int], skip_special_tokens: bool = ...) -> list[str]: ...
    def convert_ids_to_tokens(self, ids: int | Sequence[int], skip_special_tokens: bool = False) -> str | list[str]:
        """The tokens of ids; None for an id that the vocabulary does not have."""
        if isinstance(ids, int):
            return cast("str", self._engine.id_to_token(ids))
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [cast("str", self._engine.id_to_token(number)) for number in map(int, ids) if number not in skipped]

"""The base of all tokenizers: text to the inputs of a model, and back, on the Rust engine ``tokenizers``.

There is one implementation. A family's class says how its vocabulary files become an engine; everything else is here.
Nothing needs torch until tensors of it are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from tokenizers import AddedToken, Tokenizer

from ._files import replacing, write_text
from .configuration_utils import existing_folder
from .errors import UserError
from .hub import HubOptions, PushToHubMixin
from .tokenization_encoding import BatchEncoding
from .tokenization_files import (
    SPECIAL_TOKENS_MAP,
    TOKENIZER,
    TOKENIZER_CONFIG,
    add_in_order,
    add_tokens,
    as_json,
    file_name,
    find_vocabulary,
    load_engine,
    read_settings,
    without_special_tokens,
)
from .tokenization_padding import Side
from .tokenization_special_tokens import ADDITIONAL, ROLES, flags_of, is_plain, special_token
from .tokenization_texts import TextToInputs

__all__ = ["AddedToken", "BatchEncoding", "PreTrainedTokenizer", "PreTrainedTokenizerBase", "PreTrainedTokenizerFast"]

_UNLIMITED = int(1e30)
#: Arguments of the ecosystem's ``from_pretrained`` that have nothing to choose here.
_WITHOUT_EFFECT = ("use_fast", "trust_remote_code", "config")


class PreTrainedTokenizerBase(TextToInputs, PushToHubMixin):
    """A tokenizer: an engine, special tokens with their roles, and the limits of a model.

    Attributes:
        vocab_files_names: Constructor argument -> name of the vocabulary file in a model's folder. ``tokenizer_file``
            is among them if the engine knows all that the tokenizer does.
        original_vocab_files: The same for the files of the original release.
        input_template: Where special tokens stand around one and two texts.
        model_input_names: What a call returns by default.
        padding_side: Where padding goes.
        truncation_side: Which end of a text is cut off.
        pad_token_type_id: The token type of padding.
        model_max_length: The longest input of the model, in tokens; 1e30 if it is not known.
        clean_up_tokenization_spaces: Whether decoding removes the spaces before punctuation.
        joins_words_by_context: Whether the place of a token decides where decoding puts spaces around it.
        original_tokenization: Whether texts are treated exactly as by the original code, in which special tokens in a
            text are ordinary characters. Otherwise as by the tokenizers of the Hugging Face Hub, which recognise them.
        init_kwargs: The settings that :meth:`save_pretrained` keeps.

    Args:
        tokenizer_object: The engine, which becomes the tokenizer's own: its settings are changed.
        tokenizer_file: A ``tokenizer.json`` to read it from.
        original_tokenization: See above.
        added_tokens_decoder: Id -> token that the tokenizer has besides its vocabulary, as it was saved.
        **settings: Special tokens by role, the attributes above, and settings of the family; others are kept.
    """

    vocab_files_names: ClassVar[Mapping[str, str]] = {"tokenizer_file": TOKENIZER}
    original_vocab_files: ClassVar[Mapping[str, str]] = {}
    is_fast: ClassVar[bool] = True
    joins_words_by_context: ClassVar[bool] = False

    model_input_names: list[str] = ["input_ids", "token_type_ids", "attention_mask"]  # noqa: RUF012 - set per instance
    padding_side: Side = "right"
    truncation_side: Side = "right"
    pad_token_type_id: int = 0
    model_max_length: int
    clean_up_tokenization_spaces: bool = False

    def __init__(
        self,
        *,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        original_tokenization: bool = False,
        added_tokens_decoder: Mapping[int, AddedToken | Mapping[str, Any]] | None = None,
        **settings: Any,
    ) -> None:
        if tokenizer_object is None:
            if tokenizer_file is None:
                raise UserError(f"{type(self).__name__} needs tokenizer_object or tokenizer_file.")
            tokenizer_object = load_engine(tokenizer_file)
        self.original_tokenization = original_tokenization
        self._engine = without_special_tokens(tokenizer_object) if original_tokenization else tokenizer_object
        self._warned_of_length = False
        self.name_or_path = ""
        self._special_tokens: dict[str, AddedToken] = {}
        self._additional_special_tokens: list[AddedToken] = []
        self._restore_added_tokens(added_tokens_decoder or {})
        self._take_settings(dict(settings))
        self._register_special_tokens()
        if self._engine.post_processor is None:
            self._place_special_tokens()
        self.init_kwargs: dict[str, Any] = settings

    def _take_settings(self, settings: dict[str, Any]) -> None:
        self.model_max_length = int(settings.pop("model_max_length", None) or _UNLIMITED)
        for name in ("padding_side", "truncation_side", "clean_up_tokenization_spaces", "model_input_names"):
            if settings.get(name) is not None:
                setattr(self, name, settings[name])
        tokens = {role: settings.get(role) for role in ROLES}
        self._special_tokens = {role: special_token(token) for role, token in tokens.items() if token is not None}
        self.additional_special_tokens = settings.get(ADDITIONAL) or ()

    def _restore_added_tokens(self, added: Mapping[int, AddedToken | Mapping[str, Any]]) -> None:
        tokens = {int(number): special_token(token) for number, token in added.items()}
        if self.original_tokenization:
            tokens = {
                number: token
                for number, token in tokens.items()
                if not (token.special and self._engine.token_to_id(token.content) == number)
            }
        add_in_order(self._engine, tokens)

    def _register_special_tokens(self) -> None:
        """Makes the engine recognise special tokens in texts, unless the original has no such thing.

        In that case it has no tokens besides its vocabulary either, so a role whose token is not in it is empty.
        """
        if not self.original_tokenization:
            known = {token.content for token in self._engine.get_added_tokens_decoder().values()}
            tokens = [token for token in self.all_special_tokens_extended if token.content not in known]
            add_tokens(self._engine, tokens)
            return
        absent = {
            role: token.content
            for role, token in self._special_tokens.items()
            if self._engine.token_to_id(token.content) is None
        }
        needed = [token for role, token in absent.items() if role in self.input_template.roles()]
        if needed:
            raise UserError(f"The vocabulary has no {' and no '.join(needed)}, which every input of the model needs.")
        super()._set_special_tokens(dict.fromkeys(absent))

    def _place_special_tokens(self) -> None:
        """Makes the engine put special tokens around texts as the template says."""
        tokens = {role: token.content for role, token in self._special_tokens.items()}
        processor = self.input_template.processor(tokens, self._engine)
        if processor is not None:
            self._engine.post_processor = processor

    def _set_special_tokens(self, tokens: Mapping[str, str | AddedToken | Mapping[str, Any] | None]) -> None:
        super()._set_special_tokens(tokens)
        if not self.input_template.roles().isdisjoint(tokens):
            self._place_special_tokens()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map})"
        )

    # Ids -> text

    def decode(
        self,
        token_ids: int | Sequence[int] | Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> str:
        """The text of ids.

        Args:
            token_ids: An id, a list of ids, or a tensor of one axis.
            skip_special_tokens: Whether special tokens are left out.
            clean_up_tokenization_spaces: Whether the spaces before punctuation are removed; by default as the
                tokenizer is set.
        """
        return self.batch_decode([token_ids], skip_special_tokens, clean_up_tokenization_spaces)[0]

    def batch_decode(
        self,
        sequences: Sequence[Any] | Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> list[str]:
        """The texts of several rows of ids, see :meth:`decode`."""
        rows = [_as_ids(row) for row in sequences]
        if skip_special_tokens:
            skipped = set(self.all_special_ids)
            rows = [[number for number in row if number not in skipped] for row in rows]
        texts = self._decode_rows(rows, skip_special_tokens)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return [self.clean_up_tokenization(text) for text in texts] if clean_up_tokenization_spaces else texts

    def _decode_rows(self, rows: list[list[int]], skip_special_tokens: bool) -> list[str]:
        return self._engine.decode_batch(rows, skip_special_tokens=skip_special_tokens)

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of tokens."""
        decoder = self._engine.decoder
        return decoder.decode(list(tokens)) if decoder is not None else " ".join(tokens)

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """English text without the spaces before punctuation and contractions."""
        for ending in (".", "?", "!", ","):
            out_string = out_string.replace(f" {ending}", ending)
        out_string = out_string.replace(" ' ", "'")
        for ending in ("n't", "'m", "'s", "'ve", "'re"):
            out_string = out_string.replace(f" {ending}", ending)
        return out_string

    # Files

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Self:
        """The tokenizer in a folder, in a vocabulary file, or of a model on the hub.

        Args:
            pretrained_model_name_or_path: A folder with ``tokenizer.json`` or vocabulary files, a vocabulary file of a
                family that has only one, or the id of a repository.
            **kwargs: Settings that override the saved ones, and how to fetch from the hub (``revision``, ``token``,
                ``subfolder``, ``cache_dir``, ``force_download``, ``local_files_only``).

        Raises:
            MissingFileError: The files are not there.
            UserError: They are damaged, or do not belong together.
        """
        options = HubOptions.taken_from(kwargs)
        settings = {name: value for name, value in kwargs.items() if name not in _WITHOUT_EFFECT}
        source = pretrained_model_name_or_path
        tokenizer = cls(**{**read_settings(source, options), **cls._find_files(source, options), **settings})
        tokenizer.name_or_path = os.fspath(source)
        return tokenizer

    @classmethod
    def _find_files(cls, source: str | os.PathLike[str], options: HubOptions) -> dict[str, str]:
        """The vocabulary files in a folder or a repository, by the constructor's arguments."""
        return find_vocabulary(source, cls.vocab_files_names, cls.original_vocab_files, options)

    @classmethod
    def from_original(cls, files: Mapping[str, str | os.PathLike[str]], **settings: Any) -> Self:
        """The tokenizer of an original release, which treats texts exactly as the original code.

        A conversion calls ``from_original(files, …).save_pretrained(folder)``.

        Args:
            files: Argument (see ``original_vocab_files``) -> path of the vocabulary file.
            **settings: Such as ``model_max_length``.
        """
        paths = {argument: os.fspath(path) for argument, path in files.items()}
        return cls(**{**settings, **paths, "original_tokenization": True})

    @classmethod
    def original_assumptions(cls, files: Mapping[str, str | os.PathLike[str]]) -> tuple[str, ...]:  # noqa: ARG003
        """What :meth:`from_original` assumes because no file of the release says it, with the reasons, for a report.

        Args:
            files: As for :meth:`from_original`.
        """
        return ()

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        **push_arguments: Any,
    ) -> tuple[str, ...]:
        """Writes everything that :meth:`from_pretrained` needs, the vocabulary in both its newer and older form.

        The same tokenizer always gives the same bytes.

        Args:
            save_directory: The folder, which is made if need be.
            filename_prefix: Put before the name of each file, with a hyphen.
            push_to_hub: Uploads them too.
            **push_arguments: Arguments of :meth:`push_to_hub`; ``repo_id`` is the folder's name by default.

        Returns:
            The paths of the files.
        """
        folder = existing_folder(save_directory)
        texts = {
            TOKENIZER_CONFIG: as_json(self._settings()),
            SPECIAL_TOKENS_MAP: as_json(self._special_tokens_as_json()),
        }
        written = []
        for name, text in texts.items():
            written.append(folder / file_name(filename_prefix, name))
            write_text(written[-1], text)
        if "tokenizer_file" in self.vocab_files_names:
            written.append(folder / file_name(filename_prefix, TOKENIZER))
            self._engine.no_truncation()
            with replacing(written[-1]) as temporary:
                self._engine_to_save().save(str(temporary), pretty=True)
        if push_to_hub:
            self.push_to_hub(push_arguments.pop("repo_id", folder.name), **push_arguments)
        return (*map(str, written), *self.save_vocabulary(folder, filename_prefix))

    def _engine_to_save(self) -> Tokenizer:
        """The engine as it is saved; a family that does more than its engine saves what comes close to it."""
        return self._engine

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Writes the vocabulary files of the family, without added tokens; returns their paths."""
        if self.vocab_files_names.keys() == {"tokenizer_file"}:
            return ()
        paths = self._engine.model.save(os.fspath(save_directory), filename_prefix)
        return tuple(map(str, paths))

    def _settings(self) -> dict[str, Any]:
        """What ``tokenizer_config.json`` holds."""
        roles = {role: token.content for role, token in self._special_tokens.items()}
        return {
            **{name: value for name, value in self.init_kwargs.items() if name not in (*ROLES, ADDITIONAL)},
            **{role: roles.get(role) for role in ROLES if role in roles or role in self.init_kwargs},
            **({ADDITIONAL: self.additional_special_tokens} if self.additional_special_tokens else {}),
            "added_tokens_decoder": {
                str(number): flags_of(token) for number, token in self.added_tokens_decoder.items()
            },
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "model_max_length": self.model_max_length,
            "original_tokenization": self.original_tokenization,
            "padding_side": self.padding_side,
            "tokenizer_class": type(self).__name__,
            "truncation_side": self.truncation_side,
        }

    def _special_tokens_as_json(self) -> dict[str, Any]:
        def as_json_value(token: AddedToken) -> Any:
            return token.content if is_plain(token) else {k: v for k, v in flags_of(token).items() if k != "special"}

        return {
            role: [as_json_value(token) for token in tokens] if isinstance(tokens, list) else as_json_value(tokens)
            for role, tokens in self.special_tokens_map_extended.items()
        }


class PreTrainedTokenizerFast(PreTrainedTokenizerBase):
    """A tokenizer that a ``tokenizer.json`` describes completely; also the base of the families' tokenizers."""


PreTrainedTokenizer = PreTrainedTokenizerFast


def _as_ids(row: Any) -> list[int]:
    values = row.tolist() if hasattr(row, "tolist") else row
    return [values] if isinstance(values, int) else list(values)

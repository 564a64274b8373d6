"""The base of all tokenizers: text to the inputs of a model, and back, on the Rust engine ``tokenizers``.

There is one implementation. A family's class says how its vocabulary files become an engine; everything else is here.
Nothing needs torch until tensors of it are asked for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self, TypeVar, Unpack, cast, overload

from tokenizers import AddedToken, Encoding, Tokenizer

from ._files import replacing, write_text
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
from .tokenization_ids import IdsToInputs
from .tokenization_padding import EncodingOptions, Padding, Side, Truncation, length_options
from .tokenization_special_tokens import ADDITIONAL, ROLES, flags_of, is_plain, special_token

__all__ = ["AddedToken", "BatchEncoding", "PreTrainedTokenizer", "PreTrainedTokenizerBase", "PreTrainedTokenizerFast"]

logger = logging.getLogger(__name__)

#: A text, or its words.
Text = str | Sequence[str]

_UNLIMITED = int(1e30)
#: Arguments of the ecosystem's ``from_pretrained`` that have nothing to choose here.
_WITHOUT_EFFECT = ("use_fast", "trust_remote_code", "config")

_Self = TypeVar("_Self", bound="PreTrainedTokenizerBase")


class InputTypeError(UserError, TypeError):
    """What was given to a tokenizer is not text."""


class PreTrainedTokenizerBase(IdsToInputs, PushToHubMixin):
    """A tokenizer: an engine, special tokens with their roles, and the limits of a model.

    Attributes:
        vocab_files_names: Constructor argument -> name of the vocabulary file in a model's folder.
        original_vocab_files: The same for the files of the original release.
        input_template: Where special tokens stand around one and two texts.
        model_input_names: What a call returns by default.
        padding_side: Where padding goes.
        truncation_side: Which end of a text is cut off.
        pad_token_type_id: The token type of padding.
        model_max_length: The longest input of the model, in tokens; 1e30 if it is not known.
        clean_up_tokenization_spaces: Whether decoding removes the spaces before punctuation.
        original_tokenization: Whether texts are treated exactly as by the original code, in which special tokens in a
            text are ordinary characters. Otherwise as by the tokenizers of the Hugging Face Hub, which recognise them.
        init_kwargs: The settings that :meth:`save_pretrained` keeps.

    Args:
        tokenizer_object: The engine.
        tokenizer_file: A ``tokenizer.json`` to read it from.
        original_tokenization: See above.
        added_tokens_decoder: Id -> token that the tokenizer has besides its vocabulary, as it was saved.
        **settings: Special tokens by role, the attributes above, and settings of the family; others are kept.
    """

    vocab_files_names: ClassVar[Mapping[str, str]] = {"tokenizer_file": TOKENIZER}
    original_vocab_files: ClassVar[Mapping[str, str]] = {}
    is_fast: ClassVar[bool] = True

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
            add_tokens(
                self._engine, [token for token in self.all_special_tokens_extended if token.content not in known]
            )
            return
        self._special_tokens = {
            role: token
            for role, token in self._special_tokens.items()
            if self._engine.token_to_id(token.content) is not None
        }

    def _place_special_tokens(self) -> None:
        """Makes the engine put special tokens around texts as the template says."""
        tokens = {role: token.content for role, token in self._special_tokens.items()}
        if self.input_template.roles():
            self._engine.post_processor = self.input_template.processor(tokens, self._engine)

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

    # Vocabulary

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
        one = isinstance(new_tokens, str | AddedToken)
        tokens = cast("list[str | AddedToken]", [new_tokens] if one else list(cast("Sequence[Any]", new_tokens)))
        if special_tokens:
            return add_tokens(self._engine, [special_token(token) for token in tokens])
        plain = [AddedToken(token, special=False) if isinstance(token, str) else token for token in tokens]
        return add_tokens(self._engine, plain)

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
        tokens = dict(special_tokens_dict)
        additional = [special_token(token) for token in cast("Sequence[str | AddedToken]", tokens.pop(ADDITIONAL, ()))]
        roles = {role: special_token(cast("str | AddedToken", token)) for role, token in tokens.items()}
        count = add_tokens(self._engine, [*roles.values(), *additional])
        self._set_special_tokens(roles)
        if ADDITIONAL in special_tokens_dict:
            kept = [] if replace_additional_special_tokens else self._additional_special_tokens
            present = {token.content for token in kept}
            self._additional_special_tokens = [*kept, *(token for token in additional if token.content not in present)]
        return count

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...
    @overload
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int | None]: ...
    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int | None] | None:
        """The ids of tokens; unknown tokens have the id of the unknown token, or None if there is none."""
        unknown = self._special_tokens.get("unk_token")
        default = None if unknown is None else self._engine.token_to_id(unknown.content)

        def convert(token: str) -> int | None:
            number = self._engine.token_to_id(token)
            return default if number is None else number

        return convert(tokens) if isinstance(tokens, str) else [convert(token) for token in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = ...) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: Sequence[int], skip_special_tokens: bool = ...) -> list[str]: ...
    def convert_ids_to_tokens(self, ids: int | Sequence[int], skip_special_tokens: bool = False) -> str | list[str]:
        """The tokens of ids."""
        if isinstance(ids, int):
            return self._engine.id_to_token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self._engine.id_to_token(number) for number in map(int, ids) if number not in skipped]

    # Text -> inputs

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
            text_pair: The second text, or as many second texts.
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
        self, text: Text, text_pair: Text | None = None, **options: Unpack[EncodingOptions]
    ) -> BatchEncoding:
        """The older name of calling the tokenizer with one text or pair."""
        return self(text, text_pair, **options)

    def batch_encode_plus(
        self,
        batch_text_or_text_pairs: Sequence[Text] | Sequence[tuple[Text, Text]],
        **options: Unpack[EncodingOptions],
    ) -> BatchEncoding:
        """The older name of calling the tokenizer with a batch, in which pairs are tuples."""
        return self._encode_batch(list(batch_text_or_text_pairs), options)

    def encode(self, text: Text, text_pair: Text | None = None, **options: Unpack[EncodingOptions]) -> Any:
        """The ids of a text or pair: a list, or a tensor ``[1, tokens]`` with ``return_tensors``."""
        return self(text, text_pair, **options)["input_ids"]

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Unpack[EncodingOptions]
    ) -> list[str]:
        """The tokens of a text or pair, by default without special tokens around it."""
        return self(text, pair, **{**options, "add_special_tokens": add_special_tokens}).tokens()

    def _encode(
        self, text: Text | Sequence[Text], pair: Text | Sequence[Text] | None, options: EncodingOptions
    ) -> BatchEncoding:
        split = options.get("is_split_into_words", False)
        if not _is_batch(text, split):
            return self._encode_one(text if pair is None else (text, pair), options)
        if pair is None:
            return self._encode_batch(list(text), options)
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
        unknown = options.keys() - EncodingOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no option {', '.join(sorted(unknown))}")
        padding, truncation = length_options(options, self)
        encodings = self._run_engine(items, truncation, options)
        samples = list(range(len(encodings)))
        if options.get("return_overflowing_tokens"):
            samples = [number for number, row in enumerate(encodings) for _ in range(1 + len(row.overflowing))]
            encodings = [part for row in encodings for part in (row, *row.overflowing)]
        if options.get("max_length") is None and options.get("verbose", True):
            self._warn_of_length(max((len(row) for row in encodings), default=0))
        self._pad_encodings(encodings, padding)
        data = {name: [column(row) for row in encodings] for name, column in self._columns(options).items()}
        if options.get("return_overflowing_tokens"):
            data["overflow_to_sample_mapping"] = samples
        return BatchEncoding(data, encodings, options.get("return_tensors"))

    def _run_engine(self, items: list[Any], truncation: Truncation, options: EncodingOptions) -> list[Encoding]:
        """Encodes texts (or lists of words), single or in pairs. A family that prepares its texts in Python does it here."""
        add_special_tokens = options.get("add_special_tokens", True)
        if truncation:
            pairs = any(isinstance(item, tuple) for item in items)
            truncation.require_room(self._engine.num_special_tokens_to_add(pairs) if add_special_tokens else 0)
        self._set_truncation(truncation)
        try:
            return cast(
                "list[Encoding]",
                self._engine.encode_batch(
                    items,
                    is_pretokenized=options.get("is_split_into_words", False),
                    add_special_tokens=add_special_tokens,
                ),
            )
        except TypeError as error:
            _explain_input(items, error)
        except Exception as error:  # the engine raises nothing more specific
            raise UserError(f"These texts cannot be encoded: {error}") from error

    def _set_truncation(self, truncation: Truncation) -> None:
        """Sets it in the engine only where it differs, so that threads with the same options do not disturb each other."""
        if not truncation:
            if self._engine.truncation is not None:
                self._engine.no_truncation()
            return
        wanted = {
            "max_length": truncation.max_length,
            "stride": truncation.stride,
            "strategy": truncation.strategy.value,
            "direction": truncation.side,
        }
        if self._engine.truncation != wanted:
            self._engine.enable_truncation(**wanted)

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
        files = find_vocabulary(source, cls.vocab_files_names, cls.original_vocab_files, options)
        tokenizer = cls(**{**read_settings(source, options), **files, **settings})
        tokenizer.name_or_path = os.fspath(source)
        return tokenizer

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

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None, **hub_arguments: Any
    ) -> tuple[str, ...]:
        """Writes everything that :meth:`from_pretrained` needs, the vocabulary in both its newer and older form.

        The same tokenizer always gives the same bytes.

        Args:
            save_directory: Folder, which is created if it does not exist.
            filename_prefix: Put before the name of each file, with a hyphen.
            **hub_arguments: With ``push_to_hub=True``, those of ``push_to_hub``.

        Returns:
            The paths of the files.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            TOKENIZER_CONFIG: as_json(self._settings()),
            SPECIAL_TOKENS_MAP: as_json(self._special_tokens_as_json()),
        }
        written = []
        for name, text in texts.items():
            written.append(folder / file_name(filename_prefix, name))
            write_text(written[-1], text)
        written.append(folder / file_name(filename_prefix, TOKENIZER))
        self._engine.no_truncation()
        with replacing(written[-1]) as temporary:
            self._engine.save(str(temporary), pretty=True)
        if hub_arguments.pop("push_to_hub", False):
            self.push_to_hub(hub_arguments.pop("repo_id", folder.name), **hub_arguments)
        return (*map(str, written), *self.save_vocabulary(folder, filename_prefix))

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
        roles = {role: self._special_tokens[role].content for role in self._special_tokens}
        return {
            **self.init_kwargs,
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


def _is_batch(text: Any, split: bool) -> bool:
    if not isinstance(text, list | tuple):
        return False
    return not split or (len(text) > 0 and isinstance(text[0], list | tuple))


def _as_ids(row: Any) -> list[int]:
    values = row.tolist() if hasattr(row, "tolist") else row
    return [values] if isinstance(values, int) else list(values)


def _explain_input(items: Sequence[Any], error: TypeError) -> NoReturn:
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
                if any("\ud800" <= character <= "\udfff" for character in word):
                    raise InputTypeError(
                        f"Input {number} holds half of a surrogate pair, which is not a character: {_described(word)}."
                    ) from error
    raise InputTypeError(
        "Lists of words need is_split_into_words=True, and single texts must not have it.", advice=str(error)
    ) from error


def _described(value: Any) -> str:
    return f"{ascii(value)[:60]} ({type(value).__name__})"

"""The files of a tokenizer: finding them, and reading the settings that older and newer versions keep in them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from ._files import read_json_object
from .errors import MissingFileError, UserError
from .hub import HubOptions, find_file, missing_files
from .tokenization_special_tokens import ADDITIONAL, ROLES, flags_of, special_token

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS_MAP = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"

_DECODER = "added_tokens_decoder"
#: Settings that say where a tokenizer came from, or that older files spell in another way.
_NOT_SETTINGS = ("tokenizer_class", "name_or_path", "special_tokens_map_file", "tokenizer_file", "auto_map")


def find_vocabulary(
    source: str | os.PathLike[str],
    names: Mapping[str, str],
    other_names: Mapping[str, str],
    options: HubOptions,
) -> dict[str, str]:
    """The vocabulary files in a folder or a repository, by the constructor's arguments.

    Args:
        source: A folder, a vocabulary file, or the id of a repository.
        names: Argument -> file name; ``tokenizer_file``, if it is among them, replaces the others.
        other_names: The same for a local folder of the original release.
        options: How to fetch from the hub.

    Raises:
        MissingFileError: Neither ``tokenizer.json`` nor a complete vocabulary is there.
    """
    if Path(source).is_file():
        return _single_file(Path(source), names)
    found = {argument: find_file(source, name, options) for argument, name in names.items()}
    if Path(source).is_dir():
        for argument, name in other_names.items():
            found[argument] = found.get(argument) or find_file(source, name, options)
    vocabulary = [argument for argument in names if argument != "tokenizer_file"]
    complete = vocabulary and all(found[argument] for argument in vocabulary)
    if not complete and found.get("tokenizer_file") is None:
        absent = [name for argument, name in names.items() if found[argument] is None]
        raise missing_files(source, sorted(absent, key=TOKENIZER.__ne__), options)
    return {argument: str(path) for argument, path in found.items() if path is not None}


def _single_file(path: Path, names: Mapping[str, str]) -> dict[str, str]:
    if path.suffix == ".json" and path.name == names.get("tokenizer_file"):
        return {"tokenizer_file": str(path)}
    arguments = [argument for argument in names if argument != "tokenizer_file"]
    if len(arguments) != 1:
        wanted = ", ".join(names[argument] for argument in arguments) or TOKENIZER
        raise UserError(f"{path} alone does not make a tokenizer.", advice=f"Give the folder that holds {wanted}.")
    return {arguments[0]: str(path)}


def read_settings(source: str | os.PathLike[str], options: HubOptions) -> dict[str, Any]:
    """The constructor's keyword arguments that a tokenizer was saved with.

    ``special_tokens_map.json`` and ``added_tokens.json`` count for files that were written before
    ``tokenizer_config.json`` listed the added tokens itself.
    """
    if Path(source).is_file():
        return {}

    def read(name: str) -> dict[str, Any]:
        path = find_file(source, name, options)
        return {} if path is None else read_json_object(path)

    settings = {name: value for name, value in read(TOKENIZER_CONFIG).items() if name not in _NOT_SETTINGS}
    if "max_len" in settings:
        settings.setdefault("model_max_length", settings.pop("max_len"))
    if _DECODER in settings:
        added = {int(number): special_token(token) for number, token in settings[_DECODER].items()}
    else:
        settings |= read(SPECIAL_TOKENS_MAP)
        added = {
            number: AddedToken(token, special=False, normalized=True) for token, number in read(ADDED_TOKENS).items()
        }
    settings[_DECODER] = added
    _give_flags(settings, {token.content: token for token in added.values()})
    return settings


def _give_flags(settings: dict[str, Any], added: Mapping[str, AddedToken]) -> None:
    """Special tokens are written as text; their flags stand in the list of added tokens."""
    for role in ROLES:
        if isinstance(settings.get(role), str):
            settings[role] = _as_special(added.get(settings[role], settings[role]))
    if settings.get(ADDITIONAL):
        settings[ADDITIONAL] = [
            _as_special(added.get(token, token) if isinstance(token, str) else token) for token in settings[ADDITIONAL]
        ]


def _as_special(token: str | AddedToken | Mapping[str, Any]) -> AddedToken:
    return special_token(flags_of(token) | {"special": True} if isinstance(token, AddedToken) else token)


def load_engine(path: str | os.PathLike[str]) -> Tokenizer:
    """The engine in a ``tokenizer.json``, without the padding and truncation that it may have been saved with.

    Raises:
        MissingFileError: There is no such file.
        UserError: The engine does not understand it.
    """
    if not Path(path).is_file():
        raise MissingFileError(f"{os.fspath(path)} does not exist.")
    try:
        engine = Tokenizer.from_file(os.fspath(path))
    except Exception as error:  # the engine raises nothing more specific
        raise UserError(f"{os.fspath(path)} is no tokenizer that the engine understands: {error}") from error
    engine.no_padding()
    engine.no_truncation()
    return engine


def add_in_order(engine: Tokenizer, tokens: Mapping[int, AddedToken]) -> None:
    """Adds the tokens that a saved tokenizer had besides its vocabulary, each with the id that it had.

    Raises:
        UserError: The vocabulary does not give a token this id.
    """
    present = engine.get_added_tokens_decoder()
    wrong = []
    for number, token in sorted(tokens.items()):
        if number in present and present[number].content == token.content:
            continue
        add_tokens(engine, [token])
        actual = engine.token_to_id(token.content)
        if actual != number:
            wrong.append(f"{token.content!r} was saved with id {number}, but gets {actual}")
    if wrong:
        raise UserError(
            "The added tokens do not fit the vocabulary:",
            wrong,
            "The vocabulary files belong to another tokenizer, or lines were added to them or removed.",
        )


def add_tokens(engine: Tokenizer, tokens: Iterable[AddedToken]) -> int:
    """Adds tokens to the engine, each as special or not as it says of itself; returns how many ids are new."""
    before = engine.get_vocab_size(with_added_tokens=True)
    for token in tokens:
        (engine.add_special_tokens if token.special else engine.add_tokens)([token])
    return int(engine.get_vocab_size(with_added_tokens=True)) - before


def without_special_tokens(engine: Tokenizer) -> Tokenizer:
    """The engine with the special tokens of its vocabulary known to the vocabulary only.

    In raw text they are then ordinary characters.
    """
    state = json.loads(engine.to_str())
    vocabulary = engine.get_vocab(with_added_tokens=False)
    kept = [token for token in state["added_tokens"] if not (token["special"] and token["content"] in vocabulary)]
    if len(kept) == len(state["added_tokens"]):
        return engine
    return Tokenizer.from_str(json.dumps({**state, "added_tokens": kept}))


def file_name(prefix: str | None, name: str) -> str:
    """The name of a file with the prefix that the user wants for all of them."""
    return f"{prefix}-{name}" if prefix else name


def as_json(value: Any) -> str:
    """JSON as all files of a tokenizer are written: stable, and readable in any language."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_text(path: str | os.PathLike[str]) -> str:
    """A vocabulary file as text, with its line ends as they are.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is not UTF-8.
    """
    try:
        return Path(path).read_bytes().decode("utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise MissingFileError(f"The vocabulary file {os.fspath(path)} does not exist.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{os.fspath(path)} is no vocabulary: byte {error.start} is not UTF-8.") from None


def missing_vocabulary(tokenizer: str, arguments: Sequence[str]) -> UserError:
    """The error of a constructor that was not given its vocabulary files."""
    return UserError(
        f"{tokenizer} needs {' and '.join(arguments)}, or tokenizer_file.",
        advice=f"{tokenizer}.from_pretrained(folder) finds the files of a folder by itself.",
    )

"""Where the files of a model are: in a local folder, or in a repository of the Hugging Face Hub and its cache.

``huggingface_hub`` is imported only when something is asked of the hub: a local folder costs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from .errors import MissingFileError, UserError

_REPOSITORY_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


#: Arguments of loaders that say how to fetch and change nothing: a download always goes on where it was cut off, and
#: code from a repository is never run.
_WITHOUT_EFFECT = ("resume_download", "trust_remote_code", "mirror", "user_agent", "_from_auto", "_commit_hash")


@dataclass(frozen=True, slots=True)
class HubOptions:
    """How files are fetched from the hub: the keyword arguments that every ``from_pretrained`` accepts.

    Attributes:
        revision: Branch, tag or commit.
        subfolder: Folder inside the repository (or inside the local folder).
        token: Access token, or True to use the stored one, False to use none.
        cache_dir: Where downloads are kept, if not in the usual place.
        force_download: Fetches even what the cache has.
        local_files_only: Looks at the cache only. ``HF_HUB_OFFLINE=1`` in the environment does the same.
    """

    revision: str | None = None
    subfolder: str = ""
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    force_download: bool = False
    local_files_only: bool = False

    @classmethod
    def taken_from(cls, arguments: dict[str, Any]) -> Self:
        """Removes these options, and older ones that change nothing, from keyword arguments and returns them."""
        for name in _WITHOUT_EFFECT:
            arguments.pop(name, None)
        if arguments.get("proxies", ...) is None:
            del arguments["proxies"]
        if (token := arguments.pop("use_auth_token", None)) is not None:
            arguments.setdefault("token", token)
        return cls(**{field.name: arguments.pop(field.name) for field in fields(cls) if field.name in arguments})

    def to_dict(self) -> dict[str, Any]:
        """The options as keyword arguments."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


_DEFAULT_OPTIONS = HubOptions()


def find_file(source: str | os.PathLike[str], filename: str, options: HubOptions = _DEFAULT_OPTIONS) -> Path | None:
    """The local path of a model's file, downloaded if need be; None if the model has no such file.

    Args:
        source: A local folder, or the id of a repository on the hub.
        filename: Name relative to the folder or repository (and ``options.subfolder``).
        options: How to fetch from the hub.

    Raises:
        MissingFileError: If there is neither such a folder nor such a repository, or it cannot be reached.
    """
    folder = Path(source)
    if folder.is_dir():
        path = folder / options.subfolder / filename
        return path if path.is_file() else None
    if not _REPOSITORY_ID.fullmatch(os.fspath(source)):
        raise MissingFileError(f"{os.fspath(source)} does not exist, and is no id of a repository on the hub either.")
    return _find_on_hub(os.fspath(source), filename, options)


def require_file(
    source: str | os.PathLike[str], filenames: Sequence[str], options: HubOptions = _DEFAULT_OPTIONS
) -> Path:
    """The first of several files that the model has.

    Raises:
        MissingFileError: If it has none of them.
    """
    for filename in filenames:
        path = find_file(source, filename, options)
        if path is not None:
            return path
    raise missing_files(source, filenames, options)


def missing_files(
    source: str | os.PathLike[str], filenames: Sequence[str], options: HubOptions = _DEFAULT_OPTIONS
) -> MissingFileError:
    """The error that says that a model has none of several files."""
    place = os.fspath(source) + (f" (subfolder {options.subfolder})" if options.subfolder else "")
    names = filenames[0] if len(filenames) == 1 else f"none of {', '.join(filenames)}"
    verb = "has no" if len(filenames) == 1 else "has"
    if Path(source).is_dir():
        return MissingFileError(f"{place} {verb} {names}.")
    place += f", revision {options.revision}," if options.revision else ""
    if _is_offline(options):
        return MissingFileError(
            f"{place} {verb} {names} in the cache.",
            advice="Only the cache was looked at: leave out local_files_only, and HF_HUB_OFFLINE, to ask the hub.",
        )
    return MissingFileError(f"{place} {verb} {names} on the hub.")


def _is_offline(options: HubOptions) -> bool:
    from huggingface_hub import constants

    return options.local_files_only or constants.HF_HUB_OFFLINE


def _find_on_hub(repository: str, filename: str, options: HubOptions) -> Path | None:
    from huggingface_hub import errors, hf_hub_download

    place = repository + (f" at revision {options.revision}" if options.revision else "")
    try:
        return Path(
            hf_hub_download(
                repository,
                filename,
                subfolder=options.subfolder or None,
                revision=options.revision,
                token=options.token,
                cache_dir=options.cache_dir,
                force_download=options.force_download,
                local_files_only=options.local_files_only,
                library_name="transformers",
            )
        )
    except errors.LocalEntryNotFoundError as error:
        if _is_cached(repository, options):
            return None
        raise MissingFileError(f"{place} is not in the cache, {_why_not_fetched(options, error)}") from error
    except errors.EntryNotFoundError:
        return None
    except errors.GatedRepoError as error:
        raise MissingFileError(
            f"{repository} is a gated repository.",
            advice=f"Ask for access on its page ({repository}), then log in with `hf auth login` or pass token=….",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise MissingFileError(
            f"{repository} is neither a local folder nor a repository on the hub that may be read.",
            advice="If it is private, log in with `hf auth login` or pass token=….",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise MissingFileError(f"{repository} has no revision {options.revision}.") from error
    except errors.HFValidationError as error:
        raise MissingFileError(
            f"{repository} does not exist, and is no id of a repository on the hub either."
        ) from error
    except OSError as error:
        raise MissingFileError(f"{place} could not be fetched from the hub: {error}") from error


def _why_not_fetched(options: HubOptions, error: Exception) -> str:
    if _is_offline(options):
        return "and nothing is fetched: local_files_only or HF_HUB_OFFLINE is set."
    return f"and the hub could not be reached ({error.__cause__ or error})."


def _is_cached(repository: str, options: HubOptions) -> bool:
    """Whether the cache has the revision: then a file that it lacks can be taken as absent when offline."""
    from huggingface_hub import try_to_load_from_cache

    name = f"{options.subfolder}/config.json" if options.subfolder else "config.json"
    found = try_to_load_from_cache(repository, name, cache_dir=options.cache_dir, revision=options.revision)
    return isinstance(found, str)


class PushToHubMixin:
    """``push_to_hub`` for anything with ``save_pretrained``."""

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> Any:
        """Writes the files that are uploaded."""
        raise NotImplementedError

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        **save_arguments: Any,
    ) -> str:
        """Saves to a temporary folder and uploads it, creating the repository if there is none.

        Args:
            repo_id: Repository on the hub, such as ``user/model``.
            commit_message: Message of the commit.
            private: Whether a new repository is private.
            token: Access token; the stored one by default.
            revision: Branch to push to.
            create_pr: Opens a pull request instead of committing.
            **save_arguments: Passed on to ``save_pretrained``.

        Returns:
            The address of the commit.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, **save_arguments)
            return upload_folder(
                folder,
                repo_id,
                {"commit_message": commit_message, "revision": revision, "create_pr": create_pr},
                private=private,
                token=token,
            )


def upload_folder(
    folder: str, repo_id: str, commit: Mapping[str, Any], *, private: bool | None, token: str | bool | None
) -> str:
    """Uploads the files of a folder in one commit and returns the commit's address."""
    from huggingface_hub import HfApi

    hub = HfApi(token=token, library_name="transformers")
    repository = hub.create_repo(repo_id, private=private, exist_ok=True).repo_id
    if not commit.get("commit_message"):
        commit = {**commit, "commit_message": "Upload with transformers"}
    try:
        return str(hub.upload_folder(repo_id=repository, folder_path=folder, **commit))
    except ValueError as error:
        raise UserError(f"Nothing was uploaded to {repo_id}: {error}") from error

"""The scripts after which the conversion files are called, as the functions and programs that they have always been.

A family's ``convert_…`` module declares a :class:`Script`: which arguments there are under which names, and what each
of them means. It can be called with these arguments in their order, and run with an option for each of them:

    convert_tf_checkpoint_to_pytorch = Script(
        FAMILY, tf_checkpoint_path=CHECKPOINT, bert_config_file=CONFIG, pytorch_dump_path=WEIGHT_FILE
    )

    if __name__ == "__main__":
        convert_tf_checkpoint_to_pytorch.main()
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, NoReturn

from .._program import prepare, run_program
from ..errors import UserError
from .family import Family
from .older_arguments import CHECKPOINT, CONFIG, DATA_SET, FOLDER, TASK, WEIGHT_FILE, Meaning
from .output import StrPath
from .report import ConversionReport, TokenizerReport

__all__ = ["CHECKPOINT", "CONFIG", "DATA_SET", "FOLDER", "TASK", "WEIGHT_FILE", "Script"]


class Script:
    """A conversion as a function, and as a program, under names of old.

    Args:
        family: Whose checkpoints are converted.
        **arguments: The names of the arguments in the order of the function -> what each of them means.
    """

    def __init__(self, family: Family, **arguments: Meaning) -> None:
        self._family = family
        self._arguments = arguments
        self.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in arguments])

    def __call__(
        self, *values: StrPath | None, overwrite: bool = False, **named: StrPath | None
    ) -> ConversionReport | TokenizerReport:
        """Converts a checkpoint.

        Args:
            *values: The values of the arguments, in their order; None or an empty text for one that is optional and
                not given.
            overwrite: Whether files that exist may be replaced.
            **named: Values of arguments by their names.

        Raises:
            UserError: If it cannot be done; nothing is changed then.
        """
        bound = self.__signature__.bind_partial(*values, **named).arguments
        absent = [name for name, meaning in self._arguments.items() if meaning.required and not bound.get(name)]
        given = {
            self._arguments[name].name: self._arguments[name].read(value) for name, value in bound.items() if value
        }
        if absent := absent or self._alternatives(given):
            raise TypeError(f"not given: {', '.join(absent)}")
        return self._convert(given, overwrite=overwrite)

    def main(self, argv: Sequence[str] | None = None) -> NoReturn:
        """Runs the script as a program, and leaves with its exit status.

        Args:
            argv: The options; those of the process if None.
        """
        parser = self._parser()

        def run(arguments: Namespace) -> int:
            known = {meaning.name for meaning in self._arguments.values()}
            given = {name: value for name, value in vars(arguments).items() if name in known and value}
            if absent := self._alternatives(given):
                parser.error(f"one of the arguments {' '.join(f'--{name}' for name in absent)} is required")
            try:
                print(self._convert(given, overwrite=arguments.overwrite))
            except UserError as error:
                raise self._without_foreign_options(error, parser) from error
            return 0

        sys.exit(run_program(parser, argv, run))

    def _alternatives(self, given: Mapping[str, Any]) -> list[str]:
        """The arguments of which one has to be given, if none is."""
        sources = {CHECKPOINT.name, DATA_SET.name}
        if sources & given.keys():
            return []
        return [name for name, meaning in self._arguments.items() if meaning.name in sources]

    def _convert(self, given: Mapping[str, Any], *, overwrite: bool) -> ConversionReport | TokenizerReport:
        from ..models.auto.original_checkpoints import convert_checkpoint

        requests = dict(given)
        if CHECKPOINT.name not in requests:
            requests[CHECKPOINT.name] = requests.pop(DATA_SET.name)
        return convert_checkpoint(model_type=self._family.model_type, overwrite=overwrite, **requests)

    def _parser(self) -> ArgumentParser:
        parser = ArgumentParser(
            prog=Path(sys.argv[0]).name,
            description=f"Convert an original {self._family.title} checkpoint to a PyTorch model.",
            epilog=f"{self._newer} does the same, with more options.",
        )
        for name, meaning in self._arguments.items():
            parser.add_argument(
                f"--{name}",
                dest=meaning.name,
                metavar="TASK" if meaning.name == TASK.name else "PATH",
                type=meaning.read_text,
                required=meaning.required,
                help=meaning.help,
            )
        parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
        prepare(parser)
        return parser

    @property
    def _newer(self) -> str:
        return f"transformers-cli convert --model_type {self._family.model_type}"

    def _without_foreign_options(self, error: UserError, parser: ArgumentParser) -> UserError:
        """The error, and where the options are that it speaks of and that are none of this script."""
        message = str(error)
        if all(option in parser.format_help() for option in re.findall(r"--[a-z]\w+", message)):
            return error
        return UserError(message, advice=f"This script has only the options of old: {self._newer} has that one.")

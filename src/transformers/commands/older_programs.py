"""The programs of the older packages: today's ``convert`` behind their sub-commands and positional arguments.

What they had not, the options of today, stands behind these: a message that names one can be followed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import __version__
from .._program import prepare, run_program
from ..conversion.older_arguments import Meaning
from . import convert

#: Their weights are always one file: settings that are about several have no meaning.
_ONE_FILE = {"max_shard_size": "5GB"}


@dataclass(frozen=True)
class OlderCommand:
    """A sub-command of an older program.

    Attributes:
        title: Whose checkpoints it converts.
        names: How it is called; the first is the one that the help speaks of.
        model_type: The family.
        arguments: Its positional arguments in order, under the names that they have in the usage.
    """

    title: str
    names: Sequence[str]
    model_type: str
    arguments: Mapping[str, Meaning]

    def register(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Declares the sub-command and its arguments."""
        parser = subparsers.add_parser(
            self.names[0],
            aliases=self.names[1:],
            help=f"convert {self.title} to a PyTorch model",
            description=f"Convert {self.title} to a PyTorch model.",
            epilog=f"transformers-cli convert --model_type {self.model_type} does the same.",
        )
        for name, meaning in self.arguments.items():
            parser.add_argument(
                meaning.name,
                metavar=name,
                nargs=None if meaning.required else "?",
                type=meaning.read_text,
                help=meaning.help,
            )
        convert.add_options(parser, given={*_ONE_FILE, *(meaning.name for meaning in self.arguments.values())})
        parser.set_defaults(model_type=self.model_type, **_ONE_FILE)
        prepare(parser)


def run_older_program(name: str, commands: Sequence[OlderCommand], argv: Sequence[str] | None) -> int:
    """Runs an older program and returns its exit status, see :func:`transformers._program.run_program`.

    Args:
        name: What the program is called.
        commands: Its sub-commands.
        argv: The arguments without the program's name; those of the process if None.
    """
    parser = argparse.ArgumentParser(
        prog=name,
        description="The command line of an older package: original research checkpoints as PyTorch models.",
    )
    parser.add_argument("--version", action="version", version=f"transformers {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in commands:
        command.register(subparsers)
    return run_program(parser, argv, convert.run)

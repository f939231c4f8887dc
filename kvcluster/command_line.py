"""The command line of client.py: from its words to the command that they mean.

What the words may be is in commands/parser.py. Here it is decided which nodes they are about, and
each command is imported only when it is the one: `get` answers in a sixth of a second, and need not
wait for the libraries that draw tables and bars.

The nodes: `--node` or `--cluster`, or else the environment (KV_NODES), or else those that
server.py has built in. Whoever is wrong is named with the value that is.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from kvcluster.commands import parser as words
from kvcluster.commands.perform import Nodes, given_nodes, perform
from kvcluster.commands.synonyms import NoSuch, in_our_words
from kvcluster.console import interrupts
from kvcluster.console.arguments import ENVIRONMENT, given, nodes
from kvcluster.console.program import Program
from kvcluster.console.screen import run_calmly
from kvcluster.model.members import parse_members


def run(arguments: Sequence[str] | None, program: Program) -> int:
    """Run a program; return its exit code. `arguments`: None means those it was started with."""
    given_words = given() if arguments is None else list(arguments)
    if other := program.other(given_words):
        return other.run(given_words[1:])
    return run_calmly(lambda: _run(given_words, program))


def _run(given_words: Sequence[str], program: Program) -> int:
    parser = words.build(program)
    commands = words.commands_of(parser)
    try:
        ours = in_our_words(given_words, [*commands, "--version"])
    except NoSuch as mistake:
        parser.refuse(str(mistake))
    options, surplus = parser.parse_known_args(ours)
    command = commands.get(options.command, parser)
    if surplus:
        command.error(words.too_many(surplus))
    return _do(parser, command, options, program)


def _do(
    parser: argparse.ArgumentParser,
    command: argparse.ArgumentParser,
    options: argparse.Namespace,
    program: Program,
) -> int:
    if options.command is None and program.alone is None:
        parser.print_help()
        return 0
    if options.command == "help":
        words.commands_of(parser).get(options.about, parser).print_help()
        return 0
    if options.command == "completion":
        from kvcluster.commands import completion

        return completion.run(parser, options.shell)
    if options.command == "up":
        from kvcluster.commands import up

        return up.run(up.UpOrder.of(options), command.error)
    # What is wrong from here on is shown with the usage of the command that it is about.
    asked = given_nodes(command, options) or _default_nodes(command, program.default_cluster)
    if options.command == "shell":
        from kvcluster.shell import interpreter

        interrupts.raise_them()
        return interpreter.run(options, asked, program.default_cluster)
    return perform(command, options, asked)


def _default_nodes(parser: argparse.ArgumentParser, default_cluster: str) -> Nodes:
    text = os.environ.get(ENVIRONMENT, "")
    try:
        return nodes(text) if text else parse_members(default_cluster)
    except argparse.ArgumentTypeError as error:
        parser.error(f"{ENVIRONMENT}: {error}")

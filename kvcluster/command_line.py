"""The command line of client.py: from its words to the command that they mean.

What the words may be is in commands/parser.py. Here it is decided which command is meant, and only
that one is loaded; and which nodes it is about: `--node` or `--cluster`, or else the environment
(KV_NODES), or else those that server.py has built in. Whoever is wrong is named with the value that
is.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from kvcluster.commands import parser as words
from kvcluster.commands.command import Asks, Call, Command, given_nodes, named, perform
from kvcluster.commands.identity import use_identity
from kvcluster.commands.synonyms import NoSuch, in_our_words, place_of_command
from kvcluster.console.arguments import ENVIRONMENT, given, usual_nodes
from kvcluster.console.program import Program, run_calmly


def run(arguments: Sequence[str] | None, program: Program) -> int:
    """Run a program; return its exit code. `arguments`: None means those it was started with."""
    given_words = given() if arguments is None else list(arguments)
    if other := program.other(given_words):
        return other.run(given_words[1:])
    return run_calmly(lambda: _run(given_words, program))


def _run(given_words: Sequence[str], program: Program) -> int:
    try:
        ours = in_our_words(given_words, [*words.names_of(program), "--version"])
    except NoSuch as mistake:
        words.build(program, ()).refuse(str(mistake))
    place = place_of_command(ours)
    meant = [] if place is None else ours[place:]
    meant = meant[: 2 if meant[:1] == ["help"] else 1]  # behind `help` the one that it is about
    parser = words.build(program, meant)
    if other := program.other(meant):
        parser.refuse(f"{other.name} stands in front, and its options behind it.")
    options, surplus = parser.parse_known_args(ours)
    command = words.commands_of(parser).get(options.command, parser)
    if surplus:
        command.error(words.too_many(surplus))
    name = options.command or program.alone
    if name is None:
        parser.print_help()
    elif name == "help":
        words.commands_of(parser).get(options.about, parser).print_help()
    else:
        return perform(_call(named(name), command, options, program))
    return 0


def _call(
    command: Command,
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    program: Program,
) -> Call:
    """What is to be done. What is wrong from here on is shown with the usage of the command."""
    asked, is_named = None, False
    use_identity(options, parser.error)
    if command.asks is not Asks.NOBODY:
        asked = given_nodes(command, options, parser.error)
        is_named = bool(asked or os.environ.get(ENVIRONMENT))
        asked = asked or usual_nodes(program.default_cluster, parser.error)
    return Call(
        command=command,
        options=options,
        program=program,
        refuse=parser.error,
        nodes=asked or (),
        named=is_named,
    )

"""A session: lines, one after the other, each done by the commands of client.py.

One client of the library serves all commands about single keys, so the shell stays with a node as
long as it serves, and a write is sent to one that answered a moment ago (whereabouts.py). If it
breaks in that moment, the command says that the outcome is unknown, as client.py does; nothing is
sent again, and the shell moves on behind it.

Commands about the whole cluster ask every node that is known.

Without a terminal there is no prompt and no welcome: the lines are a script. An error does not end
it, as with `sh`; Ctrl+C does. The exit code is that of the last line that failed, so a script whose
lines all worked is told from one where some did not.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from kvcluster.client.raw import RawClient
from kvcluster.commands.command import Asks, Call, Command, given_nodes, named, perform
from kvcluster.console import streams
from kvcluster.console.arguments import STANDARD
from kvcluster.console.screen import (
    Exit,
    as_line,
    complain,
    complain_once,
    is_for_people,
    show,
    shown,
    somebody_is_there,
)
from kvcluster.shell.grammar import ENDS, Grammar, Mistake
from kvcluster.shell.line import Unclosed, Word, commands
from kvcluster.shell.whereabouts import Whereabouts

_PIPELESS = (
    'This shell has no pipes, redirections or second commands; a word "{}" stands in quotes.'
)
_SEMICOLON = 'The ";" is a part of "{}"; no line here ends with one.'
_CLEAR_SCREEN = "\x1b[H\x1b[2J"
_NO_INPUT = '"-" means standard input, and this shell reads its commands there; give the {}.'


def run(call: Call) -> int:
    """The shell: a conversation in a terminal, a script otherwise; return the exit code."""
    # After a command that was broken off, gRPC may report to an event loop that is gone.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    session = Interpreter(call)
    with session.store:
        if somebody_is_there():
            from kvcluster.shell.conversation import Conversation

            return Conversation(session).run()
        if sys.stdin is None:
            complain("There are no commands to read: standard input is closed.")
            return Exit.BAD_USAGE
        return session.run_script(sys.stdin.buffer)


class Ended(Exception):
    """A line ends the session."""


class Interpreter:
    """What holds from one line to the next."""

    def __init__(self, call: Call) -> None:
        given = {"timeout": call.options.timeout, "output": call.options.output}
        self.grammar = Grammar(call.program.default_cluster, given)
        pinned = call.options.node is not None
        self.store = RawClient(call.nodes, timeout_s=call.timeout_s, only=pinned)
        self.place = Whereabouts(self.store, pinned=pinned)
        self._call = call

    def run_script(self, lines: Iterable[bytes]) -> int:
        """Do a line after the other; return the code of the last one that failed."""
        return _last_failure(self._codes(lines))

    def _codes(self, lines: Iterable[bytes]) -> Iterator[int]:
        with contextlib.suppress(Ended):
            for number, line in enumerate(lines):
                # What is no UTF-8 is refused with a sentence, by whoever parses it.
                text = line.decode(errors="surrogateescape")
                yield self.obey(text if number else text.removeprefix("\ufeff"))

    def obey(self, text: str) -> int:
        """Do what a line says; return its exit code. Raises Ended, KeyboardInterrupt.

        Lines that were pasted are one text; an error in one of them does not end the others.
        """
        try:
            pasted = commands(text)
        except Unclosed as unclosed:
            complain(str(unclosed))
            return Exit.BAD_USAGE
        return _last_failure(map(self._do, pasted))

    def _do(self, words: list[Word]) -> int:
        try:
            code = self._carry_out(words)
        except Mistake as mistake:
            complain(str(mistake))
            code = Exit.BAD_USAGE
        streams.flush()  # before the next sentence on standard error
        return code

    def _carry_out(self, words: list[Word]) -> int:
        for word in words:
            if word.for_another_shell:
                raise Mistake(_PIPELESS.format(word.text))
        if len(words) > 1 and words[-1].bare and words[-1].text.endswith(";"):
            complain_once(_SEMICOLON.format(shown(words[-1].text)))
        try:
            options = self.grammar.understand([word.text for word in words])
        except SystemExit as end:  # after a --help
            return int(end.code or 0)
        if options.command in ENDS:
            raise Ended
        if options.command == "clear":
            if is_for_people():
                show(_CLEAR_SCREEN)
            return Exit.DONE
        if options.command == "help":
            about = options.about
            show((self.grammar.commands[about] if about else self.grammar).format_help())
            return Exit.DONE
        command = named(options.command)
        parser = self.grammar.commands[options.command]
        _check_files(command, parser, options)
        line = replace(
            self._call, command=command, options=options, refuse=parser.error, a_line=True
        )
        return self._ask(line)

    def _ask(self, line: Call) -> int:
        if given := given_nodes(line.command, line.options, line.refuse):
            return perform(replace(line, nodes=given, named=True))
        if line.command.asks is not Asks.ONE_NODE:
            asked = (self.place.current,) if self.place.pinned else self.place.known
            return perform(replace(line, nodes=asked))
        try:
            self._settle()
        except KeyboardInterrupt:
            complain("Cancelled, before anything was sent.")
            return Exit.INTERRUPTED
        code = perform(replace(line, nodes=self.place.asked, store=self.store))
        if code == Exit.UNKNOWN:
            self._settle()  # so that the prompt names a node that serves
        return code

    def _settle(self) -> None:
        """Be with a node that serves, and say so if it is another one than before."""
        if not self.place.pinned and (moved := self.place.settle()):
            complain(as_line(moved))  # the reason may be in a stranger's words


def _last_failure(codes: Iterable[int]) -> int:
    """The last code but 0, if there is one. An interrupt is the last: nothing is done behind it."""
    failure = int(Exit.DONE)
    for code in codes:
        if code == Exit.INTERRUPTED:
            return code
        failure = code or failure
    return failure


def _check_files(
    command: Command, parser: argparse.ArgumentParser, options: argparse.Namespace
) -> None:
    """Files are named as in other shells; standard input is none of them. Raises Mistake."""
    for argument, what in command.standard_input.items():
        if getattr(options, argument) == STANDARD:
            raise Mistake(_NO_INPUT.format(what))
    for argument in (it.dest for it in parser._actions if it.metavar == "FILE"):
        name = getattr(options, argument)
        if name and "\0" in name:
            raise Mistake(f'No file can have the name "{shown(name)}".')
        if name:
            with contextlib.suppress(RuntimeError):  # it names the home of nobody
                setattr(options, argument, str(Path(name).expanduser()))

"""What a command is, and which there are.

A command is a file with a `COMMAND` in it: what the help says, which words it takes, whom it asks,
and how it is done. The parser, the pages of help, the completion and the shell are made from that.
So whoever adds one writes its file and names it in `WISHES`, and nothing else.

The file of a command is loaded when a line begins with it, and all of them are for a page of help.
So it imports little by itself. What its work needs (gRPC, tables, bars) is imported by `prepare`:
`get` answers in a sixth of a second, and need not wait for the libraries that others draw with.

Modules are named here, and imported by name. So `shell` can be one of them, which stands above this
room and offers what is in it.

Rejected: to look for files in this folder. The order of the help is one for people, and a name that
stands nowhere cannot be searched for.
"""

from __future__ import annotations

import argparse
import enum
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from kvcluster.console import program
from kvcluster.console.arguments import Argument
from kvcluster.console.program import Program

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient

FEW_KEYS, MANY_KEYS, CLUSTER = "one key or a few", "many keys", "the cluster"

WISHES = {
    FEW_KEYS: {
        "put": "kvcluster.commands.put",
        "get": "kvcluster.commands.get",
        "delete": "kvcluster.commands.delete",
        "incr": "kvcluster.commands.increment",
        "ttl": "kvcluster.commands.time_left",
        "touch": "kvcluster.commands.touch",
        "persist": "kvcluster.commands.persist",
        "lock": "kvcluster.commands.locking",
        "locate": "kvcluster.commands.locate",
    },
    MANY_KEYS: {
        "scan": "kvcluster.commands.scan",
        "import": "kvcluster.commands.import_pairs",
        "export": "kvcluster.commands.export_pairs",
    },
    CLUSTER: {
        "health": "kvcluster.commands.health_check",
        "status": "kvcluster.commands.status",
        "top": "kvcluster.commands.top",
        "demo": "kvcluster.commands.scripted_demo",
        "bench": "kvcluster.commands.benchmark",
        "up": "kvcluster.commands.up",
        "certs": "kvcluster.commands.certs",
    },
    "this program": {
        "shell": "kvcluster.shell",
        "completion": "kvcluster.commands.completion",
    },
}
"""The commands by the wish that they are for, and where each is. `help` itself is in parser.py."""

TIMEOUT_S = 5.0
LOOK_TIMEOUT_S = 2.0
"""A look at all nodes does not wait so long for a frozen one."""

Nodes = tuple[str, ...]
Work = Callable[[], int]
"""Does what was asked; returns the exit code."""


class Asks(enum.Enum):
    """Whom a command asks."""

    NOBODY = enum.auto()
    ONE_NODE = enum.auto()
    """Any that serves, and the next where that one does not; with --node that one only."""
    EACH_NODE = enum.auto()
    """All of them or, with --node, that one."""
    ALL_NODES = enum.auto()
    """All of them: --node would make no sense."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """All about one command. Its texts call the program `client.py`, whatever that is called."""

    text: str
    """What it does, as the end of "it will ..."."""
    usage: str = ""
    """How it is typed, in short; empty: by its name alone."""
    page: str = ""
    """Its lines on the page of all commands, where they are not usage and text."""
    page_in_shell: str = ""
    """Its lines on the page of the shell, where they are others."""
    epilog: str
    """What stands below its options: what they do not say, examples, exit codes."""
    arguments: Sequence[Argument] = ()
    """Its arguments and options; those of all commands come before them."""
    instead: tuple[str, str] | None = None
    """An option, and the argument that may be left out where it is given."""
    standard_input: Mapping[str, str] = field(default_factory=dict)
    """Arguments for which "-" is standard input, and what they are called."""
    asks: Asks = Asks.ONE_NODE
    timeout_s: float = TIMEOUT_S
    """How long an answer may take, unless --timeout says something else."""
    in_shell: bool = True
    """Whether it makes sense within `client.py shell`."""
    prepare: Callable[[Call], Work]
    """Refuses what does not go together, imports what the work needs, and returns the work."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A command line that was understood: what a command is done from."""

    command: Command
    options: argparse.Namespace
    """Its arguments and options."""
    program: Program
    refuse: Callable[[str], NoReturn]
    """Says what is wrong with the options, and ends."""
    nodes: Nodes = ()
    """Whom to ask."""
    named: bool = False
    """Whether somebody has named them; else they are those that server.py has built in."""
    store: RawClient | None = None
    """The client to ask with about single keys; None: one of its own."""
    a_line: bool = False
    """A value that is printed ends a line, whatever it is printed to."""

    @property
    def timeout_s(self) -> float:
        """How long an answer may take."""
        return self.options.timeout or self.command.timeout_s

    @property
    def json(self) -> bool:
        """Whether results are for programs."""
        return bool(self.options.output == "json")


def names() -> list[str]:
    """All of them."""
    return [name for commands in WISHES.values() for name in commands]


def named(name: str) -> Command:
    """The command of this name, from its file."""
    (module,) = (commands[name] for commands in WISHES.values() if name in commands)
    command: Command = importlib.import_module(module).COMMAND
    return command


def offered(wish: str, *, in_shell: bool) -> Iterator[tuple[str, Command]]:
    """The commands for a wish with their names, all of them or those of the shell."""
    for name in WISHES[wish]:
        command = named(name)
        if command.in_shell or not in_shell:
            yield name, command


def given_nodes(
    command: Command, options: argparse.Namespace, refuse: Callable[[str], NoReturn]
) -> Nodes | None:
    """The nodes that a command line names, if it names some."""
    if options.node and options.cluster:
        refuse("--node asks one node and --cluster all of them; give one of the two")
    if options.node and command.asks is Asks.ALL_NODES:
        about = options.command or "the demo"
        refuse(f"{about} is about all nodes; name them with --cluster, not --node")
    given: Nodes | None = options.node or options.cluster
    return given


def perform(call: Call) -> int:
    """Do what a command line says; return the exit code."""
    work = call.command.prepare(call)
    program.raise_interrupts()  # all that it needs is loaded
    return work()

"""`client.py certs`: certificates for trying out; how they are made is in authority.py."""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path

from kvcluster.commands.command import Asks, Call, Command, Work
from kvcluster.console.arguments import argument, folder, number
from kvcluster.console.screen import Exit, complain, file_name, say

_NAME = re.compile(r"[A-Za-z0-9:._-]{1,64}")
_LACKING = (
    "The certificates are made by cryptography, which is not installed:"
    ' pip install "kvcluster[certs]".'
)


def _host(text: str) -> str:
    if not _NAME.fullmatch(text) or text.startswith("."):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a host")
    return text


def _client(text: str) -> str:
    if not 0 < len(text) <= 64 or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no name: 1 to 64 printable characters")
    return text


def _prepare(call: Call) -> Work:
    return partial(_run, call)


def _run(call: Call) -> int:
    options = call.options
    if not options.names and not options.client:
        call.refuse("name the hosts of nodes, or clients with --client")
    if "ca" in [*options.names, *options.client]:
        call.refuse("ca is the authority itself")
    try:
        from kvcluster.commands.authority import Authority, file_of
    except ModuleNotFoundError:
        complain(_LACKING)
        return Exit.BAD_USAGE
    where = Path(options.dir)
    try:
        authority = Authority(where)
        for name in options.names:
            authority.certify_node(name, options.days)
        for name in options.client:
            authority.certify_client(name, options.days)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        complain(f"The certificates cannot be made in {file_name(options.dir)}: {why}.")
        return Exit.NOT_SO
    if authority.is_new:
        say(f"{where / 'ca.pem'} is a new authority; whoever has {where / 'ca.key'} makes nodes.")
    for name in options.names:
        say(f"{where / file_of(name)}.pem and .key: a node on {name}")
    for name in options.client:
        say(f"{where / file_of(name)}.pem and .key: the client {name}")
    return Exit.DONE


COMMAND = Command(
    text="make certificates to try out TLS",
    asks=Asks.NOBODY,
    usage="certs NAME...",
    page="certs NAME...         make certificates to try out TLS",
    epilog="""\
NAME is the host of nodes, as the member list has it. Each gets NAME.pem and
NAME.key in D, signed by the authority there, ca.pem and ca.key, which is made
the first time. Again: new ones of the same authority, in the place of the old.

examples:
  client.py certs localhost --client ops --dir certs
  client.py certs node-a node-b node-c --dir certs --days 90

exit codes:
  0  made
  1  they cannot be written
  2  bad usage, or cryptography is not installed
""",
    in_shell=False,
    arguments=(
        argument("names", text="the hosts of nodes", metavar="NAME", nargs="*", type=_host),
        argument(
            "--client",
            text="the name of a client; may be repeated",
            metavar="NAME",
            action="append",
            type=_client,
            default=[],
        ),
        folder("--dir", "where they are put (default: certs)", "certs"),
        number("--days", "how long they are good", 1, 3650, 30),
    ),
    prepare=_prepare,
)

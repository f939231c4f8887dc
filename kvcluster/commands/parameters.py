"""What each command takes: its arguments and its own options, as the parser is told of them.

Those that all commands share, and how a command line is put together, are in parser.py. `complete`
on an argument is what completion.py reads; a metavar says what kind of word it is, which is what
the shell completes by (shell/expecting.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from kvcluster.commands import epilogs
from kvcluster.config import VALUE_CEILING_BYTES
from kvcluster.console.arguments import StoreWord, one_node, path, seconds, valid, whole_number

INTERVAL_S = 2.0
"""Between two looks of status --watch."""

FORMATS = ("json", "jsonl", "csv")
_FILES = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
}
_FOLDERS = {
    "bash": "_shtab_compgen_dirs",
    "zsh": "_files -/",
    "fish": "(__fish_complete_directories)",
}
_MANY = 1_000_000_000

Add = Callable[..., argparse.ArgumentParser]


def add_all(add: Add) -> None:
    """Add the commands about keys and the cluster."""
    _add_keys(add)
    _add_many_keys(add)
    _add_cluster(add)


def _add_keys(add: Add) -> None:
    put = add("put", "store a value under a key", epilogs.PUT)
    _word(put, "key", "the key")
    _word(put, "value", "the value; -: standard input")
    _file(put, "--file", "in place of a value: store what is in this file, whatever it is")
    put.instead = ("--file", "value")  # type: ignore[attr-defined]
    get = add("get", "print the value of a key", epilogs.GET)
    _words(get, "+", "the keys")
    get.add_argument(
        "--binary", action="store_true", help="write the bytes that were stored, and nothing else"
    )
    get.add_argument(
        "-v", "--verbose", action="store_true", help="say on standard error which node answered"
    )
    delete = add("delete", "remove keys", epilogs.DELETE)
    _words(delete, "*", "the keys")
    _prefix(delete, "remove every key that begins with P")
    delete.add_argument("--yes", action="store_true", help="do not ask before that")
    _word(add("locate", "show which nodes hold a key", epilogs.LOCATE), "key", "the key")


def _add_many_keys(add: Add) -> None:
    scan = add("scan", "print pairs in the order of their keys", epilogs.SCAN)
    _word(scan, "prefix", "only keys that begin so", nargs="?")
    _prefix(scan, "the same")
    scan.add_argument("--keys-only", action="store_true", help="leave the values out")
    scan.add_argument("--count", action="store_true", help="print only how many there are")
    scan.add_argument("--limit", type=whole_number(1, _MANY), metavar="N", help="end after so many")
    scan.add_argument(
        "--start-after", type=valid, default="", metavar="KEY", help="only keys behind this one"
    )
    for name, text, epilog in (
        ("import", "store the pairs of a file", epilogs.IMPORT),
        ("export", "write pairs to a file", epilogs.EXPORT),
    ):
        command = add(name, text, epilog)
        where = "input" if name == "import" else "output"
        _file(command, "file", f"the file; -: standard {where}")
        command.add_argument(
            "--format", choices=FORMATS, help="of the file (default: as its name says)"
        )
        command.add_argument(
            "--restart", action="store_true", help="begin anew, whatever was done before"
        )
        if name == "import":
            command.add_argument(
                "--skip-bad", action="store_true", help="leave out lines that cannot be stored"
            )
        else:
            _word(command, "prefix", "only keys that begin so", nargs="?")
            _prefix(command, "the same")
            command.add_argument(
                "--force", action="store_true", help="replace a file that is there"
            )


def _add_cluster(add: Add) -> None:
    health = add("health", "ask nodes how they are, a line each", epilogs.HEALTH)
    health.add_argument(
        "nodes", nargs="*", type=one_node, metavar="H:P", help="which (default: all)"
    )
    status = add("status", "show all nodes, and what they say of each other", epilogs.STATUS)
    status.add_argument("--watch", action="store_true", help="go on showing them until Ctrl+C")
    top = add("top", "watch the cluster in the terminal, live", epilogs.TOP)
    for watching in (status, top):
        watching.add_argument(
            "--interval",
            type=seconds,
            metavar="S",
            help=f"seconds between two looks (default: {INTERVAL_S:g})",
        )
    add("demo", "put, get and delete on every node, each step checked", epilogs.DEMO)
    bench = add("bench", "measure how fast your cluster is", epilogs.BENCH)
    bench.add_argument(
        "--duration", type=seconds, default=10.0, metavar="S", help="seconds (default: 10)"
    )
    _number(bench, "--clients", 50, whole_number(1, 10_000), "calls at a time")
    _number(bench, "--value-size", 100, whole_number(0, VALUE_CEILING_BYTES), "bytes of a value")
    _number(bench, "--keys", 10_000, whole_number(1, 10_000_000), "how many keys")
    _number(bench, "--reads", 80, whole_number(0, 100), "percent of the calls that read")
    bench.add_argument(
        "--prefix",
        type=valid,
        default="bench/",
        metavar="P",
        help="its keys begin with this and a random word (default: bench/)",
    )
    bench.add_argument("--keep", action="store_true", help="do not remove its keys at the end")


def add_up(add: Add) -> None:
    """Add the command that starts a cluster."""
    up = add("up", "run a cluster in this terminal, until Ctrl+C", epilogs.UP)
    _number(up, "--nodes", 3, whole_number(1, 9), "how many nodes")
    up.add_argument(
        "--port",
        type=whole_number(1, 65_535),
        default=50051,
        metavar="N",
        help="the port of the first; the others have those behind it (default: 50051)",
    )
    up.add_argument(
        "--replicas", type=whole_number(1, 9), metavar="R", help="on how many each key is kept"
    )
    folder = up.add_argument(
        "--dir", type=path, default=".", metavar="D", help="where the data is (default: here)"
    )
    folder.complete = _FOLDERS  # type: ignore[attr-defined]


def _word(parser: argparse.ArgumentParser, name: str, text: str, nargs: str | None = None) -> None:
    parser.add_argument(
        name, metavar=name.upper(), type=valid, action=StoreWord, nargs=nargs, help=text
    )


def _number(
    parser: argparse.ArgumentParser,
    option: str,
    default: int,
    kind: Callable[[str], int],
    text: str,
) -> None:
    text = f"{text} (default: {default:,})"
    parser.add_argument(option, type=kind, default=default, metavar="N", help=text)


def _words(parser: argparse.ArgumentParser, count: str, text: str) -> None:
    parser.add_argument("keys", metavar="KEY", nargs=count, type=valid, help=text)


def _prefix(parser: argparse.ArgumentParser, text: str) -> None:
    """--prefix P, or --prefix alone, which is about the word that stands without it."""
    parser.add_argument(
        "--prefix", type=valid, nargs="?", const=True, metavar="P", dest="beginning", help=text
    )


def _file(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    action = "store" if name.startswith("-") else StoreWord
    file = parser.add_argument(name, metavar="FILE", type=path, action=action, help=text)
    file.complete = _FILES  # type: ignore[attr-defined]

"""Synonyms: what people's fingers know from redis-cli, etcdctl, sqlite3, kubectl and the shell.

A word of theirs, in any case, that means one of our commands is that command; who types `SET city
Huế` has said what they want. Arguments in another order are sorted by redis_words.py. What the
store does not have is answered by lacking.py. The rest is guessed at, among words that would do
here: a guess that leads nowhere is worse than none.

Read by the command line and by the shell. Nothing here touches the cluster.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from kvcluster.commands import identity, lacking, redis_words
from kvcluster.commands.command import names
from kvcluster.console.screen import shown

_KEYS = ("scan", "--keys-only")
_EVERYTHING = ("delete", "--prefix", "")

_WORDS = {
    ("put",): (
        *("set", "store", "write", "insert", "update", "upsert"),
        *("setex", "psetex", "cas"),
    ),
    ("put", "--if-absent"): ("setnx", "add"),
    ("get",): ("read", "cat", "mget"),
    ("incr",): ("incrby", "increment", "decr", "decrby", "decrement"),
    ("touch",): ("expire", "pexpire"),
    ("ttl",): ("pttl",),
    ("delete",): ("del", "rm", "remove", "unset", "unlink"),
    _EVERYTHING: ("flushall", "flushdb"),
    ("locate",): ("cluster keyslot",),
    ("scan",): ("list", "range"),
    _KEYS: ("keys", "ls"),
    ("scan", "--count"): ("dbsize", "count"),
    ("import",): ("restore", "load", "snapshot restore"),
    ("export",): ("backup", "dump", "save", "snapshot save"),
    ("status",): (
        *("info", "stats", "nodes", "member", "members", "member list", "endpoint status"),
        *("cluster info", "cluster nodes", "cluster-info"),
    ),
    ("health",): ("ping", "endpoint health"),
    ("top",): ("monitor",),
    ("bench",): ("benchmark",),
    ("up",): ("start",),
    ("shell",): ("repl",),
    ("exit",): ("bye", "q", ":q", "\\q"),
    ("clear",): ("cls",),
    ("help",): ("?", "\\?", "h", "man"),
    ("--version",): ("version",),
}
MEANS = {word: meant for meant, words in _WORDS.items() for word in words}
"""What a word, or two, stand for."""

_WITH_VALUE = frozenset(("--cluster", "--node", "--timeout", "-o", "--output", *identity.OPTIONS))
"""Options before a command that have a word behind them."""
_ALONE = frozenset(("-h", "--help", "--version"))
_NEAR = 0.76
"""How alike a word must be to one that is meant: less, and `insert` is taken for `delete`."""


class NoSuch(Exception):
    """There is no such command. The text is a sentence that helps."""


def in_our_words(words: Sequence[str], commands: Collection[str]) -> list[str]:
    """The words of a command line, its command as we call it. Raises NoSuch."""
    words = words[1:] if words[:1] == ["--"] else words
    place = place_of_command(words)
    if place is None:
        return list(words)
    before, rest = list(words[:place]), list(words[place:])
    asked = _plain(rest[0])
    for count in (2, 1):
        name = " ".join([asked, *(it.lower() for it in rest[1:count])])
        if len(rest) >= count and name in lacking.COMMANDS:
            raise NoSuch(f'There is no "{shown(name)}": {lacking.COMMANDS[name]}.')
        found = MEANS.get(name, ())
        if len(rest) >= count and found and found[0] in commands:
            return [*before, *found, *_arguments(found, asked, rest[count:], commands)]
    if asked in commands:
        return [*before, asked, *_arguments((asked,), asked, rest[1:], commands)]
    raise NoSuch(_sentence(rest[0], commands))


def no_such_option(option: str) -> str:
    """A sentence about an option that nobody here knows, without a full stop."""
    name = option.split("=")[0]
    instead = lacking.OPTIONS.get(name, 'what begins with a dash comes behind "--"')
    return f'there is no option "{shown(name)}"; {instead}'


def _plain(word: str) -> str:
    """A command without what others have around it: sqlite3 a dot in front, SQL its semicolon."""
    return word.lower().removeprefix(".").rstrip(";")


def place_of_command(words: Sequence[str]) -> int | None:
    """Where the command stands; None: there is none. Raises NoSuch at an unknown option."""
    place = 0
    while place < len(words) and words[place].startswith("-"):
        option, _, value = words[place].partition("=")
        if option in _ALONE or option[:2] == "-h":
            return None
        if option not in _WITH_VALUE and option[:2] != "-o":
            raise NoSuch(f"{no_such_option(option).capitalize()}.")
        place += 1 if value or option not in _WITH_VALUE else 2
    return place if place < len(words) else None


def _arguments(
    found: tuple[str, ...], asked: str, rest: Sequence[str], commands: Collection[str]
) -> list[str]:
    """What stands behind; a pattern of Redis, if it only means a beginning, becomes one."""
    if found == _EVERYTHING:
        return [it for it in rest if it.lower() not in ("async", "sync")]
    if found == _KEYS:
        return [it.removesuffix("*") if it.count("*") == 1 else it for it in rest]
    if asked == "info":  # of some section; status shows all
        return [it for it in rest if it.startswith("-")]
    if found == ("help",) and rest:
        return in_our_words(rest, commands)[:1]
    return redis_words.ours(asked, rest)


def _sentence(word: str, commands: Collection[str]) -> str:
    asked = _plain(word)
    (ours, *_) = MEANS.get(asked, (asked,))
    elsewhere = dict.fromkeys([*names(), "--version"], lacking.OUTSIDE) | lacking.ELSEWHERE
    if ours in elsewhere:
        return f'There is no "{shown(word)}" here: {elsewhere[ours]}.'
    if guess := _guess(asked, commands):
        return f'There is no command "{shown(word)}"; did you mean "{guess}"?'
    return f'There is no command "{shown(word)}"; help shows all commands.'


def _guess(asked: str, commands: Collection[str]) -> str:
    """The command that seems to be meant; empty: none does."""
    known = [*commands, *(word for word, meant in MEANS.items() if meant[0] in commands)]
    near = [word for word in known if len(word) > 2 and sorted(word) == sorted(asked)]
    near += difflib.get_close_matches(asked, known, n=1, cutoff=_NEAR)
    return MEANS.get(near[0], (near[0],))[0] if near else ""

"""Synonyms: what people's fingers know from redis-cli, etcdctl, sqlite3, kubectl and the shell.

A word of theirs, in any case, that means one of our commands is that command; who types `SET city
Huế` has said what they want. A word for something that the store does not have gets a sentence that
says so and what to do instead, which a guess at the spelling never could: `set` is near to `get`.

One table for each, read by the command line and by the shell. Nothing here touches the cluster.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from kvcluster.terminal.escaping import shown

_KEYS = ("scan", "--keys-only")
_EVERYTHING = ("delete", "--prefix", "")

MEANS: dict[str, tuple[str, ...]] = {
    "set": ("put",),
    "store": ("put",),
    "write": ("put",),
    "read": ("get",),
    "cat": ("get",),
    "mget": ("get",),
    "del": ("delete",),
    "rm": ("delete",),
    "remove": ("delete",),
    "unset": ("delete",),
    "unlink": ("delete",),
    "keys": _KEYS,
    "ls": _KEYS,
    "list": ("scan",),
    "range": ("scan",),
    "dbsize": ("scan", "--count"),
    "count": ("scan", "--count"),
    "info": ("status",),
    "stats": ("status",),
    "nodes": ("status",),
    "member": ("status",),
    "members": ("status",),
    "member list": ("status",),
    "cluster info": ("status",),
    "cluster nodes": ("status",),
    "endpoint status": ("status",),
    "ping": ("health",),
    "endpoint health": ("health",),
    "monitor": ("top",),
    "backup": ("export",),
    "dump": ("export",),
    "save": ("export",),
    "snapshot save": ("export",),
    "restore": ("import",),
    "load": ("import",),
    "snapshot restore": ("import",),
    "flushall": _EVERYTHING,
    "flushdb": _EVERYTHING,
    "benchmark": ("bench",),
    "start": ("up",),
    "repl": ("shell",),
    "bye": ("exit",),
    "q": ("exit",),
    ":q": ("exit",),
    "\\q": ("exit",),
    "cls": ("clear",),
    "?": ("help",),
    "\\?": ("help",),
    "h": ("help",),
    "man": ("help",),
    "version": ("--version",),
}
"""What a word, or two, stand for."""

_ATOMIC = "nothing reads and writes in one step here; get the key, then put it"
_EXPIRY = "nothing expires here; delete the key when its time has come"
_TRANSACTIONS = "there are no transactions; each key is written by itself"
_TEXTS = "a value is one text, with no parts; keep JSON in it, or a key for each part: user/1/name"
_LOGIN = "there is no login; who reaches a node may use it"
_NO_WATCH = "keys cannot be watched; scan again, or look at the nodes with: top"
_LOCKS = "there are no locks and no leases"
_ONE_SPACE = (
    "there is one space of keys; give those that belong together a prefix: put app/city Huế"
)
_AT_ONCE = "there is nothing to do by hand for that; it is done while the nodes run"

LACKS = {
    **dict.fromkeys(
        ("incr", "incrby", "decr", "decrby", "append", "getset", "getdel", "setnx", "cas", "add"),
        _ATOMIC,
    ),
    **dict.fromkeys(("expire", "expireat", "ttl", "pttl", "persist", "setex", "psetex"), _EXPIRY),
    **dict.fromkeys(
        ("txn", "multi", "exec", "discard", "begin", "commit", "rollback", "transaction"),
        _TRANSACTIONS,
    ),
    **dict.fromkeys(
        ("hset", "hget", "hgetall", "hdel", "lpush", "rpush", "lpop", "rpop", "lrange", "llen"),
        _TEXTS,
    ),
    **dict.fromkeys(("sadd", "srem", "smembers", "zadd", "zrange", "xadd", "type"), _TEXTS),
    **dict.fromkeys(("auth", "acl", "user", "role", "login"), _LOGIN),
    **dict.fromkeys(("watch", "subscribe", "psubscribe", "publish", "unwatch"), _NO_WATCH),
    **dict.fromkeys(("lock", "unlock", "lease", "elect"), _LOCKS),
    **dict.fromkeys(("select", "use", "swapdb", "create", "tables", "schema"), _ONE_SPACE),
    **dict.fromkeys(
        ("compact", "compaction", "defrag", "vacuum", "bgsave", "bgrewriteaof"), _AT_ONCE
    ),
    "mset": "put stores one pair; import stores those of a file",
    "exists": "ask with get, which ends with 1 where there is no such key",
    "rename": "put the value under the new key, then delete the old one",
    "mv": "put the value under the new key, then delete the old one",
    "cp": "put the value under the other key",
    "copy": "put the value under the other key",
    "config": "settings are options of the server: python server.py --help",
    "alarm": "status tells what is wrong, a full disk as well",
    "logs": "each server logs in its own terminal",
    "shutdown": "press Ctrl+C in the terminal of a server",
    "stop": "press Ctrl+C in the terminal of a server",
    "describe": "locate shows a key, status the nodes",
    "apply": "import stores the pairs of a file",
    "edit": "get the key into a file, edit that, and: put KEY --file FILE",
}
"""What there is not, and what to do instead."""

_WITH_VALUE = frozenset(("--cluster", "--node", "--timeout", "-o", "--output"))
"""Options before a command that have a word behind them."""


class NoSuch(Exception):
    """There is no such command. The text is a sentence that helps."""


def in_our_words(words: Sequence[str], commands: Collection[str]) -> list[str]:
    """The words of a command line, its command as we call it. Raises NoSuch."""
    place = _place_of_command(words)
    if place is None:
        return list(words)
    before, rest = list(words[:place]), list(words[place:])
    asked = rest[0].lower().removeprefix(".")  # sqlite3 has a dot in front
    for count in (2, 1):
        found = MEANS.get(" ".join(it.lower() for it in [asked, *rest[1:count]]), ())
        if len(rest) >= count and found and found[0] in commands:
            return [*before, *found, *_arguments(found, rest[count:], commands)]
    if asked in commands:
        return [*before, asked, *_arguments((asked,), rest[1:], commands)]
    raise NoSuch(_sentence(rest[0], commands))


def _place_of_command(words: Sequence[str]) -> int | None:
    place = 0
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in _WITH_VALUE else 1
    return place if place < len(words) else None


def _arguments(found: tuple[str, ...], rest: Sequence[str], commands: Collection[str]) -> list[str]:
    """What stands behind; a pattern of Redis, if it only means a beginning, becomes one."""
    if found == _EVERYTHING:
        return [it for it in rest if it.lower() not in ("async", "sync")]
    if found == _KEYS:
        return [it.removesuffix("*") if it.count("*") == 1 else it for it in rest]
    if found == ("help",) and rest:
        return in_our_words(rest, commands)[:1]
    return list(rest)


def _sentence(word: str, commands: Collection[str]) -> str:
    asked = word.lower().removeprefix(".")
    if asked in LACKS:
        return f'There is no "{shown(word)}": {LACKS[asked]}.'
    near = difflib.get_close_matches(asked, [*commands, *MEANS, *LACKS], n=1)
    if near and near[0] not in LACKS:
        ours = MEANS.get(near[0], (near[0],))[0]
        return f'There is no command "{shown(word)}"; did you mean "{ours}"?'
    return f'There is no command "{shown(word)}"; help shows all commands.'

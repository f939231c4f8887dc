"""Failures of Redis: what each error says about a write, as a table.

The driver is told to leave errors as the server sent them (redis_door.py), so an error here is a
line of text that begins with a code. The table asks one question of each: *was it refused before
our script began?* Redis checks a command in a fixed order (processCommand, then the flags of the
script): is the caller known and allowed, is the slot served here, is there memory, may there be
writes. Whoever fails there has run nothing. Our scripts declare themselves with a shebang, so these
checks come before their first line and not at one in the middle.

Invariant: what is not in the table is unknown. An error out of a running script is unknown whatever
its code says, since some of its writes may stand: Redis rolls nothing back. It is told by the name
that Redis adds to it, so that row comes first.

Rejected: the driver's classes of errors. They cut the code off, differ from release to release, and
make a broken connection of LOADING.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.errors import (
    ConnectionLost,
    DiskIsFull,
    KvError,
    NotReady,
    OutcomeUnknown,
    TimedOut,
    as_told,
)

ENGINE = "Redis Cluster"


@dataclass(frozen=True, slots=True)
class RedisRow:
    """One kind of error, and what it means. The reason is for readers of this file."""

    begins: str
    """How its text begins; a row that matches by something else says `holds`."""
    raises: type[KvError]
    reason: str
    says: str = ""
    """For people, in front of what the server said; empty: that alone."""
    again: bool = False
    """Whether it was certainly not done, and may well be a moment later or elsewhere."""
    holds: str = ""
    """What its text has in it."""

    def fits(self, text: str) -> bool:
        """Whether this is the row of an error."""
        return text.startswith(self.begins) and self.holds in text


TABLE = (
    RedisRow("", OutcomeUnknown, "a script failed half way", holds="@user_script"),
    RedisRow("MOVED ", NotReady, "another node has the slot; judged before it ran", again=True),
    RedisRow("ASK ", NotReady, "the slot is on its way, and the key has left", again=True),
    RedisRow(
        "TRYAGAIN",
        NotReady,
        "the slot is on its way, and some of the keys have left",
        "a slot is being moved",
        again=True,
    ),
    RedisRow(
        "CLUSTERDOWN",
        NotReady,
        "the node sees no majority, or nobody serves the slot; it runs nothing then",
        again=True,
    ),
    RedisRow("READONLY", NotReady, "a replica refuses scripts that write", again=True),
    RedisRow("MASTERDOWN", NotReady, "a replica without its primary refuses all", again=True),
    RedisRow("LOADING", NotReady, "it reads its files, and refuses all till then", again=True),
    RedisRow("NOSCRIPT", NotReady, "it does not know the script, so it ran none", again=True),
    RedisRow("BUSY ", NotReady, "somebody's script runs; others are refused", again=True),
    RedisRow("NOREPLICAS", NotReady, "min-replicas-to-write, checked before the script"),
    RedisRow("MISCONF", NotReady, "it cannot save, checked before the script"),
    RedisRow("OOM ", DiskIsFull, "maxmemory, checked before the script", "its memory is full"),
    RedisRow("NOAUTH", NotReady, "who did not log in runs nothing", "it wants a password"),
    RedisRow("WRONGPASS", NotReady, "no login, no command", "user or password are refused"),
    RedisRow("NOPERM", NotReady, "checked before the command", "the user may not do it"),
    RedisRow("CROSSSLOT", NotReady, "checked before the command: a fault of ours"),
    RedisRow("ERR max number of clients", NotReady, "said instead of a greeting", again=True),
    RedisRow("ERR unknown command", NotReady, "renamed or disabled; nothing ran"),
    RedisRow("ERR invalid password", NotReady, "no login", "user or password are refused"),
    RedisRow("ERR AUTH", NotReady, "no login", "it has no password, and was given one"),
    RedisRow("", OutcomeUnknown, "anything else: in doubt it may have been done"),
)
"""The most specific first; the last fits everything."""


def row_of(text: str) -> RedisRow:
    """The row of an error, by what the server said."""
    return next(row for row in TABLE if row.fits(text))


def failure_of(text: str) -> KvError:
    """What to raise for what the server said."""
    row = row_of(text)
    told = f"{row.says} ({as_told(text)})" if row.says else as_told(text)
    return row.raises(f"{ENGINE}: {told}")


def absent(name: str, why: str) -> NotReady:
    """Nobody was reached, so nothing was sent."""
    return NotReady(f"{ENGINE}: {name} cannot be reached: {as_told(why)}")


def silent(name: str) -> TimedOut:
    """It was sent, and no answer came in time."""
    return TimedOut(f"{ENGINE}: {name} did not answer in time")


def broken(name: str, why: str) -> ConnectionLost:
    """It was sent, and the connection broke before the answer was there."""
    return ConnectionLost(f"{ENGINE}: the connection to {name} broke: {as_told(why)}")


def unconfirmed(acknowledged: int, copies: int) -> OutcomeUnknown:
    """It was done, and too few have it to be sure that it stays."""
    return OutcomeUnknown(f"{ENGINE}: {acknowledged} of {copies} copies confirmed it in time")


def too_few(name: str, replicas: int, copies: int) -> NotReady:
    """So few nodes hold the slot that a write could never be confirmed; it was not sent."""
    return NotReady(
        f"{ENGINE}: {name} has {replicas - 1} live replicas, and {copies} copies are asked for"
    )


def of_a_read(error: KvError) -> KvError:
    """The same where nothing was to be written: there is nothing that could be unknown."""
    if isinstance(error, NotReady | TimedOut):
        return error
    return NotReady(str(error))

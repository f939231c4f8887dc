"""Roles: the file of tokens, which says who may do what, and until when.

    [{"name": "billing", "sha256": "<hex>", "expires": "2027-01-01T00:00:00Z",
      "roles": [{"prefix": "bill/", "may": "write"}]}]

The file has no token in it, only the SHA-256 of each, so who reads it can use none of them. A token
is drawn at random and long, so its hash needs no salt and need not be slow. It is looked up by its
hash: how long that takes tells of the hash, which whoever guesses cannot steer.

A name may stand there several times: with an old token and a new one, while one replaces the other.
An entry without a hash is for who shows a certificate with that common name, and so is one with it.

Each thing that may be done includes those before it: read, write, admin. Nothing asks for `admin`
yet; it is for calls that change the cluster itself.

The file is taken as a whole or not at all. What it says and is not known here, a slip in "expires"
above all, makes it none: else a token would be good for ever.
"""

from __future__ import annotations

import enum
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_SHA256 = re.compile("[0-9a-fA-F]{64}")


class May(enum.IntEnum):
    """What may be done; each includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Role:
    """What may be done with keys that begin so."""

    prefix: str
    may: May


@dataclass(frozen=True, slots=True)
class Named:
    """A name, and what it may do."""

    name: str
    roles: tuple[Role, ...]
    expires_s: float = float("inf")
    """In seconds since 1970."""

    def may(self, what: May, key: str) -> bool:
        """Whether it may do this with a key."""
        return any(role.may >= what and key.startswith(role.prefix) for role in self.roles)

    def may_all(self, what: May, prefix: str) -> bool:
        """Whether one role allows it for every key that begins so.

        Two of them that only together cover a prefix are not put together: with the empty one there
        is no end to that.
        """
        return any(role.may >= what and prefix.startswith(role.prefix) for role in self.roles)


class Tokens:
    """The entries of a file."""

    def __init__(self, by_hash: dict[str, Named], by_name: dict[str, list[Named]]) -> None:
        self._by_hash = by_hash
        self._by_name = by_name

    def __len__(self) -> int:
        return sum(map(len, self._by_name.values()))

    @classmethod
    def of(cls, text: str) -> Tokens:
        """From what the file has. Raises ValueError, with what is wrong and where."""
        entries = json.loads(text, object_pairs_hook=_once_each)
        if not isinstance(entries, list):
            raise ValueError("it is no list")
        by_hash: dict[str, Named] = {}
        by_name: dict[str, list[Named]] = defaultdict(list)
        for place, entry in enumerate(entries, 1):
            try:
                named, sha256 = _entry(entry)
                if sha256 and sha256 in by_hash:
                    raise ValueError("its token stands in the file twice")
            except ValueError as error:
                raise ValueError(f"entry {place}: {error}") from None
            if sha256:
                by_hash[sha256] = named
            by_name[named.name].append(named)
        return cls(by_hash, dict(by_name))

    def with_token(self, sha256: str) -> Named | None:
        """Whose token has this hash, in lower case."""
        return self._by_hash.get(sha256)

    def with_name(self, name: str, now_s: float) -> Named | None:
        """All that a name may do now."""
        entries = [it for it in self._by_name.get(name, ()) if now_s < it.expires_s]
        if not entries:
            return None
        roles = tuple(role for entry in entries for role in entry.roles)
        return Named(name, roles, min(entry.expires_s for entry in entries))


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"the same word stands twice in one object: {', '.join(sorted(names))}")
    return dict(pairs)


def _entry(entry: Any) -> tuple[Named, str]:
    """What an entry says, and the hash of its token in lower case; empty: it has none."""
    _check_words(entry, {"name", "sha256", "roles", "expires"}, {"name", "roles"})
    name, sha256 = entry["name"], entry.get("sha256", "")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ValueError("its name is no text, or not printable")
    if not isinstance(sha256, str) or (sha256 and not _SHA256.fullmatch(sha256)):
        raise ValueError("its sha256 is not 64 hexadecimal digits")
    if not isinstance(entry["roles"], list):
        raise ValueError("its roles are no list")
    roles = tuple(map(_role, entry["roles"]))
    expires_s = _seconds(entry["expires"]) if "expires" in entry else float("inf")
    return Named(name, roles, expires_s), sha256.lower()


def _role(role: Any) -> Role:
    _check_words(role, {"prefix", "may"}, {"prefix", "may"})
    if not isinstance(role["prefix"], str):
        raise ValueError("a prefix is no text")
    words = [it.name.lower() for it in May]
    if role["may"] not in words:
        raise ValueError(f"a role may {role['may']!r}, which is none of {', '.join(words)}")
    return Role(role["prefix"], May[role["may"].upper()])


def _check_words(given: Any, known: set[str], needed: set[str]) -> None:
    if not isinstance(given, dict):
        raise ValueError("it is no object")
    if unknown := sorted(set(given) - known):
        raise ValueError(f"{unknown[0]!r} means nothing here")
    if lacking := sorted(needed - set(given)):
        raise ValueError(f"it has no {lacking[0]!r}")


def _seconds(text: Any) -> float:
    try:
        moment = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    except (TypeError, ValueError):
        raise ValueError(f"it expires at {text!r}, which is no time") from None
    if moment.tzinfo is None:
        raise ValueError(f"it expires at {text!r}, which has no zone; end it with Z")
    return moment.timestamp()

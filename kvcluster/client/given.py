"""Given: what a program gives, from keys to whole sources of them, and why it cannot be taken.

Only that is refused here which no node could be told: other types, an empty key, text that UTF-8
cannot carry. Sizes are limited by the nodes' settings, which may be others than those known here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from kvcluster.client.scan_course import Range
from kvcluster.errors import BadRequest, BadSetting
from kvcluster.model.members import parse_members

S = TypeVar("S")
T = TypeVar("T")

CHUNK = 500
"""So many items of a source are taken at a time, before others have their turn."""
_PATIENCE_S = 0.005
"""So long a source may take for them, or fewer go."""
_TIMEOUT_LIMIT_S = 24 * 3600.0
_SHOWN_CHARACTERS = 60
_ADVICE = {
    bytes: "; {0}.decode() makes one of it",
    int: "; str({0}) makes one of it",
}
"""What to do with something that is no string, by its type."""


def checked_key(key: object) -> int:
    """How many bytes of UTF-8 a key has. Raises BadRequest if it can be none."""
    size_bytes = checked_text("key", key)
    if not size_bytes:
        raise BadRequest("the key is empty; a key has at least one character")
    return size_bytes


def checked_text(what: str, text: object) -> int:
    """How many bytes of UTF-8 a text has. Raises BadRequest if it cannot be sent."""
    if not isinstance(text, str):
        advice = _ADVICE.get(type(text), "").format(what)
        raise BadRequest(
            f"a {what} is a string, not {type(text).__name__}: {shortened(text)}{advice}"
        )
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        # One such string would keep its whole batch from being sent.
        raise BadRequest(
            f"the {what} {shortened(text)} is not text that UTF-8 can carry:"
            f" half a surrogate pair stands at position {error.start:,}"
        ) from None


def checked_timeout(timeout_s: object) -> float:
    """A time to wait, in seconds. Raises BadRequest."""
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float):
        raise BadRequest(f"a timeout is a number of seconds, not {shortened(timeout_s)}")
    if not 0 < timeout_s <= _TIMEOUT_LIMIT_S:
        raise BadRequest(f"the timeout {timeout_s:g} s is out of range: above 0, at most a day")
    return float(timeout_s)


def checked_seeds(nodes: str | Iterable[str]) -> tuple[str, ...]:
    """The addresses in "host:port,host:port" or in an iterable of such. Raises BadRequest."""
    try:
        return parse_members(nodes if isinstance(nodes, str) else ",".join(nodes))
    except BadSetting as error:
        raise BadRequest(str(error)) from None
    except TypeError:
        raise BadRequest(f"nodes are given as host:port,host:port,...; got {nodes!r}") from None


def checked_range(prefix: str, start_after: str, limit: int | None, *, keys_only: bool) -> Range:
    """What a scan is for. Raises BadRequest."""
    checked_text("prefix", prefix)
    checked_text("start_after", start_after)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise BadRequest(f"the limit of a scan is a number of keys from 0 on, not {limit!r}")
    return Range(prefix, start_after, limit, keys_only)


def checked_prefix(prefix: str, *, everything: bool) -> str:
    """The prefix of what is to be deleted. Raises BadRequest, for the empty one too."""
    if not checked_text("prefix", prefix) and not everything:
        raise BadRequest("the empty prefix means every key; say everything=True if you mean it")
    return prefix


def as_pairs(source: Any) -> Any:
    """The pairs in whatever a dictionary takes for such. Raises BadRequest if it can have none."""
    if isinstance(source, Mapping):
        return source.items()
    if hasattr(source, "keys"):  # a row of a database, say
        return ((key, source[key]) for key in source.keys())  # noqa: SIM118
    return _iterable(source, "pairs")


def as_keys(source: S) -> S:
    """The keys of a source. Raises BadRequest if it can have none."""
    return _iterable(source, "keys")


def as_pair(item: object) -> tuple[str, Any]:
    """One pair of a source. Raises BadRequest if it is none; what is in it is checked later."""
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    raise BadRequest(f"wanted a pair of a key and a value, got {shortened(item)}")


def _iterable(source: S, what: str) -> S:
    if isinstance(source, str | bytes) or not isinstance(source, Iterable | AsyncIterable):
        raise BadRequest(f"wanted an iterable of {what}, got {shortened(source)}")
    return source


def taken(source: Iterator[T], count: int) -> tuple[list[T], Exception | None]:
    """The next items, not more than wanted; and what the source raised, if it did.

    A source that takes its time gives fewer, so that nothing waits for what comes much later.
    """
    items: list[T] = []
    patience_ends_s = time.monotonic() + _PATIENCE_S
    try:
        for item in islice(source, count):
            items.append(item)
            if time.monotonic() > patience_ends_s:
                break
    except Exception as error:
        return items, error
    return items, None


def shortened(value: object) -> str:
    """A value in a sentence: as Python shows it, and not much of it."""
    text = repr(value)  # which escapes what cannot be printed
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"

"""Parsing: bytes from outside may be no message at all, and nobody here is surprised by that.

gRPC hands bytes that cannot be parsed to nobody. A server of its own answers UNKNOWN before the
handler runs, and a client's call returns None, with a traceback in the log. So both borders, the
server's (wire.py) and the client's (channels.py), parse by `safely`, and ask what came out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kvcluster.errors import BadRequest


@dataclass(frozen=True)
class Malformed:
    """Stands in for a message whose bytes are none: a key that is not UTF-8, say."""

    reason: str


def safely(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """A parser that returns Malformed where this one raises."""

    def parse_or_say_why(data: bytes) -> Any:
        try:
            return parse(data)
        except Exception as error:  # protobuf's own error type differs between its versions
            return Malformed(str(error))

    return parse_or_say_why


def refuse_malformed(request: object) -> None:
    """Raise BadRequest if this is what could not be parsed."""
    if isinstance(request, Malformed):
        raise BadRequest(f"the request is malformed ({request.reason})")

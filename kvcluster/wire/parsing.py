"""Parsing: bytes from outside may be no message at all, and nobody here is surprised by that.

gRPC hands bytes that cannot be parsed to nobody. A server of its own answers UNKNOWN before the
handler runs, and a client's call returns None, with a traceback in the log. So a node parses by a
parser from here whatever it is asked (server/rpc.py) and whatever its peers answer
(cluster/peers/channels.py), and asks what came out. The parser looks at the size of a message
before anything else (bounds.py). The library has one of its own (client/connection.py): it knows no
settings of nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

from kvcluster.config import Settings
from kvcluster.errors import BadRequest, KvError, OutcomeUnknown
from kvcluster.wire.bounds import bounds_of

Parse = Callable[[bytes], Any]


@dataclass(frozen=True)
class Unusable:
    """Stands in for a message whose bytes are none, or too many, or did not come."""

    why: KvError


def parser_of_requests(kind: Descriptor, parse: Parse, settings: Settings) -> Parse:
    """A parser that returns Unusable where this one raises, or had too much to do."""
    bounds = bounds_of(kind, settings)

    def parse_or_say_why(data: bytes) -> Any:
        try:
            bounds.check(data, settings)
            return parse(data)
        except BadRequest as error:
            return Unusable(error)
        except Exception as error:  # protobuf's own error type differs between its versions
            return Unusable(BadRequest(f"the request is malformed ({error})"))

    return parse_or_say_why


def parser_of_answers(kind: Descriptor, parse: Parse, settings: Settings) -> Parse:
    """The same for what a peer answers.

    Where a node answers with its clock, no answer of one is without. So one that is comes from
    somebody else, and nothing must be concluded from what it does not say: that a write was stored,
    that there is no further page, that nothing more was missed.
    """
    bounds = bounds_of(kind, settings)
    has_clock = "clock" in kind.fields_by_name

    def parse_or_say_why(data: bytes) -> Any:
        if complaint := bounds.complaint(data):
            return Unusable(OutcomeUnknown(f"its answer {complaint}"))
        try:
            answer = parse(data)
        except Exception as error:
            return Unusable(OutcomeUnknown(f"its answer is malformed ({error})"))
        if has_clock and not answer.clock:
            return Unusable(OutcomeUnknown("its answer is none of a node: it has no clock"))
        return answer

    return parse_or_say_why


def refuse_unusable(request: object) -> None:
    """Raise the reason if this is what cannot be used."""
    if isinstance(request, Unusable):
        raise request.why

"""Delivery: what gRPC's own words say of whether a request can have arrived.

A failed call has a status code and a text. If a node failed it, the node says beside them what it
did (`error_info.py`), and neither matters. This is for the rest: gRPC itself gave up, on this side,
on the other, or somewhere between.

Few of its words are certain. It says "failed to connect to all addresses" only when no connection
came about. It says whose side refused a message for its size: what the sender of a *request* would
not send, or its receiver would not take in, was not carried out, but an *answer* that the server
would not send or the client would not take in was done before. An HTTP server that refuses a
request with a status of its own has not passed it on, unless it reports that the one behind it
failed (5xx). Everything else may have been delivered, every RESOURCE_EXHAUSTED included: a
connection that is closed for too many pings has that code.

Known weak spot: texts belong to gRPC, and may change with its versions. A text that is not
recognised only makes an answer less certain, never wrong; the tests hold today's.
"""

from __future__ import annotations

import enum
import re


class Undelivered(enum.Enum):
    """Why a request certainly was not carried out by anybody."""

    NO_HOST = "no host has that name"
    NO_CONNECTION = "no connection came about"
    TOO_LARGE = "the request is larger than one of the two sides takes"
    NOT_GRPC = "an HTTP server refused it, and knows no gRPC"
    NO_METHOD = "a gRPC server that knows no such method"


_NO_HOST = re.compile(r"errors resolving|dns resolution failed|address lookup failed")
_NO_CONNECTION = re.compile(r"failed to connect to (all addresses|remote host)")
_TOO_LARGE = re.compile(r"(client: sent|server: received) message larger than max")
_HTTP_STATUS = re.compile(r"http2 header with status: (\d+)")
_TIMED_OUT_BEHIND = {"408", "499"}
"""HTTP statuses below 500 with which a proxy may give up a request that it has passed on."""


def undelivered(code: str, details: str) -> Undelivered | None:
    """Why the request of a failed call was certainly not carried out; None: it may have been.

    `code`: the name of the status code. `details`: its text, which no node of ours wrote.
    """
    text = details.lower()
    status = _HTTP_STATUS.search(text)
    if status:
        passed_on = status[1] >= "500" or status[1] in _TIMED_OUT_BEHIND
        return None if passed_on else Undelivered.NOT_GRPC
    if code == "UNIMPLEMENTED":
        return Undelivered.NO_METHOD
    if code == "RESOURCE_EXHAUSTED" and _TOO_LARGE.match(text):
        return Undelivered.TOO_LARGE
    if code == "UNAVAILABLE" and _NO_CONNECTION.match(text):
        return Undelivered.NO_CONNECTION
    if code == "UNAVAILABLE" and _NO_HOST.match(text):
        return Undelivered.NO_HOST
    return None

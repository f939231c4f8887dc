"""The errors that clients may see while nodes fail, each with the reason why it is no bug.

`make chaos` holds every error against this table: what nobody can explain fails the run. The
sentences are what clients get, with NODE for every address of a node, and "NODES are away" for
"NODE is dead, NODE is suspect" and the like.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

Error = tuple[str, str, str]
"""Operation, status code, sentence."""

_AWAY = r"NODE is (suspect|dead|unknown)(, NODE is (suspect|dead|unknown))*"
_ADDRESS = r"localhost:\d+|ipv4:[\d.]+:\d+|ipv6:(\[|%5B)[^ ]+:\d+"

_CANNOT_CONNECT = "failed to connect to all addresses; last error: UNKNOWN: NODE: "
_FOLDER = r"the disk under \S+"
_REFUSALS = {"INVALID_ARGUMENT", "FAILED_PRECONDITION"}

_MAYBE_CERTAIN = "(; nothing was written)?"
_EXPLANATIONS: list[tuple[str, str, str]] = [
    # From a node, about another.
    (
        "UNAVAILABLE",
        r"NODE went away before it answered; the write may have happened",
        "the node to which it was forwarded was killed, frozen or cut off meanwhile",
    ),
    (
        "DEADLINE_EXCEEDED",
        r"NODE did not answer in time; the write may have happened",
        "the node to which it was forwarded was frozen or cut off",
    ),
    (
        "UNAVAILABLE",
        r"no replica of the key can be reached: NODES are away" + _MAYBE_CERTAIN,
        "every replica was down, or on the other side of a cut",
    ),
    (
        "UNAVAILABLE",
        r"NODE cannot be reached \(.*\)" + _MAYBE_CERTAIN,
        "the last replica that was asked went down, or was cut off, just then",
    ),
    (
        "UNAVAILABLE",
        r"the connection to NODE broke \(.*\)" + _MAYBE_CERTAIN,
        "its connections to every replica broke for as long as it waited",
    ),
    # From a node, about itself.
    (
        "UNAVAILABLE",
        r"this node is (starting|syncing): .*NODE" + _MAYBE_CERTAIN,
        "the node had just started, or had been frozen, and could not hear a peer yet",
    ),
    (
        "UNAVAILABLE",
        r"this node is stopping" + _MAYBE_CERTAIN,
        "the node was stopped",
    ),
    (
        "INTERNAL",
        r"this node was stopped while it wrote; the write may survive",
        "the node was frozen in the middle of it",
    ),
    (
        "UNAVAILABLE",
        r"this node was stopped(, and has not looked around yet| before it could send the write)?"
        + _MAYBE_CERTAIN,
        "the node had been frozen while the call waited, or heard of a clock far ahead",
    ),
    (
        "RESOURCE_EXHAUSTED",
        r"the disk under FOLDER is full; nothing was written",
        "the disk was full",
    ),
    (
        "INTERNAL",
        r"not durable on this node: the disk under FOLDER filled up",
        "the disk became full just then",
    ),
    (
        "DEADLINE_EXCEEDED",
        r"storing the write took longer than .*",
        "the disk of the node was slow",
    ),
    # From gRPC itself, at the client.
    (
        "UNAVAILABLE",
        r".*Connection refused.*",
        "it asked a node that was down",
    ),
    (
        "UNAVAILABLE",
        r".*(Socket closed|Connection reset by peer|Broken pipe|End of TCP stream|GOAWAY).*",
        "the node that it asked was killed or stopped while it answered",
    ),
    (
        "UNAVAILABLE",
        r".*(ping timeout|timed out before receiving SETTINGS frame).*",
        "it asked a node that was frozen",
    ),
    (
        "DEADLINE_EXCEEDED",
        r"Deadline Exceeded",
        "it asked a node that was frozen, or that waited for another",
    ),
    (
        "CANCELLED",
        r".*",
        "gRPC's own: the call arrived while the node stopped",
    ),
]


def without_addresses(sentence: str) -> str:
    """A sentence with NODE for every address, so that the same error reads the same."""
    sentence = re.sub(_FOLDER, "the disk under FOLDER", re.sub(_ADDRESS, "NODE", sentence))
    return re.sub(_AWAY, "NODES are away", sentence)


def certainly_not_done(code: str, sentence: str) -> bool:
    """Whether the answer to a write says for certain that nothing was written."""
    return code in _REFUSALS or sentence.endswith("nothing was written")


def explain(error: Error) -> str:
    """Why an error is no bug; empty if nobody knows."""
    _, code, sentence = error
    for wanted, pattern, reason in _EXPLANATIONS:
        if code == wanted and re.fullmatch(pattern, sentence, re.DOTALL):
            return reason
    return ""


def unexplained(errors: Iterable[Error]) -> list[Error]:
    """The errors that nobody can explain."""
    return [error for error in errors if not explain(error)]


def table(errors: Counter[Error]) -> str:
    """All errors for people, the most frequent reason first."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for error, count in errors.items():
        _, code, sentence = error
        words = f"{code}: {sentence.removeprefix(_CANNOT_CONNECT)}"
        reasons[explain(error) or "UNEXPLAINED"][words] += count
    lines = []
    for reason, told in sorted(reasons.items(), key=lambda item: -item[1].total()):
        lines.append(f"{told.total():9,}  {reason}")
        lines += [f"{count:18,}  {words}" for words, count in told.most_common()]
    return "\n".join(lines)

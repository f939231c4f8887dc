"""What the commands about keys share: how a node is asked, and what is told of its answer.

Which node is asked, and who next when that one cannot, is decided by the library (client/raw.py). A
write whose outcome is unknown is not sent again, since a second try could overwrite what somebody
else wrote in between; waiting longer would not make it certain either.

A node that does not hold a key forwards the request to one that does, and what is printed names it.

Several keys are handled one after the other over the same connection. They are the few that a
person types; who has many takes `import`, `scan`, or the library, which sends them together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kvcluster.client import values
from kvcluster.commands.command import Call
from kvcluster.console import key_remarks
from kvcluster.console.screen import Exit, closed, complain, counted, sentence
from kvcluster.errors import CERTAIN, BadRequest, KvError, OutcomeUnknown
from kvcluster.view.wording import forwarded

if TYPE_CHECKING:
    from kvcluster import AsyncClient
    from kvcluster.client.raw import RawClient

    from demo_pb2 import DeleteResponse, PutResponse

Question = Callable[["RawClient"], int]
"""What is asked of a node, and printed of its answer; it returns the exit code."""

_KINDS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x7fELF", "ELF"),
    (b"PAR1", "Parquet"),
    (b"\x93NUMPY", "NumPy"),
)
_PICKLES = range(2, 6)
"""Protocols of pickle that begin with a mark."""


def asker(call: Call, *, writes: bool = False) -> Callable[[Question], int]:
    """Asks with the client of the shell or, on the command line, with one of its own.

    What it returns does so, tells why it did not work, and returns the exit code.
    """
    from kvcluster.client.raw import RawClient

    def ask(question: Question) -> int:
        if call.store is not None:
            return _outcome(call.store, question, writes=writes)
        only = call.options.node is not None
        with RawClient(call.nodes, timeout_s=call.timeout_s, only=only) as own:
            return _outcome(own, question, writes=writes)

    return ask


def _outcome(store: RawClient, question: Question, *, writes: bool) -> int:
    try:
        return question(store)
    except KeyboardInterrupt:
        if not writes:
            raise
        complain("Interrupted; the write may have happened. Read the key to find out.")
        return Exit.INTERRUPTED
    except KvError as error:
        return _give_up(error, writing=writes)


def _give_up(error: KvError, *, writing: bool) -> int:
    """Say why it did not work, node by node, and whether anything may have been written."""
    if isinstance(error, BadRequest):
        complain(f"Refused: {closed(str(error).removesuffix(CERTAIN) + CERTAIN * writing)}")
        return Exit.BAD_USAGE
    for node, reason in error.reasons.items():
        complain(f"{node}: {closed(reason)}")
    if isinstance(error, OutcomeUnknown):
        complain("The write may have happened, or not. Read the key to find out.")
    elif not error.reasons:
        complain(sentence(error))
    elif writing:
        complain("Nothing was written.")
    return Exit.UNKNOWN


def acknowledged(store: RawClient, answer: PutResponse | DeleteResponse) -> str:
    """How many replicas hold what was written, and who saw to it."""
    count = f"{answer.acknowledged} of {answer.replicas} replicas"
    return count + forwarded(store.asked, answer.served_by)


def written(answer: PutResponse | DeleteResponse) -> dict[str, Any]:
    """The same for programs."""
    return {
        "version": answer.version.hex(),
        "replicas": answer.replicas,
        "acknowledged": answer.acknowledged,
        "served_by": answer.served_by,
    }


def twin(store: RawClient, key: str, timeout_s: float) -> str:
    """A sentence about a key that looks the same and is there, for who cannot see why it is not."""
    for other in key_remarks.twins(key):
        if store.get(other, timeout_s).found:
            return key_remarks.on_twin(other)
    return ""


def summary(data: bytes) -> str:
    """What bytes are, for people: "binary, 12,345 bytes (JPEG)"."""
    kind = _kind(data)
    return f"binary, {counted(len(data), 'byte')}{f' ({kind})' if kind else ''}"


def _kind(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:1] == b"\x80" and data[1:2] and data[1] in _PICKLES and data.endswith(b"."):
        return "pickle"
    return next((name for start, name in _KINDS if data.startswith(start)), "")


def on_a_line(text: str) -> str:
    """A stored value where people read many: bytes are summed up, text is what was put."""
    value = values.original(text)
    return summary(value) if isinstance(value, bytes) else value


async def of_nothing(client: AsyncClient, prefix: str, command: str = "scan") -> str:
    """Why a prefix may have found nothing, for who cannot see it; empty: nobody knows.

    `command`: what would have been right in front of another one.
    """
    for other in key_remarks.twins(prefix):
        async for _ in client.scan_keys(other, limit=1):
            return key_remarks.on_twin(other, "Keys that begin with what looks the same are")
    return key_remarks.on_pattern(prefix, command, of_many=True)

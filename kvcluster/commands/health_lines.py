"""The health check, printed: a line for each address, in the order given.

The ways not to be well read differently, because they call for different remedies: start the node
(UNREACHABLE), look at its process (TIMED OUT), wait or read its reason (STARTING, SYNCING,
DRAINING, NOT_SERVING), correct the address (WRONG SERVICE).
"""

from __future__ import annotations

from collections.abc import Sequence

from kvcluster.client.answers import failure_word, status_word
from kvcluster.client.failure import CallFailed
from kvcluster.console.screen import Exit, columns, counted, is_for_people, say
from kvcluster.view.census import peer_word
from kvcluster.view.health import Health, ask_health
from kvcluster.view.wording import why_not_serving

from demo_pb2 import SERVING, HealthCheckResponse


def show(addresses: Sequence[str], timeout_s: float) -> int:
    """Ask, and print a line for each; return the exit code."""
    answers = ask_health(addresses, timeout_s)
    told = lines(answers)
    if is_for_people() and max(map(len, told)) > columns():
        told = stacked(answers)
    for line in told:
        say(line)
    return Exit.DONE if all(answer.serving for answer in answers) else Exit.NOT_SO


def lines(answers: Sequence[Health]) -> list[str]:
    """A line for each answer, in columns: address, status, time, and what there is to say."""
    rows = [(_name(answer), _status(answer), _time(answer)) for answer in answers]
    name, status, time = _widths(rows)
    return [
        f"{row[0]:<{name}}  {row[1]:<{status}}  {row[2]:>{time}}  {remark}".rstrip()
        for row, remark in zip(rows, _remarks(answers), strict=True)
    ]


def stacked(answers: Sequence[Health]) -> list[str]:
    """The same for a narrow terminal: what there is to say has lines of its own."""
    told = []
    for answer, remark in zip(answers, _remarks(answers), strict=True):
        told.append(f"{_name(answer)}  {_status(answer)}  {_time(answer)}")
        told += [f"  {part}" for part in remark.strip().split("  ") if part]
    return told


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _time(answer: Health) -> str:
    return f"{answer.elapsed_s * 1000:.1f} ms"


def _name(answer: Health) -> str:
    # A node reached by another address than its own name is shown with both.
    node = answer.said.node if answer.said else ""
    return f"{answer.address} = {node}" if node and node != answer.address else answer.address


def _status(answer: Health) -> str:
    if isinstance(answer.outcome, CallFailed):
        return failure_word(answer.outcome.kind)
    return status_word(answer.outcome.status)


def _remarks(answers: Sequence[Health]) -> list[str]:
    """Keys, peers and reason of those that answered; of the others, what went wrong."""
    nodes = [answer.said for answer in answers if answer.said is not None]
    keys, peers = _widths([(_keys(node), _peers(node)) for node in nodes]) if nodes else (0, 0)
    return [
        str(answer.outcome)
        if (node := answer.said) is None
        else f"{_keys(node):>{keys}}  {_peers(node):<{peers}}  {_reason(node)}"
        for answer in answers
    ]


def _keys(health: HealthCheckResponse) -> str:
    return counted(health.keys, "key")


def _peers(health: HealthCheckResponse) -> str:
    if health.engine:
        return f"gateway to {health.engine}"
    if not health.peers:
        return "no peers"
    return "peers " + ", ".join(
        f"{_short(peer.node, health.node)} {peer_word(peer)}" for peer in health.peers
    )


def _short(peer: str, node: str) -> str:
    # Beside a node of the same host, the port says which peer it is.
    host, colon, _ = node.rpartition(":")
    return peer.removeprefix(host + colon) if colon else peer


def _reason(health: HealthCheckResponse) -> str:
    return why_not_serving(health.reason, health.sync) if health.status != SERVING else ""

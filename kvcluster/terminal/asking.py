"""Asking: which node does the work, and who is asked next when that one cannot.

Nodes are tried in the order of the list. Each is asked for its health first, for a moment only:
so a frozen node costs a second and not the whole timeout, and a write is sent only to a node that
answered just now. Nodes that serve come before nodes that are starting or catching up.

A read may be asked of the next node after any failure. A write goes on to the next node only when
nothing was written for certain; after *unknown* it stops and says so, since a second try could
overwrite what somebody else wrote in between. Waiting longer would not make it certain either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kvcluster.client.failure import CallFailed, Kind
from kvcluster.client.link import Link
from kvcluster.errors import CERTAIN
from kvcluster.terminal.screen import Exit, closed, complain

from demo_pb2 import SERVING

_KNOCK_TIMEOUT_S = 1.0
"""How long a node may take to say how it is when there is another one to ask."""

Failures = list[tuple[str, CallFailed]]


def read(nodes: Sequence[str], work: Callable[[Link], int], timeout_s: float) -> int:
    """Do work that reads at the first node that can; return the exit code."""
    failures: Failures = []
    for link in _answering(nodes, timeout_s, failures):
        try:
            return work(link)
        except CallFailed as failure:
            failures.append((link.address, failure))
            if failure.kind is Kind.BAD_REQUEST:
                break
    return _give_up(failures, writing=False)


def write(nodes: Sequence[str], work: Callable[[Link], int], timeout_s: float) -> int:
    """Do work that writes at the first node that can; return the exit code."""
    failures: Failures = []
    for link in _answering(nodes, timeout_s, failures):
        try:
            return work(link)
        except KeyboardInterrupt:
            complain("Interrupted; the write may have happened. Read the key to find out.")
            return Exit.INTERRUPTED
        except CallFailed as failure:
            failures.append((link.address, failure))
            if failure.kind is Kind.BAD_REQUEST or not failure.nothing_written:
                break
    return _give_up(failures, writing=True)


def _answering(nodes: Sequence[str], timeout_s: float, failures: Failures) -> Iterator[Link]:
    """Links to the nodes that answer, those that serve first; the others go to `failures`."""
    not_serving = []
    knock_s = min(timeout_s, _KNOCK_TIMEOUT_S) if len(nodes) > 1 else timeout_s
    for node in nodes:
        with Link(node, timeout_s=timeout_s) as link:
            try:
                health = link.check_health(knock_s)
            except CallFailed as failure:
                # Only a question was asked, so whatever became of it, no write was sent.
                failures.append((node, _harmless(failure)))
                continue
            if health.status == SERVING:
                yield link
            else:
                not_serving.append((node, link.name))
    for node, name in not_serving:
        with Link(node, timeout_s=timeout_s, name=name) as link:
            yield link


def _harmless(failure: CallFailed) -> CallFailed:
    return CallFailed(failure.kind, str(failure), nothing_written=True)


def _give_up(failures: Failures, *, writing: bool) -> int:
    """Say why it did not work, and whether anything may have been written."""
    node, last = failures[-1]
    if last.kind is Kind.BAD_REQUEST:
        complain(f"{node} refuses: {closed(str(last) + CERTAIN * writing)}")
        return Exit.BAD_USAGE
    for address, failure in failures:
        complain(f"{address}: {closed(str(failure))}")
    if not last.nothing_written and writing:
        complain("The write may have happened, or not. Read the key to find out.")
    elif writing:
        complain("Nothing was written.")
    return Exit.UNKNOWN

"""put, get, delete and locate: which node is asked, and who is asked next when that one cannot.

Nodes are tried in the order of the list. Each is asked for its health first, for a moment only:
so a frozen node costs a second and not the whole timeout, and a write is sent only to a node that
answered just now. Nodes that serve come before nodes that are starting or catching up.

A read may be asked of the next node after any failure. A write goes on to the next node only when
nothing was written for certain; after *unknown* it stops and says so, since a second try could
overwrite what somebody else wrote in between. Waiting longer would not make it certain either.

Removing a key that is not there is no error: what was asked for holds. So `delete` exits with 0
and says that the key was not there, while `get`, which has nothing to give, exits with 1.

A node that does not hold a key forwards the request to one that does, and what is printed names it.
`get` prints the value and nothing else; who wants to know hears it from there on standard error.

Several keys are handled one after the other over the same connection. They are the few that a
person types; who has many takes `import`, `scan`, or the library, which sends them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kvcluster.client.failure import CallFailed, Kind
from kvcluster.client.link import Link
from kvcluster.errors import CERTAIN
from kvcluster.terminal.escaping import as_line, shown
from kvcluster.terminal.output import emit
from kvcluster.terminal.screen import Exit, closed, complain, counted, say, show
from kvcluster.terminal.wording import forwarded, peer_word, state_word

from demo_pb2 import SERVING, DeleteResponse, GetResponse, LocateResponse, PutResponse

_KNOCK_TIMEOUT_S = 1.0
"""How long a node may take to say how it is when there is another one to ask."""

Failures = list[tuple[str, CallFailed]]


def put(nodes: Sequence[str], key: str, value: str, *, timeout_s: float, json: bool = False) -> int:
    """Store a value; print how many replicas hold it."""

    def work(link: Link) -> int:
        answer = link.put(key, value)
        if json:
            emit(key=key, stored=True, **_written(answer))
        else:
            say(f"stored, {_acknowledged(link, answer)}")
        return Exit.DONE

    return _write(nodes, work, timeout_s)


def delete(nodes: Sequence[str], keys: Sequence[str], *, timeout_s: float, json: bool) -> int:
    """Remove keys, one after the other; print of each whether it was there."""
    left = list(keys)

    def work(link: Link) -> int:
        while left:
            key = left[0]
            answer = link.delete(key)
            del left[0]
            if json:
                emit(key=key, found=answer.found, **_written(answer))
                continue
            name = f"{shown(key)}: " if len(keys) > 1 else ""
            what = "deleted" if answer.found else "was not there"
            say(f"{name}{what}, {_acknowledged(link, answer)}")
        return Exit.DONE

    code = _write(nodes, work, timeout_s)
    if left and len(keys) > 1:
        were = "was" if len(left) == 2 else "were"
        behind = f"{counted(len(left) - 1, 'key')} behind it {were} left alone"
        complain(f'It ended at the key "{shown(left[0])}"; {behind}.')
    return code


def _acknowledged(link: Link, answer: PutResponse | DeleteResponse) -> str:
    count = f"{answer.acknowledged} of {answer.replicas} replicas"
    return count + forwarded(link.name, answer.served_by)


def _written(answer: PutResponse | DeleteResponse) -> dict[str, Any]:
    return {
        "version": answer.version.hex(),
        "replicas": answer.replicas,
        "acknowledged": answer.acknowledged,
        "served_by": answer.served_by,
    }


def get(
    nodes: Sequence[str],
    keys: Sequence[str],
    *,
    timeout_s: float,
    json: bool = False,
    verbose: bool = False,
) -> int:
    """Print values: of one key as it is, of several a line each; `verbose`: also who gave them."""
    left = list(keys)
    missing: list[str] = []

    def work(link: Link) -> int:
        while left:
            key = left[0]
            answer = link.get(key)
            del left[0]
            if verbose:
                complain(f"asked {link.name}{forwarded(link.name, answer.served_by)}")
            if json:
                emit(**_got(key, answer))
            elif answer.found:
                _show(key, answer.value, alone=len(keys) == 1)
            if not answer.found:
                missing.append(key)
                complain(f'There is no key "{shown(key)}".')
        return Exit.NOT_SO if missing else Exit.DONE

    return _read(nodes, work, timeout_s)


def _got(key: str, answer: GetResponse) -> dict[str, Any]:
    value = answer.value if answer.found else None
    version = answer.version.hex()
    return {
        "key": key,
        "found": answer.found,
        "value": value,
        "version": version,
        "served_by": answer.served_by,
    }


def _show(key: str, value: str, *, alone: bool) -> None:
    if alone:
        # A line of its own, yet no second newline: what came from a text file goes back as it was.
        show(value if value.endswith("\n") else f"{value}\n")
    else:
        show(f"{as_line(key)}\t{as_line(value)}\n")


def locate(nodes: Sequence[str], key: str, *, timeout_s: float, json: bool = False) -> int:
    """Print where a key lives, or would live: its slot, its primary, its replicas."""

    def work(link: Link) -> int:
        answer = link.locate(key)
        if json:
            replicas = [
                {"node": it.node, "state": state_word(it.state), "lagging": it.lagging}
                for it in answer.replicas
            ]
            emit(key=key, slot=answer.slot, replicas=replicas, said_by=answer.node)
        else:
            for line in located(key, answer):
                say(line)
        return Exit.DONE

    return _read(nodes, work, timeout_s)


def located(key: str, answer: LocateResponse) -> list[str]:
    """The lines that `locate` prints."""
    lines = [f'"{key}" lives in slot {answer.slot}, as {answer.node} sees it:']
    width = max((len(replica.node) for replica in answer.replicas), default=0)
    for number, replica in enumerate(answer.replicas):
        role = "replica" if number else "primary"
        state = "itself" if replica.node == answer.node else peer_word(replica)
        lines.append(f"  {role}  {replica.node:<{width}}  {state}")
    return lines


def _read(nodes: Sequence[str], work: Callable[[Link], int], timeout_s: float) -> int:
    failures: Failures = []
    for link in _answering(nodes, timeout_s, failures):
        try:
            return work(link)
        except CallFailed as failure:
            failures.append((link.address, failure))
            if failure.kind is Kind.BAD_REQUEST:
                break
    return _give_up(failures, writing=False)


def _write(nodes: Sequence[str], work: Callable[[Link], int], timeout_s: float) -> int:
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

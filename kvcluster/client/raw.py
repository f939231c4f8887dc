"""A raw client: the library for programs that show what a node said, as the command line does.

It finds its node and leaves one that fails as every client does, with two differences. A person
waits in front of it, so each node is asked once: when none could do it, that is the answer, with
what each of them said, and nobody waits for one to come back. And answers are those of the wire,
with who gave them and how many replicas hold what was written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import partial

from kvcluster.client.aio import AsyncClient
from kvcluster.client.nodes import Nodes
from kvcluster.client.pending import FOR_EVER, Lifespan, to_delete, to_get, to_put
from kvcluster.client.sync import SyncFace
from kvcluster.client.twins import operations, scans
from kvcluster.errors import Incomplete, Unavailable

from demo_pb2 import Condition, DeleteResponse, GetResponse, LocateResponse, PutResponse


class RawClient(SyncFace):
    """`only`: these nodes are asked, and none that they name. Each call may take `timeout_s`.

    Raises as `Client` does; `KvError.reasons` has what each node said.
    """

    _scan_keys = scans(AsyncClient.scan_keys)
    update = operations(AsyncClient.update)
    touch = operations(AsyncClient.touch)
    persist = operations(AsyncClient.persist)
    put_keeping = operations(AsyncClient._put_keeping)

    def __init__(self, nodes: Iterable[str], *, timeout_s: float, only: bool = False) -> None:
        super().__init__(nodes, timeout_s=timeout_s, raw=True)
        self._twin._open = partial(self._twin._open, only=only, once=True)

    def put(
        self,
        key: str,
        text: str,
        timeout_s: float | None = None,
        *,
        condition: Condition | None = None,
        life: Lifespan = FOR_EVER,
    ) -> PutResponse:
        """Store a text under a key. A condition that does not hold is an answer."""
        make = partial(to_put, key, text, condition=condition, life=life)
        stored: PutResponse = self._answer_to(make, timeout_s)
        return stored

    def get(
        self, key: str, timeout_s: float | None = None, *, linearizable: bool = False
    ) -> GetResponse:
        """The text under a key, if there is one."""
        make = partial(to_get, key, linearizable=linearizable)
        read: GetResponse = self._answer_to(make, timeout_s)
        return read

    def delete(
        self, key: str, timeout_s: float | None = None, *, condition: Condition | None = None
    ) -> DeleteResponse:
        """Remove a key, whether it is there or not. A condition that does not hold is an answer."""
        make = partial(to_delete, key, condition=condition)
        deleted: DeleteResponse = self._answer_to(make, timeout_s)
        return deleted

    def locate(self, key: str, timeout_s: float | None = None) -> LocateResponse:
        """Where a key lives, whether it is there or not."""
        session = self._session
        return self._wait(partial(session.where, key, timeout_s), timeout_s)

    def keys(self, prefix: str, limit: int, timeout_s: float | None = None) -> list[str]:
        """Some keys that begin so; fewer, where not all of the cluster answers in time."""
        found: list[str] = []
        with contextlib.suppress(Unavailable, Incomplete):
            for key in self._scan_keys(prefix, limit=limit, timeout_s=timeout_s):
                found.append(key)
        return found

    def settle(self, timeout_s: float | None = None) -> str | None:
        """The node that the next call asks: one that serves now. None: none does."""
        session = self._session
        return self._wait(partial(session.settle, timeout_s), timeout_s)

    @property
    def asked(self) -> str:
        """How the node calls itself that was asked last; empty: none was."""
        return self._nodes.roster.asked if self._nodes else ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All nodes that are known, in the order in which they became known."""
        return self._nodes.roster.addresses if self._nodes else self._seeds

    @property
    def reasons(self) -> dict[str, str]:
        """Why nodes were of no use when they were asked last, by address."""
        return self._nodes.reasons if self._nodes else {}

    @property
    def _nodes(self) -> Nodes | None:
        session = self._twin._made
        return session.nodes if session else None

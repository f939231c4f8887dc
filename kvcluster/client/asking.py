"""Asking: one question that writes nothing, from node to node until one answers it or time is over.

A question is a page of a scan, or where a key lives. Unlike an operation it never travels with
others, and it may be asked of any node any number of times.

It leaves out, for a round, every node that refused it, and rests before the next round. What it was
told is kept for the sentence in which it gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kvcluster.client.failure import UNREADABLE, Refusal
from kvcluster.client.nodes import Nodes
from kvcluster.client.pending import told_of
from kvcluster.client.retrying import OVERSTRAINED
from kvcluster.errors import Unavailable

_PATIENCE_S = 1.0
"""So long a node may take for what it answers at once, before another one is asked."""
_LEAST_S = 0.001


class Asking:
    """One question. It begins when this is made."""

    def __init__(self, nodes: Nodes, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._nodes = nodes
        self._timeout_s = timeout_s
        self._deadline_s = self._loop.time() + timeout_s
        self._avoid: frozenset[str] = frozenset()
        self._rounds = 0
        self._may_retry = False
        self._reasons: dict[str, str] = {}

    @property
    def left_s(self) -> float:
        """How much time is left."""
        return self._deadline_s - self._loop.time()

    async def answer_to(self, request: Any, fits: Callable[[Any], bool]) -> Any:
        """The first answer that fits, to what a node answers at once.

        Raises BadRequest, Unavailable.
        """
        while True:
            node = await self.node()
            patience_s = max(_LEAST_S, min(_PATIENCE_S, self.left_s))
            answer = await self._nodes.question(node, request, patience_s)
            if fits(answer):
                self._nodes.answered(node)
                self._nodes.budget.succeeded()
                return answer
            self.refused(node, answer if isinstance(answer, Refusal) else UNREADABLE)
            self.check_budget()

    async def node(self) -> str:
        """A node to ask. Raises Unavailable."""
        while True:
            left_s = self.left_s
            try:
                node = await self._nodes.find_within(left_s, self._avoid)
            except asyncio.TimeoutError:
                raise self._unavailable(f" within {self._timeout_s:g} s", "") from None
            if node is not None:
                return node
            if self._nodes.once:
                raise self._unavailable("", "")
            self._avoid = frozenset()
            self._rounds += 1
            await self._nodes.rest(self._rounds, left_s)

    def refused(self, node: str, refusal: Refusal) -> None:
        """A node did not answer it; somebody else shall be asked.

        Raises BadRequest, Unauthenticated, PermissionDenied.
        """
        self._reasons[node] = refusal.reason
        if refusal.is_final:
            raise refusal.error(refusal.reason)
        if refusal.about_the_node:
            self._nodes.failed(node, refusal.reason)
        self.look_elsewhere(node)

    def look_elsewhere(self, node: str) -> None:
        """Somebody else may have a better answer."""
        self._nodes.roster.leave(node)
        self._avoid |= {node}

    def check_budget(self) -> None:
        """Raise Unavailable if it may not be asked again."""
        self._may_retry = self._may_retry or self._nodes.budget.spend()
        if not self._may_retry:
            raise self._unavailable("", OVERSTRAINED)

    def _unavailable(self, within: str, why: str) -> Unavailable:
        reasons = {**self._nodes.reasons, **self._reasons}
        error = Unavailable(f"no node could do it{within}{told_of(reasons)}{why}")
        error.reasons = reasons
        return error

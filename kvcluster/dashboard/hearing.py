"""Hearing: what is known of one node's answers at a moment, and what may be said of it then.

Each node is asked by itself and answers when it can. What is shown must not wait for the slowest,
and must not go on showing what a node said before it fell silent. So a question that is on its way
for longer than `PATIENCE_S` counts as no answer, long before its deadline: a frozen node is seen as
silent while its question is still open, and the others are shown meanwhile.

Why a node is silent is not known here; how long it has been is, and that is what is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.view import health
from kvcluster.view.health import View
from kvcluster.view.wording import duration

from demo_pb2 import StatusResponse

PATIENCE_S = 1.0
"""After so long a question without an answer is shown as silence."""


@dataclass(frozen=True)
class Heard:
    """One address and what came of asking it. Times are those of a clock that never jumps."""

    address: str
    name: str
    """How the node calls itself; until it has said so, its address."""
    silent_since_s: float
    """When it last answered, or was first asked."""
    outcome: StatusResponse | CallFailed | None = None
    """What came of the last question that ended; None: none has yet."""
    asked_s: float | None = None
    """Since when a question is on its way; None: none is."""

    def ask(self, now_s: float) -> Heard:
        """A question is sent. Never while another is on its way: a silent node is not buried."""
        assert self.asked_s is None
        return replace(self, asked_s=now_s)

    def hear(self, outcome: StatusResponse | CallFailed, now_s: float) -> Heard:
        """The question ended, with an answer or with the reason why there is none."""
        if isinstance(outcome, CallFailed):
            return replace(self, outcome=outcome, asked_s=None)
        name = outcome.node or self.address
        return replace(self, outcome=outcome, asked_s=None, name=name, silent_since_s=now_s)

    def silent(self, now_s: float) -> bool:
        """Whether an answer is waited for that should be here, or did not come the last time."""
        if self.asked_s is not None and now_s - self.asked_s >= PATIENCE_S:
            return True
        return isinstance(self.outcome, CallFailed) and self.outcome.kind is FailureKind.TIMED_OUT

    def view(self, now_s: float) -> View | None:
        """What may be said of the node now; None while the first answer may still come."""
        if self.silent(now_s):
            silence = duration(now_s - self.silent_since_s)
            reason = f"no answer for {silence}; it may be frozen or cut off"
            return View(
                self.name, 0.0, CallFailed(FailureKind.TIMED_OUT, reason, nothing_written=True)
            )
        return None if self.outcome is None else View(self.name, 0.0, self.outcome)


def strangers(known: Iterable[Heard]) -> list[str]:
    """Members that answers name and nobody has asked yet, as far as they are addresses."""
    heard = list(known)
    said = [it.outcome for it in heard if isinstance(it.outcome, StatusResponse)]
    return health.strangers(said, {name for it in heard for name in (it.address, it.name)})


def views(known: Sequence[Heard], now_s: float) -> list[View]:
    """What may be said of all of them; a node that is asked by two addresses is there once."""
    found: dict[str, View] = {}
    for heard in known:
        view = heard.view(now_s)
        if view is not None and (heard.name not in found or view.said is not None):
            found[heard.name] = view
    return list(found.values())

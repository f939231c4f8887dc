"""The roster: which nodes there are, and which of them is worth asking now.

A client works like somebody with one doctor and a list of others. It stays with its node as long
as that one answers. When it does not, whoever may do is knocked at (CheckHealth), all at once, and
the first that serves is the new one. A node that was not heard for two seconds, because nobody
asked it anything, is knocked at as well before it is asked. So a write goes only to a node that
answered just now, and a frozen one costs a moment instead of a write with an unknown end.

A node that failed rests, longer each time it fails again, and is knocked at before it is trusted.
Nodes that answer and do not serve yet are a last resort, for a second: then others are looked for
again. All that a node names as its peers are on the list from then on, so one address of a cluster
is enough to survive the death of the node behind it.

Known weak spot: clients spread when they begin, and again only when their node fails. After all
nodes were restarted one by one, the last has few clients until new ones come.

Rejected: one channel over all addresses, with gRPC's round_robin and health checking. A frozen
process keeps its connection READY until a ping goes unanswered, and round_robin goes on handing it
every third call; a batch for "some node" could not be told from one for this node, and what was
refused by one could not be kept from it. Rejected, too: asking each node for a share of the keys
(their primaries), which would save a forward in large clusters and need the placement rules here.

No clock and no chance in here: `now_s` and `chance` are given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from kvcluster.client.answers import status_word
from kvcluster.client.retrying import rest_s
from kvcluster.model.members import is_address

from demo_pb2 import SERVING, STARTING, SYNCING, HealthCheckResponse

LAST_RESORT_S = 1.0
"""So long a node that does not serve yet is used before others are looked for again."""
TRUSTED_S = 2.0
"""So long after its last answer a node is asked without a knock."""
DOUBTED_S = 1.0
"""So long after a node said that a member is too old it is not asked again."""
NODES_LIMIT = 256
"""What nodes name is not trusted to be short."""
_NEWS = "conditions, linearizable reads and times to live"
_RANKS = {SERVING: 0, SYNCING: 1, STARTING: 2}


@dataclass(slots=True)
class _Entry:
    name: str = ""
    """How the node calls itself; empty until it has said so."""
    answered_s: float = float("-inf")
    failures: int = 0
    """In a row."""
    rests_until_s: float = 0.0
    reason: str = ""
    """Why it was not of use the last time; empty if it was."""
    takes_columns: bool = True
    """Unless it said that it does not know PutMany."""
    decides: bool = False
    """It said that it and all members know conditions, linearizable gets, and lives."""
    too_old: tuple[str, ...] = ()
    """Members of which it does not know that."""
    told_s: float = float("-inf")
    """When it said so, or did not."""


class Roster:
    """The nodes by address. Times are those of the event loop's clock."""

    def __init__(self, seeds: Sequence[str], *, only: bool = False) -> None:
        """`only`: nodes that these name are left alone."""
        self._nodes = {address: _Entry() for address in seeds}
        self._only = only
        self.asked = ""
        """How the node calls itself that was chosen last; empty: none was."""
        self._current: str | None = None
        self._good_until_s = float("inf")

    @property
    def addresses(self) -> tuple[str, ...]:
        """All nodes that are known."""
        return tuple(self._nodes)

    @property
    def reasons(self) -> dict[str, str]:
        """Why nodes were of no use, by address."""
        return {address: node.reason for address, node in self._nodes.items() if node.reason}

    def current(self, avoid: Collection[str], now_s: float) -> str | None:
        """The node to ask, if there is one to stay with that is not to be avoided."""
        current = self._current
        if current is None or current in avoid or now_s >= self._good_until_s:
            return None
        return current if now_s < self._nodes[current].answered_s + TRUSTED_S else None

    def doubtful(self, avoid: Collection[str], now_s: float) -> str | None:
        """The node to stay with if it answers a knock; it was not heard lately."""
        current = self._current
        good = current not in avoid and now_s < self._good_until_s
        return current if good and self.current(avoid, now_s) is None else None

    def candidates(self, avoid: Collection[str], now_s: float, *, rested: bool = True) -> list[str]:
        """Those that are worth a knock. `rested`: not those that failed a moment ago."""
        return [
            address
            for address, node in self._nodes.items()
            if address not in avoid and (node.rests_until_s <= now_s or not rested)
        ]

    def next_rest_ends_s(self) -> float:
        """When the first node will have rested."""
        return min(node.rests_until_s for node in self._nodes.values())

    def answered(self, address: str, now_s: float) -> None:
        """A node gave a sign of life."""
        self._nodes[address].answered_s = now_s

    def doubt_all(self) -> None:
        """When a node answered last says nothing about now."""
        for node in self._nodes.values():
            node.answered_s = float("-inf")

    def answered_s(self, address: str) -> float:
        """When a node last gave a sign of life."""
        return self._nodes[address].answered_s

    def heard(self, address: str, health: HealthCheckResponse, now_s: float, chance: float) -> int:
        """A node answered a knock. How good it is for work: 0 is best, negative is not at all."""
        node = self._nodes[address]
        node.name = health.node
        node.decides, node.told_s = health.decides, now_s
        node.too_old = tuple(it for it in health.too_old if is_address(it))[:NODES_LIMIT]
        self._learn([health.node, *(peer.node for peer in health.peers)])
        self.answered(address, now_s)
        rank = _RANKS.get(health.status, -1)
        if rank < 0:
            reason = health.reason or f"it is {status_word(health.status)}"
            self.failed(address, reason, now_s, chance)
            return rank
        node.failures = 0
        node.reason = ""
        if rank > 0:
            self.leave(address)  # there may be a better one
        return rank

    def failed(self, address: str, reason: str, now_s: float, chance: float) -> None:
        """A node did not answer, or refuses whatever it is asked."""
        node = self._nodes[address]
        node.failures += 1
        node.rests_until_s = now_s + rest_s(node.failures, chance)
        node.reason = reason
        node.takes_columns, node.decides, node.told_s = True, False, float("-inf")
        self.leave(address)

    def takes_columns(self, address: str) -> bool:
        """Whether a node may know PutMany."""
        return self._nodes[address].takes_columns

    def has_no_columns(self, address: str) -> None:
        """A node does not know PutMany: it is older. Once it has failed, it may be another one."""
        self._nodes[address].takes_columns = False

    def decides(self, address: str) -> bool:
        """Whether a node said that it and all members carry out what older ones would ignore."""
        return self._nodes[address].decides

    def may_decide(self, address: str, now_s: float) -> bool:
        """Whether one that did not say so may do so now: it was not asked for a while."""
        return now_s >= self._nodes[address].told_s + DOUBTED_S

    def why_not(self, address: str) -> str:
        """Why a node is not sent such a thing: the end of a sentence that begins with it."""
        node = self._nodes[address]
        names = node.too_old or (node.name or address,)
        are = "is" if len(names) == 1 else "are"
        return node.reason or f"{', '.join(names)} {are} too old for {_NEWS}"

    def leave(self, address: str) -> None:
        """Look for a node anew, if it was this one. It may be found again."""
        if self._current == address:
            self._current = None

    def stay_with(self, address: str, rank: int, now_s: float) -> None:
        """This is the node to ask from now on, unless there is a good one already."""
        if self.current((), now_s) is None:
            self._current = address
            self.asked = self._nodes[address].name or address
            self._good_until_s = now_s + LAST_RESORT_S if rank else float("inf")

    def _learn(self, names: Iterable[str]) -> None:
        if self._only:
            return
        known = {*self._nodes, *(node.name for node in self._nodes.values())}
        for name in names:
            if name not in known and len(self._nodes) < NODES_LIMIT and is_address(name):
                self._nodes[name] = _Entry()

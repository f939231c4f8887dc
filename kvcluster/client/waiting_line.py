"""The waiting line: operations that wait to travel, and what may travel together next.

Like a ferry: it takes whoever waits when it leaves, in the order in which they came, and the next
one takes those who came meanwhile. Nobody waits for a ferry to fill; a lone traveller leaves at
once. Under load the ferries fill by themselves, since more operations arrive during a crossing.

The invariant is order per key. Once an operation has been taken, its key is *held* until that
operation has ended, however often it is refused and tried again on the way. Others on the key stay
behind the one before them: in the line, or `blocked` once the line reached them. When the last
holder ends, the blocked ones go to the very front. So, of one key, every held operation came before
every blocked one, and that before every one in the line. Operations that leave in one batch hold
their key together: a node keeps their order.

Rejected: a lane for each key. Order would be plain, but who leaves next would need a second
structure across all lanes, and a million different keys would make a million lanes for nothing.
Rejected: reads and writes apart, so that no read waits for the disk with the writes of its batch.
With 50 callers, three nodes and the client on two cores, half of the calls reads: reads took 0.7
times as long, writes 2.2 times, and 0.7 times as many calls were made in all.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from kvcluster.client.pending import Pending
from kvcluster.config import MIB

BATCH_OPERATIONS = 500
"""Half of what a node takes by its default settings. Twice as many are hardly faster, and a node
does nothing else while it takes a batch apart."""
BATCH_BYTES = 7 * MIB // 2
"""Below what a node takes by its default settings, which count the message a little differently.
An operation that is larger by itself travels alone."""


class WaitingLine:
    """Operations that wait. It knows nothing of nodes and of time."""

    def __init__(self, limit: int = BATCH_OPERATIONS, limit_bytes: int = BATCH_BYTES) -> None:
        self.limit = limit
        """How many operations travel together at most."""
        self._limit_bytes = limit_bytes
        self._line: OrderedDict[Pending, None] = OrderedDict()
        self._holders: dict[str, int] = {}
        """How many operations hold a key; none: the key is not in it."""
        self._blocked: dict[str, deque[Pending]] = {}

    def join(self, operation: Pending) -> None:
        """Stand at the end of the line."""
        self._line[operation] = None

    def leave(self, operation: Pending) -> None:
        """Stand in the line no more, if it did. One that is blocked is left out when it is due."""
        self._line.pop(operation, None)

    def take(self) -> list[Pending]:
        """Those who travel next, in their order; they hold their keys from now on."""
        taken: list[Pending] = []
        here: set[str] = set()
        room_bytes = self._limit_bytes
        while self._line and len(taken) < self.limit:
            operation = next(iter(self._line))
            if operation.over:
                del self._line[operation]
            elif operation.key in self._holders and operation.key not in here:
                del self._line[operation]
                self._blocked.setdefault(operation.key, deque()).append(operation)
            elif taken and operation.size_bytes > room_bytes:
                break
            else:
                del self._line[operation]
                room_bytes -= operation.size_bytes
                self._hold(operation)
                here.add(operation.key)
                taken.append(operation)
        return taken

    def end(self, operation: Pending) -> None:
        """A taken operation has ended, for good. The second time does nothing."""
        if not operation.holds_key:
            return
        operation.holds_key = False
        key = operation.key
        self._holders[key] -= 1
        if self._holders[key]:
            return
        del self._holders[key]
        for waiting in reversed(self._blocked.pop(key, ())):
            self._line[waiting] = None
            self._line.move_to_end(waiting, last=False)

    def shrink(self, refused: int) -> None:
        """Nodes do not take so many operations, or bytes, at once: let half of it travel."""
        self.limit = max(1, min(self.limit, refused) // 2)

    def _hold(self, operation: Pending) -> None:
        assert not operation.holds_key, "it travels twice"
        operation.holds_key = True
        self._holders[operation.key] = self._holders.get(operation.key, 0) + 1

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

A *crate* (`crate.py`) stands in the line like any other, and leaves alone. It takes part in the
same order: it leaves only if all its keys are distinct and none is held. Else it is unpacked where
it stands, and its operations are taken one by one. Its owner may fill it as long as nobody stands
behind it; whoever joins the line closes it, or what is put in later would come before them.

Rejected: a lane for each key. Order would be plain, but who leaves next would need a second
structure across all lanes, and a million different keys would make a million lanes for nothing.
Rejected: reads and writes apart, so that no read waits for the disk with the writes of its batch.
With 50 callers, three nodes and the client on two cores, half of the calls reads: reads took 0.7
times as long, writes 2.2 times, and 0.7 times as many calls were made in all.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from kvcluster.client.crate import Crate
from kvcluster.client.pending import Pending
from kvcluster.config import MIB

BATCH_OPERATIONS = 500
"""Half of what a node takes by its default settings. Twice as many are hardly faster, and a node
does nothing else while it takes a batch apart."""
COLUMNS_PUTS = 2_000
"""Half of what a node takes in columns. With 500 half of the time goes into the calls."""
BATCH_BYTES = 7 * MIB // 2
"""Below what a node takes by its default settings, which count the message a little differently.
An operation that is larger by itself travels alone."""


class WaitingLine:
    """Operations that wait. It knows nothing of nodes and of time."""

    def __init__(self, limit: int = BATCH_OPERATIONS, limit_bytes: int = BATCH_BYTES) -> None:
        self.limit = limit
        """How many operations travel together at most."""
        self.limit_bytes = limit_bytes
        """And of how many bytes, unless it is a single one."""
        self.columns_limit = COLUMNS_PUTS
        """How many puts of a crate do."""
        self._line: OrderedDict[Pending | Crate, None] = OrderedDict()
        self._filling: Crate | None = None
        """The crate that stands at the end of the line."""
        self._holders: dict[str, int] = {}
        """How many operations hold a key; none: the key is not in it."""
        self._blocked: dict[str, deque[Pending]] = {}

    def join(self, traveller: Pending | Crate) -> None:
        """Stand at the end of the line."""
        if self._filling is not None:
            self._filling.closed = True
        self._filling = traveller if isinstance(traveller, Crate) else None
        self._line[traveller] = None

    def leave(self, traveller: Pending | Crate) -> None:
        """Stand in the line no more, if it did. One that is blocked is left out when it is due."""
        self._line.pop(traveller, None)

    @property
    def first_crate(self) -> Crate | None:
        """The crate at the head of the line, if it is one that stands there."""
        first = next(iter(self._line), None)
        return first if isinstance(first, Crate) else None

    def limit_of(self, crate: Crate) -> int:
        """How many of its kind travel together at most."""
        return self.columns_limit if crate.needs_columns else self.limit

    def board(self, crate: Crate) -> bool:
        """Have a crate leave if it may as it is; it holds its keys from now on.

        One with a single operation may not: that travels as a plain call.
        """
        keys = dict.fromkeys(crate.keys, 1)
        if not 1 < len(keys) == len(crate.keys) <= self.limit_of(crate):
            return False
        if not self._holders.keys().isdisjoint(keys):
            return False
        crate.closed = True
        del self._line[crate]
        self._holders |= keys
        return True

    def unpack(self, crate: Crate, operations: Sequence[Pending]) -> None:
        """Let the operations of a crate stand where it stood."""
        crate.closed = True
        line = list(self._line)
        place = line.index(crate)
        line[place : place + 1] = operations
        self._line = OrderedDict.fromkeys(line)

    def land(self, crate: Crate) -> None:
        """All in a crate that left have ended, for good."""
        for key in crate.keys:
            assert self._holders[key] == 1, "nobody else may hold it"
            self._free(key)

    def take(self) -> list[Pending]:
        """Those who travel next, in their order, up to the next crate; they hold their keys."""
        taken: list[Pending] = []
        here: set[str] = set()
        room_bytes = self.limit_bytes
        while self._line and len(taken) < self.limit:
            operation = next(iter(self._line))
            if isinstance(operation, Crate):
                break
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
        if not self._holders[key]:
            self._free(key)

    def _free(self, key: str) -> None:
        del self._holders[key]
        if key not in self._blocked:
            return
        for waiting in reversed(self._blocked.pop(key)):
            self._line[waiting] = None
            self._line.move_to_end(waiting, last=False)

    def shrink(self, refused: int) -> None:
        """Nodes do not take so many operations, or bytes, at once: let half of it travel."""
        self.columns_limit = max(1, min(self.columns_limit, refused) // 2)
        if refused <= self.limit:
            self.limit = max(1, refused // 2)

    def _hold(self, operation: Pending) -> None:
        assert not operation.holds_key, "it travels twice"
        operation.holds_key = True
        self._holders[operation.key] = self._holders.get(operation.key, 0) + 1

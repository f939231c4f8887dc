"""Keys that expire: seen until their time and not after it, by every node whose clock is right.

Judged is, wherever a node is looked at and whenever a client is answered:

- each copy of a version has the same expiry, on every node and in its files, whatever way it came:
  a put that says no time has none, one that does has that time, counted from when it was taken;
- no read that begins after the time shows the value, and no node has nothing in its place before;
- a node's town clock is right, if most of the clocks are that it has heard of in this life.

A time that is told over a slow way is old by then, and nobody knows by how much: `_APART_S`. Nodes
whose machine was paused with every clock but the wall's are left out until their next life: what
they heard before it seems to be of a moment ago. Where once most clocks were wrong, a node may have
let go of values too early, and hand on what is left of them; from then on only what is shown too
late is judged.

In these histories no life is of an older version: nodes refuse to let keys expire beside such.
"""

from __future__ import annotations

from kvcluster.model.entry import ZERO, Entry
from kvcluster.node import Node
from tests.sim.broken import Broken
from tests.sim.machine import START_MS
from tests.sim.operations import Diary, Write
from tests.sim.world import World

from demo_pb2 import GetResponse

_APART_S = 0.9
"""Half of the longest time that a heartbeat may take, and what clocks are read in between."""
_WRONG_MS = 100
_OF_EACH = 3
"""In one history of so many keys expire."""
TTL_MS = (1_000, 1_000, 2_500, 6_000)


def keys_expire(seed: int) -> bool:
    """Whether they do in a history."""
    return seed % _OF_EACH == 0


class Lifetimes:
    """Judges when keys are there and when not."""

    def __init__(self, world: World, diary: Diary) -> None:
        self._world = world
        self._diary = diary
        self._expiries: dict[bytes, int] = {}
        """Of every version that was seen."""
        self._expiring: dict[str, list[tuple[int, bytes]]] = {}
        """By key: those of its versions that have an expiry, and that."""
        self._wrong: set[str] = set()
        """Machines whose clock was wrong at some time."""
        self._spoilt = False
        """Some node went by a clock that was wrong, as it may where most are."""
        world.opened.append(self._opened)

    def _opened(self, name: str, node: Node) -> None:
        """Look at its clock whenever it lets go of values by it."""
        table = node.store.table
        sweep = table.sweep

        def look_and_sweep(count: int) -> int:
            if self._world.is_up(name) and self._world.node(name) is node:
                with self._world.judging():
                    self._look_at_clock(name)
            return sweep(count)

        table.sweep = look_and_sweep  # type: ignore[method-assign]

    # ------------------------------------------------------------ what is held

    def look(self, name: str, key: str, held: Entry) -> None:
        """A node that is up holds this, as reads see it."""
        version = held[1]
        lives = self._world.node(name).store.table.lives
        self._takes(name, key, version, lives.expiries.get(key, 0))
        expires_ms = self._expiries.get(version, 0)
        if not expires_ms:
            return
        self._look_at_clock(name)
        early = held[0] is None and expires_ms > self._now_ms() + 1000 * _APART_S
        if early and not self._spoilt:
            raise Broken(f"{name} lets {key} go before its time", key)

    def _takes(self, where: str, key: str, version: bytes, expires_ms: int) -> None:
        """A copy of a version has this expiry."""
        if version == ZERO:  # what it was is lost to damage
            return
        if version not in self._expiries:
            self._expiries[version] = expires_ms
            if expires_ms:
                self._expiring.setdefault(key, []).append((expires_ms, version))
                self._world.saw("a key with an expiry was held")
        known_ms = self._expiries[version]
        if known_ms != expires_ms:
            raise Broken(f"{where} has {key} until {expires_ms}, others until {known_ms}", key)

    def written(self, write: Write, by: str) -> None:
        """A client was told that its write is done."""
        expires_ms = self._expiries.get(write.version)
        if expires_ms is None:
            return  # it was replaced before anybody looked
        if not (write.ttl_ms and expires_ms):
            if write.ttl_ms or expires_ms:
                raise Broken(f"{write} expires at {expires_ms}", write.key)
            return
        first_ms = self._ms(write.start_s - _APART_S) + write.ttl_ms
        last_ms = self._ms(write.end_s + _APART_S) + write.ttl_ms
        is_right = self._world.is_up(by) and self._must_be_right(by)
        if is_right and not first_ms <= expires_ms <= last_ms:
            raise Broken(f"{write} expires at {expires_ms}, not {first_ms} to {last_ms}", write.key)

    def files(self, name: str, key: str, version: bytes, expires_ms: int) -> None:
        """What is on the disk of a node."""
        if version in self._expiries:
            self._takes(f"the disk of {name}", key, version, expires_ms)

    # ------------------------------------------------------------ what is shown

    def answered(self, name: str, key: str, answer: GetResponse, begun_s: float) -> None:
        """A read that began then was answered with a value."""
        self._takes(name, key, answer.version, answer.expires_ms)
        self.shown(name, key, answer.version, begun_s)

    def shown(self, name: str, key: str, version: bytes, begun_s: float) -> None:
        """A value of this version was shown; by a node that is not known, if it has no name."""
        if name and not (self._world.is_up(name) and self._must_be_right(name)):
            return
        if not name and not all(map(self._must_be_right, self._world.up)):
            return  # who knows which node it was
        expires_ms = self._expiries.get(version, 0)
        if expires_ms and self._ms(begun_s - _APART_S) > expires_ms:
            raise Broken(f"{name or 'a scan'} shows {key} after its time", key)

    def gone(self, key: str) -> bytes:
        """The newest version of a key that may have expired by now; empty if none may."""
        now_ms = self._now_ms() + 1000 * _APART_S
        gone = [v for ms, v in self._expiring.get(key, ()) if self._wrong or ms <= now_ms]
        return max(gone, default=b"")

    def has_expired(self, version: bytes) -> bool:
        """Whether a tombstone of this version may be what is left of a put."""
        return bool(self._expiries.get(version))

    def dropped(self, name: str, key: str, version: bytes) -> None:
        """A node forgets what is held of a key in this version."""
        expires_ms = self._expiries.get(version, 0)
        if expires_ms and not self._spoilt and self._now_ms() + 1000 * _APART_S < expires_ms:
            raise Broken(f"{name} drops {key}, which has not expired", key)
        if expires_ms:
            self._world.saw("an expired key was forgotten")

    # ------------------------------------------------------------ clocks

    def _now_ms(self) -> float:
        return self._ms(self._world.loop.now_s)

    def _ms(self, at_s: float) -> float:
        return START_MS + at_s * 1000

    def _look_at_clock(self, name: str) -> None:
        """The town clock of a node must be right, if it can."""
        off_ms = self._world.node(name).store.table.lives.town_ms() - self._now_ms()
        if abs(off_ms) <= 1000 * _APART_S:
            return
        if self._must_be_right(name):
            raise Broken(f"the town clock of {name} is {off_ms / 1000:.1f} s ahead, most are right")
        self._spoilt = True

    def _must_be_right(self, name: str) -> bool:
        """Whether most of the clocks are right that a node has heard of in this life."""
        machines = self._world.machines
        self._wrong |= {
            each
            for each in self._world.members
            if abs(machines[each].wall_ms(self._world.loop.now_s) - self._now_ms()) > _WRONG_MS
        }
        process = self._world.process(name)
        heard = {name, *process.node.time._town._heard}
        return not process.life.steady_slept_s and 2 * len(heard & self._wrong) < len(heard)

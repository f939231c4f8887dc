"""The judge: knows everything that was tried, sees every node, and says what must not be.

While it runs: a node never holds something older than it held before; no two writes have one
version; an acknowledged write is held by as many nodes as the acknowledgement says, and is newer
than what these held before it began; a read of a node that held an acknowledged write is not
older, nor (while no message vanishes) one of a node that can reach such a node, or counts on it; no
value comes back that was refused, or given up long before what it replaces was begun; and whenever
a process ends, what it had in memory is on its disk. What an acknowledgement leans on, and that no
tombstone goes too early, is judged in safety.py and drops.py; when keys expire, in lifetimes.py.

After healing (verdict.py): the same of all nodes together.

To be held by a node means to stand in its table, which is where reads come from, or, of a node that
is down, in its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from kvcluster.model.entry import Entry
from tests.sim.broken import Broken
from tests.sim.calls import Process
from tests.sim.drops import Drops
from tests.sim.files import TORN, Files, worst_left
from tests.sim.lifetimes import Lifetimes
from tests.sim.lookout import Lookout
from tests.sim.operations import Diary, Outcome, Write
from tests.sim.reach import Reach
from tests.sim.refusals import Refusals
from tests.sim.safety import Safety
from tests.sim.telling import Telling
from tests.sim.words import Words
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import GetResponse

_GRACE_S = 1.5
"""A write may still land so long after its client gave up: it was on its way."""
_TOLD = re.compile(r"[^;]*; the write may have happened\)?")
"""What a node says that forwarded a write, and will never know what came of it, and nothing else.
It tells nobody before the write can land no more.
"""


class Least(dict[str, bytes]):
    """By node: what its answers must not be older than, from `at_s` on.

    `held`: what it held. `known`: what it had to know of `acked`, a write that was acknowledged.
    """

    def __init__(
        self,
        at_s: float,
        held: Mapping[str, bytes],
        known: Mapping[str, bytes],
        acked: Write | None = None,
    ) -> None:
        super().__init__({name: max(held[name], known[name]) for name in held})
        self.at_s = at_s
        self.held = held
        self.acked = acked

    def lasting(self) -> Least:
        """The same for a read that lasted: see `Judge.before_long_read`."""
        return Least(self.at_s, self.held, self.held)


class Judge:
    """Judges one history."""

    def __init__(self, world: World, *, tells_in_time: bool, clocks_agree: bool) -> None:
        self._world = world
        self._clocks_agree = clocks_agree
        self.diary = Diary()
        self.files = Files(world)
        self.lifetimes = Lifetimes(world, self.diary)
        self.drops = Drops(world, self.files, self.lifetimes)
        self.safety = Safety(world, self.files, self.drops)
        self._lookout = Lookout(world, self.drops)
        self.refusals = Refusals(world)
        self.words = Words(world, self.files, self.drops)
        self._reach = Reach(world, tells_in_time=tells_in_time)
        self._telling = Telling(world, self.drops, self._reach)
        self.floors: dict[str, dict[str, bytes]] = {name: {} for name in world.members}
        """By node and key: the newest version that the node was seen to hold."""
        self._acked: dict[str, Write] = {}
        """By key: the acknowledged write of the highest version."""
        self.reads = 0
        self.judged_reads = 0
        world.ended.append(self.process_ended)
        world.cut_short.append(self.start_cut_short)
        world.emptied.append(self.forget)
        world.thawed.append(self.look_everywhere)

    # ------------------------------------------------------------ writes

    def begun(self, write: Write) -> None:
        """A client sends a write."""
        self.diary.begin(write)
        self.refusals.begun(write)
        self.look(write.key)
        for name in self._world.up:
            held = self._world.node(name).store.get(write.key)
            write.before[name] = held[1] if held is not None else b""

    def acknowledged(self, write: Write, version: bytes, by: str, holders: int) -> None:
        """A client was told that its write is done, by its coordinator, held by so many nodes."""
        write.version, write.by = version, by
        other = self.diary.by_version.setdefault(version, write)
        if other is not write:
            raise Broken(f"one version for two writes: {other} and {write}", write.key)
        self.look(write.key)
        replicas = self._world.replicas_of(write.key)
        held_by = [name for name in replicas if self.files.holds(name, write.key, version)]
        emptied = [name for name in replicas if self.files.lost_s.get(name, -1.0) >= write.start_s]
        if len({*held_by, *emptied}) < holders and self.drops.dropped(write.key) < version:
            raise Broken(f"{write}: acknowledged by {holders}, held by {held_by}", write.key)
        # More may hold it than were counted: some pulled it meanwhile. They need know of nobody.
        exact = by in held_by and len(held_by) == holders
        write.counted = held_by if exact else [by]
        for name in write.counted:
            if write.before.get(name, b"") > version and not self._replaced_at_once(write):
                raise Broken(f"{write}: {name} held something newer before it began", write.key)
        best = self._acked.get(write.key)
        if best is None or best.version < version:
            self._acked[write.key] = write
        self.lifetimes.written(write, by)
        self.safety.acknowledged(write)
        self.refusals.acknowledged(write, by)

    def _replaced_at_once(self, write: Write) -> bool:
        """Whether its client replaced it before it was answered: in the same batch, perhaps.

        Then it is acknowledged with what replaced it, which alone is seen, and judged itself.
        """
        later = (it for it in self.diary.by_key[write.key] if it.number > write.number)
        return any(it.client == write.client and it.start_s <= write.end_s for it in later)

    def _holds(self, name: str, key: str, version: bytes) -> bool:
        held = self._world.node(name).store.get(key)
        return held is not None and held[1] >= version

    def look(self, key: str) -> None:
        """See what every replica holds for a key: it must not go back."""
        for name in filter(self._world.is_up, self._world.replicas_of(key)):
            held = self._world.node(name).store.get(key)
            floor = self.floors[name].get(key, b"")
            if held is None:
                if floor and not self.may_be_gone(key, floor):
                    raise Broken(f"{name} has nothing for {key} any more", key)
            elif held[1] < floor:
                raise Broken(f"{name} went back to {held[0]!r:.20} for {key}", key)
            else:
                self.floors[name][key] = held[1]
                self.lifetimes.look(name, key, held)
                self._judge_entry(key, held, name)

    def _judge_entry(self, key: str, held: Entry, name: str) -> None:
        value, version = held
        if value is not None:
            self.judge_value(key, value, version, name)
            self.diary.by_version.setdefault(version, self.diary.by_value[value])
        elif not self.lifetimes.has_expired(version) and not any(
            self._may_have_made(delete, version) for delete in self.diary.deletes(key)
        ):
            raise Broken(f"{name} has a tombstone for {key} that nobody made", key)

    def look_everywhere(self) -> None:
        """See what every node holds for every key."""
        for key in self.diary.by_key:
            self.look(key)

    def _may_have_made(self, delete: Write, version: bytes) -> bool:
        """Whether a tombstone of this version may be that of a delete.

        It is older than the delete's last if the first met something newer.
        """
        return delete.outcome is not Outcome.DONE or delete.version >= version

    def may_be_gone(self, key: str, floor: bytes) -> bool:
        """Whether a node that held this version of a key, or an older one, may hold nothing.

        Excused by any delete however old, an acknowledged put could vanish and nobody would know.
        """
        return self.drops.dropped(key) >= floor

    # ------------------------------------------------------------ reads

    def before_long_read(self, key: str) -> Least:
        """The same for a read that lasts: while it does, whoever took a write may go away, and a
        node answer without it. What the node itself held stays the least.
        """
        self.look(key)
        held = self._held(key)
        return Least(self._world.loop.now_s, held, held)

    def before_read(self, key: str) -> Least:
        """What each node must not be older than, from now on."""
        self.look(key)
        acked = self._acked.get(key)
        known = {name: self._known(name, acked) for name in self._world.members}
        return Least(self._world.loop.now_s, self._held(key), known, acked)

    def _held(self, key: str) -> dict[str, bytes]:
        return {name: self.floors[name].get(key, b"") for name in self._world.members}

    def _still_least(self, name: str, key: str, least: Least) -> bytes:
        """What a node held when a read began, or had to know both then and when it was answered.

        A holder that died since the read began cannot be asked of, nor a node that lost its folder.
        Then nobody had to know of that write for a while, though a newer one is known by now.
        """
        if self.files.lost_s.get(name, -1.0) >= least.at_s:
            return b""
        return max(least.held[name], min(least[name], self._known(name, least.acked)))

    def _known(self, name: str, acked: Write | None) -> bytes:
        """The version of a write if a node must know of it from others, else empty."""
        if acked is None or not self._world.is_up(name):
            return b""
        for other in acked.counted:
            if other == name or not self._world.is_up(other):
                continue
            if self._holds(other, acked.key, acked.version) and self._reach.must_know(
                name, acked, other
            ):
                return acked.version
        return b""

    def after_read(self, key: str, answer: GetResponse, least: Least) -> None:
        """A client was answered."""
        self.reads += 1
        name = answer.served_by
        floor = self._still_least(name, key, least)
        self.judged_reads += bool(floor)
        if len(self._world.up) == 1 < len(self._world.members):
            self._world.saw("a read was answered by the only node that was up")
        if not answer.version:
            if self.drops.buried(key) < floor:
                raise Broken(f"{name} has lost {key}", key)
        elif answer.version < floor:
            raise Broken(f"{name} answered {key} = {answer.value!r:.20}, older than it should", key)
        if answer.found:
            self.judge_value(key, answer.value, answer.version, name)
            self.lifetimes.answered(name, key, answer, least.at_s)

    def after_scan(
        self,
        pairs: Sequence[tuple[str, str]],
        least: Mapping[str, Least],
        *,
        complete: bool,
    ) -> None:
        """A client was told all keys and values. Any replica of a key may have been read for it."""
        keys = [key for key, _ in pairs]
        if keys != sorted(set(keys)):
            raise Broken(f"a scan gave keys twice or out of order: {keys}")
        if not complete:
            self._world.saw("a scan said that something was missing")
        found = dict(pairs)
        for key, before in least.items():
            replicas = self._world.replicas_of(key)
            floor = min(self._still_least(name, key, before) for name in replicas)
            self.reads += 1
            self.judged_reads += bool(floor)
            if key in found:
                self._judge_scanned(key, found[key], floor)
                self.lifetimes.shown("", key, self._version_of(found[key]), before.at_s)
            elif complete and self.drops.buried(key) < floor:
                raise Broken(f"a scan left out {key}", key)

    def _version_of(self, value: str) -> bytes:
        write = self.diary.by_value.get(value)
        return write.version if write is not None else b""

    def _judge_scanned(self, key: str, value: str, floor: bytes) -> None:
        version = self._version_of(value)
        if version and version < floor:
            raise Broken(f"a scan gave {key} = {value!r:.20}, older than it should be", key)
        self.judge_value(key, value, version or floor, "a scan")

    def judge_value(self, key: str, value: str, version: bytes, where: str) -> None:
        """A value was seen: it must come from a write that may have happened."""
        write = self.diary.by_value.get(value)
        if write is None or write.key != key:
            raise Broken(f"{where} has {key} = {value!r:.20}, which nobody wrote", key)
        if write.outcome is Outcome.REFUSED:
            raise Broken(f"{where} has what was refused ({write.why}): {write}", key)
        if write.outcome is Outcome.UNKNOWN and self._clocks_agree:
            self._judge_late(write, version, where)

    def _judge_late(self, write: Write, version: bytes, where: str) -> None:
        """What was given up long before a later write began must not replace that."""
        grace_s = 0.0 if _TOLD.fullmatch(write.why) else _GRACE_S
        for later in reversed(self.diary.by_key[write.key]):
            if later.start_s <= write.end_s + grace_s:
                return
            if later.outcome is Outcome.DONE and later.version < version:
                raise Broken(
                    f"{where}: {write} was given up at {write.end_s:.3f} s, and replaced what was"
                    f" begun at {later.start_s:.3f} s: {later}",
                    write.key,
                )

    # ------------------------------------------------------------ ends of processes

    def process_ended(self, process: Process, left: FakeDisk) -> None:
        """What was in memory must be on the disk that is left."""
        self._judge_files(process.life.name, process.node.store.table.items(), left)

    def start_cut_short(self, name: str, before: FakeDisk, left: FakeDisk) -> None:
        """What was on a disk must be there after a power cut of the node that was reading it."""
        worst = worst_left(before)
        self._judge_files(name, self.files.read(name, worst).table.items(), left)

    def _judge_files(self, name: str, held: Iterable[tuple[str, Entry]], left: FakeDisk) -> None:
        """Whatever was held must be in the files, and what others lean on as well."""
        found = self.files.read(name, left)
        if any(remark.startswith(TORN) for remark in found.remarks):
            self._world.saw("a process left a torn frame")
        for key, entry in held:
            there = found.table.get(key)
            if there is None and entry[0] is None:
                self.drops.judge(name, key, entry[1])
            elif there is None or there[1] < entry[1]:
                raise Broken(f"{name} had {key} = {entry[0]!r:.20}, which is not on its disk", key)
            else:
                self.lifetimes.files(name, key, there[1], found.table.expires_ms(key))
        for write in self._acked.values():
            if name in write.counted and not self.safety.lost_its_folder(name, write):
                self.safety.judge(write, name, found)

    def best(self, key: str) -> Write | None:
        """The acknowledged write of a key with the highest version."""
        return self._acked.get(key)

    def forget(self, name: str) -> None:
        """A node lost its folder: nothing can be asked of it."""
        self.floors[name].clear()

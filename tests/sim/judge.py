"""The judge: knows everything that was tried, sees every node, and says what must not be.

While it runs: a node never holds something older than it held before; no two writes have one
version; an acknowledged write is held by as many nodes as the acknowledgement says, and is newer
than what these held before it began; a read of a node that held an acknowledged write is not
older, nor (while no fault lets messages vanish) one of a node that counts on such a node; no value
comes back that was refused, or given up long before what it replaces was begun; and whenever a
process ends, what it had in memory is on its disk.

After healing (verdict.py): the same of all nodes together.

To be held by a node means to stand in its table, which is where reads come from; that whatever
stands there is durable is judged at each end of a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kvcluster.model.entry import Entry
from kvcluster.storage.recovery import recover
from tests.sim.network import Process
from tests.sim.operations import Diary, Outcome, Write
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import GetResponse

_GRACE_S = 1.5
"""A write may still land so long after its client gave up: it was on its way."""


class Broken(AssertionError):
    """A promise was broken. `key` is the one that shows it, if there is one."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.key = key


class Judge:
    """Judges one history."""

    def __init__(self, world: World, *, counts_losses: bool, clocks_agree: bool) -> None:
        self._world = world
        self._strict = counts_losses
        """No message vanishes in this history, so whoever counts on a holder must know."""
        self._clocks_agree = clocks_agree
        self.diary = Diary()
        self.floors: dict[str, dict[str, bytes]] = {name: {} for name in world.members}
        """By node and key: the newest version that the node was seen to hold."""
        self._buried: dict[str, bytes] = {}
        """By key: the newest tombstone that some node was seen to hold."""
        self._acked: dict[str, Write] = {}
        """By key: the acknowledged write of the highest version."""
        self.reads = 0
        self.judged_reads = 0
        self._emptied_s: dict[str, float] = {}
        world.ended.append(self.process_ended)
        world.emptied.append(self.forget)
        world.thawed.append(self.look_everywhere)

    # ------------------------------------------------------------ writes

    def begun(self, write: Write) -> None:
        """A client sends a write."""
        self.diary.begin(write)
        self.look(write.key)
        for name in self._world.up:
            held = self._world.node(name).store.get(write.key)
            write.before[name] = held[1] if held is not None else b""

    def acknowledged(self, write: Write, version: bytes, by: str, holders: int) -> None:
        """A client was told that its write is done, by its coordinator, held by so many nodes."""
        write.version = version
        other = self.diary.by_version.setdefault(version, write)
        if other is not write:
            raise Broken(f"one version for two writes: {other} and {write}", write.key)
        self.look(write.key)
        held_by = [name for name in self._world.up if self._holds(name, write.key, version)]
        missing = holders - len(held_by)
        if missing > self._excused(write):
            raise Broken(
                f"{write}: acknowledged by {holders}, held by {len(held_by)} ({held_by})",
                write.key,
            )
        # More may hold it than were counted: some pulled it meanwhile. They need know of nobody.
        # And others may: the coordinator, which always counts itself, may have ended since.
        exact = by in held_by and len(held_by) == holders
        write.counted = held_by if exact else [by]
        for name in write.counted:
            if write.before.get(name, b"") > version:
                raise Broken(f"{write}: {name} held something newer before it began", write.key)
        best = self._acked.get(write.key)
        if best is None or best.version < version:
            self._acked[write.key] = write

    def _excused(self, write: Write) -> int:
        """How many replicas are down now, or lost their folder since a write began."""
        replicas = self._world.replicas_of(write.key)
        emptied = [name for name, at_s in self._emptied_s.items() if at_s >= write.start_s]
        return sum(1 for name in replicas if name in emptied or name not in self._world.up)

    def _holds(self, name: str, key: str, version: bytes) -> bool:
        held = self._world.node(name).store.get(key)
        return held is not None and held[1] >= version

    def look(self, key: str) -> None:
        """See what every node holds for a key: it must not go back."""
        for name in self._world.up:
            held = self._world.node(name).store.get(key)
            floor = self.floors[name].get(key, b"")
            if held is None:
                if floor and not self.may_be_gone(key, floor):
                    raise Broken(f"{name} has nothing for {key} any more", key)
            elif held[1] < floor:
                raise Broken(f"{name} went back to {held[0]!r:.20} for {key}", key)
            else:
                self.floors[name][key] = held[1]
                if held[0] is None:
                    self._buried[key] = max(held[1], self._buried.get(key, b""))
                else:
                    self.judge_value(key, held[0], held[1], name)
                    self.diary.by_version.setdefault(held[1], self.diary.by_value[held[0]])

    def look_everywhere(self) -> None:
        """See what every node holds for every key."""
        for key in self.diary.by_key:
            self.look(key)

    def may_be_gone(self, key: str, floor: bytes) -> bool:
        """Whether a tombstone may have come and gone that is newer than a version, or is it.

        Excused by any delete however old, an acknowledged put could vanish and nobody would know.
        """
        if self._buried.get(key, b"") >= floor:
            return True
        missed = self.diary.by_version.get(floor)
        return any(self._may_be_newer(delete, floor, missed) for delete in self.diary.deletes(key))

    def _may_be_newer(self, delete: Write, floor: bytes, missed: Write | None) -> bool:
        """Whether a delete may have a version that is not older than that of a write."""
        if delete.outcome is Outcome.DONE:
            return delete.version >= floor
        if missed is None or not self._clocks_agree:
            return True
        return delete.end_s + _GRACE_S >= missed.start_s

    # ------------------------------------------------------------ reads

    def before_read(self, key: str) -> dict[str, bytes]:
        """What each node must not be older than, from now on."""
        self.look(key)
        return {name: self._least(name, key) for name in self._world.members}

    def _least(self, name: str, key: str) -> bytes:
        """The newest version that a node must know now."""
        floor = self.floors[name].get(key, b"")
        acked = self._acked.get(key)
        if (
            not self._strict
            or acked is None
            or acked.version <= floor
            or name not in self._world.up
        ):
            return floor
        peers = self._world.node(name).peers
        counts_on = [peer for peer in self._world.up if peer in peers and peers[peer].alive]
        counted = [peer for peer in counts_on if peer in acked.counted]
        told = any(self._holds(peer, key, acked.version) for peer in counted)
        return acked.version if told else floor

    def after_read(self, key: str, answer: GetResponse, least: Mapping[str, bytes]) -> None:
        """A client was answered.

        A holder that died since the read began cannot be asked of: what counts is what the node
        had to know both when the read began and when it was answered.
        """
        self.reads += 1
        name = answer.served_by
        floor = min(least[name], self._least(name, key))
        self.judged_reads += bool(floor)
        if not answer.version:
            if floor and not self.may_be_gone(key, floor):
                raise Broken(f"{name} has lost {key}", key)
        elif answer.version < floor:
            raise Broken(f"{name} answered {key} = {answer.value!r:.20}, older than it should", key)
        if answer.found:
            self.judge_value(key, answer.value, answer.version, name)

    def after_scan(
        self,
        pairs: Sequence[tuple[str, str]],
        least: Mapping[str, Mapping[str, bytes]],
        *,
        complete: bool,
    ) -> None:
        """A client was told all keys and values. Any replica of a key may have been read for it."""
        keys = [key for key, _ in pairs]
        if keys != sorted(set(keys)):
            raise Broken(f"a scan gave keys twice or out of order: {keys}")
        found = dict(pairs)
        for key, before in least.items():
            replicas = self._world.replicas_of(key)
            floor = min(min(before[name], self._least(name, key)) for name in replicas)
            self.reads += 1
            self.judged_reads += bool(floor)
            if key in found:
                self._judge_scanned(key, found[key], floor)
            elif complete and floor and not self.may_be_gone(key, floor):
                raise Broken(f"a scan left out {key}", key)

    def _judge_scanned(self, key: str, value: str, floor: bytes) -> None:
        write = self.diary.by_value.get(value)
        version = write.version if write is not None else b""
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
        for later in reversed(self.diary.by_key[write.key]):
            if later.start_s <= write.end_s + _GRACE_S:
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
        name = process.life.name
        memory = dict(process.node.store.table.items())
        disk = self.loaded(name, left)
        for key, entry in memory.items():
            held = disk.get(key)
            lost = held is None or held[1] < entry[1]
            if lost and not (entry[0] is None and held is None):
                raise Broken(f"{name} had {key} = {entry[0]!r:.20}, which is not on its disk", key)

    def loaded(self, name: str, disk: FakeDisk) -> dict[str, Entry]:
        """A node's files, loaded afresh."""
        path = self._world.node_path(name)
        copy = disk.kill()
        copy.mend()
        found = recover(copy, path, path.with_suffix(".wal"), self._world.settings, "look")
        if found.incomplete:
            raise Broken(f"the files of {name} are damaged: {found.incomplete}")
        for remark in found.remarks:
            if not remark.startswith("cut an unfinished group"):
                raise Broken(f"{name} takes its own files for something else: {remark}")
        return dict(found.table.items())

    def best(self, key: str) -> Write | None:
        """The acknowledged write of a key with the highest version."""
        return self._acked.get(key)

    def forget(self, name: str) -> None:
        """A node lost its folder: nothing can be asked of it."""
        self._emptied_s[name] = self._world.loop.time()
        self.floors[name].clear()

"""The end of a history: heal, and judge all nodes together.

Healing is demanded, not done: faults are undone and nodes started, and then the cluster must become
whole, equal and free of tombstones by itself. Then each node is stopped, and what it had in memory
must be what its files say, JSON included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import orjson

from kvcluster.model.entry import ZERO, Entry, is_live
from kvcluster.model.slots import slot_of
from kvcluster.storage.table import Table
from tests.sim.broken import Broken
from tests.sim.judge import Judge
from tests.sim.world import World

_WHOLE_WITHIN_S = 60.0
_BURIED_WITHIN_S = 240.0
_SWEPT_WITHIN_S = 10.0
_FILES = 4  # the JSON, its versions, a segment and the lock; and what lives have left
_BACKGROUND = (
    *("journal", "checkpoint", "watch", "remembering the time"),
    *("heartbeat", "catching up", "anti-entropy", "holding", "settling", "readmission"),
    "expiring",
)


async def heal(world: World, undecided: Collection[str]) -> None:
    """Undo every fault; return once all nodes are whole and equal.

    But for `undecided` keys: where so many disks were lost that nobody can settle what was promised
    of a key, who promised it takes nothing below that.
    """
    world.network.cuts.mend_all()
    world.network.weather = world.network.weather.calm()
    for name in world.members:
        world.machines[name].mend()
        await world.start(name)
    await _until(world, world.is_whole, _WHOLE_WITHIN_S, lambda: "not whole: " + _states(world))
    await _until(
        world,
        lambda: not _unequal(world, undecided),
        _WHOLE_WITHIN_S,
        lambda: _unequal(world, undecided),
    )


async def until_buried(world: World, undecided: Collection[str]) -> None:
    """Return once every tombstone is forgotten everywhere, and no expired value is left.

    But for what is left of keys that had expired before all clocks lost days: their time comes. And
    but for tombstones below the promises that were given for `undecided` keys, whose majorities
    have lost their disks: nobody can settle those.
    """
    await _until(
        world,
        lambda: not any(_buried(world.node(name).store.table, undecided) for name in world.up),
        _BURIED_WITHIN_S,
        lambda: "tombstones stay: " + _tombstones(world, undecided),
    )
    await _until(world, lambda: not _hoarded(world), _SWEPT_WITHIN_S, lambda: _hoarded(world))


def judge_all(world: World, judge: Judge) -> None:
    """Every key on every replica: the last acknowledged write, or a newer one."""
    for key in judge.diary.by_key:
        judge.look(key)
        best = judge.best(key)
        for name in world.replicas_of(key):
            held = world.node(name).store.get(key)
            if held is not None and held[0] is not None:
                judge.judge_value(key, held[0], held[1], name)
            if best is None:
                continue
            if held is not None and held[1] < best.version:
                raise Broken(f"{name} lost {best}; it has {held[0]!r:.20}", key)
            if held is None and judge.drops.buried(key) < best.version:
                raise Broken(f"{name} lost {best}; it has nothing", key)


async def end(world: World, judge: Judge) -> None:
    """No task is left over, and the files are what memory was."""
    for name in world.members:
        process = world.process(name)
        await _until(
            world,
            lambda process=process: not _strangers(process.life.tasks),  # type: ignore[misc]
            5.0,
            lambda process=process: f"tasks are left: {_strangers(process.life.tasks)}",  # type: ignore[misc]
        )
        await world.stop(name)
        memory = process.node.store.table
        files = judge.files.read(name, world.machines[name].disk).table
        files.lives.town_ms = memory.lives.town_ms
        if _whole(files) != _whole(memory):
            raise Broken(f"the files of {name} are not what it had in memory")
        pairs = orjson.loads(world.machines[name].disk.read(world.node_path(name)))
        for key in [key for key in pairs if memory.lives.seen(key, (pairs[key], ZERO))[0] is None]:
            del pairs[key]  # it has just expired
        if pairs != {key: value for key, (value, _) in memory.items() if value is not None}:
            raise Broken(f"the JSON of {name} is not what it had in memory")
        left = world.machines[name].disk.files()
        if len(left) > _FILES + 2 * world.machines[name].lives:
            raise Broken(f"{name} leaves {len(left)} files: {sorted(map(str, left))}")


def _whole(table: Table) -> tuple[dict[str, Entry], dict[str, int]]:
    return dict(table.items()), table.lives.expiries


def _strangers(tasks: dict[asyncio.Task[object], None]) -> list[str]:
    """Tasks other than those that every node has."""
    names = [task.get_name() for task in tasks]
    return [name for name in names if not name.startswith(_BACKGROUND)]


async def _until(
    world: World, holds: Callable[[], bool], within_s: float, why: Callable[[], str]
) -> None:
    end_s = world.loop.now_s + within_s
    while not holds():
        if world.loop.now_s > end_s:
            raise Broken(f"not within {within_s:.0f} s after healing: {why()}")
        await asyncio.sleep(0.1)


def _states(world: World) -> str:
    """Who is how, and thinks what of whom."""
    parts = []
    for name in world.members:
        if not world.is_up(name):
            parts.append(f"{name} is down")
            continue
        node = world.node(name)
        peers = ", ".join(
            f"{p.name} {p.detector.state.value}{' lagging' * p.lagging}" for p in node.peering.peers
        )
        parts.append(f"{name} {node.gate.status.value} {node.gate.reason} ({peers})")
    return "; ".join(parts)


def _unequal(world: World, but: Collection[str]) -> str:
    """A key that differs between two of its replicas, or is where it does not belong."""
    for name in world.up:
        for key, entry in world.node(name).store.table.items():
            replicas = world.node(name).membership.replicas(slot_of(key))
            if name not in replicas:
                return f"{key} is on {name}, where it does not belong"
            if entry[0] is None or key in but:
                continue
            for other in replicas:
                if world.node(other).store.get(key) != entry:
                    return f"{key} differs on {name} and {other}"
    return ""


def _buried(table: Table, but: Collection[str]) -> int:
    buried = [key for slot in table.slots_with_tombstones() for key, _ in table.buried(slot)]
    return table.lives.due + sum(key not in but for key in buried)


def _hoarded(world: World) -> str:
    """A key that has expired, and whose value somebody still has."""
    for name in world.up:
        table = world.node(name).store.table
        for key in table.lives.expiries:
            if is_live(table.slot(slot_of(key)).get(key)) and not is_live(table.get(key)):
                return f"{name} still has the value of {key}, which has expired"
    return ""


def _tombstones(world: World, but: Collection[str]) -> str:
    counts = [f"{name} {_buried(world.node(name).store.table, but)}" for name in world.up]
    return ", ".join(counts)

"""Expiries on disk: in the journal, in the versions file, never in the JSON, never lost."""

from __future__ import annotations

import orjson
import pytest

from kvcluster.model.entry import Version, make_version
from kvcluster.model.expiry import LINGER_MS
from kvcluster.storage import frames, magics
from kvcluster.storage.block import Block
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import PATH, Life, message, until
from tests.storage.virtual_loop import run

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame, Promise, VersionsFooter, VersionsFrame

NOW, EARLY, LATE = 50_000, 60_000, 90_000
V1 = make_version(1, 1)
DECIDED = Version(V1[:8] + b"\xca\x5d\x01\x02")


def expiring(key: str, value: str, life: Life, expires_ms: int) -> EntryMessage:
    """A put with a life, as it is written."""
    entry = message(key, value, life.clock.tick(0))
    entry.expires_ms = expires_ms
    return entry


def at(life: Life, now_ms: int) -> Life:
    """The same where it is so late."""
    life.store.table.lives.town_ms = lambda: now_ms
    return life


async def written(disk: FakeDisk, *, stop: bool) -> Life:
    """A store that holds "plain", "early" and "late", as their names say."""
    life = at(await Life(disk).__aenter__(), NOW)
    life.store.mark_complete(whole=True)
    await life.put("plain", "1")
    await life.store.write([expiring("early", "2", life, EARLY), expiring("late", "3", life, LATE)])
    if stop:
        await life.store.close()
    else:
        await life.end()
    return life


def expiries(life: Life) -> dict[str, int]:
    """All that a store knows of."""
    return {key: life.store.table.expires_ms(key) for key, _ in life.store.table.items()}


@pytest.mark.parametrize("stop", [True, False], ids=["in the versions file", "in the journal"])
def test_an_expiry_is_there_after_a_start(stop: bool) -> None:
    """A key that lost its expiry would stay for ever."""
    disk = FakeDisk()
    run(written(disk, stop=stop))
    again = at(Life(disk.kill(), incarnation=2), NOW)
    assert expiries(again) == {"plain": 0, "early": EARLY, "late": LATE}
    assert again.data() == {"plain": "1", "early": "2", "late": "3"}
    assert at(again, EARLY).data() == {"plain": "1", "late": "3"}
    assert not again.found.incomplete


@pytest.mark.parametrize("stop", [True, False], ids=["in the versions file", "in the journal"])
def test_an_overwritten_key_has_no_expiry_after_a_start(stop: bool) -> None:
    """Whatever is replayed in between."""

    async def scenario(disk: FakeDisk) -> None:
        await written(disk, stop=stop)
        life = at(await Life(disk.kill(), incarnation=2).__aenter__(), NOW)
        await life.put_many({"early": "4"})
        await life.end()
        again = at(Life(life.store._disk.kill(), incarnation=3), 10 * LATE)  # type: ignore[attr-defined]
        assert again.data() == {"plain": "1", "early": "4"}

    run(scenario(FakeDisk()))


def test_a_key_that_has_expired_is_in_no_json_and_known_to_the_versions() -> None:
    """People read the JSON; a peer may still send the value."""

    async def scenario(disk: FakeDisk) -> Life:
        await written(disk, stop=True)
        life = at(await Life(disk.kill(), incarnation=2).__aenter__(), EARLY + LINGER_MS)
        life.store.checkpointer.require()
        await life.store.close()
        return life

    life = run(scenario(FakeDisk()))
    assert life.json() == {"plain": "1", "late": "3"}
    again = at(Life(life.store._disk.kill(), incarnation=3), EARLY)  # type: ignore[attr-defined]
    assert expiries(again) == {"plain": 0, "early": EARLY, "late": LATE}
    assert again.data() == {"plain": "1", "late": "3"}


def test_what_a_condition_still_sees_is_there_after_a_start() -> None:
    """A lock that has just expired is not free because a node was started anew."""

    async def scenario(disk: FakeDisk) -> Life:
        await written(disk, stop=True)
        life = at(await Life(disk.kill(), incarnation=2).__aenter__(), EARLY + LINGER_MS - 1)
        life.store.checkpointer.require()
        await life.store.close()
        return life

    left = run(scenario(FakeDisk())).store._disk.kill()  # type: ignore[attr-defined]
    again = at(Life(left, incarnation=3), EARLY + LINGER_MS - 1)
    seen = again.store.table.get("early")
    assert seen is not None
    assert seen[0] is None
    assert again.store.table.message("early", seen).value == "2"


def test_an_edited_json_keeps_the_expiry_of_pairs_that_it_knows() -> None:
    """Who adds a line to the file makes no session last for ever."""
    disk = FakeDisk()
    run(written(disk, stop=True))
    pairs = orjson.loads(disk.read(PATH))
    disk.write(PATH, orjson.dumps({"new": "0"} | pairs | {"late": "edited"}))
    again = at(Life(disk.kill(), incarnation=2), NOW)
    assert expiries(again) == {"new": 0, "plain": 0, "early": EARLY, "late": 0}


def test_places_count_across_the_pieces_of_a_versions_file() -> None:
    """A large store has its versions in many frames."""

    async def scenario(disk: FakeDisk) -> None:
        life = at(await Life(disk).__aenter__(), NOW)
        entries = [expiring(f"k{n}", "v", life, LATE + n if n % 3 else 0) for n in range(2_000)]
        await life.store.write(entries)
        await life.store.close()

    disk = FakeDisk()
    run(scenario(disk))
    again = at(Life(disk.kill(), incarnation=2), NOW)
    assert expiries(again) == {f"k{n}": LATE + n if n % 3 else 0 for n in range(2_000)}


@pytest.mark.parametrize("stop", [True, False], ids=["versions-", "journal-"])
def test_a_version_that_knows_of_no_expiries_takes_their_frames_for_damage(
    stop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would read the frame, skip the expiry, and keep the key for ever. It says which file it
    does not understand, and does not claim to be complete.
    """
    disk = FakeDisk()
    run(written(disk, stop=stop))
    monkeypatch.setattr(frames, "_MAGICS", (frames.MAGIC, frames.MAGIC_WITH_BLOCKS))
    older = Life(disk.kill(), incarnation=2)
    assert older.found.incomplete.startswith("versions-" if stop else "journal-")
    assert "is damaged" in older.found.incomplete


def test_a_store_without_expiries_can_be_read_by_an_older_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one whose last key with an expiry was overwritten, or is gone, and forgotten."""

    async def scenario(disk: FakeDisk) -> Life:
        await written(disk, stop=True)
        life = at(await Life(disk.kill(), incarnation=2).__aenter__(), LATE)
        await life.put("early", "4")
        await life.drop("late")
        await life.store.close()
        return life

    life = run(scenario(FakeDisk()))
    monkeypatch.setattr(frames, "_MAGICS", (frames.MAGIC, frames.MAGIC_WITH_BLOCKS))
    older = Life(life.store._disk.kill(), incarnation=3)  # type: ignore[attr-defined]
    assert not older.found.incomplete
    assert older.data() == {"plain": "1", "early": "4"}


def test_only_frames_that_need_it_have_the_new_magic() -> None:
    """A node that uses nothing new can be taken back."""
    plain = message("k", "v", V1)
    old: list[JournalFrame | VersionsFrame] = [
        JournalFrame(entries=[plain], drops=[plain]),
        JournalFrame(blocks=[Block(["k"], ["v"], V1).message]),
        VersionsFrame(versions=V1 * 3, tombstones=[plain]),
        VersionsFrame(versions=bytes(7) + b"\xca\x5d" + bytes(15)),  # the mark, where it is none
    ]
    lives = message("k", "v", V1)
    lives.expires_ms = 1
    decided = message("k", "v", DECIDED)
    new: list[JournalFrame | VersionsFrame] = [
        JournalFrame(entries=[plain, lives]),
        JournalFrame(entries=[decided]),
        JournalFrame(blocks=[Block(["k"], ["v"], DECIDED).message]),
        JournalFrame(promises=[Promise(key="k", ballot=V1)]),
        VersionsFrame(tombstones=[lives]),
        VersionsFrame(versions=V1 + DECIDED + V1),
        VersionsFrame(footer=VersionsFooter(promises=[Promise(key="k", ballot=V1)])),
    ]
    on_disk = [magics.encoded(frame)[:4] for frame in old]
    assert on_disk == [b"KVF1", b"KVF2", b"KVF1", b"KVF1"]
    assert {magics.encoded(frame)[:4] for frame in new} == {b"KVF3"}


def test_a_sweep_on_an_idle_node_has_the_json_written_anew() -> None:
    """Nobody writes, and yet what the file says has changed."""

    async def scenario() -> None:
        life = at(await Life(FakeDisk()).__aenter__(), NOW)
        await life.store.write([expiring("early", "2", life, EARLY)])
        await until(lambda: life.json() == {"early": "2"})
        at(life, EARLY + 2_100)
        assert life.store.table.sweep(100) == 1
        life.store.checkpointer.require()
        await until(lambda: life.json() == {})
        await life.store.close()

    run(scenario())

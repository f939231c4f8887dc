"""A lock has one holder at a time, and says truly whether it is still held."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest

from kvcluster import AsyncClient, Client, Unavailable, Version
from kvcluster.recipes import AsyncLock, Lock
from tests.client.deciding_node import DecidingCluster


def test_of_many_threads_one_is_inside_and_fences_grow(members: str, key: str) -> None:
    """Each holder has a larger fence than the one before him; that is all that protects."""
    inside, fences = [0], []

    with Client(members, timeout_s=20.0) as client:

        def work(_: int) -> None:
            with Lock(client, key, ttl_s=60) as lock:
                inside[0] += 1
                assert inside[0] == 1
                assert lock.fence is not None
                fences.append(lock.fence)
                time.sleep(0.01)
                inside[0] -= 1

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(work, range(5)))
        assert fences == sorted(set(fences))
        assert client.get(key, linearizable=True) is None


def test_a_lock_that_is_held_is_waited_for_so_long_and_not_longer(store: Client) -> None:
    """Who does not get it is told so; with 0 there is one try."""
    with Lock(store, "l") as lock:
        assert lock.held
        for timeout_s in (0, 0.2):
            other = Lock(store, "l")
            begun_s = time.monotonic()
            assert not other.acquire(timeout_s)
            assert time.monotonic() - begun_s < 2.0
            assert (other.held, other.fence, other.release()) == (False, None, False)
        assert store.get("l") == lock.owner
    assert not lock.held
    assert Lock(store, "l").acquire(0)


def test_a_holder_that_stops_loses_it_and_touches_nothing_of_his_successor(
    deciders: DecidingCluster, store: Client
) -> None:
    """A release that was late once deleted what was somebody else's, in many a shop."""
    first, second = Lock(store, "l", ttl_s=10), Lock(store, "l", ttl_s=10)
    assert first.acquire(0)
    deciders.pass_s(11)
    assert not second.acquire(0), "for two seconds more nobody has it"
    deciders.pass_s(2)
    assert second.acquire(0)
    assert first.fence is not None
    assert second.fence is not None
    assert second.fence > first.fence
    assert not first.release()
    assert store.get("l") == second.owner
    assert second.release()


def test_a_holder_renews_it_and_learns_when_it_is_too_late(
    deciders: DecidingCluster, store: Client
) -> None:
    """His fence stays the same, and the one of whoever comes next is larger still."""
    lock = Lock(store, "l", ttl_s=10)
    assert not lock.renew()
    assert lock.acquire()
    fence = lock.fence
    for _ in range(3):
        deciders.pass_s(8)
        assert lock.renew()
    assert lock.fence == fence
    deciders.pass_s(13)
    assert not lock.renew()
    assert not lock.held
    other = Lock(store, "l")
    assert other.acquire(0)
    assert other.fence is not None
    assert fence is not None
    assert other.fence > fence


def test_it_is_ours_from_before_the_question_on(store: Client) -> None:
    """Counted from the answer on, a slow one would have us believe in it for too long."""
    lock = Lock(store, "l", ttl_s=5)
    with patch("kvcluster.recipes.lock.time.monotonic") as clock:
        times = iter([100.0])
        clock.side_effect = lambda: next(times, 103.0)
        assert lock.acquire()
        assert lock.left_s == 2.0
        clock.side_effect = lambda: 105.0
        assert not lock.held


@pytest.mark.parametrize("done", [True, False])
def test_an_unknown_outcome_is_looked_at_and_not_put_again_blindly(
    deciders: DecidingCluster, store: Client, done: bool
) -> None:
    """Whether it happened is told by our own token, which nobody else has."""
    lock = Lock(store, "l", ttl_s=10)
    deciders.shelf.unknown["l"] = [done]
    assert lock.acquire(5.0)
    assert store.get("l") == lock.owner
    assert sum(node.linearizable.count("l") for node in deciders.deciding) == 1
    deciders.shelf.unknown["l"] = [done]
    assert lock.release()
    assert store.get("l") is None


def test_a_put_that_happens_late_is_known_as_our_own(
    deciders: DecidingCluster, store: Client
) -> None:
    """The read came before it, the second try after it: its token is ours, so it is."""
    lock = Lock(store, "l", ttl_s=10)
    deciders.shelf.unknown["l"] = [False]
    puts: list[str] = []

    def land_late(key: str) -> None:
        puts.append(key)
        if len(puts) == 1:
            deciders.store[key] = lock.owner
            deciders.shelf.versions[key] = bytes(11) + b"\x01"

    deciders.shelf.before_write = land_late
    assert lock.acquire(5.0)
    assert lock.fence == Version(bytes(11) + b"\x01")


def test_who_gives_up_leaves_nothing_behind_that_he_does_not_know_of(
    deciders: DecidingCluster, store: Client
) -> None:
    """A put whose end nobody knew, and a try that was over: it is taken away if it is there."""
    lock = Lock(store, "l", ttl_s=10)
    deciders.shelf.unknown["l"] = [False]
    assert not lock.acquire(0)
    assert (lock.held, store.get("l")) == (False, None)


def test_a_cluster_that_cannot_be_asked_is_no_lock_that_is_held(
    deciders: DecidingCluster,
) -> None:
    """Both would end a try; only one of them says that somebody else has it."""
    with Client(deciders.members, timeout_s=0.3) as client:
        deciders.grow_old(False)
        with pytest.raises(Unavailable, match="too old"):
            Lock(client, "l").acquire(0)


def test_an_exception_within_lets_go_of_it(store: Client) -> None:
    """The next one need not wait for its end."""
    with pytest.raises(ZeroDivisionError), Lock(store, "l"):
        raise ZeroDivisionError
    assert store.get("l") is None


def test_an_owner_may_be_named(store: Client) -> None:
    """So that people see who it is. Nobody else may be called so."""
    with Lock(store, "l", owner="report at node 7") as lock:
        assert store.get("l") == "report at node 7"
        assert repr(lock).startswith("<Lock('l', ttl_s=30), held for ")
    assert repr(lock) == "<Lock('l', ttl_s=30)>"


async def test_the_asynchronous_lock_does_the_same(members: str, key: str) -> None:
    """One at a time, however many tasks want it."""
    inside = 0

    async def work() -> None:
        nonlocal inside
        async with AsyncLock(client, key, ttl_s=60) as lock:
            inside += 1
            assert inside == 1
            assert await lock.renew()
            inside -= 1

    async with AsyncClient(members, timeout_s=20.0) as client:
        await asyncio.gather(*(work() for _ in range(5)))
        lock = AsyncLock(client, key)
        assert await lock.acquire(0)
        assert not await AsyncLock(client, key).acquire(0)
        assert await lock.release()


def test_a_wait_for_a_lock_lets_other_threads_work(store: Client) -> None:
    """It waits in its own thread, and calls of others go on."""
    with Lock(store, "l"):
        waiting = threading.Thread(target=Lock(store, "l").acquire, args=(1.0,))
        waiting.start()
        begun_s = time.monotonic()
        store.put("k", "1")
        assert time.monotonic() - begun_s < 0.5
        waiting.join()

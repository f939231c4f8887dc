"""Many keys at once: put_many, get_many and scan, of the asynchronous client."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import grpc
import pytest

from kvcluster import AsyncClient, BadRequest, Incomplete, KvError, SomeFailed, Unavailable
from tests.client.fake_node import LOST, FakeCluster

Code = grpc.StatusCode


def _letters(count: int) -> dict[str, str]:
    return {f"key {number:05}": str(number) for number in range(count)}


async def _collected(items: AsyncIterator[Any]) -> tuple[list[Any], Exception | None]:
    """What came, and what was raised in the end."""
    got: list[Any] = []
    try:
        async for item in items:
            got.append(item)
    except KvError as error:
        return got, error
    return got, None


async def test_pairs_may_come_in_any_form(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """A mapping, a list, a generator, an asynchronous one: nobody should have to convert."""

    async def slowly() -> AsyncIterator[tuple[str, str]]:
        for pair in [("d", "4"), ("e", "5")]:
            await asyncio.sleep(0)
            yield pair

    assert await aclient.put_many({"a": "1"}) == 1
    assert await aclient.put_many([("b", "2")]) == 1
    assert await aclient.put_many((key, "3") for key in "c") == 1
    assert await aclient.put_many(slowly()) == 2
    assert await aclient.put_many([]) == 0
    assert cluster.store == {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}


async def test_many_puts_cost_few_calls(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """Loading a file a key at a time would take as long as it used to."""
    assert await aclient.put_many(_letters(10_000)) == 10_000
    assert cluster.store == _letters(10_000)
    assert sum(len(node.batches) for node in cluster.nodes) < 60


async def test_a_source_is_not_read_ahead_of_what_is_done(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """A source without end would fill the memory."""
    taken = 0

    def endless() -> Iterator[tuple[str, str]]:
        nonlocal taken
        for number in count():
            taken += 1
            yield str(number), "x" * 100

    cluster.hang("Batch")
    putting = asyncio.ensure_future(aclient.put_many(endless()))
    await asyncio.to_thread(cluster.arrived.wait, 10)
    assert 500 <= taken <= 9_000
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    cluster.release()


async def test_some_fail_and_the_others_are_stored(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """One bad line of a million must not stop the rest, nor go unnoticed."""
    for node in cluster.nodes:
        node.refuses["lost"] = [LOST]
    pairs = [("a", "1"), ("", "2"), ("lost", "3"), ("b", 4), ("c", "5")]
    with pytest.raises(SomeFailed, match="3 of 5 puts failed") as caught:
        await aclient.put_many(pairs)  # type: ignore[arg-type]
    failed = caught.value
    assert (failed.done, failed.failed) == (2, 3)
    assert list(failed.failures) == ["", "b", "lost"]
    assert cluster.store == {"a": "1", "c": "5"}


async def test_a_source_that_breaks_loses_nothing(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """What it had given is stored when its error comes out."""

    def breaking() -> Iterator[tuple[str, str]]:
        yield from [("a", "1"), ("b", "2")]
        raise OSError("the file ends here")

    with pytest.raises(OSError, match="the file ends here"):
        await aclient.put_many(breaking())
    assert cluster.store == {"a": "1", "b": "2"}


@pytest.mark.parametrize("source", ["ab", 7, [("a", "1"), "xy"], [("a",)], None])
async def test_what_has_no_pairs_is_refused(aclient: AsyncClient, source: object) -> None:
    """A string is an iterable, too, and "xy" would be taken for a key and a value."""
    with pytest.raises(BadRequest):
        await aclient.put_many(source)  # type: ignore[arg-type]


async def test_the_last_put_of_a_key_counts(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """A file that has a key twice means the second one."""
    await aclient.put_many(("a", str(number)) for number in range(3_000))
    assert cluster.store == {"a": "2999"}


async def test_values_come_in_the_order_of_the_keys(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Whoever zips them with something else relies on it; a missing key has its place as well."""
    cluster.store.update(_letters(3_000))
    keys = [*reversed(_letters(3_000)), "nothing", "key 00007"]
    got = [pair async for pair in aclient.get_many(keys)]
    assert got == [(key, cluster.store.get(key)) for key in keys]


async def test_getting_many_may_be_stopped_at_any_key(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Keys may come from a source without end, too."""
    cluster.store["1"] = "one"
    keys = (str(number) for number in count())
    async for pair in aclient.get_many(keys):
        if pair == ("1", "one"):
            break
    assert int(next(keys)) < 5_000


async def test_a_get_that_fails_fails_in_its_place(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """What came before it is given; nothing is passed over in silence."""
    cluster.store.update(a="1")
    got, error = await _collected(aclient.get_many(["a", "b", "", "c"]))
    assert isinstance(error, BadRequest)
    assert got == [("a", "1"), ("b", None)]


async def test_a_scan_gives_what_begins_with_the_prefix_in_order(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """In the order of the bytes, with start and limit, and with keys only."""
    cluster.store.update(_letters(7), other="1", kez="2")
    pairs = [pair async for pair in aclient.scan("key ")]
    assert pairs == sorted(_letters(7).items())
    assert [key async for key in aclient.scan_keys("ke", limit=3)] == list(_letters(3))
    some = [key async for key in aclient.scan_keys(start_after="key 00005")]
    assert some == ["key 00006", "kez", "other"]
    assert [key async for key in aclient.scan_keys("nothing")] == []
    assert [key async for key in aclient.scan_keys(limit=0)] == []


async def test_a_scan_goes_on_after_a_break(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """A node that dies midway must cost neither a key nor bring one twice."""
    cluster.store.update(_letters(5_000))
    got = []
    async for key, value in aclient.scan():
        got.append((key, value))
        if len(got) % 1_000 == 1:
            for node in cluster.nodes:
                node.scan.breaks_after = 2
    assert got == sorted(_letters(5_000).items())


async def test_a_scan_says_what_is_missing(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """All that could be reached comes first; then nobody may believe that it was everything."""
    cluster.store.update(_letters(4))
    for node in cluster.nodes:
        node.scan.missing.missing_slots = 1365
        node.scan.missing.missing_nodes.append("localhost:50053")
    got, error = await _collected(aclient.scan_keys(timeout_s=1))
    assert got == list(_letters(4))
    assert isinstance(error, Incomplete)
    assert "1,365 slots; they live on localhost:50053" in str(error)
    assert (error.missing_slots, error.missing_nodes) == (1365, ("localhost:50053",))


async def test_a_scan_leaves_a_silent_node(
    cluster: FakeCluster, aclient: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not wait out its timeout while others could answer, nor leave a traceback behind."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    monkeypatch.setattr("kvcluster.client.paging._SILENT_S", 0.2)
    cluster.store.update(_letters(5))
    await aclient.get("a")
    (current,) = [node for node in cluster.nodes if "Get" in node.calls]
    current.hangs = {"Scan", "CheckHealth"}
    assert len([key async for key in aclient.scan_keys(timeout_s=30)]) == 5
    current.release.set()
    gc.collect()
    assert not complaints


async def test_a_scan_that_nobody_answers_ends(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """With the reasons, like every other read."""
    for number in range(3):
        cluster.lose(number)
    with pytest.raises(Unavailable, match=r"within 0\.3 s .*connection refused"):
        async for _ in aclient.scan(timeout_s=0.3):
            pass


@pytest.mark.parametrize("limit", [-1, True, "3"])
async def test_limits_that_are_none_are_refused(aclient: AsyncClient, limit: int) -> None:
    """A limit below zero would mean "all" on the wire."""
    with pytest.raises(BadRequest, match="limit"):
        async for _ in aclient.scan(limit=limit):
            pass

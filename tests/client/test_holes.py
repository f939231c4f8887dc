"""Scans with holes: what was missing for any page is never forgotten, and first waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from kvcluster import AsyncClient, Client, Incomplete
from kvcluster.client.scan_course import PartialPage, Range, ScanCourse
from tests.client.fake_node import FakeCluster, FakeNode

from demo_pb2 import Pair, ScanResponse

KEYS = [f"key {number:03}" for number in range(60)]
SHORT = [key for key in KEYS if key != "key 001"]
HOLE = ScanResponse(missing_slots=7, missing_nodes=["localhost:9"])
WAIT_S = 1.5
"""Long enough for a busy machine to answer at least once, and waited out where nothing helps."""


@pytest.fixture
async def client(cluster: FakeCluster) -> AsyncIterator[AsyncClient]:
    """A client of three nodes that hold some keys, and answer with ten in a page."""
    cluster.store.update((key, "x" * 100) for key in KEYS)
    async with AsyncClient(cluster.members) as client:
        yield client


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that sixty pairs are many calls, which the client ends after about ten pairs."""
    monkeypatch.setattr("kvcluster.client.paging._PAGE_BYTES", 1_000)


def _lack(cluster: FakeCluster, *, whole_from: int | None = None) -> None:
    """Let every node miss a few keys in some slots."""
    for node in cluster.nodes:
        node.scan.missing = HOLE
        node.scan.lacks = {"key 001"}
        node.scan.whole_from = whole_from


def _calls(cluster: FakeCluster) -> int:
    return sum(len(node.scan.requests) for node in cluster.nodes)


def _whole_again(cluster: FakeCluster) -> None:
    for node in cluster.nodes:
        node.scan.missing = ScanResponse()


async def _scanned(
    client: AsyncClient,
    *,
    limit: int | None = None,
    at_each: Callable[[int], object] = lambda count: None,
) -> tuple[list[str], Incomplete | None]:
    """The keys that came, and what was raised at the end; `at_each` is called for each of them."""
    got: list[str] = []
    try:
        async for key, _ in client.scan(limit=limit, timeout_s=WAIT_S):
            got.append(key)
            at_each(len(got))
    except Incomplete as error:
        return got, error
    return got, None


async def test_a_hole_in_the_first_page_is_told_at_the_end(
    cluster: FakeCluster, client: AsyncClient
) -> None:
    """Although the node is back, and every later page is whole."""
    _lack(cluster)
    got, error = await _scanned(client, at_each=lambda count: _whole_again(cluster))
    assert got == SHORT
    assert error is not None
    assert (error.missing_slots, error.missing_nodes) == (7, ("localhost:9",))
    assert "7 slots; they live on localhost:9" in str(error)


def test_the_client_for_threads_tells_it_as_well(cluster: FakeCluster) -> None:
    """Whichever of the two a program uses."""
    cluster.store.update((key, "x" * 100) for key in KEYS)
    _lack(cluster)
    got = []
    with Client(cluster.members) as client:
        pairs = client.scan(timeout_s=WAIT_S)
        got.append(next(pairs)[0])
        _whole_again(cluster)
        with pytest.raises(Incomplete, match="7 slots"):
            got.extend(key for key, _ in pairs)
    assert got == SHORT[: len(got)]


async def test_a_hole_is_told_although_the_stream_breaks_behind_it(
    cluster: FakeCluster, client: AsyncClient
) -> None:
    """The scan goes on at another node, which misses nothing and cannot know."""
    _lack(cluster)

    def break_the_next(count: int) -> None:
        if count == 1:
            for node in cluster.nodes:
                node.scan.breaks_after = 1
                node.scan.whole_from = len(node.scan.requests) + 1

    got, error = await _scanned(client, at_each=break_the_next)
    assert got == SHORT
    assert error is not None


async def test_a_hole_before_the_limit_is_told(cluster: FakeCluster, client: AsyncClient) -> None:
    """Ten keys were asked for, and these ten may not be the first."""
    _lack(cluster)
    got, error = await _scanned(client, limit=5)
    assert got == ["key 000", "key 002", "key 003", "key 004", "key 005"]
    assert error is not None


async def test_a_hole_that_closes_in_time_is_none(
    cluster: FakeCluster, client: AsyncClient
) -> None:
    """A node that starts anew within the timeout costs a scan nothing but a wait."""
    _lack(cluster, whole_from=2)
    assert await _scanned(client) == (KEYS, None)


async def test_a_node_that_misses_nothing_is_found(
    cluster: FakeCluster, client: AsyncClient
) -> None:
    """Where only some nodes cannot reach who holds the slots, another one can."""
    _lack(cluster)
    sane: FakeNode = cluster.nodes[-1]
    sane.scan.missing = ScanResponse()
    assert await _scanned(client) == (KEYS, None)


async def test_what_is_missing_is_waited_for_once(
    cluster: FakeCluster, client: AsyncClient
) -> None:
    """A scan of many pages must not wait out the timeout for each of them."""
    _lack(cluster)
    calls: list[int] = []
    got, error = await _scanned(client, at_each=lambda count: calls.append(_calls(cluster)))
    assert got == SHORT
    assert error is not None
    assert calls[0] > 1, "the first page is asked for again and again"
    assert calls[-1] - calls[0] < 12, "and no other is"


def test_what_calls_were_told_is_summed_up() -> None:
    """Every node that anything was missing of, and the most slots that were."""
    course = ScanCourse(Range("", "", None, keys_only=True), page_keys=1)
    for number, nodes in enumerate((["b", "c"], [], ["a"])):
        page = PartialPage(ended=True)
        page.add(
            ScanResponse(pairs=[Pair(key=f"{number}")], missing_slots=number, missing_nodes=nodes)
        )
        course.take(page)
    assert not course.ended
    course.take(PartialPage(ended=True))
    assert course.ended
    with pytest.raises(Incomplete, match="2 slots; they live on a, b, c"):
        course.check()

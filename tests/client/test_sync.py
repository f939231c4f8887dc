"""Client: the same from threads, and beside programs that have an event loop of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from kvcluster import (
    AsyncClient,
    BadRequest,
    Client,
    Incomplete,
    SomeFailed,
    Stored,
    Unavailable,
)
from tests.client.fake_node import FakeCluster

ROOT = Path(__file__).parents[2]


def _letters(count: int) -> dict[str, str]:
    return {f"key {number:05}": str(number) for number in range(count)}


def test_all_of_it_works_without_asyncio(cluster: FakeCluster, client: Client) -> None:
    """Most programs are synchronous."""
    assert isinstance(client.put("a", "1"), Stored)
    assert (client.get("a"), client.get("b"), client.get("b", "none")) == ("1", None, "none")
    assert client.put_many(_letters(5_000)) == 5_000
    assert client.put_many([("a", "2"), ("a", "3")]) == 2
    assert list(client.get_many(["a", "b", "key 00007"])) == [
        ("a", "3"),
        ("b", None),
        ("key 00007", "7"),
    ]
    assert list(client.scan("key ")) == sorted(_letters(5_000).items())
    assert list(client.scan_keys("key ", limit=2)) == ["key 00000", "key 00001"]
    assert client.delete("a").found
    assert not client.delete("a").found


def test_threads_share_a_client(cluster: FakeCluster, client: Client) -> None:
    """What they ask for at the same time travels together, and nothing gets mixed up."""
    client.put("a", "1")

    def work(thread: int) -> None:
        for number in range(50):
            assert isinstance(client.put(f"{thread}/{number}", f"{thread} {number}"), Stored)
            assert client.get(f"{thread}/{number}") == f"{thread} {number}"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert len(cluster.store) == 401
    assert sum(node.calls.count("Batch") for node in cluster.nodes) > 0


def test_errors_reach_the_thread_that_asked(cluster: FakeCluster, client: Client) -> None:
    """With their types and fields, also through the generators."""
    with pytest.raises(BadRequest, match="the key is empty"):
        client.put("", "1")
    with pytest.raises(SomeFailed) as caught:
        client.put_many([("a", "1"), ("", "2")])
    assert (caught.value.done, list(caught.value.failures)) == (1, [""])
    with pytest.raises(BadRequest, match="the key is empty"):
        list(client.get_many(["a", ""]))
    for node in cluster.nodes:
        node.scan.missing.missing_slots = 1
    with pytest.raises(Incomplete, match="1 slot"):
        list(client.scan(timeout_s=1))
    with pytest.raises(BadRequest, match="limit"):
        list(client.scan_keys(limit=-1))


def test_sources_are_read_in_the_thread_of_their_owner(client: Client) -> None:
    """A database cursor, say, may not be touched by any other."""
    threads = set()

    def pairs() -> Iterator[tuple[str, str]]:
        for number in range(1_000):
            threads.add(threading.current_thread())
            yield str(number), "1"

    assert client.put_many(pairs()) == 1_000
    assert len(list(client.get_many(key for key, _ in pairs()))) == 1_000
    assert threads == {threading.current_thread()}


def test_a_source_that_breaks_loses_nothing(cluster: FakeCluster, client: Client) -> None:
    """What it had given is stored, or given, when its error comes out."""

    def breaking() -> Iterator[str]:
        yield "a"
        raise OSError("the file ends here")

    with pytest.raises(OSError, match="the file ends here"):
        client.put_many((key, "1") for key in breaking())
    assert cluster.store == {"a": "1"}
    getting = client.get_many(breaking())
    assert next(getting) == ("a", "1")
    with pytest.raises(OSError, match="the file ends here"):
        next(getting)


def test_generators_may_be_left(cluster: FakeCluster, client: Client) -> None:
    """Whoever has seen enough goes, and a source without end is none to the memory."""
    cluster.store.update(_letters(5_000))
    assert next(client.scan()) == ("key 00000", "0")
    assert next(client.get_many(str(number) for number in count())) == ("0", None)
    assert client.get("key 00001") == "1"


def test_a_closed_client_says_so(cluster: FakeCluster) -> None:
    """Not by hanging, nor by a word of gRPC."""
    client = Client(cluster.members)
    client.put("a", "1")
    client.close()
    client.close()
    with pytest.raises(BadRequest, match="the client is closed"):
        client.get("a")


def test_a_program_with_an_event_loop_may_use_both(
    cluster: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """gRPC serves two event loops with one thread, and has complained in the log about it."""

    async def asynchronous() -> None:
        async with AsyncClient(cluster.members) as client:
            for number in range(100):
                await asyncio.gather(*(client.put(f"{number}/{n}", "1") for n in range(10)))

    def synchronous(_: int) -> None:
        with Client(cluster.members) as client:
            for number in range(100):
                client.put(f"sync {number}", "1")

    with ThreadPoolExecutor(2) as threads:
        working = threads.map(synchronous, range(2))
        for _ in range(3):
            asyncio.run(asynchronous())
        list(working)
    assert len(cluster.store) == 1_100
    assert not caplog.records


def test_ctrl_c_ends_a_waiting_call(cluster: FakeCluster) -> None:
    """The person at the keyboard does not want to wait for a node that says nothing."""
    client = Client(cluster.members, timeout_s=60)
    client.put("a", "1")
    cluster.hang("Put", "Get")

    def press() -> None:
        cluster.arrived.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        client.put("a", "2")
    pressing.join()
    client.close()  # at once, since nobody waits for that put any more
    cluster.release()


def test_a_program_that_forgets_to_close_ends_quietly(cluster: FakeCluster) -> None:
    """It must not hang at its end, nor print what its author cannot understand."""
    program = f"""
from kvcluster import Client
client = Client({cluster.members!r})
client.put("a", "1")
print(next(client.scan()), client.get("a"))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "('a', '1') 1\n"


def test_a_forked_child_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody runs the event loop there; the child would wait for ever."""
    client.put("a", "1")
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        with pytest.raises(BadRequest, match="forked after a client was used"):
            client.get("a")
    assert client.get("a") == "1"


def test_the_server_does_not_load_the_client() -> None:
    """The package is imported by both; a node should not carry what it never uses."""
    program = (
        "import sys, kvcluster; dir(kvcluster); print([m for m in sys.modules if 'grpc' in m])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert ended.stdout == "[]\n"


def test_nobody_there(nobody: str) -> None:
    """The same sentence as from the asynchronous client."""
    with (
        Client(nobody, timeout_s=0.2) as client,
        pytest.raises(Unavailable, match="connection refused"),
    ):
        client.put("a", "1")

"""A process in which gRPC cannot work: whoever calls is told, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kvcluster import AsyncClient, BadRequest, Client, OutcomeUnknown, Unavailable
from kvcluster.client import engine
from kvcluster.client.background import background
from tests.client.fake_node import FakeCluster

ROOT = Path(__file__).parents[2]


def _ends_with(program: str, cluster: FakeCluster) -> str:
    """What a program prints that ends quietly; M are the nodes."""
    head = f"import asyncio, os, sys, threading\nM = {cluster.members!r}\n"
    ended = subprocess.run(
        [sys.executable, "-c", head + program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    return ended.stdout


LAST_WORDS = """
from kvcluster import Client
class Late:
    def __init__(self):
        self.client = Client(M)
        self.client.put("a", "1")
    def __del__(self):
        for ask in (
            lambda: self.client.put("a", "2"),
            lambda: self.client.get("a"),
            lambda: list(self.client.scan()),
            lambda: self.client.put_many({"a": "2"}),
            lambda: list(self.client.get_many(["a"])),
            lambda: Client(M).get("a"),
        ):
            try:
                print(ask())
            except Exception as error:
                print(type(error).__name__, str(error)[:25])
        print(self.client.close())
late = Late()
"""


def test_whoever_calls_while_the_interpreter_ends_is_told(cluster: FakeCluster) -> None:
    """Its threads are frozen by then, and a `__del__` that waited for one would never end."""
    told = _ends_with(LAST_WORDS, cluster).splitlines()
    assert told == ["BadRequest the interpreter is ending"] * 6 + ["None"]


def test_a_handler_of_atexit_may_use_a_client(cluster: FakeCluster) -> None:
    """Threads still run then, so it is worth saying good-bye there."""
    program = """
import atexit
from kvcluster import Client
client = Client(M)
client.put("a", "1")
atexit.register(lambda: print(client.get("a")))
"""
    assert _ends_with(program, cluster) == "1\n"


def test_generators_that_the_end_of_the_program_closes_complain_of_nothing(
    cluster: FakeCluster,
) -> None:
    """A loop that was left half-way is no error."""
    program = """
from kvcluster import Client
client = Client(M)
client.put_many((f"{n}", "1") for n in range(5_000))
many, scan = client.get_many(f"{n}" for n in range(5_000)), client.scan()
print(next(many), next(scan))
"""
    assert _ends_with(program, cluster) == "('0', '1') ('0', '1')\n"


def test_a_call_ends_though_the_loop_does_not_run(cluster: FakeCluster) -> None:
    """Whatever holds it up, a write is unknown then, and a read could not be done."""
    release = threading.Event()
    with Client(cluster.members, timeout_s=0.2) as client:
        client.put("a", "1")
        background().call(partial(_wait_for, release))
        try:
            with pytest.raises(OutcomeUnknown, match="does not run any more"):
                client.put("a", "2")
            with pytest.raises(Unavailable, match="does not run any more"):
                client.get("a")
        finally:
            release.set()


def _wait_for(event: threading.Event) -> None:
    event.wait(30)


CHILDREN = """
import warnings
warnings.simplefilter("ignore")
from kvcluster import AsyncClient, Client
async def ask(make=lambda: AsyncClient(M, timeout_s=5)):
    async with make() as client:
        await client.put("a", "1")
        return await client.get("a")
used = Client(M)
print(asyncio.run(ask()), used.get("a"), flush=True)
async def ask_again():
    client = AsyncClient(M, timeout_s=5)
    await client.put("a", "1")
    if os.fork() == 0:
        try:
            await client.get("a")
        except Exception as error:
            os.write(1, f"{type(error).__name__} {str(error)[:23]}\\n".encode())
        await client.close()
        os._exit(0)
    os.wait()
    print(await client.get("a"), flush=True)
    await client.close()  # or gRPC may complain later of an event for a loop that is closed
for call in (
    lambda: asyncio.run(ask()),
    lambda: used.get("a"),
    lambda: Client(M).get("a"),
    lambda: list(used.scan()),
):
    if os.fork() == 0:
        try:
            call()
        except Exception as error:
            os.write(1, f"{type(error).__name__} {str(error)[:23]}\\n".encode())
        used.close()
        os._exit(0)
    os.wait()
asyncio.run(ask_again())
print(asyncio.run(ask()), used.get("a"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_told_and_its_parent_goes_on(cluster: FakeCluster) -> None:
    """gRPC does not survive a fork: a child that asks waits, or is ended by SIGSEGV."""
    told = _ends_with(CHILDREN, cluster).splitlines()
    assert told == ["1 1", *["BadRequest this process was forked"] * 5, "1", "1 1"]


async def test_a_forked_child_is_told_by_the_asynchronous_client(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the one that its parent used, and by a new one; closing them is no error."""
    async with AsyncClient(cluster.members) as used:
        await used.put("a", "1")
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            for client in (used, AsyncClient(cluster.members)):
                with pytest.raises(BadRequest, match="forked after a client was used"):
                    await client.get("a")
            await client.close()
        assert await used.get("a") == "1"


class _Greenlet:
    """What a thread is where something replaces threads: it runs when its owner waits for it."""

    def __init__(self, *, target: Callable[[], Any], daemon: bool) -> None:
        self._target = target

    def start(self) -> None:
        pass

    def join(self) -> None:
        self._target()


@pytest.fixture
def unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which no client was used yet."""
    monkeypatch.setattr(engine, "_used_in", None)


@pytest.mark.usefixtures("unused")
def test_where_threads_are_none_whoever_calls_is_told(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A "thread" that waits in C holds up everybody else in the process, for ever."""
    monkeypatch.setattr(threading, "Thread", _Greenlet)
    monkeypatch.delitem(sys.modules, "gevent.monkey", raising=False)
    with pytest.raises(BadRequest, match="are no threads"):
        Client(nobody).get("a")
    with pytest.raises(BadRequest, match="are no threads"):
        asyncio.run(AsyncClient(nobody).get("a"))


@pytest.mark.usefixtures("unused")
def test_where_no_thread_can_be_started_whoever_calls_is_told(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many of them, or an interpreter that ends: no bare RuntimeError."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(BadRequest, match=r"no thread can be started .* \(can't start new thread\)"):
        Client(nobody).get("a")


PATCHED = """
from gevent import monkey
monkey.patch_all()
import gevent
from kvcluster import Client, Unavailable
turns = []
def turn():
    while True:
        turns.append(1)
        gevent.sleep(0.001)
gevent.spawn(turn)
client = Client(M)
asked = [gevent.spawn(client.put, f"{n}", "1") for n in range(20)]
gevent.joinall(asked, timeout=30)
print([it.value.acknowledged for it in asked] == [3] * 20)
for n in range(50):
    client.put("a", "1")
print(client.get("a"), len(list(client.scan())), len(turns) > 3)
try:
    Client("localhost:1", timeout_s=0.2).get("a")
except Unavailable as error:
    print(str(error)[:22])
"""


@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed")
def test_clients_work_under_the_patches_of_gevent(cluster: FakeCluster) -> None:
    """Its greenlets wait for each other as threads do, and only gRPC's own thread is a real one."""
    told = _ends_with(PATCHED, cluster)
    assert told == "True\n1 21 True\nno node could do it wi\n"


LOOPS = """
async def work(count):
    async with AsyncClient(M) as client:
        await asyncio.gather(*(client.put(f"{n}", "1") for n in range(count)))
        return len([key async for key in client.scan_keys()])
def call():
    with Client(M) as client:
        client.put("a", "1")
        return client.get("a")
async def call_inside():
    return call()
from kvcluster import AsyncClient, Client
"""
UVLOOP = """
import uvloop
print(uvloop.run(work(500)), call(), uvloop.run(call_inside()))
"""
AGAIN = """
print([asyncio.run(work(10)) for _ in range(5)], call(), asyncio.run(call_inside()))
"""


def test_clients_live_in_one_event_loop_after_the_other(cluster: FakeCluster) -> None:
    """Programs call asyncio.run again and again, and synchronous clients inside of it."""
    assert _ends_with(LOOPS + AGAIN, cluster) == "[10, 10, 10, 10, 10] 1 1\n"


@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
def test_clients_live_in_the_loop_of_uvloop(cluster: FakeCluster) -> None:
    """Many web servers run with it."""
    assert _ends_with(LOOPS + UVLOOP, cluster) == "500 1 1\n"

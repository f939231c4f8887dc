"""A flood: more calls than a node takes. Some are refused at once; nothing else happens."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import MIB, Settings
from kvcluster.wire.dial import options_of_nodes
from tests.edges.calm import PATIENT, memory_mib, must_be_calm
from tests.processes import linked_server
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually
from tests.processes.knobs import Knobs

from demo_pb2 import PutRequest
from demo_pb2_grpc import KeyValueStub

Code = grpc.StatusCode
Answers = Counter[str]
DONE = "done"


@contextmanager
def small_server(folder: Path, *settings: str, sync_delay_s: float = 0.0) -> Iterator[Server]:
    """A server alone, with small budgets, on a disk that may be slow; calm at the end."""
    port, knobs = free_ports(1)[0], folder / "knobs"
    options = [word for setting in settings for word in ("--set", setting)]
    program = linked_server.command(knobs, {})
    server = Server(port, f"localhost:{port}", folder, [*PATIENT, *options], program=program)
    try:
        server.start()
        server.wait_serving()
        Knobs(knobs).slow_down_disk(sync_delay_s)
        yield server
        must_be_calm(server)
    finally:
        server.clean_up()


async def _flood(name: str, count: int, value: str) -> Answers:
    """So many Puts at once, over one connection."""
    async with grpc.aio.insecure_channel(name, options_of_nodes(Settings())) as channel:
        stub = KeyValueStub(channel)

        async def put(number: int) -> str:
            try:
                request = PutRequest(key=f"flood{number % 100}", value=value)
                await stub.Put(request, timeout=30)
            except grpc.aio.AioRpcError as error:
                return f"{error.code().name}: {error.details()}"
            return DONE

        return Counter(await asyncio.gather(*(put(number) for number in range(count))))


def flood(name: str, count: int, value: str = "v") -> Answers:
    """So many Puts at once; how they were answered."""
    return asyncio.run(_flood(name, count, value))


def refusals(answers: Answers) -> list[str]:
    """How calls were refused."""
    return [told for told in answers if told != DONE]


def put_patiently(server: Server, key: str) -> None:
    """One Put, by a client that comes back each time it is told so."""

    def done() -> bool:
        try:
            return server.put(key, "v").acknowledged == 1
        except grpc.RpcError as error:
            if error.code() is not Code.RESOURCE_EXHAUSTED:
                raise AssertionError(f"{error.code()}: {error.details()}") from None
            return False

    eventually(done, "a patient client gets through")


def test_thousands_of_calls_at_once_are_all_answered(three: Cluster) -> None:
    """gRPC cancels some calls at random past a thousand by default; this server does not."""
    assert flood(three[0].name, 3_000) == {DONE: 3_000}


def test_calls_past_the_limit_are_refused_and_others_still_served(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED names the limit; health answers, a patient client gets through, memory
    stays where it was. (The disk is slow, or a quick server might never have 50 in flight.)
    """
    with small_server(tmp_path, "client_calls_in_flight=50", sync_delay_s=0.1) as server:
        flood(server.name, 2_000)
        before, answers = memory_mib(server), Answers()
        flooding = threading.Thread(target=lambda: answers.update(flood(server.name, 3_000)))
        flooding.start()
        for number in range(10):
            eventually(lambda: server.health().status, "its health answers")
            put_patiently(server, f"patient{number}")
        flooding.join()
        assert answers[DONE] >= 50
        assert len(refusals(answers)) == 1, answers
        (refusal,) = refusals(answers)
        assert refusal.startswith("RESOURCE_EXHAUSTED: 50 client calls are in flight already")
        assert refusal.endswith("nothing was written")
        assert memory_mib(server) - before < 30
        assert server.put("k", "v").acknowledged == 1, "it recovers at once"


def test_large_values_past_what_calls_may_carry_are_refused(tmp_path: Path) -> None:
    """Few calls may carry much: of 150 MiB at once a part is refused, and memory stays flat.
    (On a disk so slow that a fourth value arrives while three wait for it, however slow they come.)
    """
    with small_server(tmp_path, f"call_bytes_in_flight={4 * MIB}", sync_delay_s=0.2) as server:
        large, before = "v" * MIB, memory_mib(server)
        for _ in range(3):
            answers = flood(server.name, 150, large)
            assert answers[DONE] >= 3, "so many fit, each with its key"
            assert refusals(answers)
            for refusal in refusals(answers):  # on a machine with much to do some are slow to come
                assert "of together 4,194,304 bytes are in flight" in refusal or "slow" in refusal
            assert memory_mib(server) - before < 300
        assert server.put("k", large).acknowledged == 1


def test_one_call_larger_than_the_budget_is_taken_if_it_is_alone(tmp_path: Path) -> None:
    """Or a value that is allowed could never be stored."""
    with small_server(tmp_path, "call_bytes_in_flight=1000") as server:
        assert server.put("k", "v" * MIB).acknowledged == 1

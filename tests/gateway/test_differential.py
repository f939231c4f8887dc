"""A cluster of ours and an engine side by side: the same random steps, and no difference.

Compared is all that a client is told but versions, counts of copies and who served: data, order,
`found`, status codes, `nothing_written`, what a condition met, when a key expires.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

from kvcluster.config import Settings
from kvcluster.errors import KvError, NothingWritten
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.readiness import Status
from kvcluster.node import Node
from kvcluster.wire.failures import code_of
from tests.edges.in_process import make_node, serving, until
from tests.engines.setting import ALL, engine_in
from tests.engines.twin import Twin
from tests.gateway.rig import gateway_to

import demo_pb2 as pb

SEEDS = range(3)
STEPS = 120
_FAR_MS = 2_000_000_000_000
_KEYS = [f"{letter}{number}" for letter in ("a", "b", "ä", "\x00") for number in range(6)]
_VALUES = ["", "v", "Hà Nội", "\x00", "x" * 3_000]


class Steps:
    """Random steps, the same for the same seed. Versions are said by which read told them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def request(self) -> Any:
        """What is asked next."""
        kind = self._rng.choices(["one", "batch", "many", "scan"], [6, 4, 1, 3])[0]
        if kind == "one":
            operation = self._operation()
            return getattr(operation, operation.WhichOneof("operation") or "get")
        if kind == "batch":
            count = self._rng.choice([0, 1, 3, 20, 200])
            return pb.BatchRequest(operations=[self._operation() for _ in range(count)])
        if kind == "many":
            keys = [self._key() for _ in range(self._rng.choice([0, 1, 40]))]
            values = [self._value() for _ in keys]
            return pb.PutManyRequest(block=pb.Block(keys=keys, values=values))
        return pb.ScanRequest(
            prefix=self._rng.choice(["", "a", "ä", "\x00", "none"]),
            start_after=self._rng.choice(["", "", self._key(), "zzz"]),
            limit=self._rng.choice([0, 1, 7]),
            keys_only=self._rng.random() < 0.3,
        )

    def _operation(self) -> pb.Operation:
        kind = self._rng.choices(["put", "get", "delete", "none"], [5, 4, 2, 0.1])[0]
        if kind == "put":
            put = pb.PutRequest(key=self._key(), value=self._value(), condition=self._condition())
            if self._rng.random() < 0.15:
                put.expires_ms = _FAR_MS + self._rng.randrange(1_000)
            elif self._rng.random() < 0.05:
                put.ttl_ms = self._rng.choice([5, 3_600_000])
            return pb.Operation(put=put)
        if kind == "get":
            return pb.Operation(get=pb.GetRequest(key=self._key()))
        if kind == "delete":
            delete = pb.DeleteRequest(key=self._key(), condition=self._condition())
            return pb.Operation(delete=delete)
        return pb.Operation()

    def _key(self) -> str:
        odd = self._rng.random()
        return "" if odd < 0.01 else "k" * 1_025 if odd < 0.02 else self._rng.choice(_KEYS)

    def _value(self) -> str:
        return self._rng.choice(_VALUES)

    def _condition(self) -> pb.Condition | None:
        if self._rng.random() < 0.6:
            return None
        return self._rng.choice(
            [
                pb.Condition(absent=True),
                pb.Condition(exists=True),
                pb.Condition(value=self._value()),
                pb.Condition(version=bytes(12)),
                pb.Condition(version=b"short"),
                pb.Condition(none=True),
                pb.Condition(),
            ]
        )


async def told(service: Node | Gateway, request: Any) -> Any:
    """What a client is told, without what may differ."""
    deadline_s = asyncio.get_running_loop().time() + 20
    try:
        if isinstance(request, pb.ScanRequest):
            pages = [page async for page in service.scan(request, deadline_s)]
            return [(it.key, it.value, it.expires_ms) for page in pages for it in page.pairs]
        if isinstance(request, pb.BatchRequest):
            answer = await service.batch(request, deadline_s)
            return [_result(it) for it in answer.results]
        if isinstance(request, pb.PutManyRequest):
            many = await service.put_many(request, deadline_s)
            results = dict.fromkeys(range(len(request.block.keys)), "put")
            return results | {it.place: _result(it.result) for it in many.exceptions}
        return _plain(await service.one(request, deadline_s))
    except KvError as error:
        return code_of(error), isinstance(error, NothingWritten), str(error)


def _result(result: pb.Result) -> Any:
    name = result.WhichOneof("result")
    if name == "failure":
        failure = result.failure
        return failure.code, failure.nothing_written, failure.reason, failure.message
    plain = _plain(getattr(result, name or "put"))
    return plain if plain != (False, "", 0, None) or name != "put" else "put"


def _plain(answer: Any) -> Any:
    if isinstance(answer, pb.GetResponse):
        return answer.found, answer.value, _life(answer.expires_ms)
    mismatch = None
    if answer.HasField("mismatch"):
        there = answer.mismatch
        mismatch = (there.found, there.value, _life(there.expires_ms))
    found = answer.found if isinstance(answer, pb.DeleteResponse) else False
    return found, "", 0, mismatch


def _life(expires_ms: int) -> int:
    """One that was asked for as a time from now is about the same."""
    return expires_ms if expires_ms >= _FAR_MS else min(expires_ms, 1)


async def _deciding(node: Node) -> None:
    """A new node decides nothing in its first moments."""
    await until(lambda: not node.status().abstains and node.status().status == pb.SERVING)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ALL)
async def test_no_difference_to_a_cluster_of_ours(kind: str, seed: int, tmp_path: Path) -> None:
    """Step by step, and all that is there in the end."""
    engine = engine_in(kind, f"d{seed}{random.randrange(1 << 32):08x}")
    if isinstance(engine, Twin):
        engine.now_ms = time.time_ns() // 1_000_000
    node, gateway = make_node(tmp_path, Settings()), gateway_to(engine)
    async with serving(node), serving(gateway):
        await until(lambda: gateway.gate.status is Status.SERVING)
        await _deciding(node)
        steps = Steps(seed)
        for number in range(STEPS):
            request = steps.request()
            same = type(request).FromString(request.SerializeToString())
            ours, theirs = await told(node, request), await told(gateway, same)
            if isinstance(request, pb.ScanRequest) and not isinstance(ours, tuple):
                ours = [(key, value, _life(ms)) for key, value, ms in ours]
                theirs = [(key, value, _life(ms)) for key, value, ms in theirs]
            assert ours == theirs, f"step {number}, a {type(request).__name__}"
        everything = pb.ScanRequest()
        ours, theirs = await told(node, everything), await told(gateway, everything)
        assert [it[:2] for it in ours] == [it[:2] for it in theirs]
        assert len(ours) > 5

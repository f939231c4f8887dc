"""A primary that dies or freezes under load, and one whose sessions are ended."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.engines.contract import Engine, WriteDone
from kvcluster.errors import NotReady, OutcomeUnknown, TimedOut
from kvcluster.model.operation import Kind, Operation
from tests.engines.load import GrowingLoad, batches_of
from tests.engines.postgres.pair import open_engine, running_pair

pytestmark = pytest.mark.usefixtures("installed")


def load_on(engine: Engine) -> GrowingLoad:
    """Batches, and reads that are never old."""
    return GrowingLoad(engine, batches_of(6, 4), linearizable=True)


async def test_a_primary_that_is_killed_loses_nothing() -> None:
    """Its standby is promoted a moment later: what was acknowledged is there, what was refused is
    not, and writes go on soon.
    """
    async with running_pair() as pair, open_engine(pair.engine()) as engine:
        async with load_on(engine) as load:
            await load.succeed(13)
            pair.primary.kill()
            await asyncio.to_thread(pair.standby.promote)
            await load.succeed(13)
        await load.check()
        print(f"\nkilled: {load.report()}")
        assert load.gap_s < 4
        state = await engine.probe(asyncio.get_running_loop().time() + 5)
        assert {it.role for it in state.members} == {"primary", "silent"}
        assert f"nobody listens at {pair.primary.name}" in state.trouble


async def test_a_primary_that_freezes_and_thaws_loses_nothing() -> None:
    """The same; and when it is back, it says that it is the primary still, and is not believed."""
    loop = asyncio.get_running_loop()
    async with running_pair() as pair, open_engine(pair.engine()) as engine:
        async with load_on(engine) as load:
            await load.succeed(13)
            pair.primary.freeze()
            await asyncio.to_thread(pair.standby.promote)
            await load.succeed(13)
            gap_s = load.gap_s
            pair.primary.thaw()
            await load.succeed(21)
            state = await engine.probe(loop.time() + 5)
            assert {it.role for it in state.members} == {"primary", "old primary"}
            assert f"{pair.primary.name} was replaced, and still says" in state.trouble
        await load.check()
        print(f"\nfrozen: {load.report()}")
        assert gap_s < 4
        assert load.told["ConnectionLost"], "what hung there ended once it was replaced"
        async with open_engine(pair.engine(pair.primary)) as fooled:
            operation = Operation(Kind.PUT, "w0/0", "1000000")
            (outcome,) = await fooled.write([operation], loop.time() + 1)
            assert isinstance(outcome, OutcomeUnknown), "nobody has it but the old primary"
            with pytest.raises(TimedOut):
                await fooled.read(["w0/0"], loop.time() + 1, linearizable=True)
        await load.check()


async def test_sessions_that_are_ended_in_the_middle_are_no_success_and_no_refusal() -> None:
    """An administrator ends all of them, again and again; each time the next calls go on."""
    end = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'kvcluster'"
    )
    async with running_pair() as pair, open_engine(pair.engine()) as engine:
        async with load_on(engine) as load:
            for _ in range(10):
                await load.succeed(3)
                assert await pair.tell(pair.primary, end) > 0
            await load.succeed(3)
        await load.check()
        print(f"\nended: {load.report()}")
        assert load.told["ConnectionLost"] > 0


async def test_what_waits_for_a_standby_is_not_known_until_it_is_there() -> None:
    """The standby freezes: writes are not acknowledged, nor are they when somebody makes the server
    stop waiting; reads go on; writes that find no connection free are refused, for certain; and
    when it thaws, everything does again.
    """
    loop = asyncio.get_running_loop()
    async with running_pair() as pair, open_engine(pair.engine()) as engine:
        first = (await engine.write([Operation(Kind.PUT, "k", "0")], loop.time() + 5))[0]
        assert isinstance(first, WriteDone)
        assert (first.replicas, first.acknowledged) == (2, 2)
        pair.standby.freeze()
        cancelled = asyncio.ensure_future(
            engine.write([Operation(Kind.PUT, "c", "1")], loop.time() + 9)
        )
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        cancel = (
            "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event='SyncRep'"
        )
        await pair.until(waits, 1)
        assert await pair.tell(pair.primary, cancel) == 1
        (outcome,) = await cancelled
        assert isinstance(outcome, OutcomeUnknown), "committed on the primary alone"
        assert "warns" in str(outcome)
        puts = [Operation(Kind.PUT, f"k{number}", "1") for number in range(20)]
        outcomes = await asyncio.gather(*[engine.write([it], loop.time() + 0.5) for it in puts])
        kinds = [type(it).__name__ for (it,) in outcomes]
        assert (kinds.count("TimedOut"), kinds.count("TooLate")) == (8, 12)
        (content,) = await engine.read(["k"], loop.time() + 1, linearizable=False)
        assert getattr(content, "value", "") == "0"
        assert await pair.tell(pair.primary, waits) <= 8, "no more processes than places"
        pair.standby.thaw()
        outcomes = await asyncio.gather(*[engine.write([it], loop.time() + 5) for it in puts])
        assert all(isinstance(it, WriteDone) for (it,) in outcomes)


async def test_a_host_that_is_frozen_costs_no_more_than_the_deadline() -> None:
    """With nobody to take its place: calls end in time, and go on when it does."""
    loop = asyncio.get_running_loop()
    async with running_pair() as pair, open_engine(pair.engine()) as engine:
        await engine.write([Operation(Kind.PUT, "k", "0")], loop.time() + 5)
        pair.primary.freeze()
        for _ in range(3):
            started_s = loop.time()
            (outcome,) = await engine.write([Operation(Kind.PUT, "k", "1")], started_s + 0.5)
            assert isinstance(outcome, TimedOut | NotReady) or "TooLate" in repr(outcome)
            with pytest.raises((NotReady, TimedOut)):
                await engine.read(["k"], loop.time() + 0.5, linearizable=False)
            assert loop.time() - started_s < 1.6
        with pytest.raises(NotReady, match=r"does not answer|did not answer"):
            await engine.probe(loop.time() + 3)
        pair.primary.thaw()
        (outcome,) = await engine.write([Operation(Kind.PUT, "k", "2")], loop.time() + 5)
        assert isinstance(outcome, WriteDone)

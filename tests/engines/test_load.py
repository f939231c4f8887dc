"""The judge of the faults, judged: it must find each lie that an engine may tell, and name it.

A judge that took it for another would excuse it on the day when it stands alone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kvcluster.engines.contract import ReadOutcome, WriteOutcome
from kvcluster.errors import NotReady, TimedOut
from tests.engines.liars import (
    Blind,
    Evasive,
    Forgetful,
    Inventive,
    Liar,
    SlowToRead,
    SlowToWrite,
    Stale,
    TooSure,
    Wavering,
    Writes,
)
from tests.engines.load import GrowingLoad, batches_of
from tests.engines.twin import Twin

LOST = r"w\d.*: \d+ was acknowledged, and \d+ is read"
REFUSED = r"w\d.*: \d+ is there, which was said not to be written"
WENT_BACK = r"w\d.*: \d+ was read, and then \d+"
LIES: dict[str, tuple[Callable[[], Twin], str]] = {
    "loses what it acknowledged": (Forgetful, LOST),
    "loses what had a condition": (lambda: Forgetful(lambda it: bool(it[0].condition)), LOST),
    "loses what had none": (lambda: Forgetful(lambda it: not it[0].condition), LOST),
    "writes what it refused": (TooSure, REFUSED),
    "reads what is older than was acknowledged": (lambda: Stale(lambda *_: True), LOST),
    "shows a value and takes it back": (Wavering, WENT_BACK),
    "has what nobody put": (Inventive, r"1000000 is there, which nobody put"),
    "knows a fourth outcome": (Evasive, r"Mismatched.* is no outcome"),
    "writes after the deadline": (SlowToWrite, r"put \d+ to .* after its deadline"),
    "reads after the deadline": (SlowToRead, r"read .* after its deadline"),
    "answers no read": (Blind, "no read was ever answered"),
}


async def loaded(engine: Twin, keys: int = 2, **how: Any) -> GrowingLoad:
    """A load that is over."""
    async with GrowingLoad(engine, batches_of(2, keys), **how) as load:
        await load.succeed(40)
    return load


@pytest.mark.parametrize("leaves_doubt", [False, True])
@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_found(lie: str, leaves_doubt: bool) -> None:
    """A judge that excuses it would excuse an engine."""
    makes, words = LIES[lie]
    load = await loaded(makes(), patience_s=0.3, leaves_doubt=leaves_doubt)
    with pytest.raises(AssertionError, match=words):
        await load.check()


async def test_reads_are_linearizable_where_it_is_asked_for() -> None:
    """An engine that errs in the one kind of reads is not found out by the other."""
    await (await loaded(Stale(lambda _, fresh: fresh))).check()
    load = await loaded(Stale(lambda _, fresh: fresh), linearizable=True)
    with pytest.raises(AssertionError, match=LOST):
        await load.check()


@pytest.mark.parametrize("at_once", [True, False])
async def test_keys_are_read_one_by_one_and_at_once(at_once: bool) -> None:
    """An engine may do one of them right; and it is seen while it happens, not only in the end."""
    load = await loaded(Stale(lambda count, _: (count > 1) == at_once))
    assert re.match(LOST, load.wrong[0])


@pytest.mark.parametrize(("liar", "is_excused"), [(Wavering, True), (Forgetful, False)])
async def test_what_may_go_back_is_counted(liar: type[Liar], is_excused: bool) -> None:
    """And only what was never acknowledged may."""
    load = await loaded(liar(), may_go_back=True)
    if is_excused:
        await load.check()
        assert load.went_back > 0
    else:
        with pytest.raises(AssertionError, match=LOST):
            await load.check()


async def test_what_is_lost_in_the_end_is_found() -> None:
    """When nobody writes or reads any more, and again at each further look."""
    engine = Twin()
    load = await loaded(engine)
    await load.check()
    engine.held.clear()
    with pytest.raises(AssertionError, match=LOST):
        await load.check()


async def test_what_cannot_be_read_in_the_end_is_found() -> None:
    """Silence is no proof."""
    engine = Twin()
    load = await loaded(engine)
    engine.absent = "gone"
    with pytest.raises(AssertionError, match="4 keys cannot be read"):
        await load.check()


async def test_a_key_that_takes_no_more_writes_is_named() -> None:
    """All others going on does not make up for it."""
    engine = Twin()
    engine.failing["w1/0"] = NotReady("its slot has no primary")
    async with GrowingLoad(engine, batches_of(2)) as load:
        with pytest.raises(AssertionError, match=r"no progress at \['w1/0'\].*\n.*no primary"):
            await load.succeed(3, within_s=0.3)
    assert load.told["NotReady"] > 0


async def test_gaps_are_of_all_and_of_one_key() -> None:
    """Of all only as long as nobody succeeds."""
    engine = Twin()
    async with GrowingLoad(engine, batches_of(2)) as load:
        await load.succeed(3)
        engine.failing["w1/0"] = NotReady("its slot has no primary")
        await asyncio.sleep(0.2)
        engine.failing.clear()
        await load.succeed(3)
    assert load.key_gap_s > 0.15
    assert load.key_gap_s > load.gap_s > 0


@pytest.mark.parametrize("leaves_doubt", [False, True])
async def test_an_honest_engine_is_not_accused(leaves_doubt: bool) -> None:
    """Nor is one that refuses one key of a batch, does not know, and takes its time to answer a
    read, if all of that is true.
    """

    class Honest(Twin):
        async def write(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
            calls = len(self.calls)
            if calls % 5 == 0:
                refused: list[WriteOutcome] = [NotReady("not now")]
                return refused + await super().write(operations[1:], deadline_s)
            outcomes = await super().write(operations, deadline_s)
            return [TimedOut("who knows")] * len(operations) if calls % 11 == 0 else outcomes

        async def read(
            self, keys: Sequence[str], deadline_s: float, **how: Any
        ) -> list[ReadOutcome]:
            outcomes = await super().read(keys, deadline_s, **how)
            await asyncio.sleep(0.01)
            return outcomes

    load = await loaded(Honest(), leaves_doubt=leaves_doubt)
    await load.check()
    assert load.told["NotReady"] > 0
    assert load.told["TimedOut"] > 0
    assert any("+" in key for key in load.stories) == leaves_doubt, "keys were left, or not"

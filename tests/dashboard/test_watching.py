"""Asking the nodes: who is asked, how often, and that nobody waits for the silent."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.dashboard.watching import Watching
from tests.dashboard.fake_source import FakeSource
from tests.dashboard.looks import WELL
from tests.view.views import NAMES, A, B, C, view

from demo_pb2 import Configuration, GetResponse, StatusResponse


async def test_one_address_is_enough() -> None:
    """The members that the answers name would not be asked before the next look."""
    source = FakeSource(*WELL)
    look = await Watching(source, (A,)).look()
    assert [member.node for member in look.members] == [A, B, C]
    assert look.all_serve
    assert source.asked == {A: 1, B: 1, C: 1}


@pytest.mark.usefixtures("hasty")
async def test_a_frozen_node_has_one_question_and_delays_nobody() -> None:
    """Questions would pile up at it, and the others be shown as they were long ago."""
    source = FakeSource(*WELL)
    watching = Watching(source, NAMES)
    await watching.look()
    source.frozen = {C}
    for _ in range(3):
        look = await watching.look()
    assert source.asked == {A: 4, B: 4, C: 2}
    assert source.on_their_way[C] == 1
    assert [member.node for member in look.members if not member.serving] == [C]
    assert any(it.node == C and "no answer for" in it.text for it in look.notes)
    await watching.close()
    assert source.on_their_way[C] == 0


async def test_who_refuses_is_asked_again() -> None:
    """A node that is back would not be seen."""
    source = FakeSource(*WELL[:2])
    watching = Watching(source, NAMES)
    assert not (await watching.look()).all_serve
    source.say(*WELL)
    assert (await watching.look()).all_serve
    told = [line.plain[11:] for line in watching.log.lines(80)]
    assert {f"{C}  serves", "cluster  all 3 nodes serve"} <= set(told)


async def test_a_key_is_read_at_its_replicas_only() -> None:
    """Other nodes would forward the read, and seem to hold the key."""
    source = FakeSource(*WELL)
    source.store["city"] = "x"
    watching = Watching(source, NAMES)
    watching.follow("city")
    assert watching.followed is not None
    assert watching.followed.replicas == ()
    await watching.look()
    await watching.look()
    assert watching.followed is not None
    assert set(watching.followed.seen) == set(watching.followed.replicas) == set(NAMES)
    watching.follow("")
    assert watching.followed is None


@pytest.mark.usefixtures("hasty")
async def test_another_key_shows_nothing_of_the_one_before() -> None:
    """The values of the last key would be shown under the name of the new one."""
    source = FakeSource(*WELL)
    watching = Watching(source, NAMES)
    await watching.look()
    watching.follow("city")
    await watching.look()
    source.may_read.clear()
    await watching.look()
    watching.follow("town")
    assert watching.followed is not None
    assert watching.followed.seen == {}
    source.may_read.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert watching.followed.seen == {}
    source.store["town"] = "new"
    await watching.look()
    await watching.look()
    answers = watching.followed.seen.values()
    assert {it.value for it in answers if isinstance(it, GetResponse)} == {"new"}


async def test_a_key_is_followed_to_where_it_lives_now() -> None:
    """After a restart with another R it would be said of two nodes that all replicas are equal."""
    two = Configuration(members=NAMES, replicas=2, slots=4096)
    source = FakeSource(*(view(name, configuration=two) for name in NAMES))
    watching = Watching(source, NAMES)
    await watching.look()
    watching.follow("city")
    assert watching.followed is not None
    assert len(watching.followed.replicas) == 2
    source.say(*WELL)
    await watching.look()
    await watching.look()
    assert watching.followed is not None
    assert set(watching.followed.replicas) == set(NAMES)


@pytest.mark.usefixtures("hasty")
async def test_a_frozen_replica_that_is_asked_by_another_name_is_not_waited_for() -> None:
    """Every look would take a second."""
    source = FakeSource(view(A, names=(A,), address="127.0.0.1:50051"))
    watching = Watching(source, ("127.0.0.1:50051",))
    await watching.look()
    watching.follow("city")
    source.frozen = {"127.0.0.1:50051"}
    source.may_read.clear()
    await watching.look()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kvcluster.dashboard.watching.PATIENCE_S", 60)
        await asyncio.wait_for(watching.look(), 20)
    await watching.close()


async def test_a_bug_in_a_question_blames_no_node() -> None:
    """The node would be called frozen for ever."""
    source = FakeSource(*WELL)

    async def broken(address: str) -> StatusResponse:
        raise ZeroDivisionError(address)

    source.status = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await Watching(source, NAMES).look()


async def test_a_question_that_follows_at_once_is_given_up_as_well() -> None:
    """The end of the one before it would be taken for its own, and nobody would ever end it."""
    source = FakeSource(*WELL)
    watching = Watching(source, (A,))
    watching._ask([A])
    await asyncio.sleep(0)  # it is answered, and the loop has yet to say so
    source.frozen = {A}
    for _ in range(3):
        watching._ask([A])
        await asyncio.sleep(0)
    assert source.on_their_way[A] == 1
    await watching.close()
    assert source.on_their_way[A] == 0

"""A peer whose pages are rubbish: without end, in circles, full of what cannot be.

Catching up and anti-entropy take pages until there are no more. What comes in them is looked at
before anything is stored, and a peer that gives nothing usable is left alone for a while.
"""

from __future__ import annotations

import pytest

from kvcluster.config import MIB
from tests.edges.among_fakes import AmongFakes
from tests.edges.calm import memory_mib
from tests.edges.fake_peer import Answer, clock, version
from tests.edges.using import behind, many_differ, use
from tests.processes.harness import eventually

from demo_pb2 import (
    ConfirmPullResponse,
    Cursor,
    Entry,
    PullDifferencesResponse,
    PullRequest,
    PullResponse,
)


def no_further(name: str, request: bytes) -> PullResponse:
    """A page after which the same page follows."""
    return PullResponse(clock=clock(), next=Cursor(slot=5, after_key="5"))


def ever_further(name: str, request: bytes) -> PullResponse:
    """Pages whose cursor goes on and on, without a key that could be there."""
    cursor = PullRequest.FromString(request).cursor
    return PullResponse(clock=clock(), next=Cursor(slot=cursor.slot + 1, after_key="k"))


def beyond(name: str, request: bytes) -> PullResponse:
    """A page behind the last slot."""
    return PullResponse(clock=clock(), next=Cursor(slot=4_000_000_000, after_key="k"))


PAGES: dict[str, Answer] = {
    "no further": no_further,
    "ever further": ever_further,
    "beyond": beyond,
    "absurd versions": lambda name, request: PullResponse(
        clock=clock(), entries=[Entry(key="k", value="poison", version=b"\xff" * 12)]
    ),
    "no version": lambda name, request: PullResponse(
        clock=clock(), entries=[Entry(key="k", value="poison")]
    ),
    "no key": lambda name, request: PullResponse(
        clock=clock(), entries=[Entry(value="poison", version=version(-1))]
    ),
    "a key too long": lambda name, request: PullResponse(
        clock=clock(), entries=[Entry(key="k" * 100_000, value="poison", version=version(-1))]
    ),
    "not utf-8": lambda name, request: b"\x12\x03\x0a\x01\xff",
}


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("method", ["Pull", "PullDifferences"])
def test_rubbish_pages_are_refused_and_asked_for_calmly(
    among_fakes: AmongFakes, method: str, kind: str
) -> None:
    """Nothing of them is stored, the log says why, and they are not asked for in a frenzy."""
    lone, start = among_fakes, len(among_fakes.server.log())
    held = lone.server.status().keys
    lone.script.answers["Compare"] = many_differ
    if method == "Pull":
        lone.script.answers["CheckHealth"] = behind(lone)
    lone.script.answers[method] = PAGES[kind]
    word = "cannot catch up with" if method == "Pull" else "stopped comparing with"
    eventually(lambda: word in lone.server.log(start), f"it says that it {word}")
    before = lone.script.asked[method]
    lone.script.asked["CheckHealth"] = 0
    lone.wait_asked("CheckHealth", 8)  # 4 rounds with each peer: 0.2 s
    assert lone.script.asked[method] - before < 40
    assert lone.server.status().keys == held


def test_peer_that_never_stops_having_more_is_not_pulled_in_a_frenzy(
    among_fakes: AmongFakes,
) -> None:
    """A confirmation that always names more missed writes makes no loop without a rest."""
    lone, start = among_fakes, len(among_fakes.server.log())
    lone.script.answers["CheckHealth"] = behind(lone)
    lone.script.answers["ConfirmPull"] = lambda name, request: ConfirmPullResponse(
        clock=clock(), missed_since=version()
    )
    lone.wait_asked("ConfirmPull", 2)
    lone.script.asked.clear()
    lone.wait_asked("CheckHealth", 8)
    assert lone.script.asked["ConfirmPull"] < 20
    use(lone)
    assert lone.server.log(start).count("\n") < 200


def test_huge_entries_from_a_peer_do_not_pile_up(among_fakes: AmongFakes) -> None:
    """Page after page of 4 MiB is taken in and let go of again."""
    lone = among_fakes
    entry = Entry(key=lone.key(held=True), value="x" * 4 * MIB, version=version(-1))
    lone.script.answers["Compare"] = many_differ
    lone.script.answers["PullDifferences"] = lambda name, request: PullDifferencesResponse(
        clock=clock(), entries=[entry]
    )
    lone.wait_asked("PullDifferences", 4)
    before = memory_mib(lone.server)
    lone.script.asked.clear()
    lone.wait_asked("PullDifferences", 8)
    assert memory_mib(lone.server) - before < 50
    lone.server.put(entry.key, "small again")

"""Bugs planted into what a majority decides: each rule of the protocol, left out.

What each rule is for is played in small in tests/linear (rules.py). Some need many thousand
histories to show here, so each has a test in which the moment that it is for is set up by hand.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace as changed
from typing import Any

from kvcluster.cluster.deciding.acceptor import Acceptor
from kvcluster.cluster.deciding.decider import Decider
from kvcluster.cluster.deciding.majorities import Majorities
from kvcluster.cluster.deciding.turns import tell
from kvcluster.cluster.peers.voting import Voting
from kvcluster.cluster.requests.writes import Writes
from kvcluster.cluster.writing.outcome import Outcome
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.ballots import Seen
from kvcluster.storage.promises import Promises
from kvcluster.storage.store import Store
from tests.sim.planting import planted, replace


@planted(
    pinned_by="cluster/test_deciding_rules.py::test_what_a_reader_was_told_the_next_one_is_told_too"
)
def read_what_a_majority_holds_without_handing_it_on(stack: contextlib.ExitStack) -> None:
    """The newest of a majority is told, though the next reader may not see it."""

    async def take_for_done(self: Any, *parts: Any) -> bool:
        return True

    replace(stack, Majorities, "_hand_over", take_for_done)


@planted(
    found_by=60,
    pinned_by="cluster/test_deciding_rules.py::test_a_condition_that_failed_has_failed_for_ever",
)
def answer_a_condition_from_what_is_not_chosen(stack: contextlib.ExitStack) -> None:
    """It fails on what only one replica holds."""
    conclude = Decider._conclude

    async def conclude_at_once(self: Any, key: str, several: Any, proposal: Any, end_s: Any) -> Any:
        if not proposal.decision.writes:
            proposal = changed(proposal, left=None)
        return await conclude(self, key, several, proposal, end_s)

    replace(stack, Decider, "_conclude", conclude_at_once)


@planted(
    found_by=30,
    pinned_by="cluster/test_deciding_rules.py::"
    "test_who_was_overtaken_between_his_promises_and_his_write_has_not_won",
)
def count_who_has_something_newer_for_a_majority(stack: contextlib.ExitStack) -> None:
    """As for a plain put: who was overtaken is acknowledged."""
    as_sent = Outcome.as_sent
    replace(stack, Outcome, "as_sent", lambda self, at: as_sent(self, at) + self.newer_at(at))


@planted(
    pinned_by="cluster/test_deciding_rules.py::"
    "test_who_was_overtaken_between_his_promises_and_his_write_has_not_won",
)
def write_again_what_was_not_accepted(stack: contextlib.ExitStack) -> None:
    """In a newer ballot, as a plain put is renewed; but it may be chosen in the first."""
    accept = Decider._accept

    async def accept_or_renew(self: Any, key: str, left: Any, deadline_s: float) -> Any:
        try:
            return await accept(self, key, left, deadline_s)
        except OutcomeUnknown:
            (ballot,) = self._ballots(1)
            return await accept(self, key, changed(left, version=ballot), deadline_s)

    replace(stack, Decider, "_accept", accept_or_renew)


@planted(
    found_by=1,
    pinned_by="cluster/test_deciding.py::test_a_round_that_reaches_too_few_leaves_it_unknown",
)
def decide_again_what_may_be_done(stack: contextlib.ExitStack) -> None:
    """The outcome is unknown, so the operation is begun anew."""

    async def conclude_or_again(self: Any, key: str, several: Any, proposal: Any, end: Any) -> Any:
        acknowledged = 0
        try:
            if proposal.left is not None:
                acknowledged = await self._accept(key, proposal.left, end)
        except OutcomeUnknown:
            return await self._decide_for(key, several)
        return tell(several, proposal.decision, acknowledged, self._membership.replica_count)

    replace(stack, Decider, "_conclude", conclude_or_again)


@planted(found_by=5)
def decide_several_in_one_version(stack: contextlib.ExitStack) -> None:
    """All that wait for a key get the version of the last."""
    ballots = Decider._ballots
    replace(stack, Decider, "_ballots", lambda self, count: ballots(self, count)[-1:] * count)


@planted(pinned_by="cluster/test_deciding_rules.py::test_what_is_accepted_is_what_was_promised_for")
def prepare_the_first_of_several_versions(stack: contextlib.ExitStack) -> None:
    """And accept the last, which nobody has promised anything for."""
    ballots, prepare = Decider._ballots, Majorities.prepare

    def ballots_and_note(self: Any, count: int) -> Any:
        made = ballots(self, count + 50)
        self._majorities.first = made[0]
        return made[50:]

    async def prepare_first(self: Any, key: str, ballot: Any, deadline_s: float) -> Any:
        return await prepare(self, key, self.first, deadline_s)

    replace(stack, Decider, "_ballots", ballots_and_note)
    replace(stack, Majorities, "prepare", prepare_first)


@planted(
    pinned_by="cluster/test_deciding_rules.py::"
    "test_a_promise_tells_of_what_was_on_its_way_to_the_journal"
)
def promise_before_what_was_taken_is_applied(stack: contextlib.ExitStack) -> None:
    """What stands in the journal is not among what is told."""
    promise = Acceptor.promise

    async def promise_at_once(self: Any, wanted: Any, deadline_s: float) -> Any:
        told = self.held_of([it.key for it in wanted])
        promised = await promise(self, wanted, deadline_s)
        if promised is None or told is None:
            return promised
        return [changed(it, held=old.held) for it, old in zip(promised, told, strict=True)]

    replace(stack, Acceptor, "promise", promise_at_once)


@planted(pinned_by="storage/test_promises.py::test_a_promise_is_kept_by_what_reaches_it")
def keep_promises_in_memory_only(stack: contextlib.ExitStack) -> None:
    """Whoever starts anew has promised nothing."""

    def promise(self: Any, wanted: Any) -> Any:
        given = [it for it in wanted if self.promises.give(it.key, it.ballot)]
        self.table.decided |= bool(given)
        return self.journal.write([])

    replace(stack, Store, "promise", promise)
    replace(stack, Promises, "messages", lambda self: [])


@planted(
    pinned_by="cluster/test_deciding.py::"
    "test_what_a_replica_refused_is_not_read_there_until_it_has_it"
)
def take_everything_whatever_was_promised(stack: contextlib.ExitStack) -> None:
    """A promise keeps nothing out."""
    replace(stack, Promises, "refuse", lambda self, entries: [])


@planted(
    pinned_by="cluster/test_deciding.py::"
    "test_what_a_replica_refused_is_not_read_there_until_it_has_it"
)
def heal_whatever_was_promised(stack: contextlib.ExitStack) -> None:
    """What is pulled, or handed over, is taken below a promise."""
    write = Store.write

    def write_anyway(self: Any, entries: Any, hints: Any = (), drops: Any = (), **more: Any) -> Any:
        is_pulled = bool(entries) and not hints
        return write(self, entries, hints, drops, whatever_was_promised=is_pulled)

    replace(stack, Store, "write", write_anyway)


@planted(
    pinned_by="cluster/test_deciding.py::"
    "test_who_lost_its_disk_does_not_count_until_nothing_can_be_forgotten"
)
def vote_at_once_after_the_disk_was_lost(stack: contextlib.ExitStack) -> None:
    """What it forgot does not matter."""

    def refusal(self: Any) -> str:
        return ""

    replace(stack, Voting, "refusal", property(refusal))


@planted(
    pinned_by="cluster/test_deciding_rules.py::"
    "test_a_plain_put_that_meets_what_was_decided_is_not_sent_again"
)
def renew_plain_puts_on_decided_keys(stack: contextlib.ExitStack) -> None:
    """A put that met something newer is sent again, as it always was."""
    replace(stack, Writes, "_must_go_again", lambda self, *parts: True)


@planted(
    found_by=218,
    pinned_by="cluster/test_deciding_rules.py::test_what_a_reader_was_told_the_next_one_is_told_too",
)
def take_any_newest_for_chosen(stack: contextlib.ExitStack) -> None:
    """Enough have answered; that they differ is not looked at."""
    replace(stack, Seen, "is_chosen", property(lambda self: self.is_enough))

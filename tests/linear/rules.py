"""The rules of the protocol, each of which can be left out, to see what it is there for.

The protocol is CASPaxos (Rystsov, "CASPaxos: Replicated State Machines without logs", 2018) where a
ballot is the version of an entry, and to accept is to store; plain puts go on beside it as they do
on any key. What a rule is worth is shown by playing without it: `test_protocol.py` and
`python -m tests.linear.play`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """All of them as they should be. Each `False` leaves one out."""

    # Reading, and conditions that fail.
    reads_hand_over: bool = True
    """A read that finds copies that differ makes the newest one chosen before it is answered."""
    mismatch_is_chosen: bool = True
    """A condition that fails is only told where what it failed on is on a majority."""
    old_reads_hand_nothing_over: bool = True
    """What was read longer ago than messages may be old is not handed over any more."""
    handing_over_respects_promises: bool = True

    # Writing.
    superseded_is_not_stored: bool = True
    """Only replicas that stored this very entry count for an accept, not those that had a newer."""
    accepts_are_not_renewed: bool = True
    """A refused accept is not sent again in a higher version."""
    nothing_is_run_again: bool = True
    """An operation of unknown outcome is not begun again."""
    each_has_a_version: bool = True
    """Operations that are combined into one entry have a version each."""
    last_is_prepared: bool = True
    """What is prepared is the ballot that is accepted, and not the first of the round."""

    # Promises.
    promises_are_kept: bool = True
    """They are on disk before they are told."""
    promises_wait: bool = True
    """They are told when all that was in the journal before is applied."""
    promises_never_age: bool = True
    healing_respects_promises: bool = True
    holding_respects_promises: bool = True
    replay_asks_nobody: bool = True
    """What is below a promise is refused before it enters the journal, not when it is applied."""

    # Who votes.
    lost_disks_abstain: bool = True
    """A replica that lost its disk does not vote until it has compared with others..."""
    lost_disks_wait: bool = True
    """...and until no message of its former life can be on its way."""
    they_wait_before_they_compare: bool = True
    whole_means_from_voters: bool = True
    """Only a comparison with one that votes itself counts."""
    repair_ignores_promises: bool = True
    """While it is made whole a replica stores what others hold whatever is promised."""
    old_messages_are_refused: bool = True

    # Plain puts beside.
    plain_puts_ask_the_key: bool = True
    """On a key that holds a decided version a plain put goes the long way; one that meets such a
    version or a promise is not renewed."""
    plain_puts_are_renewed_safely: bool = True
    """One that may be on a majority as it was sent, for all that its coordinator knows, is not
    renewed either."""
    plain_copies_count_if_they_vote: bool = True
    """Only copies of replicas that vote make a plain put one that a majority acknowledged."""

    def without(self, *names: str) -> Rules:
        """These left out."""
        return dataclasses.replace(self, **dict.fromkeys(names, False))


ALL = Rules()
NAMES = tuple(field.name for field in dataclasses.fields(Rules))

"""Expiry: what it means that a key has a time to live. Decides only.

**An expired entry is a tombstone of the same version.** From its time on every replica sees it so
by itself: nothing is written, sent or decided when a key expires. So there is no storm of deletes,
no race with a newer put, and a key goes at its second at any load. (Redis has the primary delete:
with many keys not yet due, what expired was told of a minute and a half late.)

The time at which it goes is a number in the entry, made once, by the node that coordinates the put,
from the *town clock* (town_clock.py). Entries are tuples of value and version (entry.py); the
expiry stands beside them, for the few that have one. Zero: never.

**Two copies of one version** may be a value and a tombstone, because the time has come for one of
them only, or has come and gone back. That is no conflict, and the alarm stays silent. A copy whose
value was let go of before its time, by a clock that was wrong, takes the value from another. Other
expiries of one version are damage: something lost one, so the later of the two stays.

**A condition sees an expired key for a little longer** than a plain read (`LINGER_MS`): whoever
holds a lock stops at its expiry, by a clock that may be a little behind, before his successor can
begin.
"""

from __future__ import annotations

from typing import NamedTuple

from kvcluster.errors import BadRequest
from kvcluster.model.entry import Entry, Verdict, is_tombstone, judge

LINGER_MS = 2_000
"""More: a lock whose holder died is free later. Less: clocks must agree better than this."""
LEAST_LIFE_MS = 1_000
"""Less could be over before the answer is there."""
MOST_LIFE_MS = 315_576_000_000
"""Ten years. More is a mistake in the unit."""
PAST_MS = 60_000
"""An expiry may be so long ago when it is asked for: the key may have expired on the way."""


class Life(NamedTuple):
    """An entry, and when it expires; 0: never."""

    entry: Entry
    expires_ms: int


def has_come(expires_ms: int, now_ms: int) -> bool:
    """Whether an expiry is one, and is over."""
    return 0 < expires_ms <= now_ms


def seen_at(entry: Entry, expires_ms: int, now_ms: int) -> Entry:
    """What a read sees of an entry at a time."""
    return (None, entry[1]) if has_come(expires_ms, now_ms) else entry


def judge_lives(new: Life, held: Life, now_ms: int) -> Verdict:
    """Say what a new entry is to the one that is held, where one of them at least has an expiry."""
    verdict = judge(new.entry, held.entry)
    if verdict is Verdict.NEWER or verdict is Verdict.OLDER:
        return verdict
    if new.expires_ms != held.expires_ms:
        won = new.expires_ms > held.expires_ms
        return Verdict.CONFLICT_WON if won else Verdict.CONFLICT_LOST
    if is_tombstone(new.entry):
        return Verdict.SAME
    if is_tombstone(held.entry):
        return Verdict.SAME if has_come(held.expires_ms, now_ms) else Verdict.NEWER
    return verdict


def expiry_of(ttl_ms: int, expires_ms: int, now_ms: int) -> int:
    """When a key expires that is to live for so long from now on, or until then; 0: never."""
    return now_ms + ttl_ms if ttl_ms else expires_ms


def check_ttl(ttl_ms: int) -> None:
    """Raise BadRequest, with the value and the limits, if no key can live for so long."""
    if not LEAST_LIFE_MS <= ttl_ms <= MOST_LIFE_MS:
        raise BadRequest(
            f"the time to live is {ttl_ms:,} ms, allowed are {LEAST_LIFE_MS:,} to"
            f" {MOST_LIFE_MS:,} (1 s to 10 years)"
        )


def check_expiry(expires_ms: int, now_ms: int) -> None:
    """Raise BadRequest, likewise, if no key can expire at that time."""
    least_ms, most_ms = now_ms - PAST_MS, now_ms + MOST_LIFE_MS
    if not least_ms <= expires_ms <= most_ms:
        raise BadRequest(
            f"the expiry is {expires_ms:,} ms since 1970, allowed are {least_ms:,} to {most_ms:,}"
            " (a minute ago to 10 years ahead)"
        )

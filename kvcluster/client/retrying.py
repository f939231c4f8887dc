"""Retrying: how often, and after what rest, so that a sick cluster is not made sicker.

The budget is the one of gRPC's own retry throttling (proposal A6): a bucket of ten tokens. Whatever
is tried again takes one, an answered call gives a tenth back, and from half down nobody retries. A
single fault is passed over at once; where every call fails, calls are made once and fail, instead
of several times.

It counts what failed, not how often. A thousand operations that are tried again together cost one
token, and so does one that is tried again and again until its timeout: rests keep it from doing
harm. Rejected: a token for each try. One key without a live replica took them all, and the first
failure of a client was told as too many.

gRPC's own retryPolicy is not used. It repeats a call on the one channel that it belongs to, that
is, at the node that just failed, and it cannot tell "refused" from "delivered, and the connection
broke": both are UNAVAILABLE, and a write must not be repeated after the second. For reads it would
be safe, and buys nothing: asking another node is what helps. What gRPC repeats by itself, calls
that never left this machine or that a server has certainly not looked at, it still repeats.

Rests double from a tenth of a second to two, and are drawn between the half and the whole, so that
clients that failed together do not come back together.

Who changes a key that somebody else changed first (`update`) was not refused by a sick cluster, and
waits much less: a moment of anything from nothing on, which doubles each time. That is worth more
than a fixed one: of those who meet at one key each comes through in his turn.
"""

from __future__ import annotations

OVERSTRAINED = "; it is not tried again, since too many calls of this client fail"
"""The end of the sentence where the budget did not pay."""
_TOKENS = 10.0
_REFUND = 0.1
_FIRST_REST_S = 0.1
_LONGEST_REST_S = 2.0
_FIRST_WAY_S = 0.004
_LONGEST_WAY_S = 0.25


class RetryBudget:
    """How many retries a client has left."""

    def __init__(self) -> None:
        self._tokens = _TOKENS

    def succeeded(self) -> None:
        """A node answered a call."""
        self._tokens = min(_TOKENS, self._tokens + _REFUND)

    def spend(self) -> bool:
        """Whether something that failed may be tried again, from now on; counts it."""
        if self._tokens <= _TOKENS / 2:
            return False
        self._tokens -= 1
        return True


def rest_s(failures: int, chance: float) -> float:
    """How long to rest after so many failures in a row, in seconds. `chance`: from 0 to 1."""
    longest_s = min(_LONGEST_REST_S, _FIRST_REST_S * 2.0 ** min(failures - 1, 10))
    return longest_s * (0.5 + 0.5 * chance)


def give_way_s(failures: int, chance: float) -> float:
    """How long to rest after others came first so many times in a row. `chance`: from 0 to 1."""
    return chance * min(_LONGEST_WAY_S, _FIRST_WAY_S * 2.0 ** min(failures, 10))

"""Recipes: a lock, a counter, an election, made of conditions and keys that expire.

    from kvcluster.recipes import Lock, Counter, Election            # with a Client
    from kvcluster.recipes import AsyncLock, AsyncCounter, AsyncElection

    lock.py         who holds something, for so long, and since when
    counter.py      a number that many add to
    election.py     who leads
    course.py       how a recipe is carried out, with either client

They stand on the public library alone, and no node knows of them: whoever wants another recipe can
write it in the same way. Each says what it does not protect.
"""

from __future__ import annotations

from kvcluster.recipes.counter import AsyncCounter, Counter
from kvcluster.recipes.election import AsyncElection, Election
from kvcluster.recipes.lock import AsyncLock, Lock

__all__ = ["AsyncCounter", "AsyncElection", "AsyncLock", "Counter", "Election", "Lock"]

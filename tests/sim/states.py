"""Interesting states: what histories are played for, and whether they got there.

A simulator that never has a full disk meet a hint proves nothing about that, however many seeds it
plays; and a change of the draw, or of the store, may end it without anybody noticing. So such
states are named here, and counted wherever they can be seen (`World.saw`). A run of many histories
fails if one of them was never reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

STATES: dict[str, bool] = {
    "a write was acknowledged without a replica": True,
    "a replica had something newer than what it was sent": True,
    "a hint met a full disk": False,
    "a batch of puts went the short way": True,
    "a batch of gets went the short way": True,
    "a block was copied to a replica": False,
    "a block met something newer": False,
    "a block was not understood by an older node": False,
    "an older node did not know PutMany": False,
    "a debt was paid": True,
    "a debt took several pages": True,
    "a debt met a reset": False,
    "a debtor died": False,
    "a debtor's teller died": False,
    "a tombstone was dropped": True,
    "a tombstone was dropped while somebody was down": False,
    "a tombstone was dropped while somebody was frozen": False,
    "a folder was lost that held a tombstone": False,
    "a folder was lost while somebody was away": False,
    "a missed write was told over a slow way": False,
    "a message came too late and was refused": False,
    "a process noticed that it had been stopped": False,
    "a machine noticed that it had slept": False,
    "a node was refused by more than half for its clock": False,
    "all clocks were days behind what is on disk": False,
    "a process died in the middle of a checkpoint": False,
    "a process left a torn frame": False,
    "a start was cut short": False,
    "a key with an expiry was held": True,
    "an expired key was forgotten": False,
    "a read was answered by the only node that was up": False,
    "a scan said that something was missing": False,
    "a stranger was refused": True,
}
"""Each, and whether twelve histories in a row surely reach it."""


def never(reached: Mapping[str, int]) -> list[str]:
    """Which of them were not reached."""
    return [state for state in STATES if not reached.get(state)]


def told(reached: Counter[str]) -> str:
    """How often each was, for people."""
    return "\n".join(f"  {reached[state]:10,}  {state}" for state in STATES)

"""Asking: how it is told that no node could do what was asked, and whether anything was written.

Which node is asked, and who next when that one cannot, is the library's (client/raw.py). A write
whose outcome is unknown is not sent again, since a second try could overwrite what somebody else
wrote in between; waiting longer would not make it certain either.
"""

from __future__ import annotations

from collections.abc import Callable

from kvcluster.console.output import sentence
from kvcluster.console.screen import Exit, closed, complain
from kvcluster.errors import CERTAIN, BadRequest, KvError, OutcomeUnknown


def read(work: Callable[[], int]) -> int:
    """Do work that reads; return the exit code."""
    try:
        return work()
    except KvError as error:
        return _give_up(error, writing=False)


def write(work: Callable[[], int]) -> int:
    """Do work that writes; return the exit code."""
    try:
        return work()
    except KeyboardInterrupt:
        complain("Interrupted; the write may have happened. Read the key to find out.")
        return Exit.INTERRUPTED
    except KvError as error:
        return _give_up(error, writing=True)


def _give_up(error: KvError, *, writing: bool) -> int:
    """Say why it did not work, node by node, and whether anything may have been written."""
    if isinstance(error, BadRequest):
        complain(f"Refused: {closed(str(error).removesuffix(CERTAIN) + CERTAIN * writing)}")
        return Exit.BAD_USAGE
    for node, reason in error.reasons.items():
        complain(f"{node}: {closed(reason)}")
    if isinstance(error, OutcomeUnknown):
        complain("The write may have happened, or not. Read the key to find out.")
    elif not error.reasons:
        complain(sentence(error))
    elif writing:
        complain("Nothing was written.")
    return Exit.UNKNOWN

"""Greeting: what a node tells the person in front of its terminal when it begins and when it ends.

The first lines say what runs here and where its data is, the last whether it is complete.
"""

from __future__ import annotations

import logging
import sys

from kvcluster.errors import DiskFailed
from kvcluster.node import Node

log = logging.getLogger("kvcluster")


def say_hello(node: Node, addresses: list[str]) -> None:
    """Tell the person in front of the terminal what runs here."""
    log.info("NODE  %s listens on %s", node.membership.name, ", ".join(addresses))
    log.info("NODE  its peers are %s", ", ".join(node.membership.peers) or "none")
    log.info(
        "NODE  each key is on %d of %d nodes, %s of 4,096 slots are here",
        node.membership.replica_count,
        len(node.membership.members),
        f"{len(node.membership.held):,}",
    )
    holds = "new, empty" if node.store.found.new else f"keys: {node.store.table.live:,}"
    log.info("NODE  its data is in %s, %s", node.store.path.absolute(), holds)
    if not node.store.fsync:
        log.warning("NODE  --fsync never: a power cut may take acknowledged writes")


def say_goodbye(node: Node) -> int:
    """Tell how the stop went; return the exit code."""
    if node.failed.done():
        say_why_failed(node.failed.exception())
        return 1
    if node.store.checkpoint_error:
        log.warning("STOP  %s; what it lacks is in the journal", node.store.checkpoint_error)
    else:
        log.info("STOP  %s is complete; goodbye", node.store.path.name)
    return 0


def say_why_refused(sentence: str, log_format: str) -> None:
    """Why it does not start: as any program says what is wrong with its arguments, or as JSON."""
    if log_format == "json":
        log.critical("STOP  %s", sentence)
    else:
        print(sentence, file=sys.stderr)


def say_why_failed(error: BaseException | None) -> None:
    """A broken disk is told in a sentence; anything else is our bug, with its traceback."""
    trace = None if isinstance(error, DiskFailed) else error
    log.critical("STOP  %s; this node stops at once", error, exc_info=trace)

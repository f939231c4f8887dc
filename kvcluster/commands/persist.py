"""`client.py persist`: let a key never expire."""

from __future__ import annotations

from kvcluster.commands.command import Call, Command, Work
from kvcluster.commands.lifetimes import changing
from kvcluster.console.arguments import word


def _prepare(call: Call) -> Work:
    return changing(
        call,
        lambda store, key: store.persist(key, timeout_s=call.timeout_s),
        "it never expires",
    )


COMMAND = Command(
    text="let a key never expire",
    usage="persist KEY",
    epilog="""\
examples:
  client.py persist session/7

exit codes:
  0  it never expires
  1  the key is not there
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached, or the outcome is unknown
""",
    arguments=(word("key", "the key"),),
    prepare=_prepare,
)

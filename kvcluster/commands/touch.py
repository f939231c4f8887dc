"""`client.py touch`: let a key live for so long from now on."""

from __future__ import annotations

from kvcluster.commands.command import Call, Command, Work
from kvcluster.commands.lifetimes import changing
from kvcluster.console.arguments import ttl, word
from kvcluster.view.wording import duration


def _prepare(call: Call) -> Work:
    ttl_s: float = call.options.ttl
    return changing(
        call,
        lambda store, key: store.touch(key, ttl_s, timeout_s=call.timeout_s),
        f"it expires in {duration(ttl_s)}",
    )


COMMAND = Command(
    text="let a key live for so long from now on",
    usage="touch KEY --ttl D",
    epilog="""\
The value stays, if nobody puts another one in the same moment: then that one is
given the time.

examples:
  client.py touch session/7 --ttl 30m

exit codes:
  0  it expires then
  1  the key is not there
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached, or the outcome is unknown
""",
    arguments=(
        word("key", "the key"),
        ttl("how long: 30s, 5m, 12h, 7d", required=True),
    ),
    prepare=_prepare,
)

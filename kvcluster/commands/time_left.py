"""`client.py ttl`: how long a key has left to live."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from kvcluster.commands import keys, only_if
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console.arguments import flag, word
from kvcluster.console.screen import Exit, complain, emit, say, shown
from kvcluster.view.wording import duration

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient


def _prepare(call: Call) -> Work:
    return partial(keys.asker(call), partial(_tell, call))


def _tell(call: Call, store: RawClient) -> int:
    """Print it."""
    key: str = call.options.key
    answer = store.get(key, call.timeout_s, linearizable=call.options.linearizable)
    left_s = max(0.0, answer.expires_ms / 1000 - time.time()) if answer.expires_ms else None
    if call.json:
        emit(key=key, found=answer.found, ttl_s=left_s, **only_if.lifetime(answer))
    elif not answer.found:
        complain(f'There is no key "{shown(key)}".')
    elif left_s is None:
        say("it never expires")
    else:
        say(f"{duration(left_s)} left, it expires at {only_if.expiry(answer)}")
    return Exit.DONE if answer.found else Exit.NOT_SO


COMMAND = Command(
    text="print how long a key has left to live",
    usage="ttl KEY",
    epilog="""\
What is left is told by the clock of this machine; the nodes let a key expire by
one that they agree on.

examples:
  client.py ttl session/7
  client.py ttl session/7 -o json

exit codes:
  0  printed, also if it never expires
  1  the key is not there
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached
""",
    arguments=(
        word("key", "the key"),
        flag("--linearizable", text="ask a majority"),
    ),
    prepare=_prepare,
)

"""`client.py incr`: add to a number, in one step, whoever else does.

It reads, adds, and puts on the condition that nothing came in between, again and again until the
timeout (client/aio_changing.py). An unknown outcome is told, and not tried again: it could count
twice.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kvcluster.commands import keys
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console.arguments import argument, signed_number, word
from kvcluster.console.screen import Exit, emit, say

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient


def _prepare(call: Call) -> Work:
    return partial(keys.asker(call, writes=True), partial(_add, call))


def _add(call: Call, store: RawClient) -> int:
    """Add, and print what it is then."""
    from kvcluster.recipes.counter import number_in

    key, number = call.options.key, call.options.number
    held = store.update(key, lambda old: str(number_in(old) + number), timeout_s=call.timeout_s)
    assert held is not None
    if call.json:
        emit(key=key, value=number_in(held.value), version=str(held.version))
    else:
        say(str(held.value))
    return Exit.DONE


COMMAND = Command(
    text="add to the number under a key",
    page="incr KEY [N]          add 1 or N to a number, and print what it is then",
    epilog="""\
Nothing that others add meanwhile is lost. A key that is not there counts as 0.
One that expires does so when it would have. Where the outcome is unknown it is
not tried again, since it could count twice.

examples:
  client.py incr visits
  client.py incr visits 10
  client.py incr stock -- -1

exit codes:
  0  added; what it is now is printed
  2  bad usage, or what is there is no number
  3  no node could be reached, others came first until the timeout, or the
     outcome is unknown: perhaps it was counted
""",
    arguments=(
        word("key", "the key"),
        argument(
            "number",
            text="how much (default: 1)",
            metavar="N",
            nargs="?",
            type=signed_number,
            default=1,
        ),
    ),
    prepare=_prepare,
)

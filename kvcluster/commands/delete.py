"""`client.py delete`: keys that are named, or all that begin with a prefix (clearing.py).

Removing a key that is not there is no error: what was asked for holds. So it ends with 0, and says
that the key was not there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kvcluster.commands import keys, only_if
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console import arguments, key_remarks
from kvcluster.console.arguments import flag, prefix
from kvcluster.console.screen import Exit, complain, counted, emit, say, shown

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient

    from demo_pb2 import Condition

_ONE_OF_TWO = "give the keys to remove, or --prefix and how they begin; one of the two"


def _prepare(call: Call) -> Work:
    named, prefix = call.options.keys, call.options.beginning
    if prefix is True and len(named) == 1:  # delete user/ --prefix
        named, prefix = [], named[0]
    if prefix is True or bool(named) == (prefix is not None):
        call.refuse(_ONE_OF_TWO)
    condition = only_if.condition_of(call)
    if condition is not None and len(named) != 1:
        call.refuse("a condition is about one key; name it")
    if prefix is not None:
        from kvcluster.commands import clearing

        return partial(clearing.run, call, prefix, agreed=call.options.yes)
    left, ask = list(named), keys.asker(call, writes=True)
    return lambda: _ended(ask(partial(_delete, call, left, condition)), left, len(named))


def _delete(call: Call, left: list[str], condition: Condition | None, store: RawClient) -> int:
    """Remove keys, one after the other; print of each whether it was there."""
    several = len(left) > 1
    while left:
        key = left[0]
        answer = store.delete(key, call.timeout_s, condition=condition)
        if answer.HasField("mismatch"):
            return only_if.did_not_hold(call, key, answer.mismatch, deleted=False)
        twin = "" if answer.found else keys.twin(store, key, call.timeout_s)
        del left[0]
        if call.json:
            emit(key=key, found=answer.found, **keys.written(answer))
            continue
        name = f"{shown(key)}: " if several else ""
        what = "deleted" if answer.found else "was not there"
        say(f"{name}{what}, {keys.acknowledged(store, answer)}")
        if not answer.found and (why := twin or key_remarks.on_pattern(key, "delete --prefix")):
            complain(why)
    return Exit.DONE


def _ended(code: int, left: list[str], count: int) -> int:
    """Say where it ended, if that was too early; the code of the whole."""
    if left and count > 1:
        were = "was" if len(left) == 2 else "were"
        behind = f"{counted(len(left) - 1, 'key')} behind it {were} left alone"
        complain(f'It ended at the key "{shown(left[0])}"; {behind}.')
    return code


COMMAND = Command(
    text="remove keys",
    page="delete KEY...         remove keys; --prefix P removes all that begin with P",
    epilog="""\
Removing a key that is not there is no error. With --prefix the number of keys
is told first and you are asked; --yes is the answer for scripts.

examples:
  client.py delete city
  client.py delete city tree
  client.py delete --prefix user/
  client.py delete lock --if-value me  only if it is still mine

exit codes:
  0  removed, or not there
  1  nothing was deleted: you said no, or a condition does not hold
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached, or the outcome is unknown
""",
    arguments=(
        arguments.keys("*"),
        prefix("remove every key that begins with P"),
        flag("--yes", text="do not ask before that"),
        only_if.IF_VERSION,
        only_if.IF_VALUE,
    ),
    prepare=_prepare,
)

"""`client.py locate`: where a key lives, or would live: its slot, its primary, its replicas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kvcluster.commands import keys
from kvcluster.commands.command import Call, Command, Work
from kvcluster.console.arguments import word
from kvcluster.console.screen import Exit, emit, say
from kvcluster.errors import as_told

if TYPE_CHECKING:
    from kvcluster.client.raw import RawClient


def _prepare(call: Call) -> Work:
    from kvcluster.client.answers import state_word
    from kvcluster.view.census import peer_word

    def ask(store: RawClient) -> int:
        key = call.options.key
        answer = store.locate(key, call.timeout_s)
        if call.json:
            replicas = [
                {"node": it.node, "state": state_word(it.state), "lagging": it.lagging}
                for it in answer.replicas
            ]
            engine = {"engine": answer.engine} if answer.engine else {}
            emit(key=key, slot=answer.slot, replicas=replicas, said_by=answer.node, **engine)
            return Exit.DONE
        if answer.engine:
            say(f'"{key}" lives {as_told(answer.engine)}, as {answer.node} sees it')
            return Exit.DONE
        say(f'"{key}" lives in slot {answer.slot}, as {answer.node} sees it:')
        width = max((len(replica.node) for replica in answer.replicas), default=0)
        for number, replica in enumerate(answer.replicas):
            role = "replica" if number else "primary"
            state = "itself" if replica.node == answer.node else peer_word(replica)
            say(f"  {role}  {replica.node:<{width}}  {state}")
        return Exit.DONE

    return partial(keys.asker(call), ask)


COMMAND = Command(
    text="show which nodes hold a key",
    usage="locate KEY",
    epilog="""\
examples:
  client.py locate city
  client.py locate city -o json

exit codes:
  0  shown, whether the key is there or not
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached
""",
    arguments=(word("key", "the key"),),
    prepare=_prepare,
)

"""The secret of the cluster, in half of the histories, and a stranger who has not got it.

Each message between nodes carries a proof then, made and looked at by the code that servers use
(security/). A proof of a member that is refused breaks the history: no clock, no restart and no
message that a network holds back for a while may make a node take a peer for a stranger. Only what
is older than a minute may be refused for that.

The stranger knows all that `Status` tells: members, incarnations, clocks, the configuration. He
says goodbye in the name of peers, drops live keys, brings deleted ones back, and sets clocks a day
ahead, with no proof, a proof by a guess, one that he has heard, and one that was made for another
node. What he says must never reach a node. He draws nothing from the history's own chance; that he
asks what time it is may shift one by a millisecond.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from typing import TYPE_CHECKING, Any

from kvcluster.errors import KvError
from kvcluster.model.clock import COUNTER_BITS
from kvcluster.security.callers import Rules, Shown
from kvcluster.security.needs import BEAT, PEER, Petition
from kvcluster.security.proof import MOST_AGE_S, Claim, Secrets, Verifier
from tests.cluster.memory import answer

from demo_pb2 import (
    DRAINING,
    DropRequest,
    Entry,
    HealthCheckRequest,
    Heartbeat,
    HoldRequest,
    ReplicateRequest,
)

if TYPE_CHECKING:
    from tests.sim.calls import Call, Process
    from tests.sim.world import World

_OURS = Secrets.of("what all nodes of this history know")
_GUESSED = Secrets.of("what a stranger thinks that it is")
_EVERY_S = 0.3
_DAY_MS = 23 * 3600 * 1000


def keeps_a_secret(seed: int) -> bool:
    """Whether the nodes of a history have one."""
    return seed % 2 == 1


class Secrecy:
    """Proofs on the way, and the stranger."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._rng = random.Random(seed)
        self._nonces = itertools.count()
        self._verifiers: dict[Process, Verifier] = {}
        self._heard: list[str] = []
        """The last proofs that went over the wire."""
        world.network.secrecy = self
        world.loop.later(_EVERY_S, self._forge)

    def prove(self, call: Call) -> str:
        """The proof of a member that a message is its own."""
        request = call.parse(call.request)
        beat = isinstance(request, HealthCheckRequest)
        clock = request.sender.clock if beat else request.clock
        claim = Claim(call.caller, call.callee, clock, f"{next(self._nonces):x}")
        line = _OURS.prove(claim, call.method, call.request)
        self._heard = [*self._heard[-20:], line]
        return line

    def check(self, process: Process, call: Call) -> None:
        """Refuse what no member says. Raises AssertionError if it was a member."""
        try:
            self._admit(process, call.proof, call.method, call.request, call.parse(call.request))
        except KvError as error:
            age_s = (process.node.time.now() - self._clock(call)) / 1000 / (1 << COUNTER_BITS)
            old = call.method != "check_health" and age_s > MOST_AGE_S
            if not old:
                why = f"{call.callee} takes {call.caller} for a stranger: {error}"
                raise AssertionError(why) from error
            raise

    @staticmethod
    def _clock(call: Call) -> int:
        return int(call.proof.split(" ")[3], 16)

    def _admit(self, process: Process, line: str, method: str, data: bytes, request: Any) -> None:
        """As the guard of a server does (server/guard.py). Raises KvError."""
        verifier = self._verifiers.get(process)
        if verifier is None:
            verifier = self._verifiers[process] = Verifier(process.node.membership.name)
        sender, trouble = "", None
        if line:
            now, may_be_old = process.node.time.now(), method == "check_health"
            try:
                sender = verifier.look(_OURS, line, method, data, now, may_be_old=may_be_old).sender
            except KvError as error:
                trouble = error
        shown = Shown(sender=sender, trouble=trouble)
        need = BEAT if isinstance(request, HealthCheckRequest) else PEER
        need.admit(Petition(Rules(secret=True), shown, request, method, 0.0))

    def _forge(self) -> None:
        """The stranger says something to somebody."""
        world, rng = self._world, self._rng
        world.loop.later(_EVERY_S, self._forge)
        awake = [
            it for it in world.network.processes.values() if not (it.life.frozen or it.life.ended)
        ]
        if not awake:
            return
        process = rng.choice(awake)
        peers = process.node.membership.peers
        if not peers or not hasattr(process.node, "peering"):
            return
        self._say(process, rng.choice(peers))

    def _say(self, process: Process, name: str) -> None:
        """In the name of a peer. Whatever becomes of it, no answer comes back to him."""
        method, request = self._lie(process, name)
        line = self._forged(process, name, method, request.SerializeToString())
        try:
            self._admit(process, line, method, request.SerializeToString(), request)
        except KvError:
            self._world.saw("a stranger was refused")
        else:
            process.life.run(self._believe(process, request))

    async def _believe(self, process: Process, request: Any) -> None:
        """It came in, and the judge will see what it did."""
        with contextlib.suppress(KvError):
            await answer(process.node, request, self._world.loop.now_s + 1.0)

    def _lie(self, process: Process, name: str) -> tuple[str, Any]:
        node, rng = process.node, self._rng
        now = node.time.now()
        table = node.store.table
        keys = list(itertools.islice((key for key, _ in table.items()), 20)) or ["k"]
        version = (now - (1 << COUNTER_BITS)).to_bytes(8, "big") + bytes(4)
        entry = Entry(key=rng.choice(keys), deleted=True, version=version)
        stamp: dict[str, Any] = {
            "sender": name,
            "clock": now,
            "configuration": node.membership.digest,
        }
        beat = Heartbeat(
            node=name,
            incarnation=node.peering.peers[name].answered_in or 0,
            clock=now,
            status=DRAINING,
            configuration=node.peering.heartbeats.configuration,
        )
        ahead = stamp | {"clock": now + (_DAY_MS << COUNTER_BITS)}
        lies: list[tuple[str, Any]] = [
            ("check_health", HealthCheckRequest(sender=beat)),
            ("drop", DropRequest(**stamp, tombstones=[entry])),
            ("hold", HoldRequest(**stamp, entries=[entry])),
            ("replicate", ReplicateRequest(**ahead)),
            ("replicate", ReplicateRequest(**stamp, entries=[entry])),
        ]
        return rng.choice(lies)

    def _forged(self, process: Process, name: str, method: str, data: bytes) -> str:
        """A proof that is none."""
        me, now = process.node.membership.name, process.node.time.now()
        nonce = f"{next(self._nonces):x}"
        ways = [
            "",
            _GUESSED.prove(Claim(name, me, now, nonce), method, data),
            _OURS.prove(Claim(name, "elsewhere:1", now, nonce), method, data),
            _OURS.prove(Claim(name, me, now, nonce), method, b"another message"),
            *self._heard,
        ]
        return self._rng.choice(ways)

"""Routing: operations are carried out where their keys live, here or elsewhere. The one door.

Whatever a client asks for, a Put or a Batch, ends up in `carry_out` as a list of operations, and so
does what a peer forwards. Those on one key (a group, batch.py) stay together. A group that only
writes is carried out here if its key lives here; one that reads, only while this node may answer
reads. All others are forwarded, those for one node in one call: to the primary, or to the next live
replica when the primary is down (forwarding.py). What a node refuses for certain goes to the next
replica, together with whatever else goes there: so a batch costs about as many calls as there are
nodes. Where no replica can answer yet, it waits for the first that can.

Groups that only read are forwarded apart from those that write. A call that may have been carried
out is not repeated if it writes (forwarding.py), and a read must not be lost to that rule because
of its company.

Where a majority decides, the primary is asked by preference, so that rivals meet there; any replica
whose word counts will do. A group that only reads by majority is read by this node, if it may.

Each operation succeeds or fails for itself. That this node cannot take anything now fails them all,
before anything is done.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.requests.batch import Batch, Group
from kvcluster.cluster.requests.coordinator import Coordinator
from kvcluster.cluster.requests.forwarding import Forwarding, may_ask_next, may_pass
from kvcluster.cluster.requests.translation import forward_of, outcome_in, outcome_of
from kvcluster.errors import KvError, NothingWritten, NotReady, PeerRefused
from kvcluster.model.operation import Operation
from kvcluster.model.readiness import Status
from kvcluster.model.slots import slot_of
from kvcluster.wire.answered import Outcome, within_room

Calls = dict[tuple[str, bool], list[Group]]
"""By the node that is asked, and whether only reads go there: what it is asked for."""


class Router(OnGround):
    """Carries out operations. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, coordinator: Coordinator, forwarding: Forwarding) -> None:
        super().__init__(ground)
        self._coordinator = coordinator
        self._forwarding = forwarding

    async def carry_out(
        self, operations: Sequence[Operation | KvError], deadline_s: float
    ) -> list[Outcome]:
        """Do what a client asks for, wherever it must be done; what came of each, in their order.

        Raises NotReady, or why peers disagree.
        """
        sleeps = self._gate.sleeps
        if not self._gate.readable:  # until then nobody knows who is alive
            reads = not any(isinstance(it, Operation) and it.writes for it in operations)
            await self._gate.until_writable(deadline_s, reads=reads)
        batch = Batch(operations, self._coordinator.must_decide)
        here, elsewhere = self._split(batch.groups)
        if elsewhere:
            forwarded = self._do_elsewhere(batch, elsewhere, deadline_s, sleeps)
            await asyncio.gather(forwarded, self._do_here(batch, here, deadline_s))
        else:
            await self._do_here(batch, here, deadline_s)
        return within_room(batch.outcomes, self._settings)

    async def carry_out_one(self, operation: Operation, deadline_s: float) -> Outcome:
        """The same for one operation. Raises NothingWritten for what was not done.

        Most can be carried out here at once. There is nothing to divide then, and nothing to keep
        books of (which would take as long as a get itself, and a third of a put).
        """
        ready = self._gate.writable if operation.writes else self._gate.readable
        plain = not self._coordinator.must_decide(operation)
        if ready and plain and self._is_here(operation.key, operation.reads):
            (done,) = await self._coordinator.carry_out([operation], deadline_s)
            outcomes = [outcome_of(operation.kind, done, self._membership.name)]
            return within_room(outcomes, self._settings)[0]
        (outcome,) = await self.carry_out([operation], deadline_s)
        return outcome

    async def carry_out_here(
        self, operations: Sequence[Operation | KvError], deadline_s: float
    ) -> list[Outcome]:
        """Do what another node forwarded, here or not at all. Raises NotReady."""
        self._gate.refuse_if_draining()
        batch = Batch(operations, self._coordinator.must_decide)
        here, elsewhere = self._split(batch.groups, is_forwarded=True)
        for group in elsewhere:
            if group.slot in self._membership.held:
                batch.fail(group, self._not_here(group))
            else:
                why = PeerRefused(f"{self._membership.name} holds no replica of the key")
                batch.fail(group, why)
        await self._do_here(batch, here, deadline_s)
        return within_room(batch.outcomes, self._settings)

    def _split(
        self, groups: list[Group], *, is_forwarded: bool = False
    ) -> tuple[list[Group], list[Group]]:
        """Those that this node can carry out now, and the others. `is_forwarded`: somebody chose
        this node for them.
        """
        here: list[Group] = []
        elsewhere: list[Group] = []
        for group in groups:
            if group.decides:
                mine = self._can_decide(group) and (is_forwarded or self._is_first(group))
            else:
                ready = self._gate.readable if group.reads else self._gate.writable
                mine = ready and self._is_here(group.key, group.reads)
            (here if mine else elsewhere).append(group)
        return here, elsewhere

    def _is_here(self, key: str, reads: bool) -> bool:
        """Whether a key is here; for a read: with all that others have acknowledged."""
        behind = self._store.promises.behind
        return slot_of(key) in self._membership.held and not (reads and behind and key in behind)

    def _can_decide(self, group: Group) -> bool:
        """Whether this node may coordinate what a majority decides."""
        held = group.slot in self._membership.held
        return held and self._gate.writable and not self._coordinator.decider.refusal

    def _is_first(self, group: Group) -> bool:
        """Whether nobody is to be preferred to this node: for a read, or where the primary is not
        there.
        """
        primary = self._membership.replicas(group.slot)[0]
        others = self._forwarding.candidates(group.slot, reads=False)
        return not group.writes or primary == self._membership.name or primary not in others

    def _not_here(self, group: Group) -> KvError:
        """Why this node does not carry out a group now, though it holds the key."""
        refusal = self._coordinator.decider.refusal
        if group.decides and refusal:
            return NotReady(f"{self._membership.name} {refusal}")
        if self._gate.readable:
            return NotReady(f"{self._membership.name} may lack what others hold of the key")
        return self._gate.not_ready()

    async def _do_here(self, batch: Batch, groups: list[Group], deadline_s: float) -> None:
        if not groups:
            return
        operations = batch.operations_of(groups)
        try:
            done = await self._coordinator.carry_out(list(operations.values()), deadline_s)
        except NothingWritten as error:
            for group in groups:
                batch.fail(group, error)
            return
        name, each = self._membership.name, zip(operations.items(), done, strict=True)
        batch.settle({place: outcome_of(op.kind, what, name) for (place, op), what in each})

    async def _do_elsewhere(
        self, batch: Batch, groups: list[Group], deadline_s: float, sleeps: int
    ) -> None:
        """Ask replicas until each group has an answer, or nobody is left who could give one."""
        while groups := self._still_wanted(batch, groups, sleeps):
            calls, stuck = self._next_calls(groups)
            mine = [group for group in stuck if group.decides and self._can_decide(group)]
            if mine:  # nobody who is to be preferred could do it
                await self._do_here(batch, mine, deadline_s)
                stuck = [group for group in stuck if group not in mine]
            if calls:
                asked = [self._ask(batch, *call, some, deadline_s) for call, some in calls.items()]
                groups = [group for some in await asyncio.gather(*asked) for group in some] + stuck
            else:
                kept = await self._rest(batch, stuck, deadline_s)
                here, groups = self._split(self._still_wanted(batch, kept, sleeps))
                await self._do_here(batch, here, deadline_s)

    def _still_wanted(self, batch: Batch, groups: list[Group], sleeps: int) -> list[Group]:
        """Without those that write, if this node slept meanwhile: whoever asked has given up."""
        if (why := self._gate.slept_since(sleeps)) is None:
            return groups
        for group in groups:
            if group.writes:
                batch.fail(group, why)
        return [group for group in groups if not group.writes]

    def _next_calls(self, groups: list[Group]) -> tuple[Calls, list[Group]]:
        """Who is asked next for what, and for which groups nobody is left."""
        calls: Calls = defaultdict(list)
        stuck = []
        for group in groups:
            names = self._untried(group)
            if names:
                group.tried.add(names[0])
                calls[names[0], not group.writes].append(group)
            else:
                stuck.append(group)
        return calls, stuck

    def _untried(self, group: Group) -> list[str]:
        names = self._forwarding.candidates(group.slot, reads=group.reads)
        return [name for name in names if name not in group.tried]

    async def _ask(
        self, batch: Batch, name: str, reads: bool, groups: list[Group], deadline_s: float
    ) -> list[Group]:
        """Have one node do some groups; those that it refused come back."""
        operations = batch.operations_of(groups)
        request = forward_of(operations.values())
        last = not any(self._untried(group) for group in groups)
        try:
            response = await self._forwarding.ask(name, request, deadline_s, reads=reads, last=last)
        except KvError as error:
            return self._failed(batch, groups, error)
        outcomes = map(outcome_in, response.batch.results)
        answers = dict(zip(operations, outcomes, strict=True))
        return [group for group in groups if not batch.settle_unless_refused(group, answers)]

    def _failed(self, batch: Batch, groups: list[Group], error: KvError) -> list[Group]:
        """A whole call failed; what somebody else may be asked for comes back."""
        if may_ask_next(error):
            for group in groups:
                group.why = error
            return groups
        for group in groups:
            batch.fail(group, error)
        return []

    async def _rest(self, batch: Batch, groups: list[Group], deadline_s: float) -> list[Group]:
        """Nobody is left to ask: wait for those groups that it may help, and return them."""
        loop = asyncio.get_running_loop()
        rest_s = min(self._settings.forward_retry_s, deadline_s - loop.time())
        stops = rest_s < self._settings.forward_least_s or self._gate.status is Status.DRAINING
        kept = []
        for group in groups:
            why = group.why or self._forwarding.nobody(group.slot)
            if not stops and may_pass(why, waits_here=group.slot in self._membership.held):
                kept.append(group)
                group.tried.clear()
                group.why = None
            else:
                batch.fail(group, why)
        if kept:
            await self._gate.until_changed(loop.time() + rest_s)
        return kept

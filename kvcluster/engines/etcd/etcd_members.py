"""etcd's members: a channel to each address that was given, who leads, and our token.

**Writes go only to a member that says it leads.** A follower takes a proposal, too, and hands it to
the leader that it knows; after that one's death it goes on doing so until it notices, and what it
handed on is lost without a word. Who leads is asked at each look, once a second, and at once after
an error that says so. Of two that say it, as one that was frozen does for a moment, the one of the
later term does.

Where the leader is at none of the addresses, whoever answers is asked all the same, and that is
told: better list every member.

Calls to a member that does not answer the look are given up as soon as another leads: their outcome
is unknown. Else a leader that is frozen would hold every write for its whole deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc

from kvcluster.engines.address import EngineAddress
from kvcluster.engines.contract import EngineState
from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc
from kvcluster.engines.etcd.etcd_failures import EtcdFailure, of_a_read
from kvcluster.engines.etcd.etcd_member import EtcdError, EtcdMember
from kvcluster.errors import (
    AnswerFull,
    CannotStart,
    KvError,
    NothingWritten,
    NotReady,
    TooLate,
)

_SILENCE_S = 1.0
"""A member that does not answer a look, or a read, for so long is not waited for."""
_REST_S = 0.05
"""Between two looks for a leader."""


class EtcdMembers:
    """All of them. Deadlines are times of the event loop's clock."""

    def __init__(self, address: EngineAddress) -> None:
        """Raises CannotStart for files of TLS that cannot be used."""
        self._user, self._password = address.user, address.password
        self._credentials = _credentials(address)
        self._names = address.names
        self._members: list[EtcdMember] = []
        self._token = ""
        self._voters = len(self._names)
        self._looking: asyncio.Future[None] | None = None

    def open(self) -> None:
        """Make the channels, which connect when they are needed."""
        self._members = [EtcdMember(name, self._credentials) for name in self._names]

    async def close(self) -> None:
        """Close every channel."""
        for member in self._members:
            member.give_up()
        if self._looking is not None:
            await asyncio.wait([self._looking])  # which that has ended
        await asyncio.gather(*[member.close() for member in self._members])

    @property
    def leader(self) -> EtcdMember | None:
        """Who leads, as far as is known; of several who say it, the one of the latest term."""
        leading = [it for it in self._members if it.leads]
        return max(leading, key=lambda it: it.status.raft_term if it.status else 0, default=None)

    @property
    def is_full(self) -> bool:
        """Whether etcd told at the last look that it has no room."""
        return any(it.is_full for it in self._members)

    @property
    def _answering(self) -> list[EtcdMember]:
        return [it for it in self._members if it.status is not None]

    async def count_voters(self, deadline_s: float) -> None:
        """Learn how many members vote, whether their addresses were given or not. Raises NotReady,
        TimedOut.
        """
        answer = await self.ask_any(rpc.MemberListRequest(), deadline_s)
        self._voters = sum(not it.is_learner for it in answer.members)

    @property
    def copies(self) -> tuple[int, int]:
        """How many copies there should be of a write, and how many there are at least."""
        return self._voters, self._voters // 2 + 1

    async def look(self, deadline_s: float) -> None:
        """Ask every member how it is; who asks meanwhile waits for the same look.

        It lasts as long as it may whoever began it: one in a hurry, with others behind him, would
        find everybody silent. Nobody waits for it past his own deadline.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        left_s = deadline_s - asyncio.get_running_loop().time()
        await asyncio.wait([self._looking], timeout=max(0.0, left_s))

    async def _look(self) -> None:
        await asyncio.gather(*[it.look(_SILENCE_S, self._token) for it in self._members])
        if self.leader:
            for member in self._members:
                if member.status is None:
                    member.give_up()

    def state(self) -> EngineState:
        """What the last look saw. Raises NotReady if there is nobody."""
        answering = self._answering
        if not answering:
            raise NotReady(f"etcd: no member answers at {', '.join(self._names)}")
        leader = self.leader
        members = tuple(it.told() for it in self._members)
        troubles = [f"{it.name} does not answer" for it in members if not it.reachable]
        troubles += [f"{it.name}: {it.detail}" for it in members if it.detail]
        if leader is None and any(it.status and it.status.leader for it in answering):
            troubles.append("its leader is at none of the addresses: list every member")
        told = (leader or answering[0]).status
        return EngineState(told.version if told else "", members, "; ".join(troubles))

    async def ask_leader(self, request: Any, deadline_s: float) -> Any:
        """The answer to a request that writes. Raises KvError; sent again only if it was certainly
        refused.
        """
        now_s = asyncio.get_running_loop().time
        patience_s = now_s() + (deadline_s - now_s()) / 2
        while True:
            member = await self._until_leader(deadline_s, patience_s)
            try:
                return await self._ask(member, request, deadline_s)
            except EtcdError as error:
                failure = error.failure
            if not failure.again or now_s() >= patience_s:
                raise failure.error
            await self._after(failure, deadline_s)

    async def _until_leader(self, deadline_s: float, patience_s: float) -> EtcdMember:
        """Who is to be asked for a write, once there is somebody. Raises NotReady, TooLate."""
        now_s = asyncio.get_running_loop().time
        while now_s() < deadline_s:
            if leader := self.leader:
                return leader
            if follower := self._follower_of_a_stranger():
                return follower
            if now_s() >= patience_s:
                raise NotReady("etcd has no leader")
            await self.look(deadline_s)
            if self.leader is None:
                await asyncio.sleep(_REST_S)
        raise TooLate("the deadline passed before etcd was asked")

    def _follower_of_a_stranger(self) -> EtcdMember | None:
        """A member whose leader is at none of the addresses that answer, if every one is."""
        statuses = [it.status for it in self._answering if it.status]
        ours = {it.header.member_id for it in statuses}
        strangers = all(it.leader and it.leader not in ours for it in statuses)
        is_all = len(statuses) == len(self._members)  # a silent one may be the one that leads
        return self._answering[0] if statuses and strangers and is_all else None

    async def ask_any(self, request: Any, deadline_s: float) -> Any:
        """The answer to a request that reads, from the leader, or whoever gives one. Raises
        NotReady, TimedOut.
        """
        now_s, why = asyncio.get_running_loop().time, None
        tried: set[EtcdMember] = set()
        while now_s() < deadline_s:
            untried = [it for it in self._in_order() if it not in tried]
            if not untried:
                tried.clear()
                await asyncio.sleep(_REST_S)
                continue
            tried.add(untried[0])
            try:
                limit_s = min(deadline_s, now_s() + _SILENCE_S)
                return await self._ask(untried[0], request, limit_s)
            except EtcdError as error:
                why = error.failure
            told = of_a_read(why.error)
            is_final = isinstance(why.error, NothingWritten) and not why.again
            if is_final or isinstance(told, AnswerFull):
                raise told
            await self._after(why, deadline_s)
        raise of_a_read(why.error) if why else TooLate("the deadline passed before etcd was asked")

    def _in_order(self) -> Sequence[EtcdMember]:
        """Whom to ask for a read: the leader first, then who answered the last look."""
        leader = self.leader
        return sorted(self._members, key=lambda it: (it is not leader, it.status is None))

    async def _ask(self, member: EtcdMember, request: Any, deadline_s: float) -> Any:
        left_s = deadline_s - asyncio.get_running_loop().time()
        return await member.ask(request, max(0.001, left_s), self._token)

    async def _after(self, failure: EtcdFailure, deadline_s: float) -> None:
        """Learn what an error says of what we know."""
        if failure.token:
            await self.authenticate(deadline_s)
        else:
            await self.look(deadline_s)

    async def authenticate(self, deadline_s: float) -> None:
        """Get a token, if a user was named. Raises NotReady."""
        if not self._user:
            return
        request = rpc.AuthenticateRequest(name=self._user, password=self._password)
        why: KvError = NotReady("etcd: no member answers")
        for member in self._in_order():
            try:
                left_s = deadline_s - asyncio.get_running_loop().time()
                answer = await member.ask(request, max(0.001, min(left_s, _SILENCE_S)))
            except EtcdError as error:
                why = of_a_read(error.failure.error)
                continue
            self._token = answer.token
            return
        raise why

    @property
    def needs_token(self) -> bool:
        """Whether a user was named, and has no token yet."""
        return bool(self._user and not self._token)


def _credentials(address: EngineAddress) -> grpc.ChannelCredentials | None:
    if not address.tls:
        return None
    paths = (address.ca, address.cert, address.key)
    try:
        ca, cert, key = (path.read_bytes() if path else None for path in paths)
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
        raise CannotStart(f"a file of the engine's TLS cannot be read: {why}") from None
    return grpc.ssl_channel_credentials(ca, key, cert)

"""One member of etcd: a channel to its address, and the calls that are on their way there.

Our own stubs: a path and two messages for each method. The known libraries for Python do not load
with the protobuf of today, and there is little to gain from one.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from kvcluster.engines.contract import EngineMember
from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc
from kvcluster.engines.etcd.etcd_failures import EtcdFailure, explain_etcd
from kvcluster.errors import ConnectionLost
from kvcluster.wire.dial import dial, options_of_clients

_PATHS: dict[type[Any], tuple[str, type[Any]]] = {
    rpc.RangeRequest: ("/etcdserverpb.KV/Range", rpc.RangeResponse),
    rpc.TxnRequest: ("/etcdserverpb.KV/Txn", rpc.TxnResponse),
    rpc.DeleteRangeRequest: ("/etcdserverpb.KV/DeleteRange", rpc.DeleteRangeResponse),
    rpc.LeaseGrantRequest: ("/etcdserverpb.Lease/LeaseGrant", rpc.LeaseGrantResponse),
    rpc.MemberListRequest: ("/etcdserverpb.Cluster/MemberList", rpc.MemberListResponse),
    rpc.StatusRequest: ("/etcdserverpb.Maintenance/Status", rpc.StatusResponse),
    rpc.AuthenticateRequest: ("/etcdserverpb.Auth/Authenticate", rpc.AuthenticateResponse),
}

_ANSWER_BYTES = 64 << 20
"""More is asked for in smaller pieces: etcd counts keys, and they may be of any size."""

_FULL = "alarm:NOSPACE"


class EtcdError(Exception):
    """A call to a member failed."""

    def __init__(self, failure: EtcdFailure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


class EtcdMember:
    """One address of etcd."""

    def __init__(self, name: str, credentials: grpc.ChannelCredentials | None) -> None:
        self.name = name
        # Of two with one name gRPC takes the first.
        options = [("grpc.max_receive_message_length", _ANSWER_BYTES), *options_of_clients()]
        self._channel = dial(name, options, credentials)
        self._methods: dict[type[Any], Any] = {}
        self._calls: set[Any] = set()
        self.status: rpc.StatusResponse | None = None
        """What it said at the last look; None: nothing."""

    @property
    def leads(self) -> bool:
        """Whether it says so."""
        status = self.status
        return status is not None and status.leader == status.header.member_id != 0

    @property
    def is_full(self) -> bool:
        """Whether it says that etcd has no room, and so takes no puts until somebody makes some."""
        return self.status is not None and any(_FULL in it for it in self.status.errors)

    async def ask(self, request: Any, timeout_s: float, token: str = "") -> Any:
        """The answer to a request. Raises EtcdError."""
        kind = type(request)
        if kind not in self._methods:
            path, answers = _PATHS[kind]
            self._methods[kind] = self._channel.unary_unary(
                path,
                request_serializer=kind.SerializeToString,
                response_deserializer=answers.FromString,
            )
        metadata = [("token", token)] if token else None
        call = self._methods[kind](request, timeout=timeout_s, metadata=metadata)
        self._calls.add(call)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            failure = explain_etcd(self.name, error.code().name, error.details() or "")
            raise EtcdError(failure) from None
        except asyncio.CancelledError:
            if call in self._calls:
                raise  # it is us who are cancelled
            lost = ConnectionLost(f"etcd: {self.name} fell silent before it answered")
            raise EtcdError(EtcdFailure(lost)) from None
        finally:
            self._calls.discard(call)

    def give_up(self) -> None:
        """End every call to it: nobody knows what became of them."""
        while self._calls:
            self._calls.pop().cancel()

    async def look(self, timeout_s: float, token: str) -> None:
        """Ask how it is."""
        try:
            self.status = await self.ask(rpc.StatusRequest(), timeout_s, token)
        except EtcdError:
            self.status = None

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    def told(self) -> EngineMember:
        """For people."""
        status = self.status
        if status is None:
            return EngineMember(self.name, "member", reachable=False)
        role = "leader" if self.leads else "learner" if status.is_learner else "follower"
        return EngineMember(self.name, role, detail="; ".join(status.errors))

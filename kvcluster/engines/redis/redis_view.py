"""A view: what one node says of the cluster, at one moment.

Nodes disagree for a while after a failover: who was frozen, or cut off, still believes that it is
the primary. So a view has an epoch, which each failover raises, and of several views the best is
that of the largest, among nodes that see a majority.

A single Redis that is no cluster is a view, too: one shard with all slots, if it is a primary.
Addresses are those that nodes announce; an empty one means the node that was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kvcluster.engines.contract import EngineMember
from kvcluster.engines.redis.redis_failures import ENGINE, failure_of
from kvcluster.engines.redis.redis_layout import SLOTS
from kvcluster.engines.redis.redis_node import Command, RedisNode
from kvcluster.engines.redis.redis_setting import Place, spelled
from kvcluster.errors import KvError, NotReady, as_told

_OLDEST = (7, 0)
_LOOK: tuple[Command, ...] = (
    ("INFO", "server"),
    ("ROLE",),
    ("CLUSTER", "SLOTS"),
    ("CLUSTER", "INFO"),
    ("CLUSTER", "NODES"),
)


@dataclass(frozen=True, slots=True)
class RedisShard:
    """Who has a range of slots."""

    first: int
    last: int
    primary: Place
    replicas: tuple[Place, ...]
    """Those that are alive, as the node sees it."""


@dataclass(frozen=True, slots=True)
class RedisView:
    """What a node said."""

    version: str
    shards: tuple[RedisShard, ...]
    members: tuple[EngineMember, ...]
    is_cluster: bool
    is_whole: bool
    """Whether the node takes writes: it sees a majority of the primaries."""
    epoch: int

    @property
    def rank(self) -> tuple[bool, int]:
        """Of two views the one with the larger is believed."""
        return self.is_whole, self.epoch

    @property
    def places(self) -> set[Place]:
        """All nodes that serve slots."""
        return {place for it in self.shards for place in (it.primary, *it.replicas)}

    def shard_of(self, slot: int) -> RedisShard | None:
        """Who has a slot; None: nobody."""
        return next((it for it in self.shards if it.first <= slot <= it.last), None)


async def look(node: RedisNode, deadline_s: float) -> RedisView:
    """Ask a node. Raises NotReady, TooLate, TimedOut, ConnectionLost."""
    info, role, slots, cluster, nodes = await node.exchange(_LOOK, deadline_s)
    facts = _facts(_sound(info))
    version = facts.get("valkey_version") or facts.get("redis_version", "")
    named = f"{'Valkey' if 'valkey_version' in facts else 'Redis'} {version}"
    if _numbers(facts.get("redis_version", "")) < _OLDEST:
        raise NotReady(f"{ENGINE}: {node.name} is {as_told(named)}, and 7.0 is needed at least")
    if "cluster" not in (facts.get("redis_mode"), facts.get("server_mode")):  # Valkey's word
        return _single(node, named, _sound(role))
    state = _facts(_sound(cluster))
    return RedisView(
        named,
        tuple(_shards(node.place, _sound(slots))),
        tuple(_members(node.place, _sound(nodes))),
        True,
        state.get("cluster_state") == "ok",
        int(state.get("cluster_current_epoch", "0")),
    )


def _sound(answer: Any) -> Any:
    """An answer, if it is one; else it is raised."""
    if isinstance(answer, KvError):
        raise answer
    if isinstance(answer, Exception):
        raise NotReady(str(failure_of(str(answer))))
    return answer


def _facts(text: bytes) -> dict[str, str]:
    """Lines with a colon, as INFO has them."""
    lines = text.decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(it) for it in version.split(".")[:2] if it.isdigit())


def _single(node: RedisNode, version: str, role: Sequence[Any]) -> RedisView:
    if role[0] != b"master":
        raise NotReady(f"{ENGINE}: {node.name} is a replica and no cluster; name its primary")
    replicas = tuple((host.decode(), int(port)) for host, port, _ in role[2])
    members = [EngineMember(node.name, "primary")]
    members += [EngineMember(spelled(it), "replica") for it in replicas]
    shard = RedisShard(0, SLOTS - 1, node.place, replicas)
    return RedisView(version, (shard,), tuple(members), False, True, 0)


def _shards(asked: Place, slots: Sequence[Any]) -> list[RedisShard]:
    shards = []
    for first, last, primary, *replicas in slots:
        others = tuple(_place(asked, it) for it in replicas)
        shards.append(RedisShard(first, last, _place(asked, primary), others))
    return shards


def _place(asked: Place, told: Sequence[Any]) -> Place:
    host = told[0].decode() if told[0] else ""
    return (host if host not in {"", "?"} else asked[0]), int(told[1])


def _members(asked: Place, text: bytes) -> list[EngineMember]:
    """The lines of CLUSTER NODES: id, address, flags, primary, ping, pong, epoch, link, slots."""
    members = []
    for line in text.decode(errors="replace").splitlines():
        fields = line.split()
        flags = fields[2].split(",")
        address, _, hostname = fields[1].partition(",")
        host, _, port = address.partition("@")[0].rpartition(":")
        if {"noaddr", "handshake"} & set(flags):
            continue
        role = "primary" if "master" in flags else "replica"
        away = "fail" in flags or (fields[7] != "connected" and "myself" not in flags)
        detail = "failed" if "fail" in flags else "not connected" if away else ""
        name = spelled((hostname.split(",")[0] or host or asked[0], int(port)))
        members.append(EngineMember(name, role, not away, detail))
    return members

"""Entries of somebody who poses as a peer: what no client could have written gets in nowhere.

Whatever one node stores spreads to all replicas, so what it would not take from its clients under
any setting it takes from nobody. And a Drop, which leaves no trace, forgets tombstones only.
"""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kvcluster.config import KEY_CEILING_BYTES
from tests.edges.among_fakes import AmongFakes
from tests.edges.fake_peer import version
from tests.edges.test_peer_requests import ask, refused

from demo_pb2 import (
    DropRequest,
    Entry,
    HoldRequest,
    PullRequest,
    PullResponse,
    ReplicateRequest,
)
from demo_pb2_grpc import PeerStub

Code = grpc.StatusCode
STORING = {"Replicate": ReplicateRequest, "Hold": HoldRequest}


@pytest.mark.parametrize("size_bytes", [100_000, KEY_CEILING_BYTES + 1])
@pytest.mark.parametrize("method", STORING)
def test_key_that_no_client_can_delete_is_taken_from_no_peer(
    among_fakes: AmongFakes, method: str, size_bytes: int
) -> None:
    """The text names key, size and limit; what came with it is not stored, either."""
    held = among_fakes.server.status().keys
    good = Entry(key="good", value="v", version=version(-1))
    long = Entry(key="k" * size_bytes, value="v", version=version(-1))
    code, details = refused(among_fakes, STORING[method](entries=[good, long]))
    assert code is Code.INVALID_ARGUMENT
    assert f"is {size_bytes:,} bytes long, allowed are 1 to 16,384" in details
    assert details.endswith("nothing was written")
    assert len(details) < 300
    assert among_fakes.server.status().keys == held


def test_entry_over_the_limits_of_this_node_is_kept(among_fakes: AmongFakes) -> None:
    """Another node may allow its clients more, and has acknowledged it: it is held, and spreads."""
    key = "k" * 1_000 + among_fakes.key(held=True) * 20
    entry = Entry(key=key[:KEY_CEILING_BYTES], value="v" * 3_000_000, version=version(-1))
    held = among_fakes.server.status().keys
    ask(among_fakes, HoldRequest(entries=[entry]))
    assert among_fakes.server.status().keys == held + 1


@pytest.mark.parametrize("method", STORING)
@pytest.mark.parametrize("text", [b"\xff\xfe\xfd", b"\xed\xa0\x80", b"\xc0\xaf\x00"])
def test_entry_that_is_not_clean_text_is_refused(
    among_fakes: AmongFakes, method: str, text: bytes
) -> None:
    """No JSON could hold it, and no client name it."""
    for key, value in (("~!~", "val"), ("key", "~!~")):
        entry = Entry(key=key, value=value, version=version(-1))
        request = among_fakes.stamp(STORING[method](entries=[entry]), among_fakes.peers[0])
        path = "/demo.KeyValue/Replicate" if method == "Replicate" else "/demo.Peer/Hold"
        call: Any = among_fakes.channel.unary_unary(path)
        with pytest.raises(grpc.RpcError) as caught:
            call(request.SerializeToString().replace(b"~!~", text), timeout=10)
        assert caught.value.code() is Code.INVALID_ARGUMENT


def dropped(lone: AmongFakes, key: str, at: bytes) -> bool:
    """Whether a Drop of a tombstone of this version was taken."""
    request = DropRequest(tombstones=[Entry(key=key, deleted=True, version=at)])
    try:
        ask(lone, request)
    except grpc.RpcError as error:
        return error.code() is not Code.FAILED_PRECONDITION
    return True


def test_drop_erases_no_live_key(among_fakes: AmongFakes) -> None:
    """Neither of the version that the key has, nor of a newer one: it stays, and is served."""
    lone, key = among_fakes, among_fakes.key(held=True)
    written = lone.server.put(key, "stays").version
    assert not dropped(lone, key, written)
    assert not dropped(lone, key, version())
    assert lone.server.get(key).value == "stays"


def test_drop_of_another_version_leaves_a_tombstone(among_fakes: AmongFakes) -> None:
    """A delete that only this node knows of must not be forgotten for an older or a newer one."""
    lone, key = among_fakes, among_fakes.key(held=True, led=False)
    at = version(-1)
    ask(lone, HoldRequest(entries=[Entry(key=key, deleted=True, version=at)]))
    assert dropped(lone, key, version(-5)), "it is older: nothing to do"
    assert not dropped(lone, key, version())
    assert key in tombstones(lone)
    assert dropped(lone, key, at)
    assert key not in tombstones(lone)


def tombstones(lone: AmongFakes) -> set[str]:
    """Keys of the tombstones that it holds, as its peers hear when they pull."""
    found: set[str] = set()
    for name in lone.peers:
        request = lone.stamp(PullRequest(), name)
        more = True
        while more:
            page: PullResponse = PeerStub(lone.channel).Pull(request, timeout=10)
            found |= {entry.key for entry in page.entries if entry.deleted}
            request.cursor.CopyFrom(page.next)
            more = page.HasField("next")
    return found

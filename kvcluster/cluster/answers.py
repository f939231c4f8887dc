"""Answers: how the outcome of an operation reads on the wire.

One place, because an answer is made at the node that a client asked or, forwarded, at another.
"""

from __future__ import annotations

from kvcluster.cluster.coordinator import Written
from kvcluster.model.entry import Entry

from demo_pb2 import DeleteResponse, GetResponse, PutResponse


def put_response(written: Written, node: str) -> PutResponse:
    """The answer to a Put that `node` coordinated."""
    return PutResponse(
        version=written.version,
        replicas=written.replicas,
        acknowledged=written.acknowledged,
        served_by=node,
    )


def delete_response(found: bool, written: Written, node: str) -> DeleteResponse:
    """The answer to a Delete that `node` coordinated."""
    return DeleteResponse(
        found=found,
        version=written.version,
        replicas=written.replicas,
        acknowledged=written.acknowledged,
        served_by=node,
    )


def get_response(entry: Entry | None, node: str) -> GetResponse:
    """The answer to a Get, from the data of `node`. None: the key was never seen."""
    if entry is None:
        return GetResponse(served_by=node)
    value, version = entry
    return GetResponse(found=value is not None, value=value or "", version=version, served_by=node)

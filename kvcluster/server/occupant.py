"""The occupant: who has the port that this node wants.

The commonest reason by far is the same command in another terminal. So whoever is there is asked
how it is, as a health check asks: a node says its name and its peers, from which it is seen whether
it is this very node, another of this cluster, or one of another cluster. Whatever else is there
does not know the question, and the system is to be asked who it is; the sentence says how.

This is asked once, by a process that is about to end. So it waits for the answer, and this module,
with what a server has no use for otherwise, is loaded only then.
"""

from __future__ import annotations

import sys

from kvcluster.client.answers import status_word
from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.errors import as_told
from kvcluster.model.members import Cluster
from kvcluster.view.health import ask_health

from demo_pb2 import HealthCheckResponse

_TIMEOUT_S = 1.0
_SOMEBODY = "another program"
_FAILED = {
    FailureKind.WRONG_SERVICE: f"{_SOMEBODY}, which is no kvcluster server",
    FailureKind.TLS: f"{_SOMEBODY}, which speaks TLS, perhaps a kvcluster server",
    FailureKind.TIMED_OUT: "a program that does not answer; a kvcluster server would be frozen",
}
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
"""Where to ask somebody who has every address of this machine."""


def occupant_of(host: str, port: int, cluster: Cluster | None) -> str:
    """Ask who listens at `host`, an address; the end of a sentence: "in use by" what.

    `cluster`: of the node that wants the port; None: it is wanted for something else.
    """
    (answer,) = ask_health([f"{_ANYWHERE.get(host, host)}:{port}"], _TIMEOUT_S)
    return f"{described(answer.outcome, cluster)}; {how_to_find(port, sys.platform)}"


def described(outcome: HealthCheckResponse | CallFailed, cluster: Cluster | None) -> str:
    """Who it is, by what came of the question. Pure."""
    if isinstance(outcome, CallFailed):
        return _FAILED.get(outcome.kind, _SOMEBODY)
    node, members = as_told(outcome.node), {outcome.node, *(peer.node for peer in outcome.peers)}
    if cluster is None:
        return f"{node}, a kvcluster server"
    if members != set(cluster.members):
        told = ", ".join(sorted(map(as_told, members)))
        return f"{node}, a node of another cluster, whose members are {told}"
    if outcome.node != cluster.self_name:
        return f"{node}, another node of this cluster"
    return f"{node} itself, which runs already and says {status_word(outcome.status)}"


def how_to_find(port: int, platform: str) -> str:
    """A clause with the command that names the process. Pure."""
    if platform == "linux":
        return f"`ss -ltnp sport = :{port}` names its process"
    return f"`lsof -nP -iTCP:{port} -sTCP:LISTEN` names its process"

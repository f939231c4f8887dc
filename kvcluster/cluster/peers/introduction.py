"""Introductions: what goes along with a call to a peer and says who makes it, and what comes back.

Where the cluster has a secret, a proof goes along, and the answer has to be proven as well
(security/proof.py): else whoever listens at the address of a peer that is down could say that he
has stored what it missed. With TLS certificates are part of the connection. With neither nothing
goes along, and whoever answers is believed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from kvcluster.errors import OutcomeUnknown, PeerRejected, Unauthenticated
from kvcluster.security.proof import ANSWER, HEADER, NONCE_BYTES, Claim, Secrets
from kvcluster.wire.call_course import NOTHING, Opening
from kvcluster.wire.kept_files import KeptFiles

if TYPE_CHECKING:
    from kvcluster.wire.tls import TlsFiles

from demo_pb2 import HealthCheckRequest


@dataclass(frozen=True)
class Identity:
    """By what a node shows peers who it is."""

    name: str = ""
    """Its own, in the member list."""
    tls: TlsFiles | None = None
    secrets: KeptFiles[Secrets] | None = None


class Introduction:
    """Introduces one node to its peers."""

    def __init__(self, identity: Identity) -> None:
        self._name = identity.name
        self._secrets = identity.secrets
        self._clock = 0

    def note_clock(self, request: Any) -> None:
        """A request is about to be sent: its clock is that of what goes along with it, and with a
        stream that is opened for it.
        """
        if self._secrets:
            beat = isinstance(request, HealthCheckRequest)
            self._clock = request.sender.clock if beat else request.clock

    def opening(self, peer: str, path: str, message: bytes | None) -> Opening:
        """What goes along with a call, and must come back. `message`: None of a stream."""
        if not self._secrets:
            return NOTHING
        ours = self._secrets.now()
        claim = Claim(self._name, peer, self._clock, secrets.token_hex(NONCE_BYTES))
        line = ours.prove(claim, path, message)

        def is_answered(said: Any) -> bool:
            return ours.answered(line, str(said.get(ANSWER, "")))

        return Opening(((HEADER, line),), is_answered)


def answered_by_a_stranger(peer: str, kind: type[Message]) -> PeerRejected:
    """What an answer without a proof means. Of a heartbeat nothing depends on whether it came to
    anybody. Of anything else nobody knows: it may be a peer that was started without the secret,
    and has done it.
    """
    why = f"whoever answers at {peer} has not shown that it has the secret of this cluster"
    beat = kind is HealthCheckRequest
    return PeerRejected(Unauthenticated(why) if beat else OutcomeUnknown(why))

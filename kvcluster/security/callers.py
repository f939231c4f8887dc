"""Callers: what one has shown, and who he is by that.

`Shown` is what came with a call or a stream, looked at once: a certificate, the hash of a token,
the peer whom a proof names. `Rules` are what this node asks for. Together, and with the time, they
say who calls: the rules may change under a stream that stays open, so they are asked at each call.

What a peer has to show is all that there is: a certificate where TLS asks for them, a proof where
there is a secret, both where there are both. A client shows a token or, where he has none, the
certificate of a name in the file of tokens. A token that came and is none is never passed over for
a certificate: whoever sends one means it.

`UNAUTHENTICATED` is for whoever has shown nothing, or nothing that is good; `PERMISSION_DENIED` for
who is known and may not. Both say it in a sentence that goes back to the caller, and it quotes
nothing that was secret.
"""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass

from kvcluster.errors import KvError, PermissionDenied, Unauthenticated, as_told
from kvcluster.security.certificates import NODE_UNIT, Certificate
from kvcluster.security.roles import May, Named, Role, Tokens

ON_BEHALF: ContextVar[str] = ContextVar("on whose behalf", default="")
"""The name of the client for whom something is done now: for requests that are forwarded, and the
lines of the audit."""
_EVERYTHING = (Role("", May.ADMIN),)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a caller has shown of who he is."""

    address: str = ""
    """Where he calls from: "127.0.0.1:54321"."""
    token: str = ""
    """The SHA-256 of a token, in hex."""
    certificate: Certificate | None = None
    sender: str = ""
    """The peer whom a proof by the secret names; it was found to be good."""
    answer: str = ""
    """What proves to that peer that this node has the secret, too."""
    trouble: KvError | None = None
    """Why what came is none: a proof, or a token."""

    @property
    def is_local(self) -> bool:
        """Whether he calls from this machine."""
        host = self.address.rpartition(":")[0].strip("[]")
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return self.address.startswith("unix:")

    @property
    def name(self) -> str:
        """How a certificate calls him; empty: it does not, or it is that of a node."""
        it = self.certificate
        return it.common_name if it and not it.is_of_a_node else ""


@dataclass(frozen=True)
class Rules:
    """What a node asks its callers for."""

    tokens: Tokens | None = None
    """None: clients need no name, and may do everything."""
    certificates: bool = False
    """Peers have them."""
    secret: bool = False
    """Peers prove that they have it."""

    def client(self, shown: Shown, now_s: float) -> Named:
        """Who calls, as a client. Raises Unauthenticated, PermissionDenied."""
        if self.tokens is None:
            return Named(shown.name, _EVERYTHING)
        if shown.token:
            found = self.tokens.with_token(shown.token)
            if found is None:
                raise Unauthenticated("the token that came with the call is none that is known")
            if now_s >= found.expires_s:
                raise Unauthenticated(f"the token of {found.name} has expired")
            return found
        if shown.trouble:
            raise shown.trouble
        if not shown.name:
            raise Unauthenticated("this node asks for a token, and none came with the call")
        found = self.tokens.with_name(shown.name, now_s)
        if found is None:
            raise PermissionDenied(f"the certificate of {shown.name!r} has no roles here")
        return found

    def check_peer(self, shown: Shown, sender: str | None, method: str) -> None:
        """Raise Unauthenticated or PermissionDenied unless a peer calls, and it is the sender.

        `sender`: the one that the request names; None: it cannot be read.
        """
        only = f"only nodes of the cluster may ask for {method}"
        if self.certificates:
            it = shown.certificate
            if it is None:
                raise Unauthenticated(f"{only}, and no certificate came with the call")
            if not it.is_of_a_node:
                raise PermissionDenied(
                    f"{only}; the certificate of {it.common_name!r} has no organisational unit"
                    f" {NODE_UNIT}"
                )
            if sender is not None and not it.names(sender):
                told = ", ".join(sorted(it.hosts)) or "nobody"
                raise PermissionDenied(
                    f"the certificate names {told}, and not the host of {as_told(sender)!r}"
                )
        if self.secret:
            if shown.trouble:
                raise shown.trouble
            if not shown.sender:
                raise Unauthenticated(
                    f"{only}, and no proof that it has the secret of this cluster came with the"
                    " call"
                )
            if sender is not None and sender != shown.sender:
                raise PermissionDenied(
                    f"the proof is one of {shown.sender}, and the request of {as_told(sender)!r}"
                )

    def check_stream(self, shown: Shown, now_s: float) -> None:
        """Raise as the others do if nothing that this caller asks on a stream could be granted."""
        if shown.trouble:
            raise shown.trouble
        if self.tokens is None or shown.sender:
            return
        if shown.certificate is None or not shown.certificate.is_of_a_node:
            self.client(shown, now_s)

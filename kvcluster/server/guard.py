"""The guard: at the one door through which every call comes, it sees who calls.

What is decided stands in security/, without a clock or a socket. Here is what acts: the metadata
and the certificate of a call become what its caller has shown (`Shown`), once a call, or once a
stream; and each call is judged by the rules of now, with the tokens and secrets that the files have
now. `rpc` in rpc.py asks before it says anything else about a call, so a stranger hears nothing of
versions, clocks, sizes or budgets.

Where nothing is configured there is no guard, and a call costs what it did before.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from kvcluster.errors import KvError, Unauthenticated
from kvcluster.security.callers import ON_BEHALF, Rules, Shown
from kvcluster.security.certificates import Certificate
from kvcluster.security.needs import SIGHT, Admitted, Need, Petition
from kvcluster.security.proof import ANSWER, HEADER, Secrets, Verifier
from kvcluster.security.roles import Tokens
from kvcluster.server.audit import Audit, deeds_of
from kvcluster.wire.kept_files import KeptFiles

log = logging.getLogger("kvcluster")

AUTHORIZATION = "authorization"
_BEARER = "bearer "
_MAY_BE_OLD = "/demo.KeyValue/CheckHealth"
"""By it a node whose clock is behind learns the time."""


class Guard:
    """Sees who calls one node."""

    def __init__(
        self,
        self_name: str,
        now: Callable[[], int],
        *,
        certificates: bool = False,
        tokens: KeptFiles[Tokens] | None = None,
        secrets: KeptFiles[Secrets] | None = None,
        audit: Audit | None = None,
    ) -> None:
        """`now`: the hybrid time. `certificates`: whoever connects shows one, by TLS."""
        self._now = now
        self._certificates = certificates
        self._tokens = tokens
        self._secrets = secrets
        self._audit = audit
        self._verifier = Verifier(self_name, now())

    @property
    def rules(self) -> Rules:
        """What this node asks for now."""
        tokens = self._tokens.now() if self._tokens else None
        return Rules(tokens, certificates=self._certificates, secret=self._secrets is not None)

    def shown(self, context: Any, method: str, message: bytes | None) -> Shown:
        """What came with a call. `method`: its path; `message`: its bytes, if it has just one."""
        said: dict[str, Any] = dict(context.invocation_metadata() or ())
        token, trouble = "", None
        sender = answer = ""
        if self._tokens and (header := said.get(AUTHORIZATION)):
            token, trouble = self._token_in(header)
        if self._secrets and (line := said.get(HEADER)):
            try:
                proven = self._verifier.look(
                    self._secrets.now(),
                    line,
                    method,
                    message,
                    self._now(),
                    may_be_old=method == _MAY_BE_OLD,
                )
                sender, answer = proven.sender, proven.answer
            except KvError as error:
                trouble = error
        address, certificate = address_of(context.peer()), certificate_of(context)
        return Shown(address, token, certificate, sender, answer, trouble)

    async def meet(self, context: Any, method: str, message: bytes | None) -> Shown:
        """The same, and a peer is shown that this node has the secret, too."""
        shown = self.shown(context, method, message)
        if shown.answer:
            await context.send_initial_metadata(((ANSWER, shown.answer),))
        return shown

    def admit(self, need: Need, shown: Shown, request: Any, method: str) -> Admitted:
        """What of a request may be carried out. Raises Unauthenticated, PermissionDenied."""
        return need.admit(Petition(self.rules, shown, request, method, time.time()))

    def refusal(self, need: Need, shown: Shown, method: str) -> KvError | None:
        """Why nothing at all could be granted to a caller, whatever his message says."""
        try:
            self.admit(need, shown, None, method)
        except KvError as error:
            return error
        return None

    def admits_all(self, need: Need, shown: Shown, request: Any, method: str) -> bool:
        """Whether a caller may have all of what he asks for."""
        try:
            return self.admit(need, shown, request, method).request is request
        except KvError:
            return False

    def refusal_to_look(self, address: str, authorization: str) -> str:
        """Why whoever calls from here, with this header of HTTP, may not see the metrics; empty: he
        may. In any thread.
        """
        token, trouble = self._token_in(authorization) if authorization else ("", None)
        shown = Shown(address, token, trouble=trouble)
        if self._certificates and self._tokens is None and not shown.is_local:
            return "this node knows its callers by certificates, and none can be shown here"
        try:
            self.admit(SIGHT, shown, None, "metrics")
        except KvError as error:
            return str(error)
        return ""

    def ended(
        self, shown: Shown, method: str, request: Any, answer: Any, error: KvError | None
    ) -> None:
        """A call is over: the audit may have lines to write."""
        if self._audit is None:
            return
        if deeds := deeds_of(request, answer, error):
            now_s = time.time()
            self._audit.note(self._name(shown, now_s), shown.address, method, deeds, now_s)

    def close(self) -> None:
        """Nobody calls any more."""
        if self._audit:
            self._audit.close()

    def _name(self, shown: Shown, now_s: float) -> str:
        """For a line: of the client, or of the node, as far as it is known."""
        if name := ON_BEHALF.get():
            return name
        try:
            return self.rules.client(shown, now_s).name
        except KvError:
            it = shown.certificate
            return shown.sender or (it.common_name if it else "")

    @staticmethod
    def _token_in(header: str) -> tuple[str, KvError | None]:
        if header[: len(_BEARER)].lower() != _BEARER:
            why = "the authorization that came with the call is no Bearer token"
            return "", Unauthenticated(why)
        return hash_of(header[len(_BEARER) :].strip()), None


def hash_of(token: str) -> str:
    """As it stands in the file of tokens."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def address_of(peer: str) -> str:
    """Where a call comes from, of what gRPC says of it: "ipv6:%5B::1%5D:50123"."""
    kind, _, rest = unquote(peer).partition(":")
    return rest if kind in ("ipv4", "ipv6") else f"{kind}:{rest}"


def certificate_of(context: Any) -> Certificate | None:
    """What the certificate says that came with a connection, which TLS has believed."""
    seen = context.auth_context()
    if not seen.get("x509_pem_cert"):
        return None
    hosts = (*seen.get("peer_dns", ()), *seen.get("peer_ip", ()))
    return _certificate(b",".join(seen.get("x509_subject", ())), tuple(hosts))


@lru_cache(maxsize=1024)
def _certificate(subject: bytes, hosts: tuple[bytes, ...]) -> Certificate:
    return Certificate.of(subject.decode(errors="replace"), [it.decode() for it in hosts])

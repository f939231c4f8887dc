"""TLS trouble: why no connection comes about where somebody listens, which gRPC does not say.

A plain caller at a port that speaks TLS, TLS at a plain port, a certificate that was asked for and
not shown, one that is not taken, one of a wrong name or of an authority that nobody here believes:
of most of these gRPC says "Socket closed", and all of them look like a node that is down. So the
address is called once more, with Python's own TLS, which names what is wrong.

It is called only after gRPC failed, by a thread that is in nobody's way, and what was found is good
for two seconds. Nothing is sent but a handshake. Where that goes well, or nothing is clear, TLS is
not what is wrong, and nothing is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from kvcluster.steady import steady_clock

if TYPE_CHECKING:
    import ssl

    from kvcluster.wire.tls import Tls, TlsFiles

_GOOD_FOR_S = 2.0
_TIMEOUT_S = 2.0
_SAYS_NOTHING_S = 0.5
"""After the handshake; a server that minds says so at once."""

SPEAKS_TLS = (
    "it speaks TLS, and was called without: give the certificate of its authority"
    " (--tls-ca, KV_TLS_CA)"
)
SPEAKS_NONE = "it speaks no TLS, and was called with it: it was started without --tls-cert"
NO_CERTIFICATE = "it asks for a certificate, and none was shown (--tls-cert and --tls-key)"

_PLAIN = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}
_WRONG_NAME = {62, 64}
"""Of OpenSSL, as the others."""
_UNKNOWN_AUTHORITY = {2, 7, 18, 19, 20, 21}
_TIMES = {9: "is not valid yet", 10: "has expired"}
_ASKED_FOR = "CERTIFICATE_REQUIRED"
_NOT_TAKEN = (
    "it does not take the certificate {cert}: that has expired, or was signed by an authority that"
    " the node does not believe"
)


class TlsTroubles:
    """Finds out what is wrong, at each address once at a time. In one event loop."""

    def __init__(self, tls: TlsFiles | None) -> None:
        """`tls`: with what the addresses are called; None: without TLS."""
        self._tls = tls
        self._found: dict[str, str] = {}
        self._stale_s: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[str]] = {}
        self._now_s = steady_clock()

    async def at(self, address: str, within_s: float) -> str:
        """What is wrong with TLS at "host:port", as the end of a sentence; empty: nothing, or it is
        not clear in time.
        """
        asked = self._look_at(address)
        if not asked.done():
            await asyncio.wait([asked], timeout=max(0.0, within_s))
        return asked.result() if asked.done() else ""

    def known_at(self, address: str) -> str:
        """The same for who does not wait, and asks again soon: what the last look has found."""
        self._look_at(address)
        return self._found.get(address, "")

    def _look_at(self, address: str) -> asyncio.Future[str]:
        """What is found there now, or was a moment ago."""
        asked = self._asked.get(address)
        if asked is None or (asked.done() and self._now_s() >= self._stale_s.get(address, 0.0)):
            asked = self._asked[address] = self._ask(address)
        return asked

    def _ask(self, address: str) -> asyncio.Future[str]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        tls = self._tls.tls if self._tls else None

        def ask() -> None:
            found = trouble_at(address, tls)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, found)

        def settle(found: str) -> None:
            self._found[address] = found
            self._stale_s[address] = self._now_s() + _GOOD_FOR_S
            if not answer.done():
                answer.set_result(found)

        threading.Thread(target=ask, name=f"TLS at {address}", daemon=True).start()
        return answer


def trouble_at(address: str, tls: Tls | None) -> str:
    """The same, and waits for it. What is no more than a connection that ends is seen twice."""
    found = _look(address, tls)
    return found if found == _look(address, tls) else ""


def _look(address: str, tls: Tls | None) -> str:
    import ssl  # to load it takes a moment, and mostly nobody needs it

    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        context = _context(tls)
        with socket.create_connection((host, int(port)), _TIMEOUT_S) as door:
            try:
                with context.wrap_socket(door, server_hostname=host) as secured:
                    return _after_handshake(secured, tls)
            except ssl.SSLCertVerificationError as error:
                return _not_believed(error, host, tls)
            except ssl.SSLError as error:
                return _in_handshake(error, tls)
    except (OSError, ValueError):
        return ""


def _context(tls: Tls | None) -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    if tls is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if tls.ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=str(tls.ca))
    if tls.cert is not None and tls.key is not None:
        context.load_cert_chain(tls.cert, tls.key, password="")
    return context


def _after_handshake(secured: ssl.SSLSocket, tls: Tls | None) -> str:
    """In TLS 1.3 the caller is done before the server has looked at his certificate."""
    import ssl

    if tls is None:
        return SPEAKS_TLS
    secured.settimeout(_SAYS_NOTHING_S)
    try:
        if secured.recv(1):
            return ""
    except ssl.SSLError as error:
        return _in_handshake(error, tls)
    except ConnectionError:
        pass
    except OSError:  # it says nothing
        return ""
    return _of_certificate(tls)  # gRPC closes without a word


def _in_handshake(error: ssl.SSLError, tls: Tls | None) -> str:
    reason = error.reason or ""
    if tls is None:
        return SPEAKS_TLS if "ALERT" in reason else ""
    if reason in _PLAIN:
        return SPEAKS_NONE
    if _ASKED_FOR in reason:
        return NO_CERTIFICATE
    return _of_certificate(tls) if "ALERT" in reason else ""


def _of_certificate(tls: Tls) -> str:
    return NO_CERTIFICATE if tls.cert is None else _NOT_TAKEN.format(cert=tls.cert)


def _not_believed(error: ssl.SSLCertVerificationError, host: str, tls: Tls | None) -> str:
    if error.verify_code in _WRONG_NAME:
        return f"its certificate does not name {host}: it is somebody else's, or called otherwise"
    if error.verify_code in _TIMES:
        return f"its certificate {_TIMES[error.verify_code]}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        where = tls.ca if tls and tls.ca is not None else "those that this system believes"
        return f"its certificate was signed by an authority that is not in {where}"
    return f"its certificate is not good: {error.verify_message}"  # as that of a client is

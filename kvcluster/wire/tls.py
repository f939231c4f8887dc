"""TLS: the files with certificates and keys, and the credentials that gRPC is given of them.

The same three files serve both sides: a node shows its certificate to who connects to it, and to
the node that it connects to itself. A program has the authority that it believes, and a certificate
if the nodes ask for one.

**Whether they fit** is asked of OpenSSL before gRPC sees them: gRPC says of a certificate and a key
that do not belong together only that every handshake fails. They are compared as they stand on
disk, and read between two looks at their dates (`kept_files.py`), so what was compared is what is
used.

**Rotation.** gRPC asks a server for its certificates at each handshake (`server_credentials`), and
connections that are open go on as they are. A channel cannot be given others: whoever has one makes
a new one (`way.py`).

**Everybody or nobody.** gRPC's interface for Python can ask all callers for a certificate, or none.
What C++ has between the two, to ask and not insist, is not there.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from kvcluster.errors import BadRequest
from kvcluster.wire.kept_files import KeptFiles


@dataclass(frozen=True)
class Tls:
    """The PEM files of one side, as paths.

    `ca`: the certificates of the authorities that are believed; without it those that gRPC brings.
    `cert`, `key`: what is shown to the other side, with what stands between it and the authority;
    without them nothing is.
    """

    ca: str | Path | None = None
    cert: str | Path | None = None
    key: str | Path | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise BadRequest("a certificate goes with its key: give both, or none of the two")


@dataclass(frozen=True)
class Pem:
    """What the files say; the key is not shown."""

    ca: bytes | None
    cert: bytes | None
    key: bytes | None = field(repr=False)


def read_pem(tls: Tls) -> Pem:
    """What is in the files, once it is clear that it fits. Raises OSError, ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca = Path(tls.ca).read_bytes() if tls.ca is not None else None
    if ca is not None:
        try:
            context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
        except ssl.SSLError:
            raise ValueError(f"there is no certificate in {tls.ca}") from None
    if tls.cert is None or tls.key is None:
        return Pem(ca, None, None)
    pem = Pem(ca, Path(tls.cert).read_bytes(), Path(tls.key).read_bytes())
    try:
        context.load_cert_chain(tls.cert, tls.key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            why = "do not belong together"
        else:
            why = "are no certificate with its key, both in PEM, the key without a password"
        raise ValueError(f"{tls.cert} and {tls.key} {why}") from None
    return pem


def _no_password() -> str:
    """OpenSSL would ask the terminal for it."""
    return ""


class TlsFiles:
    """The files of one side, kept up to date. In any thread."""

    def __init__(self, tls: Tls, tell: Callable[[str], None]) -> None:
        """Raises OSError, ValueError."""
        self.tls = tls
        paths = [Path(it) for it in (tls.ca, tls.cert, tls.key) if it is not None]
        self._kept = KeptFiles(paths, lambda: read_pem(tls), tell)

    @property
    def changes(self) -> int:
        """How often they changed so far."""
        self._kept.now()
        return self._kept.changes

    def channel_credentials(self) -> Any:
        """For a channel that is opened now."""
        pem = self._kept.now()
        return grpc.ssl_channel_credentials(pem.ca, pem.key, pem.cert)

    def server_credentials(self, *, ask_clients: bool) -> Any:
        """For one port of a server. `ask_clients`: whoever connects has to show a certificate."""
        given = self._kept.changes

        def fetch() -> Any:
            nonlocal given
            if self.changes == given:
                return None
            given = self._kept.changes
            return self._configuration(ask_clients)

        return grpc.dynamic_ssl_server_credentials(
            self._configuration(ask_clients), fetch, ask_clients
        )

    def _configuration(self, ask_clients: bool) -> Any:
        pem = self._kept.now()
        assert pem.key is not None, "a server has a certificate"
        assert pem.cert is not None
        return grpc.ssl_server_certificate_configuration(
            [(pem.key, pem.cert)], root_certificates=pem.ca if ask_clients else None
        )

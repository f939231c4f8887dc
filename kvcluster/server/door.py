"""The door of a node: what its options say about who may speak, checked before anything listens.

Options that do not fit together, or that would leave open what they seem to close, are refused with
a sentence, and the node does not start:

- Listening beyond this machine without TLS, unless `--insecure` says that it is meant.
- Tokens for clients while whoever likes may pose as a peer: peers write what they want.
- TLS without certificates of callers, with peers and without a secret: the same.
- `--client-certs optional`, which gRPC for Python cannot do (wire/tls.py).

With nothing of all that there is no guard, and everything is as open as it always was.
"""

from __future__ import annotations

import argparse
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from kvcluster.cluster.peers.introduction import Identity
from kvcluster.errors import BadSetting, CannotStart
from kvcluster.model.members import Cluster
from kvcluster.security.proof import Secrets
from kvcluster.security.roles import Tokens
from kvcluster.server.audit import Audit
from kvcluster.server.guard import Guard
from kvcluster.wire.kept_files import KeptFiles
from kvcluster.wire.tls import Tls, TlsFiles

log = logging.getLogger("kvcluster")

T = TypeVar("T")

REQUIRED, OPTIONAL, OFF = CLIENT_CERTS = ("required", "optional", "off")


@dataclass(frozen=True)
class Door:
    """What a node asks of callers, and shows them."""

    tls: TlsFiles | None = None
    asks_certificates: bool = False
    secrets: KeptFiles[Secrets] | None = None
    tokens: KeptFiles[Tokens] | None = None
    audit: Audit | None = None
    exposed: str = ""
    """The host by which other machines reach this node without TLS, if they do."""

    def told(self) -> Iterator[tuple[int, str]]:
        """What the log says of it: levels and sentences."""
        if self.tls:
            shows = "shows a" if self.asks_certificates else "need show no"
            yield logging.INFO, f"it speaks TLS, and whoever connects {shows} certificate"
        if self.secrets:
            yield logging.INFO, "peers prove that they have the secret of the cluster"
        if self.tokens:
            yield logging.INFO, f"clients need a name; {len(self.tokens.now())} entries have one"
        if self.exposed:
            why = f"{self.exposed} can be reached from other machines, and nothing is encrypted"
            yield logging.WARNING, f"--insecure: {why}"

    def credentials(self) -> Any:
        """For one port; None: without TLS."""
        return self.tls.server_credentials(ask_clients=self.asks_certificates) if self.tls else None

    def identity(self, name: str) -> Identity:
        """By what this node shows peers who it is."""
        return Identity(name, self.tls, self.secrets)

    def guard(self, name: str, now: Callable[[], int]) -> Guard | None:
        """Who looks at callers; None: nobody. `now`: the hybrid time."""
        if not (self.asks_certificates or self.secrets or self.tokens or self.audit):
            return None
        return Guard(
            name,
            now,
            certificates=self.asks_certificates,
            tokens=self.tokens,
            secrets=self.secrets,
            audit=self.audit,
        )


def door_of(options: argparse.Namespace, cluster: Cluster, host: str) -> Door:
    """The door that the options ask for. `host`: where it listens. Raises CannotStart."""
    _check(options, cluster, host)
    tls = None
    if options.tls_cert:
        given = Tls(options.tls_ca, options.tls_cert, options.tls_key)
        tls = _read("TLS", lambda: TlsFiles(given, _tell))
    secrets = _kept("--cluster-secret-file", options.cluster_secret_file, Secrets.of)
    tokens = _kept("--tokens", options.tokens, Tokens.of)
    audit = Audit(options.audit) if options.audit else None
    exposed = "" if options.tls_cert or _is_loopback(host) else host
    return Door(tls, _asks_certificates(options), secrets, tokens, audit, exposed)


def _asks_certificates(options: argparse.Namespace) -> bool:
    """By default whoever believes an authority asks for certificates of it."""
    if options.client_certs is None:
        return bool(options.tls_cert and options.tls_ca)
    return bool(options.client_certs == REQUIRED)


def _check(options: argparse.Namespace, cluster: Cluster, host: str) -> None:
    """Refuse what does not fit together. Raises BadSetting."""
    has_peers = len(cluster.members) > 1
    asks, secret = _asks_certificates(options), options.cluster_secret_file
    if bool(options.tls_cert) != bool(options.tls_key):
        raise BadSetting("--tls-cert and --tls-key go together: a certificate, and its key")
    if not options.tls_cert and (options.tls_ca or options.client_certs not in (None, OFF)):
        raise BadSetting("--tls-ca and --client-certs go with --tls-cert and --tls-key")
    if options.client_certs == OPTIONAL:
        raise BadSetting(
            "--client-certs optional cannot be had: gRPC for Python asks every caller for a"
            f" certificate, or none; say {REQUIRED}, or {OFF} and --cluster-secret-file for the"
            " nodes"
        )
    if asks and not options.tls_ca:
        raise BadSetting(f"--client-certs {REQUIRED} wants --tls-ca: whose certificates to believe")
    if has_peers and options.tls_cert and not options.tls_ca:
        raise BadSetting("--tls-cert wants --tls-ca, too: by it this node knows its peers")
    if has_peers and options.tls_cert and not asks and not secret:
        raise BadSetting(
            f"with --client-certs {OFF} nodes need --cluster-secret-file, or whoever connects"
            " could pose as one"
        )
    if has_peers and options.tokens and not asks and not secret:
        raise BadSetting(
            "--tokens wants --tls-cert, or --cluster-secret-file, or whoever has no token could"
            " pose as a peer, and write what he likes"
        )
    if not options.tls_cert and not options.insecure and not _is_loopback(host):
        raise BadSetting(
            f"{host} can be reached from other machines: give --tls-cert, --tls-key and --tls-ca"
            " (kvcluster certs makes some to try out), or say --insecure if everybody who reaches"
            " it may read and write everything"
        )


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine alone. One that cannot be looked up is told of elsewhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return True
    return all(ipaddress.ip_address(str(at[0]).split("%")[0]).is_loopback for *_, at in found)


def _kept(option: str, path: Path | None, parse: Callable[[str], T]) -> KeptFiles[T] | None:
    if path is None:
        return None

    def read() -> T:
        return parse(path.read_text("utf-8"))

    return _read(f"{option} {path}", partial(KeptFiles, [path], read, _tell))


def _read(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        raise CannotStart(f"{what} cannot be read: {named}{error.strerror}") from None
    except ValueError as error:
        raise CannotStart(f"{what} cannot be used: {error}") from None


def _tell(sentence: str) -> None:
    log.warning("NODE  %s", sentence)

"""An authority for trying out: it makes certificates for nodes and for clients, in one folder.

    ca.pem, ca.key      the authority; its key signs, and is best kept elsewhere afterwards
    NAME.pem, NAME.key  a node of this host, or a client of this name

They are what a node wants (security/certificates.py): the organisational unit `kvcluster-node`, and
the host among the subject names. A client's has its name as the common name, and no unit. The same
command again makes new ones of the same authority, which is how they are renewed; they take the
place of the old ones in one go, the certificate a moment after its key. A node that looks between
the two keeps the old ones until they fit.

Who has an authority of its own uses that. This one has no revocation: a certificate is good until
it ends, so they are made for a short time.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NODE_UNIT = "kvcluster-node"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_EARLIER = timedelta(minutes=5)
"""Clocks differ, and a certificate that is not valid yet is refused."""
_AUTHORITY_DAYS = 3650


class Authority:
    """The authority of a folder."""

    def __init__(self, folder: Path) -> None:
        """Make one if there is none. Raises OSError, ValueError."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.is_new = not (folder / "ca.key").exists()
        if self.is_new:
            self._make()
        pem = (folder / "ca.key").read_bytes()
        self._key: Any = serialization.load_pem_private_key(pem, None)
        self._cert = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # Of its own: while one replaces another, both stand in one file.
        name = _name(f"kvcluster authority {secrets.token_hex(4)}", "")
        builder = _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, False)
        cert = builder.add_extension(usage, True).sign(key, hashes.SHA256())
        self._write("ca", key, cert)

    def certify_node(self, host: str, days: float) -> None:
        """Make a certificate for the nodes of a host."""
        hosts = _THIS_MACHINE if host in _THIS_MACHINE else (host,)
        self._certify(host, NODE_UNIT, hosts, days)

    def certify_client(self, name: str, days: float) -> None:
        """Make a certificate for a client."""
        self._certify(name, "", (), days)

    def _certify(self, name: str, unit: str, hosts: Sequence[str], days: float) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name, unit), self._cert.subject, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if hosts:
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names = x509.SubjectAlternativeName([_general(host) for host in hosts])
            builder = builder.add_extension(names, False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, False)
        self._write(name, key, builder.sign(self._key, hashes.SHA256()))

    def _write(self, name: str, key: Any, cert: x509.Certificate) -> None:
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _replace(self._folder / f"{file_of(name)}.key", pem, 0o600)
        _replace(
            self._folder / f"{file_of(name)}.pem",
            cert.public_bytes(serialization.Encoding.PEM),
            0o644,
        )


def file_of(name: str) -> str:
    """What the files of a name are called, without their ending."""
    return "".join(mark if mark.isalnum() or mark in "._-:" else "_" for mark in name)


def _name(common_name: str, unit: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if unit:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name(parts)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER - timedelta(days=max(0.0, -days)))
        .not_valid_after(now + timedelta(days=days))
    )


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Put a file in the place of another in one go."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(file, data)
    finally:
        os.close(file)
    new.replace(path)

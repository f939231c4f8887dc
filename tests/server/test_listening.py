"""Where a node listens: on every address that its name has on this machine, or not at all."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.errors import CannotStart
from kvcluster.server.listening import addresses_of

_NOT_OURS = "192.0.2.1"  # of a range that nobody has


def name_is(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """A name that has these addresses, in this order."""

    def getaddrinfo(_: str, port: int, **__: Any) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_every_address_that_is_here_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, though a hosts file names it twice; one of another machine is left out."""
    name_is(monkeypatch, "127.0.0.2", _NOT_OURS, "127.0.0.1", "127.0.0.2")
    (port,) = free_ports(1)
    assert addresses_of("odd", port) == [f"127.0.0.2:{port}", f"127.0.0.1:{port}"]


def test_a_kernel_without_ipv6_is_no_reason_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts files name ::1 where there is none."""
    name_is(monkeypatch, "::1", "127.0.0.1")
    real = socket.socket

    def without_ipv6(family: int = socket.AF_INET, *more: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return real(family, *more)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    (port,) = free_ports(1)
    assert addresses_of("localhost", port) == [f"127.0.0.1:{port}"]


def test_a_name_that_is_elsewhere_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody pointed it at another machine."""
    name_is(monkeypatch, _NOT_OURS)
    with pytest.raises(CannotStart, match="cannot listen on odd: it is no address of this machine"):
        addresses_of("odd", 50051)


def test_a_name_that_nobody_knows_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` too, where the hosts file has no line for it."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CannotStart, match=r"cannot listen on localhost: Name or .*not known"):
        addresses_of("localhost", 50051)

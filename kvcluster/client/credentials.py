"""Credentials: by what a program shows nodes who it is, and by what it knows them.

A token goes along with each call, and with the opening of each stream; certificates are part of the
connection (wire/tls.py), and are read again when they change. The files are read when a client is
made, so what is wrong with them is told there, and not by a call that fails.

A token is a secret: it stands in no `repr`, no error and no log. Without TLS whoever is on the way
can read it; it is sent all the same, since between programs on one machine nobody is.

A program with a command line has one set of credentials for whatever it asks: it says so once
(`use_in_this_program`), and every connection that is given none of its own has these.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kvcluster.errors import BadRequest

if TYPE_CHECKING:
    from kvcluster.wire.call_course import Metadata
    from kvcluster.wire.tls import Tls, TlsFiles

log = logging.getLogger("kvcluster")

_LONGEST_TOKEN = 4096


@dataclass(frozen=True)
class Credentials:
    """What a program has; nothing, by default."""

    tls: TlsFiles | None = None
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, tls: Tls | None, token: str | None) -> Credentials | None:
        """Those that a program gives; None: it gives none. Raises BadRequest."""
        if tls is None and token is None:
            return None
        return cls(_files(tls) if tls is not None else None, _checked(token or ""))

    @property
    def metadata(self) -> Metadata:
        """What goes along with a call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def usual() -> Credentials:
    """Those of this program."""
    return _usual


def use_in_this_program(credentials: Credentials | None) -> None:
    """Have all connections that are given none of their own use these."""
    global _usual  # noqa: PLW0603 - a program has one set
    _usual = credentials or Credentials()


def _files(tls: Tls) -> TlsFiles:
    from kvcluster.wire.tls import TlsFiles  # to load it takes a moment

    try:
        return TlsFiles(tls, log.warning)
    except OSError as error:
        raise BadRequest(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _checked(token: str) -> str:
    """What is wrong with a token is told without a letter of it."""
    token = token.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BadRequest("the token has characters that no token has: spaces, or others than ASCII")
    if len(token) > _LONGEST_TOKEN:
        raise BadRequest(f"the token is {len(token):,} characters long, at most {_LONGEST_TOKEN:,}")
    return token


_usual = Credentials()

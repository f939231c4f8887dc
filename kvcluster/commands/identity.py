"""Identity: by what a program shows nodes who it is, from its options, the environment, and files.

    --tls-ca F      KV_TLS_CA        the authority of the nodes; with it TLS is spoken
    --tls-cert F    KV_TLS_CERT      what is shown to nodes that ask for a certificate
    --tls-key F     KV_TLS_KEY       its key
    --token-file F  KV_TOKEN_FILE    a file with a token, and nothing else
                    KV_TOKEN         the token itself

An option wins over its variable, and a file that an option names over `KV_TOKEN`. There is no
option for a token: whoever may list processes would read it, and it would stand in the history of
the shell. A variable that is empty is not set.

The token is taken out of the environment once it is read, so that programs that are started from
here do not get it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, NoReturn, Protocol

from kvcluster.console.arguments import file

TOKEN = "KV_TOKEN"
_FILES = {
    "tls_ca": ("--tls-ca", "KV_TLS_CA", "speak TLS, and believe this authority (PEM)"),
    "tls_cert": ("--tls-cert", "KV_TLS_CERT", "show this certificate"),
    "tls_key": ("--tls-key", "KV_TLS_KEY", "its key"),
    "token_file": ("--token-file", "KV_TOKEN_FILE", "show the token in this file"),
}
OPTIONS = tuple(option for option, _, _ in _FILES.values())


class Refuse(Protocol):
    """Says what is wrong, and ends."""

    def __call__(self, sentence: str, /) -> NoReturn:
        """See above."""


def add_identity(parser: argparse.ArgumentParser, default: Any = None) -> None:
    """Add the options. `default`: of one that is not given."""
    for option, variable, text in _FILES.values():
        file(option, f"{text} (default: {variable})")(parser)
    for action in parser._actions:
        if action.dest in _FILES:
            action.default = default


def use_identity(
    options: argparse.Namespace,
    refuse: Refuse,
    environment: MutableMapping[str, str] = os.environ,
) -> None:
    """Have whatever this program asks show what the options say, or the environment."""
    token = environment.pop(TOKEN, "")
    said = {name: _said(name, options, environment) for name in _FILES}
    if said["token_file"] and (getattr(options, "token_file", None) or not token):
        token = _read(said["token_file"], refuse)
    if not token and not any(said.values()):
        return
    from kvcluster import Tls
    from kvcluster.client.credentials import Credentials, use_in_this_program
    from kvcluster.errors import BadRequest

    files = {name: said[f"tls_{name}"] or None for name in ("ca", "cert", "key")}
    try:
        tls = Tls(**files) if any(files.values()) else None
        use_in_this_program(Credentials.of(tls, token))
    except BadRequest as error:
        refuse(str(error))


def _said(name: str, options: argparse.Namespace, environment: MutableMapping[str, str]) -> str:
    given: str | None = getattr(options, name, None)
    return given or environment.get(_FILES[name][1], "")


def _read(path: str, refuse: Refuse) -> str:
    try:
        token = Path(path).read_text("utf-8").strip()
    except UnicodeDecodeError:
        refuse(f"{path} is no file with a token: it is not text")
    except OSError as error:
        refuse(f"{path} cannot be read: {error.strerror}")
    if not token:
        refuse(f"{path} has no token in it")
    return token

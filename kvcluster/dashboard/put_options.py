"""Put options: what may be typed into the last field of the put box, the words of the command line.

A box with a field for each would be one that nobody fills. Who knows `put --ttl 30m` knows this.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from typing import NoReturn

from kvcluster.console.arguments import time_to_live, valid, version
from kvcluster.errors import BadRequest

OPTIONS = "options (Tab): --if-absent, --if-value OLD, --if-version HEX, --ttl 30s, --keep-ttl"


@dataclass(frozen=True)
class PutOptions:
    """What a put is given beside its key and its value, by the names of the library."""

    ttl_s: float | None = None
    if_absent: bool = False
    if_version: bytes | None = None
    if_value: str | None = None
    keep_ttl: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise BadRequest."""
        raise BadRequest(message)


def put_options(text: str) -> PutOptions:
    """What these words say. Raises BadRequest."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ttl", dest="ttl_s", type=time_to_live)
    parser.add_argument("--if-absent", action="store_true")
    parser.add_argument("--if-version", type=version)
    parser.add_argument("--if-value", type=valid)
    parser.add_argument("--keep-ttl", action="store_true")
    try:
        words = shlex.split(text)
    except ValueError:
        raise BadRequest("a quote is not closed") from None
    return PutOptions(**vars(parser.parse_args(words)))

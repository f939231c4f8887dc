"""The setting: what the address of the engine says, checked before anything is connected.

The prefix must have no braces: they decide the slot of a key (redis_layout.py), and with some of
somebody else in front of ours all buckets would be in one slot, on one node.

`copies` is how many nodes must have confirmed a write for it to be done. Redis answers before a
replica has it, so 1 is what most programs get without knowing: a failover may undo what was
acknowledged. 2 is the default here, since to say "done" of what may vanish would break what
everybody builds on the API.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from kvcluster.engines.address import EngineAddress
from kvcluster.errors import BadSetting

Place = tuple[str, int]
"""Host and port of a node."""
_MOST_COPIES = 5


@dataclass(frozen=True, slots=True)
class RedisSetting:
    """All that the rest of this room needs to know of the address."""

    seeds: tuple[Place, ...]
    prefix: str
    copies: int
    user: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None


def setting_of(address: EngineAddress) -> RedisSetting:
    """Raises BadSetting, which names what is wrong."""
    prefix, copies = address.options["prefix"], address.options["copies"]
    if "{" in prefix or "}" in prefix:
        raise BadSetting(f"the prefix of redis:// has no braces; got {prefix[:80]!r}")
    if copies not in map(str, range(1, _MOST_COPIES + 1)):
        raise BadSetting(f"copies of redis:// is 1 to {_MOST_COPIES}; got {copies[:20]!r}")
    if address.user and not address.password:
        raise BadSetting("redis:// has a user and no password; set KVCLUSTER_ENGINE_PASSWORD")
    return RedisSetting(
        address.hosts, prefix, int(copies), address.user, address.password, _tls_of(address)
    )


def _tls_of(address: EngineAddress) -> ssl.SSLContext | None:
    if not address.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=address.ca)
    except (ssl.SSLError, OSError):
        raise BadSetting(f"there is no certificate in {address.ca}") from None
    if address.cert is not None:
        try:
            context.load_cert_chain(address.cert, address.key, password=_no_password)
        except (ssl.SSLError, OSError):
            raise BadSetting(f"{address.cert} and {address.key} do not belong together") from None
    return context


def _no_password() -> str:
    """OpenSSL would ask the terminal for it."""
    return ""


def spelled(place: Place) -> str:
    """A place, for people."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

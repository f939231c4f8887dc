"""The address of an engine: what stands behind `--engine`, and nothing of it that is secret.

    etcd://h1:2379,h2:2379?prefix=kvcluster/
    postgresql://user@h1:5432,h2:5432/database?table=kvcluster
    redis://h1:7000,h2:7001?prefix=kvcluster

    ?ca=FILE&cert=FILE&key=FILE    TLS: whose certificates to believe, and what we show (PEM)

A command line is seen by everybody on the machine and an environment is not, so the password comes
from a variable of that (PASSWORD). One in the address is refused, and not repeated in the refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from kvcluster.errors import BadSetting
from kvcluster.model.members import split_address

PASSWORD = "KVCLUSTER_ENGINE_PASSWORD"
_COMMON = ("ca", "cert", "key")


@dataclass(frozen=True, slots=True)
class AddressForm:
    """What the addresses of one kind of engine look like."""

    scheme: str
    port: int
    """Where no other is said."""
    options: Mapping[str, str]
    """What may stand behind the question mark, beside what all know, and its default."""
    has_database: bool = False


FORMS = {
    form.scheme: form
    for form in (
        AddressForm("etcd", 2379, {"prefix": "kvcluster/"}),
        AddressForm("postgresql", 5432, {"table": "kvcluster"}, has_database=True),
        AddressForm("redis", 6379, {"prefix": "kvcluster", "copies": "2"}),
    )
}


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where an engine is, and how to get in."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str = field(repr=False)
    database: str
    options: Mapping[str, str]
    """Those of its kind, each with its default where nothing was said."""
    ca: Path | None
    cert: Path | None
    key: Path | None

    @property
    def tls(self) -> bool:
        """Whether it is to be spoken to in TLS."""
        return self.ca is not None or self.cert is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts as "host:port"."""
        return tuple(map(_spelled, self.hosts))

    @property
    def told(self) -> str:
        """For a log: where it is, and as whom; no password, and no path of a key."""
        user = f"{self.user}@" if self.user else ""
        database = f"/{self.database}" if self.database else ""
        return f"{self.scheme}://{user}{','.join(self.names)}{database}"


def parse_engine(text: str, environment: Mapping[str, str]) -> EngineAddress:
    """Read an address. Raises BadSetting, which names what is wrong, and never a password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise BadSetting("the engine is no address; want one like etcd://h:2379") from None
    form = FORMS.get(parts.scheme)
    if form is None:
        known = ", ".join(f"{scheme}://" for scheme in FORMS)
        raise BadSetting(f"an engine is one of {known}; got {parts.scheme[:20]!r}")
    place = parts.netloc.rpartition("@")
    user, colon, _ = place[0].partition(":")
    if colon:
        raise BadSetting(
            f"the password of an engine comes from the environment, as {PASSWORD}: a command line"
            " is seen by everybody on this machine"
        )
    given = _options(form, parts)
    return EngineAddress(
        form.scheme,
        tuple(_host(each, form) for each in place[2].split(",")),
        unquote(user),
        environment.get(PASSWORD, ""),
        _database(form, parts),
        {name: given.get(name, default) for name, default in form.options.items()},
        *_files(given),
    )


def _spelled(host: tuple[str, int]) -> str:
    return f"[{host[0]}]:{host[1]}" if ":" in host[0] else f"{host[0]}:{host[1]}"


def _host(text: str, form: AddressForm) -> tuple[str, int]:
    has_port = text.rpartition("]")[2].count(":") == 1
    return split_address(text if has_port else f"{text}:{form.port}")


def _database(form: AddressForm, parts: SplitResult) -> str:
    name = unquote(parts.path.removeprefix("/"))
    if parts.fragment or (name and not form.has_database):
        what = parts.fragment or name
        raise BadSetting(f"{form.scheme}:// has no database, and so no {what[:80]!r}")
    return name


def _options(form: AddressForm, parts: SplitResult) -> dict[str, str]:
    given: dict[str, str] = {}
    known = (*_COMMON, *form.options)
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise BadSetting(
                f"{form.scheme}:// knows no option {name[:80]!r}; there are {', '.join(known)}"
            )
        if name in given:
            raise BadSetting(f"the option {name} of the engine is given twice")
        if not value:
            raise BadSetting(f"the option {name} of the engine is empty")
        given[name] = value
    return given


def _files(given: Mapping[str, str]) -> tuple[Path | None, Path | None, Path | None]:
    ca, cert, key = (Path(given[name]) if name in given else None for name in _COMMON)
    if (cert is None) != (key is None):
        raise BadSetting("the options cert and key of the engine go together")
    for path in (ca, cert, key):
        if path is not None and not path.is_file():
            raise BadSetting(f"the engine's {path} is no file")
    return ca, cert, key

"""Following one key to its replicas: what each of them holds, and whether it is the same.

Every replica is asked for itself. A node answers from its own data only while it serves; otherwise
it forwards the read, and its answer names another. Such an answer says nothing of the node that was
asked, so it is shown and not compared.

Replicas that differ are not yet a fault: a write may be on its way between them. If it lasts, one
of them has missed a write and the others have noted it, and the comparison of the nodes mends what
nobody has noted (docs/reliability.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from kvcluster.client.failure import CallFailed
from kvcluster.console.screen import as_line, counted, listed
from kvcluster.dashboard.ink import Tone, plain, short, told
from kvcluster.dashboard.look import Look, state_of, tone_of
from kvcluster.dashboard.picture import shape
from kvcluster.model.slots import placement_of, slot_of
from kvcluster.view.wording import MILLISECONDS_BYTES, moment

from demo_pb2 import Configuration, GetResponse

Sightings = Mapping[str, GetResponse | CallFailed]
"""What came of reading the key at each replica."""


@dataclass(frozen=True)
class Home:
    """Where a key lives."""

    key: str
    slot: int
    replicas: tuple[str, ...]
    """The primary first; none if the configuration is not known."""


def home_of(key: str, configuration: Configuration | None) -> Home:
    """Where a key lives in a cluster of this configuration."""
    slot = slot_of(key)
    known = shape(configuration)
    return Home(key, slot, placement_of(*known).replicas(slot) if known else ())


def lines(home: Home, seen: Sightings, look: Look) -> list[Text]:
    """A title that judges, and a line for each replica."""
    tone, judgement = _judgement(home, seen)
    title = plain("Key", "bold")
    title.append_text(plain(f' "{short(home.key)}" in slot {home.slot:,}  '))
    title.append_text(told(tone, judgement))
    width = max((cell_len(as_line(name)) for name in home.replicas), default=0)
    return [title, *(_line(name, width, home, seen, look) for name in home.replicas)]


def _line(name: str, width: int, home: Home, seen: Sightings, look: Look) -> Text:
    member = look.member(name)
    role = "primary" if name == home.replicas[0] else "replica"
    line = plain(f"  {role} {name}")
    line.append(" " * (1 + width - cell_len(as_line(name))))
    state = (tone_of(member), state_of(member)) if member else (Tone.BAD, "UNKNOWN")
    line.append_text(told(*state))
    outcome = seen.get(name)
    if outcome is None:
        return line.append_text(plain("  asked"))
    if isinstance(outcome, CallFailed):
        return line.append_text(plain(f"  {outcome}"))
    return line.append_text(plain(f"  {_what(name, outcome, look.now_s)}"))


def _what(name: str, answer: GetResponse, now_s: float) -> str:
    value = described(answer.value) if answer.found else "not there"
    version = _version(answer.version, now_s)
    if answer.served_by != name:
        return f"does not answer reads itself; {answer.served_by} says: {value}"
    return f"{value}  {version}".rstrip()


def _version(version: bytes, now_s: float) -> str:
    if not version:
        return ""
    return f"of {moment(version, now_s)}, {version[MILLISECONDS_BYTES:].hex()}"


def described(value: str) -> str:
    """A value as a line can hold it, with its size."""
    return f'"{short(value)}" ({counted(len(value.encode()), "byte")})'


def _judgement(home: Home, seen: Sightings) -> tuple[Tone, str]:
    if not home.replicas:
        return Tone.BUSY, "no node has said where it lives"
    own = {
        name: answer
        for name in home.replicas
        if isinstance(answer := seen.get(name), GetResponse) and answer.served_by == name
    }
    total = len(home.replicas)
    if not own:
        return Tone.BAD if seen else Tone.PLAIN, f"none of {counted(total, 'replica')} seen"
    forms = {(it.found, it.version, it.value) for it in own.values()}
    if len(forms) > 1:
        return Tone.BUSY, f"they differ: {_difference(own)}"
    if len(own) < total:
        return Tone.BUSY, f"{len(own)} of {counted(total, 'replica')} seen, equal"
    return Tone.GOOD, "1 replica" if total == 1 else f"all {total} replicas are equal"


def _difference(own: Mapping[str, GetResponse]) -> str:
    """Who has the newest; or that one version has two contents, which must never be."""
    newest = max(answer.version for answer in own.values())
    holders: Sequence[str] = [name for name, it in own.items() if it.version == newest]
    if len({(it.found, it.value) for it in own.values() if it.version == newest}) > 1:
        return "one version with two contents"
    verb = "has" if len(holders) == 1 else "have"
    return f"{listed(list(holders), 'and')} {verb} the newest"

"""Following one key to its replicas: what each of them holds, and whether it is the same.

Every replica is asked for itself. A node answers from its own data only while it serves; otherwise
it forwards the read, and its answer names another. Such an answer says nothing of the node that was
asked, so it is shown and not compared.

Replicas that differ are not yet a fault: a write may be on its way between them. If it lasts, one
of them has missed a write. Another keeps a hint for it, or anti-entropy finds what is missing
(docs/reliability.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from kvcluster.client.failure import CallFailed
from kvcluster.console.screen import as_line, counted, listed, short
from kvcluster.dashboard.ink import Tone, plain, told
from kvcluster.dashboard.look import Look, state_of, tone_of
from kvcluster.dashboard.picture import shape
from kvcluster.model.slots import placement_of, slot_of
from kvcluster.view.census import engine_clause
from kvcluster.view.wording import MILLISECONDS_BYTES, moment

from demo_pb2 import Configuration, GetResponse


@dataclass(frozen=True)
class Followed:
    """A key, where it lives, and what came of reading it there."""

    key: str
    slot: int
    replicas: tuple[str, ...]
    """The primary first; none if the configuration is not known."""
    seen: dict[str, GetResponse | CallFailed] = field(default_factory=dict, compare=False)
    """What each of these has answered last."""

    @classmethod
    def of(cls, key: str, configuration: Configuration | None) -> Followed:
        """A key in a cluster of this configuration, not read yet."""
        slot = slot_of(key)
        known = shape(configuration)
        return cls(key, slot, placement_of(*known).replicas(slot) if known else ())


def lines(followed: Followed, look: Look) -> list[Text]:
    """A title that judges, and a line for each replica."""
    title = plain("Key", "bold")
    title.append_text(plain(f' "{short(followed.key)}" in slot {followed.slot:,}  '))
    title.append_text(told(*_judgement(followed, look)))
    width = max((cell_len(as_line(name)) for name in followed.replicas), default=0)
    return [title, *(_line(name, width, followed, look) for name in followed.replicas)]


def _line(name: str, width: int, followed: Followed, look: Look) -> Text:
    member = look.member(name)
    role = "primary" if name == followed.replicas[0] else "replica"
    line = plain(f"  {role} {name}")
    line.append(" " * (1 + width - cell_len(as_line(name))))
    state = (tone_of(member), state_of(member)) if member else (Tone.BAD, "UNKNOWN")
    line.append_text(told(*state))
    return line.append_text(plain(f"  {_what(name, followed.seen.get(name), look.now_s)}"))


def _what(name: str, answer: GetResponse | CallFailed | None, now_s: float) -> str:
    """What came of reading the key at this replica."""
    if answer is None:
        return "asked"
    if isinstance(answer, CallFailed):
        return str(answer)
    value = described(answer.value) if answer.found else "not there"
    if answer.served_by != name:
        return f"does not answer reads itself; {answer.served_by} says: {value}"
    if not answer.version:
        return value
    made = moment(answer.version, now_s)
    return f"{value}  of {made}, {answer.version[MILLISECONDS_BYTES:].hex()}"


def described(value: str) -> str:
    """A value as a line can hold it, with its size."""
    return f'"{short(value)}" ({counted(len(value.encode()), "byte")})'


def _judgement(followed: Followed, look: Look) -> tuple[Tone, str]:
    if not followed.replicas and engine_clause(look.members):
        return Tone.PLAIN, "gateways hold no keys; `locate` says where the engine has it"
    if not followed.replicas:
        return Tone.BUSY, "no node has said where it lives"
    own = {
        name: answer
        for name in followed.replicas
        if isinstance(answer := followed.seen.get(name), GetResponse) and answer.served_by == name
    }
    total = len(followed.replicas)
    if not own:
        tone = Tone.BAD if followed.seen else Tone.PLAIN
        return tone, f"none of {counted(total, 'replica')} seen"
    forms = {(said.found, said.version, said.value) for said in own.values()}
    if len(forms) > 1:
        return Tone.BUSY, f"they differ: {_difference(own)}"
    if len(own) < total:
        return Tone.BUSY, f"{len(own)} of {counted(total, 'replica')} seen, equal"
    return Tone.GOOD, "1 replica" if total == 1 else f"all {total} replicas are equal"


def _difference(own: Mapping[str, GetResponse]) -> str:
    """Who has the newest; or that one version has two contents, which must never be."""
    newest = max(answer.version for answer in own.values())
    holders = [name for name, it in own.items() if it.version == newest]
    if len({(own[name].found, own[name].value) for name in holders}) > 1:
        return "one version with two contents"
    verb = "has" if len(holders) == 1 else "have"
    return f"{listed(holders, 'and')} {verb} the newest"

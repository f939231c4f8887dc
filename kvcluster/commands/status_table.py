"""The table of `client.py status`: the whole cluster, asked from every node that answers.

A row for each member, whoever named it; below the table what is unusual about single nodes, and
below that where nodes contradict each other. What is said is decided elsewhere (`view/census.py`,
`view/notes.py`, `view/disagreements.py`); here it is asked for and laid out.

The layout is for eyes and for pipes. In a terminal, notes are wrapped to its width, and columns for
which it has no room are left out, the last ones first: a cell is never cut or folded. In a pipe
every row and every note is one line, as long as it takes, for `grep`. Colour only says again what
the words say, and only what reads well on dark and on light: bold and red.

With `--watch` it comes again and again, until Ctrl+C. In a terminal it is drawn over itself, on the
same screen, so that what was there before stays and the last look remains when it ends. In a pipe
each look is a block with the time above it, or an object on a line with `--output json`; a look
without any answer is told as well, and not the end. Between two looks lies the interval, whatever
the look itself takes: a cluster in trouble is not asked more often than one that is well.
"""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kvcluster.commands.command import Call
from kvcluster.console.arguments import INTERVAL_S
from kvcluster.console.screen import DASH, Exit, closed, complain, counted, emit, say
from kvcluster.console.streams import has_hung_up
from kvcluster.view.census import Member, census, engine_clause, serving_clause
from kvcluster.view.disagreements import disagreements, healthy
from kvcluster.view.health import View, ask_cluster
from kvcluster.view.notes import notes
from kvcluster.view.wording import duration, size

from demo_pb2 import EngineStatus, StatusResponse

_NUMBERS = ("keys", "size", "primary/held", "JSON age", "uptime")
_ENDLESS = 10_000
"""Columns of a pipe: more than any row has."""


def run(call: Call) -> int:
    """Ask the nodes and all that they know of; print the table and return the exit code."""
    answers = ask_cluster(call.nodes, call.timeout_s)
    if not any(answer.said for answer in answers):
        for line in _silence(answers):
            complain(line)
        return Exit.UNKNOWN
    members = census(answers)
    if call.json:
        emit(**as_fields(members, now_s=time.time()))
    else:
        say(render(members, _screen(), now_s=time.time()))
    return Exit.DONE if healthy(members) else Exit.NOT_SO


def _silence(answers: Sequence[View]) -> list[str]:
    return [f"{answer.address}: {closed(str(answer.outcome))}" for answer in answers]


def watch(call: Call) -> int:
    """Show the cluster until Ctrl+C, which is the ordinary end."""
    interval_s: float = call.options.interval or INTERVAL_S
    try:
        if call.json:
            _repeat(lambda: _emit(call), interval_s)
        elif sys.stdout is not None and sys.stdout.isatty():
            _draw(call, interval_s)
        else:
            _repeat(lambda: say(f"{_now()}\n{_look(call)}\n"), interval_s)
    except KeyboardInterrupt:
        pass
    return Exit.DONE


def _repeat(show: Callable[[], None], interval_s: float) -> None:
    while True:
        show()
        time.sleep(interval_s)


def _draw(call: Call, interval_s: float) -> None:
    with Live(auto_refresh=False, vertical_overflow="ellipsis") as live:

        def show() -> None:
            if has_hung_up(sys.stdout.fileno()):  # nothing is drawn then, and nothing complains
                raise OSError(errno.EIO, "the terminal is gone")
            head = f"{_now()}, every {interval_s:g} s; Ctrl+C ends"
            live.update(Text.from_ansi(f"{head}\n\n{_look(call)}"), refresh=True)

        _repeat(show, interval_s)


def _look(call: Call) -> str:
    """The table, or why there is none."""
    answers = ask_cluster(call.nodes, call.timeout_s)
    if not any(answer.said for answer in answers):
        return "\n".join(["no node answers", "", *_silence(answers)])
    return render(census(answers), _screen(), now_s=time.time())


def _emit(call: Call) -> None:
    now_s = time.time()
    members = census(ask_cluster(call.nodes, call.timeout_s))
    emit(time_s=round(now_s, 3), **as_fields(members, now_s=now_s))


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _screen() -> Console:
    """Standard output, as wide as it is."""
    console = Console()
    if not console.is_terminal:
        console.width = _ENDLESS
    return console


def render(members: Sequence[Member], console: Console, *, now_s: float) -> str:
    """Everything there is to say about the members, as text for this console."""
    parts: list[RenderableType] = [_summary(members), "", _table(members, console)]
    if unusual := notes(members, now_s):
        parts += ["", _paragraphs((note.node, note.text) for note in unusual)]
    if contrary := disagreements(members):
        parts += ["", "They disagree:", _paragraphs(("", it.text) for it in contrary)]
    with console.capture() as capture:
        for part in parts:
            console.print(part, highlight=False, markup=False, emoji=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _summary(members: Sequence[Member]) -> str:
    """How many serve, and what all of them were started with, if it is the same."""
    line = serving_clause(members)
    agreed = {
        own.configuration.replicas
        for member in members
        if (own := member.own) is not None and own.HasField("configuration")
    }
    if engine := engine_clause(members):
        line += f"; {engine}"
    elif len(agreed) == 1:
        line += f"; each key has {counted(agreed.pop(), 'replica')}"
    return line


def _table(members: Sequence[Member], console: Console) -> Table:
    """As many of the columns as there is room for."""
    endless = console.options.update(width=_ENDLESS)
    for count in range(len(_NUMBERS), -1, -1):
        table = _columns(members, count)
        if console.measure(table, options=endless).maximum <= console.width:
            break
    return table


def _columns(members: Sequence[Member], count: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("node", no_wrap=True, overflow="fold")
    table.add_column("state", no_wrap=True)
    for name in _NUMBERS[:count]:
        table.add_column(name, justify="right", no_wrap=True)
    for member in members:
        table.add_row(Text(member.node), _state(member), *_numbers(member.own)[:count])
    return table


def _state(member: Member) -> Text:
    if member.serving:
        return Text(member.state)
    return Text(member.state, style="bold" if member.own is not None else "bold red")


def _numbers(own: StatusResponse | None) -> list[str]:
    if own is None:
        return [DASH] * len(_NUMBERS)
    if own.HasField("engine"):  # it holds nothing itself
        return [f"{own.keys:,}", DASH, DASH, DASH, duration(own.uptime_s)]
    age_s = own.checkpoint_age_s
    return [
        f"{own.keys:,}",
        size(own.size_bytes),
        f"{own.primary_slots:,}/{own.replica_slots:,}",
        duration(age_s) if age_s >= 0 else "never",
        duration(own.uptime_s),
    ]


def _paragraphs(pairs: Iterable[tuple[str, str]]) -> Table:
    """Two columns without lines; the second is wrapped under itself."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, overflow="fold")
    grid.add_column(overflow="fold")
    for name, text in pairs:
        grid.add_row(Text(name), Text(text))
    return grid


def as_fields(members: Sequence[Member], *, now_s: float) -> dict[str, Any]:
    """The same for programs; docs/client.md lists the fields."""
    unusual = notes(members, now_s)
    return {
        "healthy": healthy(members),
        "serving": sum(member.serving for member in members),
        "nodes": [
            _node_fields(member, [note.text for note in unusual if note.node == member.node])
            for member in members
        ],
        "disagreements": [it.text for it in disagreements(members)],
    }


def _node_fields(member: Member, said: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "node": member.node,
        "serving": member.serving,
        "state": member.state,
        "answers": member.own is not None,
        "notes": said,
    }
    if (own := member.own) is not None:
        fields |= {
            "replicas": own.configuration.replicas,
            "keys": own.keys,
            "size_bytes": own.size_bytes,
            "primary_slots": own.primary_slots,
            "held_slots": own.replica_slots,
            "expiring_keys": own.expiring_keys,
            "tombstones": own.tombstones,
            "json_age_s": round(own.checkpoint_age_s, 3) if own.checkpoint_age_s >= 0 else None,
            "uptime_s": round(own.uptime_s, 3),
        }
        if own.HasField("engine"):
            fields["engine"] = _engine_fields(own.engine)
    return fields


def _engine_fields(engine: EngineStatus) -> dict[str, Any]:
    return {
        "kind": engine.kind,
        "version": engine.version,
        "trouble": engine.trouble,
        "members": [
            {"name": it.name, "role": it.role, "reachable": it.reachable, "detail": it.detail}
            for it in engine.members
        ],
    }

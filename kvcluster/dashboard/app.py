"""The dashboard itself: it looks, draws what the look says, and takes keys.

Two things run side by side. One looks at the cluster, waits, and looks again; what it finds is
drawn from one value (`Scene`), so nothing on the screen is newer or older than the rest. The other
is Textual, which hands on what a person types. Neither waits for the other, and neither for a node.

The colours are those of the terminal unless a person wants others, so it reads on white and on
black. The mouse is left to the terminal: what stands on the screen can be selected and copied.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static

from kvcluster.console.streams import has_hung_up
from kvcluster.dashboard.deeds import YOU, Deeds
from kvcluster.dashboard.drawing import PARTS, Scene, draw
from kvcluster.dashboard.events import Event
from kvcluster.dashboard.ink import Tone, lines, plain, told, wrapped
from kvcluster.dashboard.layout import Size
from kvcluster.dashboard.source import Source
from kvcluster.dashboard.watching import Watching
from kvcluster.dashboard.widgets import HelpPage, Panel

_INTERVALS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_ANSWER_STAYS_S = 15.0
"""So long the line with what came of a deed is shown; the log keeps it."""
_ANSWER_LINES = 3
_ALONE_INTERVAL_S = 1.0

# Priority keys are handled by the app, one after the other, before any widget has them. So what is
# typed while a box is being opened waits for it, and is not lost or taken for another order.
_order = partial(Binding, priority=True)


class Dashboard(App[None]):
    """`nodes`: some nodes of the cluster. `connect`: how they are asked; called in its loop."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #head, #answer { height: auto; text-wrap: nowrap; }
    Footer { text-style: none; }
    """
    ORDERS: ClassVar[tuple[Binding, ...]] = (
        _order("q", "leave", "Quit"),
        _order("question_mark,f1", "page", "Help", key_display="?"),
        _order("p", "ask('put')", "Put"),
        _order("g", "ask('get')", "Get"),
        _order("d", "ask('delete')", "Delete"),
        _order("f", "ask('follow')", "Follow"),
        _order("s", "slots", "Slots"),
        _order("e", "events", "Events"),
        _order("space", "pause", "Pause", key_display="Space"),
        _order("r", "look", "Look", show=False),
        _order("plus,equals_sign", "interval(-1)", "Faster", show=False),
        _order("minus", "interval(1)", "Slower", show=False),
        _order("t", "colours", "Colours", show=False),
        _order("S", "picture", "Screenshot", show=False),
    )
    BINDINGS: ClassVar[list[BindingType]] = [*ORDERS, _order("ctrl+c", "quit", "Quit", show=False)]

    def __init__(
        self, nodes: tuple[str, ...], interval_s: float, connect: Callable[[], Source]
    ) -> None:
        # It decides here, and once, how NO_COLOR is obeyed; for other themes it would draw black on
        # black in this one. From then on the theme decides.
        super().__init__(ansi_color=True)
        self.ansi_color = None
        self.title = "kvcluster"
        native = "ansi-light" if _is_light() else "ansi-dark"
        self._themes = (native, "textual-light", "textual-dark")
        self.theme = self._themes[0]
        self.animation_level = "none"
        self._scene = Scene(nodes, interval_s=interval_s)
        self._connect = connect
        self._wake = asyncio.Event()
        self._leaving = False
        self._answer, self._answered_s = plain(""), 0.0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="head", markup=False)
        for name in PARTS:
            yield Panel(name, to_end=name == "events")
        yield Static(id="answer", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin to look."""
        # Else the terminal would be left as it is. Windows has no such signals.
        if not self.is_headless and hasattr(signal, "SIGHUP"):
            for number in (signal.SIGTERM, signal.SIGHUP):
                leave = partial(self.exit, return_code=128 + number)
                asyncio.get_running_loop().add_signal_handler(number, leave)
            self.set_interval(_ALONE_INTERVAL_S, self._leave_if_alone)
        self._source = self._connect()
        self._watching = Watching(self._source, self._scene.asked)
        self._deeds = Deeds(self, self._source.client, tell=self._tell, follow=self._follow)
        self._draw()
        self._watch()

    def _leave_if_alone(self) -> None:
        """The terminal may go without a signal: only who leads its session gets one for certain."""
        if has_hung_up(sys.stdin.fileno()):
            self.exit(return_code=128 + signal.SIGHUP)

    async def on_unmount(self) -> None:
        """Let go of everything that is on its way."""
        await self._watching.close()
        await self._source.close()

    def on_resize(self) -> None:
        """Draw for another size."""
        self.call_after_refresh(self._draw)

    @work(exclusive=True, group="watch")
    async def _watch(self) -> None:
        """Look at the cluster again and again. Between two looks lies the interval."""
        while True:
            self._wake.clear()  # who wants a look while one is going on gets another
            if not self._scene.paused:
                await self._watching.look()
                self._draw()
            # No wait_for: until Python 3.12 it loses a cancellation that comes with the event, and
            # would go on looking, and drawing, while the screen is being taken away.
            timer = asyncio.get_running_loop().call_later(self._scene.interval_s, self._wake.set)
            await self._wake.wait()
            timer.cancel()

    def _draw(self) -> None:
        """Copy onto the screen what `draw` says; also while a box is open over it."""
        if self._leaving:
            return  # there is no screen any more, or soon none
        base, (width, height) = self.screen_stack[0], self.size
        answer = base.query_one("#answer", Static)
        stays = time.time() - self._answered_s < _ANSWER_STAYS_S
        told_lines = wrapped(self._answer, width, 2)[:_ANSWER_LINES] if stays else []
        answer.display = bool(told_lines)
        answer.update(lines(told_lines, width))
        watching = self._watching
        events = watching.log.lines(width - 1)
        self._scene = replace(
            self._scene, look=watching.now, events=events, followed=watching.followed
        )
        drawing = draw(self._scene, width, height - len(told_lines))
        base.query_one("#head", Static).update(lines(drawing.head, width))
        for name, section in drawing.sections.items():
            base.query_one(f"#{name}", Panel).show(section, width)

    def _tell(self, event: Event) -> None:
        """Say what came of something that a person did: in a line, and in the log."""
        self._watching.log.add(time.time(), [event])
        self._answered_s = time.time()
        self._answer = told(event.tone, event.what)
        self.action_look()

    async def action_ask(self, deed: str) -> None:
        """Open the box of a deed."""
        await self._deeds.begin(deed)

    def _follow(self, key: str) -> None:
        self._watching.follow(key)
        self.action_look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a box is open the keys are letters for it, and no orders for the dashboard."""
        if self._leaving:  # what was typed behind a q would open boxes on a screen that is gone
            return False
        boxed = len(self.screen_stack) > 1
        ours = any(action == order.action.partition("(")[0] for order in self.ORDERS)
        return None if boxed and ours else super().check_action(action, parameters)

    def exit(self, result: None = None, return_code: int = 0, message: object = None) -> None:
        """End the dashboard; every way out leads here."""
        self._leaving = True
        super().exit(result, return_code)

    def action_leave(self) -> None:
        """End the dashboard."""
        self.exit()

    def action_look(self) -> None:
        """Draw what is new here, and look now, or as soon as the look that is going on is over."""
        self._draw()
        self._wake.set()

    def action_pause(self) -> None:
        """Look no more, or again."""
        self._scene = replace(self._scene, paused=not self._scene.paused)
        self.action_look()

    def action_interval(self, step: int) -> None:
        """Look more often, or less."""
        usual_s = self._scene.interval_s
        longer_s = min((it for it in _INTERVALS_S if it > usual_s), default=usual_s)
        shorter_s = max((it for it in _INTERVALS_S if it < usual_s), default=usual_s)
        self._scene = replace(self._scene, interval_s=longer_s if step > 0 else shorter_s)
        self.action_look()

    def action_slots(self) -> None:
        """The picture usual, big, off."""
        self._scene = replace(self._scene, slots=self._scene.slots.following, log=Size.USUAL)
        self._draw()

    def action_events(self) -> None:
        """More room for the log, or no more than usual."""
        log = Size.BIG if self._scene.log is Size.USUAL else Size.USUAL
        self._scene = replace(self._scene, slots=Size.USUAL, log=log)
        self._draw()

    def action_colours(self) -> None:
        """The next colours."""
        self.theme = self._themes[(self._themes.index(self.theme) + 1) % len(self._themes)]

    def action_page(self) -> None:
        """Show what everything means."""
        self.push_screen(HelpPage())

    def action_picture(self) -> None:
        """Save what the screen shows, as SVG, in the folder where the program was started.

        In a browser it is given to whoever sits there: the folder is that of another machine.
        """
        name = time.strftime("kvcluster-%Y%m%d-%H%M%S.svg")
        picture = self.export_screenshot(title="client.py top")
        # Whoever looks at it should not have to load fonts from somewhere.
        picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
        if self.is_web:
            self.deliver_text(StringIO(picture), save_filename=name, mime_type="image/svg+xml")
            return
        try:
            Path(name).write_text(picture, "utf-8")
        except OSError as error:
            self._tell(Event(Tone.BAD, YOU, f"{name} cannot be written: {error.strerror}"))
        else:
            self._tell(Event(Tone.PLAIN, YOU, f"the screen is in {name}"))


def _is_light() -> bool:
    """Whether the terminal says that it is light. Few do; the colours do without."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")

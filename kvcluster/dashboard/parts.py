"""The parts of the screen: a title, and under it lines that scroll if there are too many of them.

They only draw what they are given. A part is redrawn when its lines are others than before, so a
screen without news is left alone, and costs nothing.

The title of the part that has the arrow keys is shown in reverse. Textual draws what is in a widget
anew when the focus comes to it only if the widget has a rule for that of its own, so there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from kvcluster.dashboard.ink import cut, lines


class Panel(Vertical):
    """One part. With `to_end`, the newest line is at the bottom and stays in sight."""

    DEFAULT_CSS = """
    Panel > .title { height: 1; text-wrap: nowrap; }
    Panel:focus-within { text-style: none; }
    Panel:focus-within > .title { text-style: reverse; }
    Panel > .lines { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    Panel > .lines > Static { text-wrap: nowrap; text-overflow: ellipsis; width: auto; }
    """

    def __init__(self, name: str, *, to_end: bool = False) -> None:
        super().__init__(id=name)
        self._to_end = to_end
        self._title = Static(classes="title", markup=False)
        self._body = Static(markup=False)
        self._scroll = VerticalScroll(self._body, classes="lines")
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The title and the lines."""
        yield self._title
        yield self._scroll

    def show(self, title: Text, body: Sequence[Text], *, width: int, height: int) -> None:
        """Draw the part in so many lines, the title included; none: it is not shown."""
        content = lines(body, width - (1 if len(body) >= height else 0))
        heading = cut(title, width)
        shown = (heading.markup, content.markup, width, height)
        if shown == self._shown:
            return
        self._shown = shown
        self.display = height > 0
        self.styles.height = height
        self._scroll.can_focus = len(body) >= height > 1
        if not self._scroll.can_focus and self._scroll.has_focus:
            self.screen.set_focus(None)
        follows = self._to_end and self._scroll.is_vertical_scroll_end
        self._title.update(heading)
        self._body.update(content)
        if follows:
            self._scroll.scroll_end(animate=False)

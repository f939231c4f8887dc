"""Prompts: what a person is asked before anything is sent, in a box over the dashboard.

What is typed is checked before it leaves, with the sentences of the library, and the box stays open
until it is right or given up with Escape. A delete is asked for twice. The dashboard goes on behind
it; asking a person never delays a look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from kvcluster.console.screen import folded
from kvcluster.dashboard.ink import plain

_FRAME_COLUMNS = 5
"""Of a page, the place for its scroll bar included."""

_BOX = """
    align: center bottom;
    .box { width: 100%; max-width: 100; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface; }
    Input { height: 1; border: none; padding: 0; background: $surface; }
    Input:focus { border: none; text-style: underline; }
    .told { height: auto; }
    .objection { height: auto; color: $error; text-style: bold; }
"""


class Question(ModalScreen[tuple[str, ...] | None]):
    """Asks for one text or several; the answer is None if it was given up."""

    DEFAULT_CSS = f"Question {{ {_BOX} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Give up"),
        # Before the field gets it: who types fast must not have a value end up in the key.
        Binding("enter", "go_on", "Go on", priority=True),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[tuple[str, str]],
        objection: Callable[[tuple[str, ...]], str] = lambda _: "",
    ) -> None:
        """`fields`: pairs of a label and what stands there already. `objection`: to an answer."""
        super().__init__()
        self._question = title
        self._fields = fields
        self._objection = objection

    def compose(self) -> ComposeResult:
        """A line for each text."""
        with Vertical(classes="box"):
            yield Static(plain(f"{self._question}  (Enter: go on, Escape: give up)", "bold"))
            for label, text in self._fields:
                yield Static(plain(label), classes="told")
                field = Input(text, select_on_focus=True)
                field.cursor_blink = False
                yield field
            yield Static(classes="objection", markup=False)

    def begin(self) -> None:
        """The next key goes into the first field; there is none if somebody quits meanwhile."""
        if fields := self.query(Input):
            self.set_focus(fields.first())

    def action_go_on(self) -> None:
        """To the next text or, after the last one, away with the answer."""
        inputs = list(self.query(Input))
        field = self.focused
        if field not in inputs:
            return
        if field is inputs[-1]:
            field.call_later(self._answer)  # behind what was typed and is on its way to the field
        else:
            self.set_focus(inputs[inputs.index(field) + 1])

    def _answer(self) -> None:
        answer = tuple(field.value for field in self.query(Input))
        if not answer or not self.is_current:
            return  # as in `begin`
        if why := self._objection(answer):
            self.query_one(".objection", Static).update(plain(why))
        else:
            self.dismiss(answer)


class Confirmation(ModalScreen[bool]):
    """Asks whether it is meant."""

    DEFAULT_CSS = f"Confirmation {{ {_BOX} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape,enter", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """One line."""
        with Vertical(classes="box"):
            yield Static(plain(f"{self._question}  (y: yes, n: no)", "bold"))


class ReadingPage(ModalScreen[None]):
    """Text to read, which scrolls."""

    DEFAULT_CSS = """
    ReadingPage { align: center middle; }
    ReadingPage > .box { width: 100%; max-width: 84; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space,f1,question_mark", "dismiss(None)", "Close")
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The text as it is."""
        with VerticalScroll(classes="box"):
            yield Static(folded(self._text, self.app.size.width - _FRAME_COLUMNS), markup=False)

"""The widgets: the parts of the screen, and the boxes over it in which a person is asked or helped.

A part is a title, and under it lines that scroll if there are too many of them. It only draws what
it is given. It is redrawn when its lines are others than before, so a screen without news is left
alone, and costs nothing.

What is typed into a box is checked before it leaves, with the sentences of the library, and the box
stays open until it is right or given up with Escape. A delete is asked for twice. Behind a box the
dashboard is drawn as ever; asking a person never delays a look.
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
from kvcluster.dashboard.drawing import Section
from kvcluster.dashboard.ink import cut, lines, plain

_FRAME_COLUMNS = 5
"""Round the help, the place for its scroll bar included."""

_BOX = """
    align: center bottom;
    .box { width: 100%; max-width: 100; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface; }
    Input { height: 1; border: none; padding: 0; background: $surface; }
    Input:focus { border: none; text-style: underline; }
    .told { height: auto; }
    .objection { height: auto; color: $error; text-style: bold; }
"""


class Panel(Vertical):
    """One part. With `to_end`, the newest line is at the bottom and stays in sight."""

    # The first rule changes nothing by itself. But only where a widget has a rule for its own focus
    # does Textual style what is in it anew when the focus comes, and the title has to be.
    DEFAULT_CSS = """
    Panel:focus-within { text-style: none; }
    Panel > .title { height: 1; text-wrap: nowrap; }
    Panel:focus-within > .title { text-style: reverse; }
    Panel > .lines { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    Panel > .lines > Static { text-wrap: nowrap; text-overflow: ellipsis; width: auto; }
    """

    def __init__(self, name: str, *, to_end: bool = False) -> None:
        self._title = Static(classes="title", markup=False)
        self._body = Static(markup=False)
        self._scroll = VerticalScroll(self._body, classes="lines")
        super().__init__(self._title, self._scroll, id=name)
        self._to_end = to_end
        self._shown: tuple[object, ...] = ()

    def show(self, section: Section, width: int) -> None:
        """Draw what stands in the part; without a height it is not shown."""
        body, height = section.lines, section.height
        content = lines(body, width - (1 if len(body) >= height else 0))
        heading = cut(section.title, width)
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
        extra: str = "",
    ) -> None:
        """`fields`: pairs of a label and what stands there already. `objection`: to an answer.
        `extra`: the label of one more field, which Tab goes to and Enter passes by.
        """
        super().__init__()
        self._question = title
        self._fields = fields
        self._objection = objection
        self._extra = extra

    def compose(self) -> ComposeResult:
        """A line for each text."""
        with Vertical(classes="box"):
            yield Static(plain(f"{self._question}  (Enter: go on, Escape: give up)", "bold"))
            extra = [(self._extra, "")] if self._extra else []
            for label, text in [*self._fields, *extra]:
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
        if inputs.index(field) + 1 >= len(self._fields):
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


_PAGE = """\
Keys                                    Escape closes this page
  p  put a key       g  get a key       d  delete a key
     In the box of a put Tab goes to its options: --if-absent, --ttl 30s, ...
  f  follow a key: what each replica holds; an empty key ends it
  s  the slots: usual, big, off         e  more room for the events
  Space  pause       r  look now        + -  look more often, or less
  Tab, arrows        to the next part, and scroll in it
  t  colours: the terminal's, light, dark
  S  save a picture of the screen       q, Ctrl+C  quit

Signs
  ●  well            ▲  on its way, or worth a look
  ✗  wrong           ·  for your information
  –  not known; it never means 0

Nodes   By their own account; if they do not answer, by that of others.
  ops/s, p50, p99    of the calls of clients since the last look
  behind             age of the oldest write that it may not have yet
  primary/held       how many slots it is the primary of, and holds
  JSON age           how old its JSON file is

Now     What is wrong or goes on at this moment, in the words of
        `client.py status`; docs/operate.md says what to do.

Slots   Each key lives in one of 4,096 slots; a cell is some of them.
  a  the primary, which serves
  ▒  the primary does not serve, another replica does
  ×  no replica serves: keys here can be neither read nor written

Events  What began, what changed, what is over; the newest last.
"""


class HelpPage(ModalScreen[None]):
    """What the key ? shows, to be read and scrolled."""

    DEFAULT_CSS = f"""HelpPage {{ {_BOX}
        align: center middle;
        .box {{ max-width: 84; scrollbar-size-vertical: 1; }}
    }}"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space,f1,question_mark", "dismiss(None)", "Close")
    ]

    def compose(self) -> ComposeResult:
        """The page, in lines that fit."""
        with VerticalScroll(classes="box"):
            yield Static(folded(_PAGE, self.app.size.width - _FRAME_COLUMNS), markup=False)

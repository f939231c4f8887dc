"""The prompt in a terminal: welcome, lines, Ctrl+C, Ctrl+D.

prompt_toolkit edits the line. It is there only while somebody types; a command runs behind it, in
the same thread, with the terminal as it was before. So Ctrl+C in a command is what it always was,
an interrupt, and whatever the command has open is closed by the command itself. Here it only means
that the next prompt comes.

Ctrl+C at the prompt clears the line. `kill` ends the shell, and gives the terminal back as it was.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import NoReturn

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.shortcuts import CompleteStyle

from kvcluster.console.screen import Exit, as_line, complain, say
from kvcluster.shell.completer import LineCompleter, keys_beginning
from kvcluster.shell.foot import foot, health
from kvcluster.shell.history import history
from kvcluster.shell.interpreter import Ended, Interpreter
from kvcluster.shell.whereabouts import KNOCK_S, Look, Pulse
from kvcluster.view.health import ask_health

_MENU_LINES = 6
"""Room for completions below the line."""
_TERMINATED = 128 + signal.SIGTERM


class Conversation:
    """A session with a person in front of it."""

    def __init__(self, session: Interpreter) -> None:
        self._session = session
        self._look: Look = ()
        self._pulse = Pulse(lambda: session.place.asked, self._see)
        self._prompt: PromptSession[str] = PromptSession(
            history=history(os.environ),
            completer=LineCompleter(
                session.grammar,
                partial(keys_beginning, session.store),
                lambda: session.place.known,
            ),
            complete_in_thread=True,
            complete_while_typing=False,
            complete_style=CompleteStyle.COLUMN,
            auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=self._foot,
            reserve_space_for_menu=_MENU_LINES,
            enable_suspend=True,
        )

    def run(self) -> int:
        """Welcome the person, and do what the lines say, until one ends it; the exit code."""
        try:
            self._welcome()
            with contextlib.suppress(EOFError, Ended):
                while True:
                    # Who presses Ctrl+C many times also hits the moment between two lines.
                    with contextlib.suppress(KeyboardInterrupt):
                        self._turn()
        finally:
            self._pulse.end()
        return Exit.DONE

    def _welcome(self) -> None:
        place = self._session.place
        with contextlib.suppress(KeyboardInterrupt):
            place.settle()
            self._look = ask_health(place.asked, KNOCK_S)
        say(as_line(health(place, self._look)))
        say("help shows the commands, Tab completes, Ctrl+D ends.")

    def _turn(self) -> None:
        """A line, and what it says."""
        try:
            with self._pulse.beating(), _terminated_in_order():
                line = self._prompt.prompt(f"{self._session.place.current}> ")
        except KeyboardInterrupt:
            return  # the line is cleared
        try:
            self._session.obey(line)
        except KeyboardInterrupt:
            complain("Cancelled.")
        except BrokenPipeError:
            raise
        except OSError as error:
            complain(f"Cannot go on: {error.strerror or error}.")

    def _see(self, look: Look) -> None:
        place = self._session.place
        news = health(place, look) != health(place, self._look)
        self._look = look
        if news:
            self._prompt.app.invalidate()  # draws it again, from any thread

    def _foot(self) -> str:
        text = self._prompt.default_buffer.document.text_before_cursor
        width = self._prompt.app.output.get_size().columns
        return foot(self._session.grammar, text, self._session.place, self._look, width)


@contextlib.contextmanager
def _terminated_in_order() -> Iterator[None]:
    """While the prompt stands, let `kill` end it, and not only the process."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

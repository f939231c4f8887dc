"""Text for people, and the calm end of a program.

Standard output carries results, standard error carries what went wrong. Every program ends
through `run_calmly`: Ctrl+C, a closed pipe and a full disk are ordinary ways to end, and none of
them prints a stack trace. What cannot be written is told, and never with exit code 0.

Below what is printed here stands streams.py, which writes it.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import shutil
import sys
from collections.abc import Callable, MutableMapping
from functools import cache

from kvcluster.console import streams

_USUAL_COLUMNS = 80
_DRAWN = "\x1b"
_SIZE = re.compile("0*[1-9][0-9]{0,3}")
TICK, CROSS, DASH = "✓", "✗", "–"


class Exit(enum.IntEnum):
    """What the exit codes of these programs mean."""

    DONE = 0
    NOT_SO = 1  # the key is missing, a node does not serve, a step of the demo did not hold
    BAD_USAGE = 2
    UNKNOWN = 3  # no node could be reached, or nobody knows what became of the request
    INTERRUPTED = 130  # as shells report Ctrl+C
    CLOSED_PIPE = 141  # as shells report a program whose reader went away


def run_calmly(work: Callable[[], int]) -> int:
    """Do the work and return its exit code, whatever happens to the terminal meanwhile."""
    streams.take_over()
    _forget_absurd_sizes(os.environ)
    try:
        code = _code_of(work)
        streams.flush()
    except (KeyboardInterrupt, streams.BrokenOff):
        with contextlib.suppress(OSError), streams.in_no_time():
            complain("Interrupted.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.CLOSED_PIPE
    except OSError as error:
        with contextlib.suppress(OSError):  # it may be standard error that takes no more
            complain(f"Cannot go on: {error.strerror or error}.")
        return Exit.UNKNOWN
    return code


def _code_of(work: Callable[[], int]) -> int:
    try:
        return int(work())
    except SystemExit as end:  # argparse has shown a help, or what is wrong with the arguments
        return end.code if isinstance(end.code, int) else Exit.DONE


def _forget_absurd_sizes(environment: MutableMapping[str, str]) -> None:
    """Take away sizes of the screen that are none: who draws would believe them, and draw nothing.

    Where nothing is said, the terminal is asked, and one that does not know has 80 columns.
    """
    for name in ("COLUMNS", "LINES"):
        if name in environment and not _SIZE.fullmatch(environment[name]):
            del environment[name]


def somebody_is_there() -> bool:
    """Whether a person sits in front of it: both ends of a conversation are a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def is_for_people() -> bool:
    """Whether somebody reads standard output on a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


@cache
def complain_once(sentence: str) -> None:
    """Say it on standard error, unless it was said before."""
    complain(sentence)


def complain(sentence: str) -> None:
    """Say on standard error what went wrong. On a terminal no word is broken at its edge."""
    if sys.stderr is None:
        return  # nobody wants to hear it, and `print` would say it among the results
    if sys.stderr.isatty():
        sentence = folded(sentence, columns())
    print(sentence, file=sys.stderr, flush=True)


def columns() -> int:
    """How wide the terminal is that somebody looks at; 80 if it does not know."""
    return shutil.get_terminal_size().columns or _USUAL_COLUMNS  # Python 3.10 believes in 0


def folded(text: str, width: int) -> str:
    """Text in lines that fit, each as far in as its first; no word is broken that has room."""
    if "\n" in text:
        return "\n".join(folded(line, width) for line in text.split("\n"))
    if 2 * len(text) <= width or (len(text) <= width and text.isascii()):
        return text
    if _DRAWN in text:
        return text  # by somebody who knows how wide the terminal is
    from rich.console import Console  # most programs have nothing to say here
    from rich.text import Text

    inner = text.lstrip(" ")
    margin = text[: len(text) - len(inner)]
    lines = Text(inner).wrap(Console(), max(width - len(margin), width // 2))
    return "\n".join(f"{margin}{line.plain}".rstrip() for line in lines)


def say(line: str = "") -> None:
    """Print a line at once, so that a program which waits is seen to. Folded as complaints are."""
    if is_for_people():
        line = folded(line, columns())
    print(line, flush=True)


def show(text: str) -> None:
    """Print text as it is, one of many: it leaves when there is enough of it, or at the end."""
    sys.stdout.write(text)


def quoted(value: str | None) -> str:
    """A value as it is shown to a person; a missing one has no quotes."""
    return "not found" if value is None else f'"{value}"'


def listed(names: list[str], conjunction: str) -> str:
    """Join names as a sentence does: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 key", "1,200 keys"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def closed(sentence: str) -> str:
    """A sentence with a full stop, if it has no end of its own."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


class Checklist:
    """Steps with a tick or a cross, and how many of them held."""

    def __init__(self) -> None:
        self.held = 0
        self.total = 0

    def check(self, step: str, *, expected: str, got: str, held: bool | None = None) -> bool:
        """Print a step. It holds if it went as expected, unless `held` says otherwise."""
        held = expected == got if held is None else held
        self.total += 1
        self.held += held
        if held:
            say(f"  {TICK} {step}  as expected: {got}")
        else:
            say(f"  {CROSS} {step}  expected {expected}, got {got}")
        return held

    @property
    def all_held(self) -> bool:
        """Whether there were steps and every one of them held."""
        return self.held == self.total > 0

    @property
    def summary(self) -> str:
        """One clause: how many steps held."""
        if self.all_held:
            return f"{TICK} All {counted(self.total, 'step')} held"
        missed = self.total - self.held
        return f"{CROSS} {missed} of {counted(self.total, 'step')} did not hold"

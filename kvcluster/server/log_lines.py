"""The lines of the log, in each of their forms: whoever writes one has no say in how it looks.

Every line of ours begins with a word that says what it is about: NODE, PEER, PUT (docs/operate.md
has them all). What Python says, or a library, gets the word PYTHON.

    short   14:03:07.123  NODE  serving                                    for a person who looks on
    dated   2026-11-30 14:03:07.123  INFO     NODE  serving                for a file
    json    {"time": "2026-11-30T14:03:07.123+01:00", "level": "info", "event": "NODE", "message":
            "serving"}, and "traceback" where there is one                 for a program

A file is read days later, by somebody who looks for warnings; a person in front of a terminal knows
what day it is. So `text`, which is the default, is short on a terminal and dated elsewhere.

Some lines come without a record: what is printed, what Python says when all else has failed. Text
stays as it is; in JSON each is an object of its own, so that whoever reads finds nothing else.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime

FORMS = ("text", "json", "short")
"""What a person may ask for."""

OURS = "kvcluster"
_ELSEWHERE = "PYTHON"


class LineForm(logging.Formatter):
    """A form of text, and how JSON differs from it."""

    encoding = ""
    """Of the bytes; empty: that of the terminal."""

    def __init__(self, *, dated: bool = False) -> None:
        super().__init__()
        self._dated = dated

    def format(self, record: logging.LogRecord) -> str:
        """A line; one with a traceback is followed by that."""
        text = "  ".join([*self._beginning(record), *_event_and_message(record)])
        trace = self._trace(record)
        return f"{text}\n{trace}" if trace else text

    def unasked(self, text: str) -> str:
        """Lines that did not come as records."""
        return text

    def about_itself(self, message: str) -> str:
        """A line about the log, from whoever writes it."""
        told = {"name": OURS, "msg": f"LOG  {message}", "levelno": logging.WARNING}
        return self.format(logging.makeLogRecord({**told, "levelname": "WARNING"}))

    def _beginning(self, record: logging.LogRecord) -> list[str]:
        time = datetime.fromtimestamp(record.created)
        if not self._dated:
            return [f"{time:%H:%M:%S}.{time.microsecond // 1000:03}"]
        return [time.isoformat(" ", "milliseconds"), f"{record.levelname:<7}"]

    def _trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonForm(LineForm):
    """An object a line."""

    encoding = "utf-8"

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        time = datetime.fromtimestamp(record.created).astimezone()
        event, message = _event_and_message(record)
        told = {
            "time": time.isoformat("T", "milliseconds"),
            "level": record.levelname.lower(),
            "event": event,
            "message": message,
        }
        if trace := self._trace(record):
            told["traceback"] = trace
        return json.dumps(told, ensure_ascii=False)

    def unasked(self, text: str) -> str:
        """An object for each line; who said it is not known."""
        return "".join(f"{self._unknown(line)}\n" for line in text.splitlines() if line.strip())

    def _unknown(self, line: str) -> str:
        told = {"msg": line, "levelno": logging.ERROR, "levelname": "ERROR"}
        return self.format(logging.makeLogRecord(told))


def form_of(name: str, *, terminal: bool) -> LineForm:
    """The form that a person asked for."""
    return JsonForm() if name == "json" else LineForm(dated=name == "text" and not terminal)


def _event_and_message(record: logging.LogRecord) -> tuple[str, str]:
    message = record.getMessage().rstrip()
    if record.name != OURS:
        return _ELSEWHERE, f"{record.name}: {message}" if record.name else message
    event, _, rest = message.partition("  ")
    return event, rest

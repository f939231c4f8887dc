"""How a line of the log looks: to a person who looks on, in a file, and to a program."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from kvcluster.server.log_lines import LineForm, form_of

_SHORT = r"\d\d:\d\d:\d\d\.\d{3}"
_DATED = rf"\d{{4}}-\d\d-\d\d {_SHORT}"


def record(message: str, level: int = logging.INFO, **more: Any) -> logging.LogRecord:
    """What a part of a node logs."""
    told = {"name": "kvcluster", "msg": message, "levelno": level}
    return logging.makeLogRecord({**told, "levelname": logging.getLevelName(level), **more})


def failure() -> BaseException:
    """One that has been raised."""
    try:
        raise ValueError("why\nand where")
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    ("name", "terminal", "beginning"),
    [
        ("text", True, _SHORT),
        ("text", False, rf"{_DATED}  INFO   "),
        ("short", False, _SHORT),
    ],
)
def test_text_has_a_date_and_a_level_where_no_terminal_is(
    name: str, terminal: bool, beginning: str
) -> None:
    """Who reads it days later must know the day, and looks for warnings."""
    line = form_of(name, terminal=terminal).format(record("NODE  serving"))
    assert re.fullmatch(rf"{beginning}  NODE  serving", line)


def test_json_is_an_object_with_the_time_and_its_zone() -> None:
    """Two machines in two zones write into one place."""
    told = json.loads(form_of("json", terminal=True).format(record("PUT  'tên' (1 byte)  x")))
    assert datetime.now().astimezone() - datetime.fromisoformat(told.pop("time")) < timedelta(
        seconds=60
    )
    assert told == {"level": "info", "event": "PUT", "message": "'tên' (1 byte)  x"}


def test_a_traceback_is_below_the_line_or_inside_the_object() -> None:
    """A program that reads line by line finds nothing that is no object."""
    error = failure()
    told = record("BUG  Put failed", logging.ERROR, exc_info=(type(error), error, None))
    line = form_of("json", terminal=False).format(told)
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: why\nand where")
    first, *rest = form_of("text", terminal=False).format(told).splitlines()
    assert first.endswith("  ERROR    BUG  Put failed")
    assert rest[-2:] == ["ValueError: why", "and where"]


def test_what_a_library_says_is_told_from_what_we_do() -> None:
    """It had no time, no level and no word."""
    told = record("Task exception was never retrieved\n", logging.ERROR, name="asyncio")
    line = form_of("text", terminal=False).format(told)
    assert line.endswith("  ERROR    PYTHON  asyncio: Task exception was never retrieved")
    assert json.loads(form_of("json", terminal=False).format(told))["event"] == "PYTHON"


def test_what_is_printed_is_an_object_a_line_in_json() -> None:
    """The last words of Python come in pieces of no form at all."""
    lines = form_of("json", terminal=False).unasked("first\n\n  second\n").splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["first", "  second"]
    assert LineForm().unasked("first\n\n") == "first\n\n"


def test_a_name_that_is_no_utf8_is_valid_json_all_the_same() -> None:
    """Names of files are what the system has, and stand in sentences."""
    form = form_of("json", terminal=False)
    line = form.format(record("DATA  cannot use \udce9: é"))
    data = line.encode(form.encoding, "backslashreplace")
    assert json.loads(data)["message"] == "cannot use \udce9: é"

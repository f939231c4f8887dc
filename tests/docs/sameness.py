"""Whether a program printed what a document shows, but for what differs from run to run.

Times, durations, sizes and large numbers are of the moment; so are the widths of columns that
depend on them. They are replaced by a sign on both sides, and everything else must be the same:
words, names, small numbers, the order. A line `...` in a document stands for any lines.

One line may come or not: that a node which was stopped has not confirmed the last deletes. A reader
who takes five seconds between two commands never sees it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OF_THE_MOMENT = [
    re.compile(r"\b\d\d:\d\d:\d\d(\.\d+)?\b"),
    re.compile(r"\b\d[\d,]*(\.\d+)? ?(ms|s|min|h|B|KiB|MiB|GiB|%)(?![\w])"),
    re.compile(r"\b\d{1,3}(,\d{3})+\b"),
    re.compile(r"\bnever\b"),  # the age of a file that has not been written yet
]
_COMES_OR_NOT = re.compile(r"\S+ cannot forget \d+ deletes? before \S+ has confirmed them")


def unlike(shown: Sequence[str], printed: Sequence[str]) -> str:
    """How they differ, for people; empty if they do not."""
    wanted, got = _plain(shown), _plain(printed)
    if _fits(wanted, got):
        return ""
    return "\n".join(["the document shows", *_indented(wanted), "it printed", *_indented(got)])


def _plain(lines: Sequence[str]) -> list[str]:
    plain = [_plain_line(line) for line in lines]
    return [line for line in plain if line and not _COMES_OR_NOT.fullmatch(line)]


def _plain_line(line: str) -> str:
    for pattern in _OF_THE_MOMENT:
        line = pattern.sub("#", line)
    return " ".join(line.split())


def _fits(wanted: list[str], got: list[str]) -> bool:
    if not wanted or not got:
        return not got and all(line == "..." for line in wanted)
    if wanted[0] == "...":
        return _fits(wanted[1:], got) or _fits(wanted, got[1:])
    return wanted[0] == got[0] and _fits(wanted[1:], got[1:])


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]

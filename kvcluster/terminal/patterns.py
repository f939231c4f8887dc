"""Patterns: what fingers know from other stores, and keys are not asked for by here.

Keys are found by how they begin, which every node can answer from its key index. A star is a letter
like any other, and may stand in a key. So nobody is refused for one; but who asked with one, and
got nothing, is told what would have done.
"""

from __future__ import annotations

import re
import shlex

_STAR = re.compile(r"\*")
_ANY = re.compile(r"[*?[]")


def remark(asked: str, command: str, *, of_many: bool = False) -> str:
    """What to say to who asked so and got nothing; empty: that was no pattern.

    `command`: what would do, up to the beginning of the keys. `of_many`: it was asked of a command
    for many keys, where a question mark is meant as a pattern, too.
    """
    found = (_ANY if of_many else _STAR).search(asked)
    if found is None:
        return ""
    right = f"{command} {shlex.quote(asked[: found.start()])}"
    return f"There are no patterns, keys are asked for by how they begin: {right}"

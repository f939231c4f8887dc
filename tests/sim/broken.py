"""What the judge says when a promise was broken."""

from __future__ import annotations


class Broken(AssertionError):
    """A promise was broken. `key` is the one that shows it, if there is one."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.key = key

"""What the judge says when a promise was broken."""

from __future__ import annotations


class Broken(AssertionError):
    """A promise was broken. `key` is the one that shows it, if there is one."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.key = key


MISWRITTEN = (AttributeError, NameError, TypeError)
"""What code ends in that does not fit the code around it. A history that a planted bug ends in such
a way proves nothing of the judges: the bug never did what its name says."""

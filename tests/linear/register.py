"""What one key is: a register that holds a value, or none, in a version; and what is done to it.

The sequential specification: `after` says what an operation leaves, and whether it can have been
answered as it was. Everything that the checker knows about keys and conditions stands here.

**Versions grow.** Each write has a version above that of what it replaced. That of a write whose
outcome is unknown may be unknown, too; then it is known from below only, until somebody is shown
it (`Held.exact`).

**A version may grow alone.** A replica that has refused something settles the key: the same value
is accepted once more in a higher version. Nobody asked for it, so it may happen at any time. It
never takes a version that belongs to an operation.

A tombstone may be forgotten at any time, so of a key without a value no version need be shown.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from kvcluster.model.condition import Condition, Holds
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from tests.linear.tried import Ended, Shown, Tried

NO_VERSION = Version(b"")


class Held(NamedTuple):
    """What the key holds: a value, or None, in a version that is this one, or above it."""

    value: str | None
    version: Version
    exact: bool


EMPTY = Held(None, NO_VERSION, True)


class Register:
    """One key. `owned`: versions of operations, which nothing else can have."""

    def __init__(self, owned: Collection[Version], *, settles: bool = True) -> None:
        """`settles`: whether versions may grow alone."""
        self._owned = frozenset(owned)
        self._settles = settles

    def after(self, tried: Tried, held: Held) -> Held | None:
        """What is held after it, if it happens where this is held; None: it cannot."""
        if tried.shown is not None:
            shown = self.shows(held, tried.shown)
            return None if shown is None or _contradicts_itself(tried) else shown
        fits = self._fulfils(held, tried.condition)
        if fits is None or tried.found not in {None, held.value is not None}:
            return None
        value = tried.value if tried.kind is Kind.PUT else None
        if tried.version is None:
            return Held(value, fits.version, exact=False)
        return Held(value, tried.version, exact=True) if tried.version > fits.version else None

    def shows(self, held: Held, shown: Shown) -> Held | None:
        """What is known of what is held, once this was shown of it; None: it is something else."""
        if held.value != shown.value:
            return None
        if not shown.version:
            return held if held.value is None else None
        return self._in_version(held, shown.version)

    def _fulfils(self, held: Held, condition: Condition | None) -> Held | None:
        """What is known of what is held, if it fulfils a condition."""
        if condition is None:
            return held
        if condition.what is Holds.VERSION:
            assert isinstance(condition.operand, bytes)
            return None if held.value is None else self._in_version(held, condition.operand)
        return held if condition.holds((held.value, held.version)) else None

    def _in_version(self, held: Held, version: Version) -> Held | None:
        """The same in this version, if that can be its version, or may have become it."""
        if held.exact and version == held.version:
            return held
        may_be = version > held.version and version not in self._owned
        if may_be and (self._settles or not held.exact):
            return Held(held.value, version, exact=True)
        return None


def observes(tried: Tried) -> bool:
    """Whether what it told, or whether it happens, hangs on what is held."""
    asks = tried.condition is not None and tried.condition.what is not Holds.NONE
    return tried.shown is not None or asks or tried.found is not None


def _contradicts_itself(tried: Tried) -> bool:
    """Whether it shows something that fulfils the condition which is said not to hold."""
    if tried.how is not Ended.MISMATCH or tried.shown is None:
        return False
    shown = tried.shown
    return tried.condition is None or tried.condition.holds((shown.value, shown.version))

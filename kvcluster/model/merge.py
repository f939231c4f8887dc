"""A k-way merge: pages that several sources give, joined into one stream in key order.

Each source gives its keys in order, a page at a time, and says up to which key a page reaches. A
key may be given once no source can give a smaller one any more: up to the least of what the sources
have reached. Only the sources that hold back the stream are asked again, so what is fetched is what
flows, and at most a page more from each. (An external merge sort reads its runs like this; Knuth,
The Art of Computer Programming, volume 3, section 5.4.)

Sources have no key in common. `position` is all that a new merge needs to continue where this
one stopped, with other sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

Pair = tuple[str, str, int]
"""A key, its value, and when it expires; 0: never."""


@dataclass
class _Source:
    """What one source has given and has not flowed on; `reached` is None once it has ended."""

    reached: str | None
    waiting: list[Pair] = field(default_factory=list)


class Merge:
    """Joins the pages of some sources, which begin behind a position."""

    def __init__(self, sources: Iterable[str], position: str) -> None:
        self._sources = {name: _Source(position) for name in sources}
        self.position = position
        """Every key up to this one has flowed."""

    @property
    def ended(self) -> bool:
        """Whether nothing more can come."""
        return not any(s.waiting or s.reached is not None for s in self._sources.values())

    def wanted(self) -> list[str]:
        """The sources whose next page, from `position` on, must come before anything can flow."""
        return [n for n, source in self._sources.items() if source.reached == self.position]

    def take(self, name: str, page: Sequence[Pair], reached: str | None) -> None:
        """A source gave a page that reaches up to a key, or to its end: None."""
        source = self._sources[name]
        source.waiting.extend(page)
        source.reached = reached

    def flow(self) -> list[Pair]:
        """Everything that is now certain to be next, in order."""
        bounds = [s.reached for s in self._sources.values() if s.reached is not None]
        bound = min(bounds, default=None)
        flowing: list[Pair] = []
        for source in self._sources.values():
            count = _up_to(source.waiting, bound)
            flowing += source.waiting[:count]
            del source.waiting[:count]
        flowing.sort(key=itemgetter(0))
        if bound is not None:
            assert bound >= self.position, "what flowed would flow again"
            self.position = bound
        elif flowing:
            self.position = flowing[-1][0]
        return flowing


def _up_to(pairs: Sequence[Pair], bound: str | None) -> int:
    """How many of ascending pairs have a key up to the bound."""
    if bound is None:
        return len(pairs)
    return sum(1 for pair in pairs if pair[0] <= bound)

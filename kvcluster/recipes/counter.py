"""A counter: a number under a key, as text, that many add to and nothing of which is lost."""

from __future__ import annotations

from kvcluster import AsyncClient, BadRequest, Client


def number_in(value: str | bytes | None) -> int:
    """The number that stands there; 0 where nothing does. Raises BadRequest."""
    if value is None:
        return 0
    try:
        return int(value)
    except ValueError:
        raise BadRequest(f"{value!r:.60} is no whole number, and cannot be counted on") from None


class Counter:
    """A number that many add to.

        Counter(client, "visits").add()

    Each addition that returns has happened once. It reads, adds, and puts if nothing came between,
    again and again until the timeout of the client; where many add at the same time, each of them
    waits for its turn.

    **What it does not protect**: an addition that raises OutcomeUnknown may have been counted, and
    was not tried again. So after such an error the number is between what was certain and that plus
    what was unknown. And whoever puts another value under the key, does.
    """

    def __init__(self, client: Client, key: str) -> None:
        self.key = key
        self._client = client

    def add(self, number: int = 1) -> int:
        """Add to it, and return what it is then. A negative number is taken off.

        Raises OutcomeUnknown: perhaps counted; Unavailable: certainly not, also where others were
        first until the timeout; BadRequest: what stands there is no number.
        """
        held = self._client.update(self.key, lambda old: str(number_in(old) + number))
        return number_in(held.value if held else None)

    def value(self) -> int:
        """What it is, with every addition that has returned. 0 if there is none yet.

        It is a linearizable read. Raises as that does.
        """
        return number_in(self._client.get(self.key, linearizable=True))


class AsyncCounter:
    """The same as `Counter` for programs on asyncio. All that is said there holds here."""

    def __init__(self, client: AsyncClient, key: str) -> None:
        self.key = key
        self._client = client

    async def add(self, number: int = 1) -> int:
        """See Counter."""
        held = await self._client.update(self.key, lambda old: str(number_in(old) + number))
        return number_in(held.value if held else None)

    async def value(self) -> int:
        """See Counter."""
        return number_in(await self._client.get(self.key, linearizable=True))

"""A person at the dashboard: presses keys by Textual's pilot, and waits until the screen says it.

A look comes only when it is asked for (`r`), so nothing here waits for time to pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from kvcluster.dashboard.app import Dashboard
from tests.dashboard.fake_source import FakeSource
from tests.view.views import A

NEVER_S = 3600.0
PATIENCE_S = 10.0


class Person:
    """Presses keys, and sees the screen."""

    def __init__(self, pilot: Pilot[None], source: FakeSource) -> None:
        self.pilot = pilot
        self.source = source

    @property
    def screen(self) -> str:
        """What stands on the screen, line by line."""
        strips = self.pilot.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    async def sees(self, *texts: str) -> None:
        """Wait until all of these stand there."""
        for text in texts:
            await self._until(text, True)

    async def no_longer_sees(self, text: str) -> None:
        """Wait until this is gone."""
        await self._until(text, False)

    async def presses(self, *keys: str) -> None:
        """One after the other."""
        await self.pilot.press(*keys)

    def presses_at_once(self, *keys: str) -> None:
        """Without waiting for what comes of each."""
        for key in keys:
            self.pilot.app.post_message(Key(key, key if len(key) == 1 else None))

    async def types(self, text: str) -> None:
        """Fill the field that has the cursor, and go on."""
        await self._until_asked()
        field = self.pilot.app.focused
        assert isinstance(field, Input)
        field.value = text
        await self.pilot.press("enter")

    async def sees_it_end(self) -> None:
        """Wait until the dashboard has ended; whatever broke it is raised when it is left."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while self.pilot.app.is_running:
            assert asyncio.get_running_loop().time() < deadline, f"goes on:\n{self.screen}"
            await asyncio.sleep(0.001)

    async def _until_asked(self) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while not isinstance(self.pilot.app.focused, Input):
            assert asyncio.get_running_loop().time() < deadline, "nobody asks"
            await self.pilot.pause()

    async def _until(self, text: str, there: bool) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while (text in self.screen) is not there:
            assert asyncio.get_running_loop().time() < deadline, f"{text!r}:\n{self.screen}"
            await self.pilot.pause()


@asynccontextmanager
async def watched(
    source: FakeSource, size: tuple[int, int] = (80, 24), nodes: tuple[str, ...] = (A,)
) -> AsyncIterator[Person]:
    """The dashboard, at its first look."""
    app = Dashboard(nodes, NEVER_S, lambda: source)
    async with app.run_test(size=size) as pilot:
        person = Person(pilot, source)
        await person.sees("Events")
        yield person
    assert source.closed

"""A course: the steps of a recipe, written once for both clients.

A recipe is a generator. It gives what is to be done next, a call to the client or a rest, and gets
back what came of it, or the error. Which client it is, and so whether somebody waits for it or
awaits it, is only known here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from kvcluster import AsyncClient, Client, KvError

T = TypeVar("T")


class Nap(NamedTuple):
    """Rest for so long."""

    seconds: float


Wish: TypeAlias = Callable[[Any], Any] | Nap
"""A call to the client, which is given; or a nap."""
Course: TypeAlias = Generator[Wish, Any, T]


def carried_out(client: Client, course: Course[T]) -> T:
    """Do what a recipe says, and return what comes of it. Raises what it lets out."""
    try:
        wish = next(course)
        while True:
            try:
                came = _nap(wish) if isinstance(wish, Nap) else wish(client)
            except KvError as error:
                wish = course.throw(error)
            else:
                wish = course.send(came)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        course.close()


async def awaited(client: AsyncClient, course: Course[T]) -> T:
    """The same for asyncio."""
    try:
        wish = next(course)
        while True:
            try:
                came = await (
                    asyncio.sleep(wish.seconds) if isinstance(wish, Nap) else wish(client)
                )
            except KvError as error:
                wish = course.throw(error)
            else:
                wish = course.send(came)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        course.close()


def rest(failures: int, first_s: float, longest_s: float) -> Nap:
    """A rest that doubles each time, drawn by chance, so that rivals do not come back together."""
    return Nap(random.uniform(0.5, 1.0) * min(longest_s, first_s * 2.0 ** min(failures, 20)))


def _nap(nap: Nap) -> Any:
    time.sleep(nap.seconds)

"""Many at once: put_many and get_many of the clients of a history, judged pair by pair.

A pair of a put_many is judged as a put of its own. That it was done is told without a word of who
did it; so that is looked up in what came over the wire, and one of which no node ever said so
breaks the history.

Sources are generators that pause now and then. So what belongs together waits and leaves in parts,
between the other operations of its client.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence

from kvcluster import AsyncClient, KvError, OutcomeUnknown, SomeFailed, Unavailable
from kvcluster.client.crate import Crate
from kvcluster.client.parcel import Parcel
from kvcluster.client.session import Session
from tests.sim.broken import Broken
from tests.sim.library_ledger import Ledger, Read
from tests.sim.operations import Outcome, Write

from demo_pb2 import PutResponse

_PAUSE_S = 0.02


class Pauses:
    """What a source rests for between its items. `often`: from 0 to 1."""

    def __init__(self, rng: random.Random, often: float) -> None:
        self._rng = rng
        self._often = often

    async def rest(self) -> None:
        """Rest, or not."""
        if self._rng.random() < self._often:
            await asyncio.sleep(self._rng.random() * _PAUSE_S)


def count_crates(session: Session, seen: Counter[str]) -> None:
    """Note how the crates of a session end."""
    departures = session._dispatcher._departures
    end_crate, unpack = departures.end_crate, departures._unpack

    def end_and_count(crate: Crate) -> None:
        seen["crates that arrived"] += 1
        end_crate(crate)

    def unpack_and_count(crate: Crate, parcel: Parcel | None) -> None:
        seen["crates unpacked " + ("on their way" if crate.asked else "before")] += 1
        unpack(crate, parcel)

    departures.end_crate = end_and_count  # type: ignore[method-assign]
    departures._unpack = unpack_and_count  # type: ignore[method-assign]


async def put_many(
    ledger: Ledger,
    pauses: Pauses,
    name: str,
    client: AsyncClient,
    pairs: Sequence[tuple[str, str]],
    stored: Mapping[str, PutResponse],
) -> None:
    """Put some pairs. `stored`: by value, what nodes said of puts of this client."""
    writes: list[Write] = []

    async def source() -> AsyncIterator[tuple[str, str]]:
        for key, value in pairs:
            writes.append(ledger.begins(name, key, value))
            yield key, value
            await pauses.rest()

    failures: dict[str, KvError] = {}
    try:
        await client.put_many(source())
    except SomeFailed as error:
        failures = dict(error.failures)
    except asyncio.CancelledError:
        for write in writes:
            ledger.given_up(write)
        return
    keys = Counter(write.key for write in writes)
    last_s = writes[-1].start_s
    for write in writes:
        why = failures.get(write.key)
        said = stored.get(write.value or "")
        if why is not None:
            # Of two puts of a key nobody says which one failed.
            is_open = isinstance(why, OutcomeUnknown) or keys[write.key] > 1
            outcome = Outcome.UNKNOWN if is_open else Outcome.REFUSED
            ledger.ended(write, outcome, str(why), last_s)
        elif said is None:
            raise Broken(f"{write}: it is told as done, and no node said so", write.key)
        else:
            ledger.done(write, said.version, said.served_by, said.acknowledged, last_s)


async def get_many(
    ledger: Ledger, pauses: Pauses, name: str, client: AsyncClient, keys: Sequence[str]
) -> None:
    """Get some keys."""
    reads: list[Read] = []

    async def source() -> AsyncIterator[str]:
        for key in keys:
            reads.append(ledger.begins_to_read(name, key))
            yield key
            await pauses.rest()

    came = 0
    try:
        async for key, value in client.get_many(source()):
            if key != reads[came].key:
                raise Broken(f"{reads[came]}: another key came", key)
            ledger.read(reads[came], value, reads[-1].start_s)
            came += 1
    except Unavailable as error:
        ledger.not_read(reads[came], error, reads[-1].start_s)
    except asyncio.CancelledError:
        return
    else:
        if came != len(keys):
            raise Broken(f"{name}: of {len(keys)} gets came {came}", keys[came])

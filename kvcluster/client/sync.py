"""Client: the same as AsyncClient for programs without asyncio, from any number of threads.

    with Client("localhost:50051,localhost:50052") as client:
        client.put("city", "Hà Nội")
        print(client.get("city"))

It lives in an event loop in the background (`background.py`), where the calls of all threads meet
and travel together. Scans and the like fetch a page at a time from there, so the hop from thread to
thread is paid for each page and not for each key.

A waiting call can be interrupted with Ctrl+C. A put that was interrupted may have happened.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar, overload

from kvcluster.client.answers import Deleted, Location, NodeStatus, Stored
from kvcluster.client.given import Given
from kvcluster.client.mapping import ClusterMapping
from kvcluster.client.sync_many import ManyKeys

T = TypeVar("T")
V = TypeVar("V")


class Client(ManyKeys):
    """A client for programs without asyncio. Threads may share it.

    `nodes`: some nodes of the cluster, as "host:port,host:port" or an iterable of such; one is
    enough to start with. `timeout_s`: how long each operation may take, in seconds.
    `retry_unknown`: see `put`. `raw`: values are strings, and go in and come out as they stand in
    the store, bytes as data URLs; for programs that carry them elsewhere and back.
    """

    def put(
        self,
        key: str,
        value: Given,
        *,
        timeout_s: float | None = None,
        retry_unknown: bool | None = None,
    ) -> Stored:
        """Store a value under a key, and return when it is on disk at every node that is counted.

        Text is stored as it is, bytes as a text that says what it is (`get_bytes`, `read`).

        Raises BadRequest, Unavailable: certainly not stored. OutcomeUnknown: perhaps stored; the
        node or the connection broke, or the time was over, while the put was on its way.

        `retry_unknown`: try again after such a failure, instead of raising OutcomeUnknown. It is
        not done by default, because the first try may have been carried out, and the second may
        then land over what another client has put in the meantime, and undo it. Allow it where
        only one client writes a key, or where all of them write the same.
        """
        stored = self._form.stored(value)
        work = partial(self._session.put, key, stored, timeout_s, retry_unknown)
        return self._run(work, timeout_s, writes=True)

    @overload
    def get(self, key: str, *, timeout_s: float | None = None) -> str | None: ...

    @overload
    def get(self, key: str, default: T, *, timeout_s: float | None = None) -> str | T: ...

    def get(
        self, key: str, default: T | None = None, *, timeout_s: float | None = None
    ) -> str | T | None:
        """The text under a key, or `default` if there is no such key.

        Bytes come as the data URL (RFC 2397) that is stored for them: "data:;base64,iVBORw0...".

        Raises BadRequest, Unavailable. A read that fails at one node is tried at another.
        """
        return self._get(key, self._form.text, default, timeout_s)

    @overload
    def get_bytes(self, key: str, *, timeout_s: float | None = None) -> bytes | None: ...

    @overload
    def get_bytes(self, key: str, default: T, *, timeout_s: float | None = None) -> bytes | T: ...

    def get_bytes(
        self, key: str, default: T | None = None, *, timeout_s: float | None = None
    ) -> bytes | T | None:
        """The bytes under a key, of a text those of its UTF-8; `default` if there is no such key.

        Raises as `get` does.
        """
        return self._get(key, self._form.bytes, default, timeout_s)

    @overload
    def read(self, key: str, *, timeout_s: float | None = None) -> str | bytes | None: ...

    @overload
    def read(self, key: str, default: T, *, timeout_s: float | None = None) -> str | bytes | T: ...

    def read(
        self, key: str, default: T | None = None, *, timeout_s: float | None = None
    ) -> str | bytes | T | None:
        """What was put under a key, text or bytes; `default` if there is no such key.

        Raises as `get` does.
        """
        return self._get(key, self._form.value, default, timeout_s)

    def exists(self, key: str, *, timeout_s: float | None = None) -> bool:
        """Whether there is such a key. Raises as `get` does."""
        return self._get(key, lambda _: True, False, timeout_s)

    def delete(
        self, key: str, *, timeout_s: float | None = None, retry_unknown: bool | None = None
    ) -> Deleted:
        """Remove a key. One that is not there is no error; the answer says so.

        Raises and retries as `put` does.
        """
        work = partial(self._session.delete, key, timeout_s, retry_unknown)
        return self._run(work, timeout_s, writes=True)

    def locate(self, key: str, *, timeout_s: float | None = None) -> Location:
        """Where a key lives, whether it is there or not: its slot, its primary, its replicas.

        Raises as `get` does.
        """
        return self._run(partial(self._session.locate, key, timeout_s), timeout_s)

    def status(self, *, timeout_s: float | None = None) -> tuple[NodeStatus, ...]:
        """How every node of the cluster is, by its own account, in the order of their addresses.

        All are asked at once, those that only other nodes name included. One that does not answer
        in time is told as such; it is no error.
        """
        return self._run(partial(self._session.status, timeout_s), timeout_s)

    def mapping(self, prefix: str = "") -> ClusterMapping:
        """The keys that begin with a prefix, as a dictionary; its keys are those without it.

        It has the methods of `dict`, and every one of them asks the cluster. `setdefault`, `pop`,
        `popitem`, `update` and `clear` are not atomic.
        """
        return ClusterMapping(self, prefix)

    def _get(
        self, key: str, form: Callable[[str], V], default: T, timeout_s: float | None
    ) -> V | T:
        text = self._run(partial(self._session.get, key, timeout_s), timeout_s)
        return default if text is None else form(text)

"""A mapping: the keys with one prefix, as what Python programs use anyway, a dictionary.

    settings = client.mapping("app/settings/")
    settings["colour"] = "blue"          # stored under "app/settings/colour"
    for name, value in settings.items():

It holds nothing itself: every look is a read of the cluster, a change is stored when it is done. So
it is as shared as the cluster is. Others change it while one iterates, which is no error here,
and what takes two steps is not atomic.

What a dictionary answers in no time costs a scan here: `len` counts, and so does `list`, which asks
for it first. Looping over `items` is one scan, while `dict(mapping)` reads each key by itself.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from itertools import chain
from typing import TYPE_CHECKING

from kvcluster.client.given import as_pair, as_pairs, checked_text
from kvcluster.client.values import Given, Value
from kvcluster.errors import BadRequest

if TYPE_CHECKING:
    from kvcluster.client.sync import Client


class ClusterMapping(MutableMapping[str, Value]):
    """The keys of a cluster that begin with a prefix, without it, and what was put under them.

    Values are text or bytes, as they were put. Keys come in their order. Methods raise
    what those of the client raise; a key that is not there is a KeyError.

    **Not atomic**: `setdefault`, `pop`, `popitem` read and then write, and `update` and `clear` go
    key by key. Somebody else may come between, and after an error a part is done. What is atomic is
    `Client.put` with `if_absent`, and `Client.update`.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        checked_text("prefix", prefix)
        self._client = client
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"{self._client!r}.mapping({self._prefix!r})"

    def __getitem__(self, key: str) -> Value:
        held = self._client.read(self._full(key))
        if held is None:
            raise KeyError(key)
        return held.value

    def __setitem__(self, key: str, value: Given) -> None:
        self._client.put(self._full(key), value)

    def __delitem__(self, key: str) -> None:
        if not self._client.delete(self._full(key)).found:
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return self._client.exists(self._full(key))

    def __iter__(self) -> Iterator[str]:
        for key in self._client.scan_keys(self._prefix):
            yield key[len(self._prefix) :]

    def __len__(self) -> int:
        return sum(1 for _ in self._client.scan_keys(self._prefix))

    def __bool__(self) -> bool:
        return any(True for _ in self._client.scan_keys(self._prefix, limit=1))

    def items(self) -> ItemsView[str, Value]:
        """All keys with their values; to loop over it is one scan."""
        return _Items(self)

    def values(self) -> ValuesView[Value]:
        """All values, in the order of their keys; to loop over it is one scan."""
        return _Values(self)

    def update(  # type: ignore[override]  # typeshed has an overload for each form
        self,
        other: Mapping[str, Given] | Iterable[tuple[str, Given]] = (),
        /,
        **more: Given,
    ) -> None:
        """Store all pairs of a mapping or an iterable, by `Client.put_many`."""
        named = chain(map(as_pair, as_pairs(other)), more.items())
        self._client.put_many((self._full(key), value) for key, value in named)

    def clear(self) -> None:
        """Delete every key that begins with the prefix, by `Client.delete_prefix`.

        Raises BadRequest if the prefix is empty.
        """
        if not self._prefix:
            raise BadRequest(
                "this mapping has every key of the store, and does not clear it;"
                ' client.delete_prefix("", everything=True) does'
            )
        self._client.delete_prefix(self._prefix)

    def pairs(self) -> Iterator[tuple[str, Value]]:
        """Keys and values, in one scan."""
        for key, value in self._client.read_scan(self._prefix):
            yield key[len(self._prefix) :], value

    def _full(self, key: object) -> str:
        checked_text("key", key)
        return f"{self._prefix}{key}"


class _Items(ItemsView[str, Value]):
    """The pairs of a mapping, by one scan instead of a read for each."""

    _mapping: ClusterMapping

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return self._mapping.pairs()


class _Values(ValuesView[Value]):
    """The values of a mapping, likewise."""

    _mapping: ClusterMapping

    def __iter__(self) -> Iterator[Value]:
        return (value for _, value in self._mapping.pairs())

    def __contains__(self, value: object) -> bool:
        return any(value == it for it in self)

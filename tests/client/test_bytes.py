"""Pictures and pickles: bytes through both clients, and what is said of those that do not fit."""

from __future__ import annotations

import asyncio
import pickle

import grpc
import pytest

from kvcluster import AsyncClient, BadRequest, Client, SomeFailed
from kvcluster.client.raw import RawClient
from kvcluster.client.values import BYTES_PREFIX, TEXT_PREFIX, longest_given, stored
from tests.client.fake_node import FakeCluster

from demo_pb2 import Failure

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
LOOKS_LIKE_BYTES = BYTES_PREFIX + "iVBORw=="
VALUES: dict[str, str | bytes] = {"b": PNG, "e": b"", "l": LOOKS_LIKE_BYTES, "t": "Hà Nội"}
TEXTS = {"b": stored(PNG), "e": BYTES_PREFIX, "l": LOOKS_LIKE_BYTES, "t": "Hà Nội"}
MIB = 1 << 20
TOO_LARGE = Failure(
    code=3,
    message="the value 'data:…' is 2 bytes long, allowed are 1; nothing was written",
    nothing_written=True,
    reason="BAD_REQUEST",
    value_limit_bytes=MIB,
)


def _read(client: Client, key: str) -> str | bytes | None:
    held = client.read(key)
    return held.value if held else None


@pytest.mark.parametrize("value", [PNG, bytearray(PNG), memoryview(PNG), memoryview(PNG * 2)[::2]])
def test_bytes_come_back_as_bytes(
    cluster: FakeCluster, client: Client, value: bytes | bytearray | memoryview
) -> None:
    """And stand in the store as a text that any program can read and decode."""
    client.put("a", value)
    assert client.get_bytes("a") == _read(client, "a") == bytes(value)
    assert client.get("a") == cluster.store["a"] == stored(bytes(value))


def test_a_text_that_looks_like_bytes_stays_a_text(cluster: FakeCluster, client: Client) -> None:
    """Whoever stores a data URL of a web page gets it back, and no picture."""
    client.put("a", LOOKS_LIKE_BYTES)
    assert _read(client, "a") == client.get("a") == LOOKS_LIKE_BYTES
    assert client.get_bytes("a") == LOOKS_LIKE_BYTES.encode()
    assert cluster.store["a"].startswith(TEXT_PREFIX)


def test_what_is_not_there_is_the_default(client: Client) -> None:
    """An empty value is one; the default is never decoded."""
    client.put("empty", b"")
    assert client.get_bytes("empty", b"x") == _read(client, "empty") == b""
    assert (client.get_bytes("no"), client.read("no")) == (None, None)
    assert (client.get_bytes("no", 7), client.read("no", LOOKS_LIKE_BYTES)) == (7, LOOKS_LIKE_BYTES)


def test_many_values_may_be_of_both_kinds(client: Client) -> None:
    """The methods about many keys follow those about one."""
    assert client.put_many(VALUES) == 4
    assert client.put_many((key, value) for key, value in VALUES.items()) == 4
    assert dict(client.read_many([*VALUES, "no"])) == {**VALUES, "no": None}
    assert dict(client.get_many([*VALUES, "no"])) == {**TEXTS, "no": None}
    assert list(client.read_scan()) == sorted(VALUES.items())
    assert list(client.read_scan("b", limit=1)) == [("b", PNG)]
    assert list(client.scan()) == sorted(TEXTS.items())


async def test_the_asynchronous_client_does_the_same(aclient: AsyncClient) -> None:
    """One is not to be learned after the other."""
    assert await aclient.put_many(VALUES) == 4
    await asyncio.gather(*(aclient.put(f"2{key}", value) for key, value in VALUES.items()))
    held = [await aclient.read(f"2{key}") for key in VALUES]
    assert [it and it.value for it in held] == list(VALUES.values())
    assert [await aclient.get(f"2{key}") for key in VALUES] == list(TEXTS.values())
    assert await aclient.get_bytes("t") == "Hà Nội".encode()
    assert (await aclient.get_bytes("no"), await aclient.read("no", 7)) == (None, 7)
    assert dict([pair async for pair in aclient.read_many(VALUES)]) == VALUES
    assert dict([pair async for pair in aclient.get_many(VALUES)]) == TEXTS
    assert [pair async for pair in aclient.read_scan(limit=4)] == [
        (f"2{key}", value) for key, value in VALUES.items()
    ]


def test_a_pickle_survives(client: Client) -> None:
    """It is bytes like any other."""
    client.put("a", pickle.dumps({"one": [1, 2.5, None]}))
    assert pickle.loads(client.get_bytes("a") or b"") == {"one": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("value", "size", "limit", "why"),
    [
        (bytes(MIB), "1,048,576", "786,420", "bytes are stored as text"),
        (BYTES_PREFIX + "x" * MIB, "1,048,589", "786,411", 'begins with "data:;base64,"'),
    ],
)
def test_a_limit_is_told_in_bytes_of_what_was_given(
    cluster: FakeCluster, client: Client, value: str | bytes, size: str, limit: str, why: str
) -> None:
    """Nobody should have to know how a value stands in the store, alone or among others."""
    for node in cluster.nodes:
        node.refuses["large"] = [TOO_LARGE] * 9
    with pytest.raises(BadRequest) as caught:
        client.put("large", value)
    text = str(caught.value)
    assert text.startswith(f"the value is {size} bytes long, allowed are 0 to {limit}, since ")
    assert why in text
    assert text.endswith("; nothing was written")
    with pytest.raises(SomeFailed) as failed:
        client.put_many([("a", b"1"), ("large", value), ("b", b"2")])
    assert str(failed.value.failures["large"]) == text
    assert failed.value.done == 2


def test_a_raw_client_tells_limits_in_bytes_too(cluster: FakeCluster) -> None:
    """It is what the command line stores a picture with."""
    cluster.nodes[0].refuses["large"] = [TOO_LARGE]
    with RawClient(cluster.addresses, timeout_s=5) as store:
        with pytest.raises(
            BadRequest, match=r"^the value is 1,048,576 .* allowed are 0 to 786,420"
        ):
            store.put("large", stored(bytes(MIB)))
        store.put("large", stored(PNG))


def test_the_limit_that_is_told_is_the_largest_that_fits() -> None:
    """One byte less than it would be a waste, one more a lie."""
    assert longest_given(BYTES_PREFIX, MIB) == 786_420
    assert len(stored(bytes(786_420))) <= MIB < len(stored(bytes(786_421)))


def test_a_plain_text_is_refused_in_the_words_of_the_node(
    cluster: FakeCluster, client: Client
) -> None:
    """It stands in the store as it was given, so its node counts right."""
    for node in cluster.nodes:
        node.refuses["large"] = [TOO_LARGE] * 9
    with pytest.raises(BadRequest, match=r"^the value 'data:…' is 2 bytes long, allowed are 1;"):
        client.put("large", "x" * MIB)


def test_a_key_that_is_refused_is_not_told_as_a_value(cluster: FakeCluster, client: Client) -> None:
    """What the node says of the key holds for bytes as well."""
    no_key = Failure(code=3, message="the key is long", nothing_written=True, reason="BAD_REQUEST")
    for node in cluster.nodes:
        node.refuses["k"] = [no_key]
    with pytest.raises(BadRequest, match=r"^the key is long; nothing was written$"):
        client.put("k", PNG)


def test_bytes_that_no_message_carries_are_told_as_bytes(
    cluster: FakeCluster, client: Client
) -> None:
    """gRPC refuses them before a node sees them, and counts the message."""
    details = "SERVER: Received message larger than max (1213 vs. 1000)"
    for node in cluster.nodes:
        node.failures["Put"] = (grpc.StatusCode.RESOURCE_EXHAUSTED, details)
    with pytest.raises(BadRequest, match=r"allowed are 1,000; the value is 900 bytes long, and "):
        client.put("a", bytes(900))
    with pytest.raises(BadRequest, match=r"allowed are 1,000; nothing was written$"):
        client.put("a", "x" * 1200)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5, "a value is a string or bytes, not int: 5; str(value) makes a string of it"),
        (True, "a value is a string or bytes, not bool: True; str(value) makes a string of it"),
        (
            {"a": 1},
            "a value is a string or bytes, not dict: {'a': 1};"
            " json.dumps(value) makes a string of it",
        ),
        (None, "a value is a string or bytes, not NoneType: None; a key is removed by delete"),
        (VALUES.keys, "a value is a string or bytes, not builtin_function_or_method: "),
        ("half a \ud83c", "half a surrogate pair"),
        (BYTES_PREFIX + "half a \ud83c", "half a surrogate pair"),
    ],
)
async def test_what_is_no_value_is_refused_with_what_to_do(
    cluster: FakeCluster, aclient: AsyncClient, value: object, sentence: str
) -> None:
    """A number that became text without a word would be found by somebody later."""
    with pytest.raises(BadRequest) as caught:
        await aclient.put("a", value)  # type: ignore[arg-type]
    assert sentence in str(caught.value)
    with pytest.raises(SomeFailed):
        await aclient.put_many([("a", value)])  # type: ignore[list-item]
    assert not cluster.store


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (5, "a key is a string, not int: 5; str(key) makes one of it"),
        (b"a", "a key is a string, not bytes: b'a'; key.decode() makes one of it"),
        (("a", 1), "a key is a string, not tuple: ('a', 1)"),
    ],
)
def test_what_is_no_key_is_refused_with_what_to_do(client: Client, key: str, sentence: str) -> None:
    """A dictionary takes them all, so people try."""
    for work in (lambda: client.put(key, "1"), lambda: client.get(key), lambda: client.read(key)):
        with pytest.raises(BadRequest) as caught:
            work()
        assert str(caught.value) == sentence


def test_raw_texts_go_in_and_come_out_as_they_stand(cluster: FakeCluster, client: Client) -> None:
    """So a copy of a store is the same store, whatever its values were."""
    client.put_many(VALUES)
    before = dict(cluster.store)
    with Client(cluster.members, raw=True) as raw:
        pairs = dict(raw.scan())
        assert pairs == dict(raw.read_scan()) == before
        assert raw.get("l") == _read(raw, "l") == before["l"]
        assert raw.get_bytes("b") == before["b"].encode()
        cluster.store.clear()
        assert raw.put_many(pairs) == 4
        raw.put("b", pairs["b"])
        with pytest.raises(BadRequest, match="a raw client stores strings, not bytes"):
            raw.put("a", b"1")
    assert cluster.store == before
    assert dict(client.read_scan()) == VALUES

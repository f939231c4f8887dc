"""A fake Redis: one primary that is no cluster, and says of scripts what a test wants it to say.

It stands on a real socket, so that what is tested is the whole way from the bytes to the outcome.
It keeps what it carried out: what a client believes never happened can be looked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

HANG_UP = b""
SAY_NOTHING = b"nothing"


class FakeRedis:
    """Answers scripts with `says`, and carries them out before it does if `obeys`."""

    def __init__(self) -> None:
        self.says: Callable[[str], bytes] = lambda _: b"*1\r\n:1\r\n"
        """Given the command (EVAL, EVALSHA): the answer, HANG_UP or SAY_NOTHING."""
        self.greets = b"+OK\r\n"
        """The answer to AUTH."""
        self.obeys = False
        self.heard: list[list[bytes]] = []
        """All scripts that arrived."""
        self.written: dict[bytes, bytes] = {}
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> FakeRedis:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while words := await _command(reader):
                answer = self._answer(words)
                if answer == HANG_UP:
                    break
                if answer != SAY_NOTHING:
                    writer.write(answer)
        finally:
            writer.close()

    def _answer(self, words: list[bytes]) -> bytes:
        name = words[0].upper()
        if name in {b"EVAL", b"EVALSHA"}:
            self.heard.append(words)
            if self.obeys:
                count = int(words[2])
                self.written[words[3 + count]] = words[3 + count + 6]
            return self.says(name.decode())
        if name == b"INFO":
            return _bulk(b"redis_version:7.0.15\r\nredis_mode:standalone\r\n")
        if name == b"ROLE":
            return b"*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n"
        if name == b"AUTH":
            return self.greets
        if name == b"GET":
            return b"$-1\r\n"
        if name == b"TIME":
            return b"*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
        return b"+OK\r\n" if name == b"CLIENT" else b"-ERR not here\r\n"


def _bulk(data: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(data), data)


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """The next command; none at the end."""
    words: list[bytes] = []
    try:
        line: Any = await reader.readline()
        for _ in range(int(line[1:]) if line else 0):
            size_bytes = int((await reader.readline())[1:])
            words.append((await reader.readexactly(size_bytes + 2))[:-2])
    except (asyncio.IncompleteReadError, ConnectionError):
        return []
    return words

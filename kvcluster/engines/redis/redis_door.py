"""The door: how connections of the driver are made here, and nothing else of the driver is used.

redis-py's clients send a command again when a connection broke or was silent. For a write that is
wrong: the first may still arrive, and undo what somebody wrote between the two. So we take its
plain connections, with retries off, and decide ourselves.

Errors stay the text that the server sent: the driver would cut the code off, and would close the
connection over some answers (LOADING) in the middle of a pipeline.
"""

from __future__ import annotations

from typing import Any

from redis.asyncio.connection import (
    Connection,
    DefaultParser,
    SSLConnection,
    _AsyncRESP2Parser,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.utils import HIREDIS_AVAILABLE

from kvcluster.engines.redis.redis_setting import Place, RedisSetting

DriverError = (RedisError, OSError)
"""What the driver raises where a connection fails; ServerError is one, too."""
ServerError = ResponseError
"""What the driver raises, or gives as an answer, where the server said an error."""


_Parser: Any = DefaultParser if HIREDIS_AVAILABLE else _AsyncRESP2Parser
"""Without hiredis the default knows protocol 3 alone, and a kin of it is not changed for 2."""


class _PlainParser(_Parser):  # type: ignore[misc]
    """The driver's, with no class of its own for any error."""

    EXCEPTION_CLASSES: dict[str, Any] = {}  # noqa: RUF012


class RedisDoor:
    """Makes connections."""

    def __init__(self, setting: RedisSetting) -> None:
        self._setting = setting

    async def connect(self, place: Place) -> Any:
        """A connection that is logged in. Raises DriverError. The caller limits the time."""
        connection = self._made(place)
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    def _made(self, place: Place) -> Any:
        host, port = place
        options: dict[str, Any] = {
            "host": host,
            "port": port,
            "username": self._setting.user or None,
            "password": self._setting.password or None,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "parser_class": _PlainParser,
        }
        if self._setting.tls is None:
            return Connection(**options)
        connection = SSLConnection(**options)
        connection.ssl_context.context = self._setting.tls
        return connection

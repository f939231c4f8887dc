"""The web: the page's own HTTP server, one address, one thread for each connection.

It is Python's `ThreadingHTTPServer` with what that leaves open closed, as the settings have it
(`metrics_...`). A connection lives for ten seconds, is used for one request, and sixteen at most
are open. Past that the oldest ends: a scrape takes milliseconds, so who has been here longest is no
scraper. Fifty a second are taken, the others wait. When a stranger sends rubbish, nothing is said.

Rejected: `prometheus_client.start_http_server`. It serves every path, keeps a silent connection and
its thread for ever, and has as many of them as anybody opens.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.server.guard import Guard

log = logging.getLogger("kvcluster")

_FRONT_DOOR = b'<!doctype html><title>kvcluster</title><a href="/metrics">metrics</a>\n'


@dataclass(frozen=True)
class HttpResponse:
    """What is sent back."""

    status: int
    kind: str
    body: bytes


class Web:
    """Listens on one address until closed. `answer` makes the page, given what is accepted; `guard`
    says who may see it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        answer: Callable[[str], HttpResponse],
        settings: Settings,
        guard: Guard | None = None,
    ) -> None:
        """Raises CannotStart if the address cannot be had."""
        try:
            self._server = _Server(host, port, answer, settings, guard)
        except OSError as error:
            why = error.strerror or error
            raise CannotStart(f"cannot serve metrics on {host}:{port}: {why}") from None
        look_s = settings.metrics_look_s
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(look_s,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more, and end every connection."""
        self._server.shutdown()
        self._server.server_close()
        self._server.end_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        host: str,
        port: int,
        answer: Callable[[str], HttpResponse],
        settings: Settings,
        guard: Guard | None = None,
    ) -> None:
        self.settings, self.guard = settings, guard
        self.request_queue_size = settings.metrics_queue
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._host, self._port, self.answer = host, port, answer
        self._lock = threading.Lock()
        self._until_s: dict[Any, float] = {}
        """Open connections, the oldest first, and when each has to end."""
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server for our own name: that may take seconds."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self._host, self._port

    def get_request(self) -> Any:
        """The next connection. One that cannot be taken, for want of open files, stays the next."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(self.settings.metrics_look_s)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection; the oldest makes room for it if there are too many.

        A thread that waits for the node goes on waiting when its connection has ended. So there may
        be twice as many of them, and no more.
        """
        most = self.settings.metrics_connections
        with self._lock:
            crowded = len(self._until_s) >= 2 * most
            self._until_s[request] = time.monotonic() + self.settings.metrics_connection_s
            surplus = list(self._until_s)[:-most]
        _end(surplus)
        if crowded:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)
        time.sleep(self.settings.metrics_rest_s)

    def shutdown_request(self, request: Any) -> None:
        """A connection is over."""
        with self._lock:
            self._until_s.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End what has lived too long; called again and again."""
        now_s = time.monotonic()
        with self._lock:
            overdue = [each for each, until_s in self._until_s.items() if until_s <= now_s]
        _end(overdue)

    def end_all(self) -> None:
        """End every connection."""
        with self._lock:
            left = list(self._until_s)
        _end(left)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is no news; anything else is a bug."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("BUG  the metrics page failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer the one request of this connection."""
        path = self.path.partition("?")[0]
        if path == "/metrics" and (why := self._refusal()):
            self._send(HttpResponse(401, "text/plain", f"{why}\n".encode()))
        elif path == "/metrics":
            self._send(self.server.answer(self.headers.get("Accept", "")))
        elif path == "/":
            self._send(HttpResponse(200, "text/html; charset=utf-8", _FRONT_DOOR))
        else:
            self._send(HttpResponse(404, "text/plain", b"there is /metrics\n"))

    do_HEAD = do_GET  # whoever only wants to know whether the page is there

    def do_POST(self) -> None:
        """There is nothing to change here."""
        self._send(HttpResponse(405, "text/plain", b"this page can only be read\n"))

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def _refusal(self) -> str:
        guard = self.server.guard
        if guard is None:
            return ""
        host, port, *_ = self.client_address
        return guard.refusal_to_look(f"{host}:{port}", self.headers.get("Authorization", ""))

    def _send(self, answer: HttpResponse) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if answer.status == 405:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        """Who answers; not which Python."""
        return "kvcluster"

    def log_message(self, *_: object) -> None:
        """Say nothing: strangers do not write into our log."""


def _end(connections: list[Any]) -> None:
    """Whoever reads from these or writes to them is woken, and closes them."""
    for connection in connections:
        with contextlib.suppress(OSError):  # it ended by itself
            connection.shutdown(socket.SHUT_RDWR)

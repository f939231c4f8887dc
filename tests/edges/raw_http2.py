"""HTTP/2 by hand, for what no gRPC client would send: half a message, a stream reset at once.

Only the little that an attacker needs: frames, headers without compression, windows, and the polite
answers (SETTINGS, PING) without which a server hangs up.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections import Counter

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW = 0, 1, 3, 4, 6, 8
ACK, END_HEADERS = 1, 4
_CANCEL = (8).to_bytes(4, "big")
INITIAL_WINDOW, _MAX_STREAMS = 4, 3
DEFAULT_WINDOW_BYTES, FRAME_BYTES = 65_535, 16_384


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame as it goes over the wire."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


SETTINGS_FRAME = frame(SETTINGS, 0, 0)


def headers(path: str) -> bytes:
    """The headers of a gRPC call: POST, http, then literals that no table remembers."""
    literals = [(b"\x04", path.encode()), (b"\x01", b"localhost")]
    literals += [(b"\x0f\x10", b"application/grpc"), (b"\x00\x02te", b"trailers")]
    return b"\x83\x86" + b"".join(name + bytes([len(text)]) + text for name, text in literals)


def opening(path: str, stream: int) -> bytes:
    """The frame that begins a call, and says that a message will come."""
    return frame(HEADERS, END_HEADERS, stream, headers(path))


def resets(path: str, count: int) -> bytes:
    """So many calls, each taken back at once."""
    opened, reset = opening(path, 0)[9:], frame(RESET, 0, 0, _CANCEL)[9:]
    head = opening(path, 0)[:5], frame(RESET, 0, 0, _CANCEL)[:5]
    pieces = []
    for stream in range(1, 2 * count, 2):
        number = stream.to_bytes(4, "big")
        pieces += [head[0], number, opened, head[1], number, reset]
    return b"".join(pieces)


class RawConnection:
    """One connection, and the windows that the server gives it. Not for several threads."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("localhost", port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""
        self._next = 1
        self._window = self._initial_window = DEFAULT_WINDOW_BYTES
        self.windows: dict[int, int] = {}
        """How much each call that is open may still send."""
        self.max_streams: int | None = None
        """How many calls the server wants at a time."""
        self.frames: Counter[int] = Counter()
        """What came, by kind."""
        self.closed = False
        self._send(PREFACE + SETTINGS_FRAME)

    def call(self, path: str, begin: bytes = b"") -> int:
        """Begin a call, and perhaps its message; return its number."""
        stream, self._next = self._next, self._next + 2
        self.windows[stream] = self._initial_window
        self._send(opening(path, stream))
        if begin:
            self.send(stream, begin)
        return stream

    def send(self, stream: int, data: bytes) -> int:
        """Send as much of some bytes as the windows allow; return how much that was."""
        sent = 0
        while sent < len(data) and not self.closed:
            room = min(FRAME_BYTES, self._window, self.windows.get(stream, 0), len(data) - sent)
            if room <= 0:
                break
            self._send(frame(DATA, 0, stream, data[sent : sent + room]))
            self.windows[stream] -= room
            self._window -= room
            sent += room
        return sent

    def send_raw(self, data: bytes) -> None:
        """Send frames made by hand, and read what comes meanwhile."""
        for start in range(0, len(data), 1 << 16):
            self._send(data[start : start + (1 << 16)])
            self.read()

    def read(self, timeout_s: float = 0.0) -> None:
        """Take what has come, or comes within a time."""
        end_s = time.monotonic() + timeout_s
        while not self.closed:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if not poll.poll(max(0.0, end_s - time.monotonic()) * 1000):
                return
            try:
                data = self._socket.recv(1 << 18)
            except OSError:
                data = b""
            self.closed = not data
            self._unread += data
            self._take_frames()

    def greeted(self) -> bool:
        """Whether the server has shaken hands."""
        self.read(0.02)
        return bool(self.frames)

    def left(self) -> bool:
        """Whether the server has hung up."""
        self.read(0.02)
        return self.closed

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _take_frames(self) -> None:
        while len(self._unread) >= 9:
            end = 9 + int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < end:
                return
            kind, flags = self._unread[3], self._unread[4]
            stream = int.from_bytes(self._unread[5:9], "big")
            payload, self._unread = self._unread[9:end], self._unread[end:]
            self._take(kind, flags, stream, payload)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.frames[kind] += 1
        if kind == SETTINGS and not flags & ACK:
            self._take_settings(payload)
            self._send(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._send(frame(PING, ACK, 0, payload))
        elif kind == WINDOW and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == WINDOW and stream in self.windows:
            self.windows[stream] += int.from_bytes(payload, "big")
        elif kind == RESET or (kind == HEADERS and flags & 1):
            self.windows.pop(stream, None)

    def _take_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at : at + 6])
            if name == _MAX_STREAMS:
                self.max_streams = value
            if name == INITIAL_WINDOW:
                for stream in self.windows:
                    self.windows[stream] += value - self._initial_window
                self._initial_window = value

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

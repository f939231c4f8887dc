"""Scenes on a machine whose names mean what a test wants, played in this process.

    unshare --mount --net python -m tests.processes.odd_machine FOLDER SCENE ARGUMENTS

`localhost` is the first thing that odd machines have otherwise: without IPv6, with it alone, with
three addresses. And names vanish: that of a container goes when it stops, and is back when it
starts. To try such things for real takes an /etc/hosts and a loopback of one's own, which only a
process in namespaces of its own can have; so a scene is a program, and its exit code the verdict.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually, run_script

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_INTERFACE = "16sh"
_PORT = 22_100
_AWAY_S = 8.0
_FOUND_S = 8.0


class Names:
    """What this machine knows by name, and nothing else: its hosts file, and no name server."""

    def __init__(self, folder: Path) -> None:
        self._hosts = folder / "hosts"
        for name in ("hosts", "resolv.conf"):
            (folder / name).write_text("")
            subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)

    def are(self, hosts: str) -> None:
        """From now on these."""
        self._hosts.write_text(hosts)


def switch_loopback_on() -> None:
    """A network namespace begins without one."""
    with socket.socket() as any_socket:
        asked = struct.pack(_INTERFACE, b"lo", 0)
        flags = struct.unpack(_INTERFACE, fcntl.ioctl(any_socket, _GET_FLAGS, asked))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack(_INTERFACE, b"lo", flags | _UP))


def serve(folder: Path, names: Names, *hosts: str) -> None:
    """Three servers on a `localhost` that is this serve, and find each other."""
    names.are("".join(f"{line}\n" for line in hosts))
    cluster = Cluster(folder)
    try:
        cluster.start()
        assert cluster[0].put("k", "v").acknowledged == 3
        assert [server.get("k").value for server in cluster] == ["v"] * 3
    finally:
        cluster.clean_up()


def vanish(folder: Path, names: Names) -> None:
    """A node stops, and its name with it; both are back later, at another address."""
    letters = {"node-a": "127.0.0.2", "node-b": "127.0.0.3", "node-c": "127.0.0.4"}
    members = ",".join(f"{name}:{_PORT}" for name in letters)
    servers = {name: Server(_PORT, members, folder / name) for name in letters}

    def start(name: str) -> None:
        servers[name].start("--name", f"{name}:{_PORT}", "--host", letters[name])

    def know(*known: str) -> None:
        names.are("".join(f"{letters[name]} {name}\n" for name in known))

    def whole() -> bool:
        status = run_script("client.py", "status", "--cluster", members)
        if status.returncode:
            raise ValueError(status.stdout + status.stderr)
        return True

    try:
        know(*letters)
        for name, server in servers.items():
            server.data_dir.mkdir()
            start(name)
        eventually(whole, "all serve")
        assert servers["node-c"].interrupt() == 0
        know("node-a", "node-b")
        time.sleep(_AWAY_S)  # long enough for gRPC to lose its patience with the name
        letters["node-c"] = "127.0.0.5"
        know(*letters)
        start("node-c")
        eventually(whole, "the node is found again", _FOUND_S)
    finally:
        for server in servers.values():
            server.clean_up()


SCENES: dict[str, Callable[..., None]] = {"serve": serve, "vanish": vanish}


def main(arguments: list[str]) -> int:
    """Play a scene."""
    folder, scene, *rest = arguments
    switch_loopback_on()
    SCENES[scene](Path(folder), Names(Path(folder)), *rest)
    print("held")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

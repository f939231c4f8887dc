"""Gateways as processes, beside each other on one engine, and what a person does with them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvcluster.commands.demo.local_cluster import free_ports
from tests.engines.setting import servers_of
from tests.processes.harness import ROOT, Server, started


class GatewayServer(Server):
    """One `server.py --engine` process."""

    engine = ""

    @property
    def where(self) -> list[str]:
        """Nothing is kept here."""
        return ["--engine", self.engine]


class Gateways:
    """Some of them on one place of an engine."""

    def __init__(
        self, folder: Path, engine: str, environment: dict[str, str], count: int = 2
    ) -> None:
        ports = free_ports(count)
        self.members = ",".join(f"localhost:{port}" for port in ports)
        self.servers = [GatewayServer(port, self.members, folder) for port in ports]
        for server in self.servers:
            server.engine, server.environment = engine, environment

    def __getitem__(self, index: int) -> GatewayServer:
        return self.servers[index]

    def start(self) -> None:
        """Start each, and wait until all serve."""
        for server in self.servers:
            server.start()
        for server in self.servers:
            server.wait_serving()

    def clean_up(self) -> None:
        """End everything."""
        for server in self.servers:
            server.clean_up()

    def run(self, *words: str, given: str = "", code: int = 0) -> str:
        """What a command of client.py prints; it must end with this code."""
        return run_client(self.members, *words, given=given, code=code)


def run_client(nodes: str, *words: str, given: str = "", code: int = 0) -> str:
    """What a command of client.py prints; it must end with this code."""
    done = subprocess.run(
        [sys.executable, "client.py", *words],
        cwd=ROOT,
        env={**os.environ, "KV_NODES": nodes},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{words} ended with {done.returncode}: {done.stderr}"
    return done.stdout


@contextmanager
def gateways_on(kind: str, folder: Path, count: int = 2) -> Iterator[Gateways]:
    """Gateways that serve, on a place of their own in an engine of a kind; skips without one."""
    engine, environment = servers_of(kind).place(f"g{uuid.uuid4().hex[:12]}")
    with started(Gateways(folder, engine, environment, count)) as made:
        yield made

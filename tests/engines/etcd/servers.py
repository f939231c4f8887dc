"""Three real members of etcd on this machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kvcluster.commands.demo.local_cluster import free_ports

_READY_S = 30.0


def lacking() -> str:
    """What must be installed."""
    if shutil.which("etcd"):
        return ""
    return "etcd is not installed: apt-get install etcd-server, or .ci/engines"


class Etcd:
    """Some members; `options`: for each of them."""

    def __init__(self, count: int = 3, options: Sequence[str] = (), scheme: str = "http") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="etcd-"))
        ports = free_ports(2 * count)
        self.ports, self._peers = ports[:count], ports[count:]
        self._options, self._scheme = list(options), scheme
        self.processes: list[subprocess.Popen[bytes] | None] = [None] * count
        self.hit = -1
        """Which one a fault has hit."""

    @property
    def hosts(self) -> str:
        """As they stand in an address."""
        return ",".join(f"localhost:{port}" for port in self.ports)

    def start(self, place: int) -> None:
        """Start one of them."""
        client = f"{self._scheme}://localhost:{self.ports[place]}"
        peers = [f"http://localhost:{port}" for port in self._peers]
        members = ",".join(f"m{number}={peer}" for number, peer in enumerate(peers))
        command = ["etcd", "--name", f"m{place}", "--data-dir", str(self.folder / f"m{place}")]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peers[place], "--initial-cluster", members]
        command += ["--initial-advertise-peer-urls", peers[place]]
        command += ["--initial-cluster-token", self.folder.name, "--log-level", "error"]
        command += ["--heartbeat-interval", "100", "--election-timeout", "1000"]
        with (self.folder / f"m{place}.log").open("ab") as log:
            self.processes[place] = subprocess.Popen(
                [*command, *self._options], stdout=log, stderr=log
            )

    def start_all(self) -> None:
        """Start all, and wait until one leads."""
        for place in range(len(self.ports)):
            self.start(place)
        self.wait_led()

    def wait_led(self) -> int:
        """The place of the member that leads, once one does."""
        end_s = time.monotonic() + _READY_S
        while time.monotonic() < end_s:
            for place, process in enumerate(self.processes):
                if process is not None and process.poll() is None and self._leads(place):
                    return place
            time.sleep(0.1)
        logs = "".join(it.read_text()[-2_000:] for it in self.folder.glob("*.log"))
        raise AssertionError(f"no member of etcd leads:\n{logs}")

    def _leads(self, place: int) -> bool:
        import grpc

        from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc

        with grpc.insecure_channel(f"localhost:{self.ports[place]}") as channel:
            ask = channel.unary_unary(
                "/etcdserverpb.Maintenance/Status",
                request_serializer=rpc.StatusRequest.SerializeToString,
                response_deserializer=rpc.StatusResponse.FromString,
            )
            try:
                answer = ask(rpc.StatusRequest(), timeout=0.5)
            except grpc.RpcError:
                return False
            return bool(answer.leader and answer.leader == answer.header.member_id)

    def kill(self, place: int) -> None:
        """kill -9."""
        process = self.processes[place]
        assert process is not None
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(20)

    def freeze(self, place: int) -> None:
        """SIGSTOP."""
        process = self.processes[place]
        assert process is not None
        process.send_signal(signal.SIGSTOP)

    def thaw(self, place: int) -> None:
        """SIGCONT."""
        process = self.processes[place]
        assert process is not None
        process.send_signal(signal.SIGCONT)

    def place(self, name: str) -> tuple[str, dict[str, str]]:
        """See Servers."""
        return f"etcd://{self.hosts}?prefix={name}/", {}

    def stop(self) -> None:
        """See Servers."""
        for place, process in enumerate(self.processes):
            if process is not None and process.poll() is None:
                self.kill(place)
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Etcd:
    """See Servers."""
    made = Etcd()
    try:
        made.start_all()
    except BaseException:
        made.stop()
        raise
    return made


def _kill_leader(servers: Etcd) -> None:
    servers.hit = servers.wait_led()
    servers.kill(servers.hit)


def _freeze_leader(servers: Etcd) -> None:
    servers.hit = servers.wait_led()
    servers.freeze(servers.hit)


def _kill_follower(servers: Etcd) -> None:
    servers.hit = (servers.wait_led() + 1) % len(servers.ports)
    servers.kill(servers.hit)


def _start_again(servers: Etcd) -> None:
    servers.start(servers.hit)
    servers.wait_led()


FAULTS: dict[str, tuple[Callable[[Etcd], None], Callable[[Etcd], None]]] = {
    "the leader is killed": (_kill_leader, _start_again),
    "the leader is frozen": (_freeze_leader, lambda servers: servers.thaw(servers.hit)),
    "a follower is killed": (_kill_follower, _start_again),
}
"""What breaks, and what mends it."""

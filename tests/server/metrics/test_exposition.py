"""The page of a real server: what scrapers get, and what strangers cannot do to it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import Settings
from kvcluster.server.options import parse_arguments
from tests.edges.calm import PATIENT, must_be_calm
from tests.processes.harness import ROOT, Server, eventually, run_script, started
from tests.processes.test_start import assert_refused
from tests.server.metrics.scene import Reading

_MOST_CONNECTIONS = Settings().metrics_connections
_OTHERS = 10
"""Threads that gRPC may start meanwhile."""


class Watched(Server):
    """A server that is all its cluster, with a page."""

    def __init__(self, folder: Path) -> None:
        port, self.page_port = free_ports(2)
        options = [*PATIENT, "--metrics", str(self.page_port)]
        super().__init__(port, f"localhost:{port}", folder, options)

    def start(self, *options: str, **more: object) -> None:
        """Start, and wait until it serves."""
        super().start(*options)
        self.wait_serving()

    def ask(
        self, path: str = "/metrics", accept: str = "", method: str = "GET"
    ) -> tuple[int, str, str]:
        """Status, type and body of one answer."""
        connection = http.client.HTTPConnection("localhost", self.page_port, timeout=20)
        try:
            connection.request(method, path, headers={"Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
        finally:
            connection.close()

    def read(self) -> Reading:
        """The page, parsed."""
        status, _, text = self.ask()
        assert status == 200, text
        return Reading(text)

    def dial(self) -> socket.socket:
        """A connection on which nothing was said yet."""
        return socket.create_connection(("localhost", self.page_port), timeout=20)


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One server for all tests here; ask for `server` instead."""
    with started(Watched(tmp_path_factory.mktemp("page"))) as made:
        yield made


@pytest.fixture
def server(lone: Watched) -> Iterator[Watched]:
    """That server, which no test may upset."""
    yield lone
    assert lone.ask()[0] == 200
    must_be_calm(lone)


@pytest.mark.processes
def test_prometheus_gets_its_text(server: Watched) -> None:
    """A page that a parser refuses is a node that nobody watches."""
    status, kind, text = server.ask()
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    reading = Reading(text)
    assert reading("node_state", state="SERVING") == 1
    assert {"process_resident_memory_bytes", "python_info"} <= {f.name for f in reading.families}
    assert all(family.documentation for family in reading.families)


@pytest.mark.processes
def test_openmetrics_is_given_to_who_asks(server: Watched) -> None:
    """Prometheus asks for it first; its parser is stricter, and wants units and an end."""
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    status, kind, text = server.ask(accept=accept)
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    parse: Any = openmetrics.text_string_to_metric_families
    families = {each.name: each for each in parse(text)}
    assert families["kvcluster_data_bytes"].unit == "bytes"
    assert families["kvcluster_call_duration_seconds"].unit == "seconds"
    assert families["kvcluster_calls"].type == "counter"


@pytest.mark.processes
def test_a_real_disk_is_measured(server: Watched) -> None:
    """Its syncs happen in a thread of their own, and on a simulated disk in no time."""
    before = server.read()
    for number in range(5):
        server.put(f"k{number}", "v")

    def grew(name: str) -> float:
        return server.read()(name) - before(name)

    eventually(lambda: grew("journal_fsync_duration_seconds_count") >= 5, "syncs are counted")
    assert grew("journal_fsync_duration_seconds_sum") > 0
    assert grew("journal_commit_duration_seconds_sum") > 0
    assert grew("journal_written_bytes_total") > 5 * len("k0v")


@pytest.mark.processes
def test_only_the_page_is_there(server: Watched) -> None:
    """Nothing but it is promised; a person who tries the front door finds it."""
    assert server.ask("/metrics?name[]=x")[0] == 200
    assert 'href="/metrics"' in server.ask("/")[2]
    for path in ("/metrics/", "/favicon.ico", "/../etc/passwd", "//[", "/%00"):
        assert server.ask(path)[0] == 404


@pytest.mark.processes
def test_the_page_can_only_be_read(server: Watched) -> None:
    """A probe that asks for the head alone would call the node broken."""
    status, kind, body = server.ask(method="HEAD")
    assert (status, body) == (200, "")
    assert kind.startswith("text/plain")
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        connection = http.client.HTTPConnection("localhost", server.page_port, timeout=20)
        connection.request(method, "/metrics")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        connection.close()
    assert server.ask(method="BREW")[0] == 501


@pytest.mark.processes
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET " + b"x" * 100_000,
        b"GET /metrics HTTP/1.1\r\n" + b"".join(b"h%d: v\r\n" % n for n in range(200)) + b"\r\n",
        b"GET /metrics HTTP/1.1\r\nAccept: \xff\xfe\r\n\r\n",
        b"\r\n\r\n",
    ],
    ids=["tls", "http2", "version", "long", "headers", "bytes", "nothing"],
)
def test_garbage_ends_its_connection_and_no_more(server: Watched, garbage: bytes) -> None:
    """What a port scanner sends; the log says nothing of it."""
    with server.dial() as connection:
        try:
            connection.sendall(garbage)
            while connection.recv(65_536):
                pass
        except ConnectionResetError:
            pass  # it did not want to hear all of it


@pytest.mark.processes
def test_silent_connections_make_room_for_a_scraper(server: Watched) -> None:
    """Else anybody who opens a few and says nothing blinds whoever is on call."""
    threads = _threads(server)
    silent = [server.dial() for _ in range(2 * _MOST_CONNECTIONS)]
    for connection in silent[::2]:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nslow: ")
    assert server.read()("keys") >= 0
    assert _threads(server) <= threads + _MOST_CONNECTIONS + _OTHERS
    assert silent[0].recv(1) == b""
    for connection in silent:
        connection.close()
    eventually(lambda: _threads(server) <= threads + _OTHERS, "no thread is left behind")


@pytest.mark.processes
def test_many_scrapers_get_pages_while_writes_go_on(server: Watched) -> None:
    """Numbers read in the middle of changes neither fail nor go back."""
    seen: list[list[float]] = [[], [], [], []]

    def scrape(mine: list[float]) -> None:
        for _ in range(6):
            mine.append(server.read()("journal_entries_total"))

    scrapers = [threading.Thread(target=scrape, args=(mine,)) for mine in seen]
    for scraper in scrapers:
        scraper.start()
    number = 0
    while any(scraper.is_alive() for scraper in scrapers):
        server.put(f"load{number % 50}", "v")
        number += 1
    for mine in seen:
        assert len(mine) == 6
        assert mine == sorted(mine)


@pytest.mark.processes
def test_nothing_is_exposed_unasked(server: Watched) -> None:
    """On localhost means on localhost: not on this machine's other addresses."""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", server.page_port), timeout=5).close()
    assert f"http://localhost:{server.page_port}/metrics" in server.log()


@pytest.mark.processes
def test_a_page_elsewhere_and_a_stop_with_a_scraper_that_hangs(tmp_path: Path) -> None:
    """HOST:PORT is taken at its word; a stranger's open connection does not hold up a stop."""
    watched = Watched(tmp_path)
    watched.options[-1] = f"127.0.0.2:{watched.page_port}"
    with started(watched):
        with pytest.raises(OSError, match="refused"):
            watched.ask()
        place = ("127.0.0.2", watched.page_port)
        with socket.create_connection(place, timeout=20) as connection:
            assert watched.interrupt() == 0
            assert connection.recv(1) == b""
        must_be_silent(watched)


def must_be_silent(server: Server) -> None:
    """A server that ended said nothing of a bug."""
    assert not any(word in server.log() for word in ("Traceback", "BUG", "Exception"))


@pytest.mark.processes
def test_a_taken_port_is_refused_before_anybody_hears_of_the_node(
    server: Watched, tmp_path: Path
) -> None:
    """A node that serves and cannot be watched would be found out in the worst moment."""
    (port,) = free_ports(1)
    arguments = ["--cluster", f"localhost:{port}", "--data-dir", str(tmp_path)]
    refused = run_script("server.py", str(port), *arguments, "--metrics", str(server.page_port))
    assert_refused(refused, f"port {server.page_port} on localhost is in use")
    assert "listens" not in refused.stderr


@pytest.mark.processes
def test_without_the_extra_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    """And nothing was opened or made yet."""
    (port,) = free_ports(1)
    program = (
        "import sys; sys.modules['prometheus_client'] = None; import server;"
        " sys.exit(server.main(sys.argv[1:]))"
    )
    arguments = [str(port), "--cluster", f"localhost:{port}", "--data-dir", str(tmp_path)]
    refused = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--metrics", "9101"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert_refused(refused, "pip install prometheus-client")
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["99999", "0", "node:", ":9101", "a b:9101", "metrics", "50051"])
def test_a_place_that_is_none_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the value, as everywhere."""
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["50051", "--metrics", place])
    assert ended.value.code == 2
    assert place in capsys.readouterr().err


def _threads(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.pid}/task"))  # noqa: PTH208 - a count is wanted

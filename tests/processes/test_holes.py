"""Scans and exports while the only node that holds some keys is away for a part of the time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvcluster import AsyncClient, Incomplete
from tests.processes.cluster import Cluster
from tests.processes.harness import ROOT, eventually, started

from demo_pb2 import PeerState

PAIRS = {f"key {number:03}": "x" * 20_000 for number in range(400)}
"""Twice as much as the library asks for in one call."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers with one replica of each key, and these pairs; ask for `cluster` instead."""
    made = Cluster(tmp_path_factory.mktemp("one_replica"), replicas=1)
    with started(made):
        asyncio.run(_fill(made))
        yield made


async def _fill(cluster: Cluster) -> None:
    async with AsyncClient(cluster.members, timeout_s=20) as client:
        await client.put_many(PAIRS)


@pytest.fixture
def cluster(filled: Cluster) -> Cluster:
    """The last of the three is away, and the others know."""
    filled.mend()
    filled[2].kill()

    def seen() -> bool:
        return all(server.thinks(filled[2]) != PeerState.ALIVE for server in filled.servers[:2])

    eventually(seen, "its death is seen")
    return filled


def _return(cluster: Cluster) -> None:
    """The node is back, and the others read from it."""
    cluster[2].start()
    cluster.wait_whole()


async def test_a_node_that_was_away_for_one_page_leaves_a_scan_incomplete(
    cluster: Cluster,
) -> None:
    """It is back while the program works on the first page; what that page missed is told."""
    got: list[str] = []
    error: Incomplete | None = None
    async with AsyncClient(cluster[0].name, timeout_s=2) as client:
        try:
            async for key, _ in client.scan():
                got.append(key)
                if len(got) == 1:
                    _return(cluster)
        except Incomplete as incomplete:
            error = incomplete
    assert error is not None, f"{len(got)} of {len(PAIRS)} keys"
    assert error.missing_nodes == (cluster[2].name,)
    assert len(PAIRS) / 3 < len(got) < len(PAIRS)
    assert got[-1] == max(PAIRS), "the last page is whole"


async def test_a_scan_waits_for_a_node_that_starts_anew(cluster: Cluster) -> None:
    """Within its timeout; then nothing is missing."""
    async with AsyncClient(cluster[0].name, timeout_s=60) as client:
        scan = asyncio.ensure_future(_keys(client))
        await asyncio.sleep(0.5)  # a while in which nobody holds what is missing
        assert not scan.done()
        cluster[2].start()
        assert await scan == list(PAIRS)


async def _keys(client: AsyncClient) -> list[str]:
    return [key async for key, _ in client.scan()]


def _export(cluster: Cluster, file: str) -> subprocess.Popen[bytes]:
    words = ["client.py", "export", "--cluster", cluster[0].name, "--timeout", "2", file]
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=pipe, stderr=pipe)


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


def test_an_export_into_a_pipe_tells_what_its_first_page_missed(cluster: Cluster) -> None:
    """The node is back before the second page; the exit code is 3 all the same."""
    process: Any = _export(cluster, "-")
    begin = process.stdout.read(10_000)
    _return(cluster)
    code, rest, err = _ended(process)
    assert code == 3
    assert cluster[2].name in err
    assert (begin + rest).count(b'"key"') < len(PAIRS)


def test_an_export_with_holes_in_its_first_calls_becomes_no_file(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The node is back meanwhile; what was written is done again, and then the file is whole."""
    file = tmp_path / "all.jsonl"
    part = file.with_name(file.name + ".kv-part")
    process = _export(cluster, str(file))
    eventually(lambda: part.stat().st_size > 0, "it writes")
    _return(cluster)
    code, _, err = _ended(process)
    assert code == 3
    assert f"with 0 keys in {part}" in err
    assert not file.exists()
    code, out, err = _ended(_export(cluster, str(file)))
    assert (code, err) == (0, "")
    assert out.startswith(b"exported 400 keys in ")
    assert len(file.read_bytes().splitlines()) == len(PAIRS)

"""client.py bench: figures that add up, keys that are removed, and its ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

ROOT = Path(__file__).resolve().parents[2]
_SHORT = ("bench", "--duration", "0.3", "--clients", "4", "--keys", "20")


def test_a_load_is_told_in_a_table_and_in_bars(cluster: FakeCluster, client: Program) -> None:
    """And nothing of it is left, nor is anything else touched."""
    cluster.store["bench/mine"] = "1"
    ended = client(*_SHORT, "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert "4 calls at a time for 0." in ended.out
    for word in ("reads", "writes", "p50", "p99.9", "max", "█", "no call failed"):
        assert word in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    assert cluster.store == {"bench/mine": "1"}


def test_json_gives_all_figures(cluster: FakeCluster, client: Program) -> None:
    """What the histogram holds is what was counted."""
    said = json.loads(
        client(*_SHORT, "--reads", "50", "-o", "json", "--cluster", cluster.members).out
    )
    assert said.keys() == {
        "seconds",
        "clients",
        "keys",
        "value_bytes",
        "reads_percent",
        "reads",
        "writes",
    }
    for kind in ("reads", "writes"):
        tally = said[kind]
        assert sum(bucket["calls"] for bucket in tally["histogram"]) == tally["calls"] > 0
        assert 0 < tally["p50_ms"] <= tally["p99_9_ms"] <= tally["max_ms"]
        assert tally["errors"] == {}


def test_keys_are_kept_on_demand(cluster: FakeCluster, client: Program) -> None:
    """And it is told where."""
    ended = client(*_SHORT, "--keep", "--prefix", "load/", "--cluster", cluster.members)
    assert ended.code == 0
    (prefix,) = {key[: key.rindex("/") + 1] for key in cluster.store}
    assert len(cluster.store) == 20
    assert ended.err == f"Its keys stay, under {prefix}\n"


def test_values_have_the_size_that_was_asked_for(cluster: FakeCluster, client: Program) -> None:
    """The smallest as well."""
    for size in (0, 5000):
        client(*_SHORT, "--keep", "--value-size", str(size), "--cluster", cluster.members)
        assert {len(value) for value in cluster.store.values()} == {size}
        cluster.store.clear()


def test_calls_that_fail_are_counted_by_kind(cluster: FakeCluster, client: Program) -> None:
    """The load goes on, and exit code 1 tells."""
    for node in cluster.nodes:
        node.failures["Put"] = (grpc.StatusCode.INTERNAL, "an internal error; see the log")
    ended = client(
        "bench", "--duration", "0.3", "--clients", "1", "--keys", "9", "--cluster", cluster.members
    )
    assert ended.code == 1
    assert "of the writes failed: OutcomeUnknown" in ended.out
    assert "an internal error" in ended.out


def test_a_value_that_no_node_takes_exits_with_2(cluster: FakeCluster, client: Program) -> None:
    """Before anything is measured."""
    for node in cluster.nodes:
        for method in ("Put", "Batch"):
            details = "the value 'x' is 9,000 bytes long, allowed are 0 to 100"
            node.failures[method] = (grpc.StatusCode.INVALID_ARGUMENT, details)
    ended = client(*_SHORT, "--cluster", cluster.members)
    assert (ended.code, ended.out) == (2, "")
    assert "9,000 bytes" in ended.err


def test_without_a_node_it_exits_with_3(client: Program, nobody: str) -> None:
    """At once, and there is nothing to remove."""
    ended = client(*_SHORT, "--node", nobody, "--timeout", "1")
    assert (ended.code, ended.out) == (3, "")
    assert "connection refused" in ended.err
    assert "removed" not in ended.err


def test_ctrl_c_ends_it_early_and_it_still_tells_and_cleans(cluster: FakeCluster) -> None:
    """What was measured until then was measured."""
    process = subprocess.Popen(
        [sys.executable, "client.py", "bench", "--duration", "60", "--keys", "20"],
        cwd=ROOT,
        env=os.environ | {"KV_NODES": cluster.members},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    deadline = threading.Event()
    while sum(len(node.written) for node in cluster.nodes) < 100 and process.poll() is None:
        deadline.wait(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "no call failed" in out
    assert cluster.store == {}


@pytest.mark.parametrize("reads", ["0", "100"])
def test_only_reads_or_only_writes(cluster: FakeCluster, client: Program, reads: str) -> None:
    """There is one row then, and no bar of nothing."""
    ended = client(*_SHORT, "--reads", reads, "--cluster", cluster.members)
    assert ended.code == 0
    assert ("\nwrites" in ended.out) == (reads == "0")
    assert ("\nreads" in ended.out) == (reads == "100")

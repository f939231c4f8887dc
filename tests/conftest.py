"""What every run says of itself first, how Hypothesis draws, and which ports and signals it has.

It draws the same examples in every run: a red build is red for everybody. For more of them, by
hand: `FUZZ=20000 pytest tests/edges/test_any_*.py`.
"""

from __future__ import annotations

import os
import signal

import google.protobuf
import grpc
import pytest
from hypothesis import settings

from kvcluster.commands.demo import local_cluster

settings.register_profile("house", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("house")

# A shell starts what ends with & deaf to Ctrl+C, and so would be all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests of different workers must not draw the same ports: a server that is down for a moment in
# one would find another's server where it was.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS_A_WORKER = 1_000
local_cluster.PORTS = range(
    20_000 + _WORKER * _PORTS_A_WORKER, 20_000 + (_WORKER + 1) * _PORTS_A_WORKER
)


def pytest_report_header() -> str:
    """The versions that this run proves."""
    return f"grpcio {grpc.__version__}, protobuf {google.protobuf.__version__}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: tests of real processes wait for much of their time."""
    return (os.cpu_count() or 1) + 2

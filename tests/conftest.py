"""What every run says of itself first, and how Hypothesis draws.

It draws the same examples in every run: a red build is red for everybody. For more of them, by
hand: `FUZZ=20000 pytest tests/edges/test_any_*.py`.
"""

from __future__ import annotations

import os

import google.protobuf
import grpc
import pytest
from hypothesis import settings

settings.register_profile("house", derandomize=True, deadline=None, database=None, max_examples=150)
settings.load_profile("house")


def pytest_report_header() -> str:
    """The versions that this run proves."""
    return f"grpcio {grpc.__version__}, protobuf {google.protobuf.__version__}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests of real processes wait for much of their time."""
    return (os.cpu_count() or 1) + 1

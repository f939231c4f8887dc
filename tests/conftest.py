"""What every run says of itself first."""

from __future__ import annotations

import google.protobuf
import grpc


def pytest_report_header() -> str:
    """The versions that this run proves."""
    return f"grpcio {grpc.__version__}, protobuf {google.protobuf.__version__}"

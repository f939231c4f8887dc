"""The generated code on the runtime installed here; CI runs this on the oldest and the newest."""

from __future__ import annotations

import subprocess
import sys

import google.protobuf

from tests.processes.harness import ROOT


def test_generated_code_loads_without_a_word() -> None:
    """Importing it prints nothing and warns of nothing, so users of other versions see no noise."""
    code = "import demo_pb2, demo_pb2_grpc; demo_pb2.PutRequest(key='k').SerializeToString()"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_runtime_is_one_that_we_claim() -> None:
    """A newer major of protobuf must be tried before it is claimed in pyproject.toml."""
    major = int(google.protobuf.__version__.split(".")[0])
    assert major in (6, 7), "try it, then widen the claim"

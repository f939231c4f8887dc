"""Odd environments, as shells, containers, init systems and developers leave them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.harness import Server, eventually, run_script

_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "grpc_proxy", "GRPC_PROXY")
_ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing at all": {},
    "proxies that are not there": dict.fromkeys(_PROXIES, "http://127.0.0.1:9"),
    "a locale without letters": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "an odd home and time": {"HOME": "/proc/1", "XDG_STATE_HOME": "rel/x", "TZ": ":/nonexistent"},
    "without assertions and docstrings": {"PYTHONOPTIMIZE": "2"},
    "every warning an error": {"PYTHONWARNINGS": "error"},
    "for developers": {"PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1"},
    "protobuf in Python": {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
    "other parts of gRPC": {"GRPC_DNS_RESOLVER": "ares", "GRPC_POLL_STRATEGY": "poll"},
}


@pytest.mark.processes
@pytest.mark.parametrize("name", _ENVIRONMENTS)
def test_in_an_odd_environment_everything_works_and_nothing_is_complained_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The node stores, the programs ask it, and it stops in order."""
    if name == "nothing at all":
        for variable in list(os.environ):
            monkeypatch.delenv(variable)
    for variable, value in _ENVIRONMENTS[name].items():
        monkeypatch.setenv(variable, value)
    port = free_ports(1)[0]
    server = Server(port, f"localhost:{port}", tmp_path)
    try:
        server.start()
        server.wait_serving(60)
        said = [
            run_script("client.py", *command, "--node", server.name).stdout
            for command in (["put", "thủ đô", "Hà Nội"], ["get", "thủ đô"], ["scan"])
        ]
        assert said == ["stored, 1 of 1 replicas\n", "Hà Nội", "thủ đô\tHà Nội\n"]
        ended = run_script("health_check_client.py", server.name)
        assert (ended.returncode, ended.stderr) == (0, "")
        eventually(lambda: server.json() == {"thủ đô": "Hà Nội"}, "it is in the JSON")
        assert server.interrupt() == 0
    finally:
        server.clean_up()
    assert not {"Traceback", "Warning", "BUG"} & set(server.log().replace(":", " ").split())

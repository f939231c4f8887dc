"""What a person does with a cluster, done with gateways on each engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kvcluster import Client
from kvcluster.recipes import Counter, Lock
from tests.gateway.servers import Gateways
from tests.processes.harness import ROOT, eventually


def test_keys_put_through_one_gateway_are_there_through_the_other(gateways: Gateways) -> None:
    """They hold nothing themselves, so neither can be behind."""
    for number in range(20):
        gateways[number % 2].put(f"both/{number}", str(number))
        assert gateways[1 - number % 2].get(f"both/{number}").value == str(number)
    assert gateways[0].delete("both/0").found
    assert not gateways[1].get("both/0").found


def test_the_commands_work(gateways: Gateways) -> None:
    """One after the other, with what they print."""
    assert gateways.run("put", "city", "Hà Nội").startswith("stored")
    assert gateways.run("get", "city").strip() == "Hà Nội"
    assert gateways.run("incr", "visits", "5").strip() == "5"
    assert gateways.run("get", "city", "-v").strip() == "Hà Nội"
    assert gateways.run("put", "short", "1", "--ttl", "1h").startswith("stored")
    assert gateways.run("ttl", "short").startswith("59 min left")
    gateways.run("put", "city", "x", "--if-absent", code=1)
    assert "city" in gateways.run("scan", "ci")
    assert gateways.run("scan", "ci", "--count").split()[0] == "1"
    assert '"city" lives' in gateways.run("locate", "city")
    assert gateways.run("lock", "l", "--", "echo", "held") == "held\n"
    assert "2 of 2 nodes serve" in gateways.run("status")
    told = gateways.run("shell", given="get city\nput a b\nstatus\n")
    assert "Hà Nội" in told
    assert "gateway to" in gateways.run("health")
    assert gateways.run("delete", "city").startswith("deleted")
    gateways.run("get", "city", code=1)


def test_the_demo_holds(gateways: Gateways) -> None:
    """Each of its steps, against both."""
    gateways.run("demo")


def test_status_says_what_is_beneath_it(gateways: Gateways) -> None:
    """For people and for programs: kind, version, members and their roles."""
    fields = json.loads(gateways.run("status", "-o", "json"))
    assert fields["healthy"], fields
    for node in fields["nodes"]:
        engine = node["engine"]
        assert engine["version"]
        assert engine["members"]
        assert not engine["trouble"]
        assert engine["kind"] in gateways.run("status")


def test_health_check_is_content(gateways: Gateways) -> None:
    """The script of the mission."""
    done = subprocess.run(
        [sys.executable, "health_check_client.py", *gateways.members.split(",")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("SERVING") == 2


def test_recipes_hold(gateways: Gateways) -> None:
    """A counter from two threads' worth of clients, and a lock that one has."""
    with Client(gateways[0].name) as one, Client(gateways[1].name) as two:
        for _ in range(10):
            Counter(one, "counter").add()
            Counter(two, "counter").add()
        assert one.get("counter") == "20"
        with Lock(one, "a lock", ttl_s=30):
            assert not Lock(two, "a lock", ttl_s=30).acquire(timeout_s=0.2)
        assert Lock(two, "a lock", ttl_s=30).acquire(timeout_s=10)


def test_one_that_is_killed_takes_nothing_along(gateways: Gateways) -> None:
    """A client goes on with the other, at once; nobody knows the end of what was on its way."""
    with Client(gateways.members) as client:
        for number in range(50):
            client.put(f"kill/{number}", str(number), retry_unknown=True)
            if number == 20:
                gateways[0].kill()
        gateways[0].start()
        gateways[0].wait_serving()
        assert dict(client.scan("kill/")) == {f"kill/{n}": str(n) for n in range(50)}


def test_ctrl_c_is_a_calm_end(gateways: Gateways) -> None:
    """Exit code 0, and a last line."""
    server = gateways[1]
    since = len(server.log())
    assert server.interrupt() == 0
    assert "goodbye" in server.log(since)
    assert "BUG" not in server.log()
    server.start()
    server.wait_serving()


def test_no_file_is_left_behind(gateways: Gateways) -> None:
    """A gateway that kept something would have something to lose."""
    left = {it.name for it in gateways[0].data_dir.iterdir()}
    assert left == {server.log_path.name for server in gateways.servers}


@pytest.mark.parametrize(
    "options",
    [["--replicas", "1"], ["--data-dir", "."], ["--fsync", "never"], ["--salvage"]],
    ids=lambda it: it[0],
)
def test_what_only_nodes_have_is_refused(options: list[str]) -> None:
    """Whoever says --data-dir believes that the data is there."""
    command = [sys.executable, "server.py", "50051", "--engine", "etcd://h", *options]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f"{options[0]} does not go with --engine" in done.stderr


def test_an_engine_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """The gateway runs, says why it does not serve, and tells nothing secret."""
    made = Gateways(tmp_path, "etcd://localhost:1", {"KVCLUSTER_ENGINE_PASSWORD": "s3cret"}, 1)
    try:
        made[0].start()
        eventually(lambda: "syncing" in made[0].log(), "it says that it does not serve")
        eventually(lambda: made[0].health().reason != "", "health says why")
        assert "etcd" in made[0].health().reason
        assert "SYNCING" in made.run("health", code=1)
        assert "s3cret" not in made[0].log()
        assert made[0].interrupt() == 0
    finally:
        made.clean_up()


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("mysql://h", "an engine is one of etcd://, postgresql://, redis://; got 'mysql'"),
        ("etcd://user:secret@h", "the password of an engine comes from the environment"),
        ("etcd://h?lease=3", "etcd:// knows no option 'lease'"),
        ("etcd://h:99999", "port '99999'"),
        ("etcd://h/db", "etcd:// has no database"),
        ("etcd://", "not an address"),
        ("redis://h?ca=/nowhere.pem", "/nowhere.pem is no file"),
        ("redis://h?cert=x", "cert and key of the engine go together"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_a_sentence(engine: str, words: str) -> None:
    """Exit code 2, no traceback, and no password in it."""
    command = [sys.executable, "server.py", "50051", "--engine", engine]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr

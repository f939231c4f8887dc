"""What is drawn in a terminal, in a real one: the bar of an import, the table that is watched."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kvcluster.view.meter import Meter, Rate, speed
from tests.client.fake_node import FakeCluster
from tests.console.in_terminal import ROOT, in_terminal


def test_a_watched_table_is_drawn_anew_until_ctrl_c(cluster: FakeCluster) -> None:
    """On the same screen, which is not cleared; the end is an ordinary one."""
    with in_terminal(
        "status", "--watch", "--interval", "0.1", "--cluster", cluster.members
    ) as terminal:
        terminal.wait_for("3 of 3 nodes serve")
        cluster.lose(2)
        terminal.wait_for("2 of 3 nodes serve")
        terminal.press_ctrl_c()
        assert terminal.end() == 0
    assert "every 0.1 s; Ctrl+C ends" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert "\x1b[?1049h" not in terminal.seen


def test_a_table_is_not_folded_like_a_sentence(cluster: FakeCluster) -> None:
    """Its header is bold, and the signs for that took it for longer than the terminal is wide."""
    with in_terminal("status", "--cluster", cluster.members) as terminal:
        assert terminal.end() == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.seen)
    assert re.search(r"node +state +keys +size +primary/held +JSON age +uptime\r\n", plain)


@pytest.mark.parametrize("command", ["status --watch --interval 0.1", "shell", "demo"])
def test_who_talks_to_a_person_does_not_outlive_the_terminal(
    cluster: FakeCluster, tmp_path: Path, command: str
) -> None:
    """Without a signal, which a shell in front of it may keep from it."""
    environment = {"KV_NODES": cluster.members, "XDG_STATE_HOME": str(tmp_path)}
    with in_terminal(*command.split(), **environment) as terminal:
        terminal.wait_for("3 of 3 nodes serve|Enter ends this")
        terminal.hang_up()
        terminal.process.wait(20)


@pytest.mark.parametrize("size", ["0", "00", "-5", "x", "²", "", "99999999999"])
def test_a_size_that_is_none_is_not_believed(cluster: FakeCluster, size: str) -> None:
    """Containers say COLUMNS=0: the table had no column, and the exit code was 0."""
    with in_terminal("status", "--cluster", cluster.members, COLUMNS=size, LINES=size) as terminal:
        for text in ("3 of 3 nodes serve", *(f"{it}  SERVING" for it in cluster.addresses)):
            terminal.wait_for(text)
        assert terminal.end() == 0


def test_a_table_is_watched_where_the_size_is_none(cluster: FakeCluster) -> None:
    """It is drawn by another part of the same library."""
    command = ("status", "--watch", "--cluster", cluster.members)
    with in_terminal(*command, COLUMNS="0", LINES="0") as terminal:
        terminal.wait_for(f"{cluster.addresses[2]}  SERVING")
        terminal.press_ctrl_c()
        assert terminal.end() == 0


@pytest.mark.parametrize("command", ["status", "shell", "top"])
@pytest.mark.parametrize(
    ("kind", "columns", "lines"),
    [("dumb", "80", "24"), ("", "", ""), ("no-such", "1", "1"), ("xterm", "500", "2")],
)
def test_in_any_terminal_something_is_drawn_and_it_ends_well(
    cluster: FakeCluster, tmp_path: Path, command: str, kind: str, columns: str, lines: str
) -> None:
    """Containers, CI and serial lines know neither their kind nor their size."""
    environment = {"TERM": kind, "COLUMNS": columns, "LINES": lines}
    environment["XDG_STATE_HOME"] = str(tmp_path)
    with in_terminal(command, "--cluster", cluster.members, **environment) as terminal:
        terminal.wait_for(r"\S")
        if command == "shell":
            terminal.type("exit\r")
        elif command == "top":
            terminal.wait_for(r"\x1b\[\?1049l", pressing="q")
        assert terminal.end() == 0
    assert "Traceback" not in terminal.seen


def test_the_bar_is_drawn_where_the_size_is_none(cluster: FakeCluster, tmp_path: Path) -> None:
    """Whatever draws is told the same."""
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps({"key": "k", "value": "x"}))
    cluster.nodes[0].hangs.add("Put")
    with in_terminal(
        "import", str(file), "--node", cluster.addresses[0], COLUMNS="0", LINES="0"
    ) as terminal:
        terminal.wait_for(r"pairs\.jsonl.* 0%.*0 keys  0/s")
        cluster.release()
        assert terminal.end() == 0


def test_an_import_shows_how_far_it_is(cluster: FakeCluster, tmp_path: Path) -> None:
    """A bar, the keys, the rate; and it stops at Ctrl+C."""
    file = tmp_path / "pairs.jsonl"
    line = json.dumps({"key": "k%05d", "value": "x"}) + "\n"
    file.write_text("".join(line % number for number in range(8_000)))
    cluster.nodes[0].hangs.add("Batch")
    with in_terminal("import", str(file), "--node", cluster.addresses[0]) as terminal:
        terminal.wait_for(r"pairs\.jsonl.* 0%.*0 keys  0/s")
        cluster.nodes[0].hangs.clear()
        cluster.nodes[0].release.set()
        terminal.wait_for("imported 8,000 keys in")
        assert terminal.end() == 0
    assert len(cluster.store) == 8_000


def test_no_word_of_a_complaint_is_broken_at_the_edge(nobody: str) -> None:
    """A person has to put the name of a node or an option together again."""
    with in_terminal("get", "a", "--node", nobody, COLUMNS="40") as terminal:
        assert terminal.end() == 3
    lines = terminal.seen.splitlines()
    assert max(map(len, lines)) <= 40
    assert len(lines) > 1
    words = {word for line in lines for word in line.split()}
    assert {"connection", "refused,", "nothing", "listens", "there."} <= words


def test_a_watch_in_a_pipe_is_blocks_with_a_time(cluster: FakeCluster) -> None:
    """For a log; a look without any answer is one of them."""
    process = subprocess.Popen(
        [sys.executable, "client.py", "status", "--watch", "--interval", "0.05"],
        cwd=ROOT,
        env=os.environ | {"KV_NODES": cluster.members},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    head = [process.stdout.readline() for _ in range(7)]
    assert re.fullmatch(r"\d\d:\d\d:\d\d\n", head[0])
    assert head[1] == "3 of 3 nodes serve; each key has 3 replicas\n"
    for number in range(3):
        cluster.lose(number)
    while "no node answers" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")


def test_a_watch_as_json_is_an_object_a_line(cluster: FakeCluster) -> None:
    """With its time, for whoever collects them."""
    process = subprocess.Popen(
        [sys.executable, "client.py", "status", "--watch", "--interval", "0.05", "-o", "json"],
        cwd=ROOT,
        env=os.environ | {"KV_NODES": cluster.members},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    first, second = (json.loads(process.stdout.readline()) for _ in range(2))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert second["time_s"] > first["time_s"]
    assert first["healthy"] is True
    assert [node["node"] for node in first["nodes"]] == [node.name for node in cluster.nodes]


def test_a_rate_is_of_the_last_seconds() -> None:
    """What came in the first minute says nothing about now."""
    rate = Rate()
    assert rate.per_s == 0
    for second in range(60):
        rate.add(second, second * 100)
    assert rate.per_s == 100
    for second in range(60, 70):
        rate.add(second, 5900)
    assert rate.per_s == 0


def test_the_time_left_is_told_while_something_moves() -> None:
    """Not when nothing does, and not when nobody knows the end."""
    meter = Meter("a", 1000)
    meter.line(0.0)
    meter.show(100, 50)
    assert meter.line(1.0) == "50 keys  50/s  9 s left"
    for second in range(2, 20):
        line = meter.line(second)
    assert line == "50 keys  0/s"
    endless = Meter("a", None)
    endless.line(0.0)
    endless.show(0, 500)
    assert endless.line(1.0) == "500 keys  500/s"


def test_the_last_sentence_tells_time_and_rate() -> None:
    """A rate of a handful of keys is no rate."""
    assert speed(1_000_000, 35.0) == "in 35 s (28,571 keys/s)"
    assert speed(1_000_000, 135.0) == "in 2 min 15 s (7,407 keys/s)"
    assert speed(7, 0.04) == "in 0.0 s"

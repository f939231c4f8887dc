"""The shell in a real terminal: what a person sees of it while a node dies."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from tests.client.fake_node import FakeCluster
from tests.console.in_terminal import in_terminal
from tests.shell.conftest import CTRL_D

UP = "\x1b[A"
REDRAW = "\x0c"
"""Otherwise only what has changed is drawn."""
OTHER_SCREEN, LEFT_SCREEN = "\x1b[?1049h", r"\x1b\[\?1049l"
PROMPT = r"(?s:.*?)localhost:\d+>"
"""Only behind what a command printed: a key that is pressed before it is lost."""


def test_a_person_sees_a_node_die_and_works_on(cluster: FakeCluster, tmp_path: Path) -> None:
    """At the foot of the screen without a key pressed, and in one line at the next command."""
    cluster.store |= {"city": "Huế", "country": "VN"}
    with in_terminal(
        "shell",
        "--cluster",
        cluster.members,
        XDG_STATE_HOME=str(tmp_path),
    ) as terminal:
        terminal.wait_for("3 of 3 nodes serve\r\n")
        terminal.wait_for(PROMPT)
        terminal.type("get cou")
        terminal.wait_for("ntry", pressing="\t")
        terminal.type("\r")
        terminal.wait_for(f"VN\r\n{PROMPT}")
        in_use = re.findall(r"(localhost:\d+)>", terminal.seen)[-1]
        lost = cluster.lose(cluster.addresses.index(in_use))
        terminal.wait_for("answer")  # without a key
        terminal.wait_for(f"{lost} does not answer.*; 2 of 3 nodes serve", pressing=REDRAW)
        terminal.type("get city\r")
        terminal.wait_for(f"{lost}: .*; moved to localhost")
        terminal.wait_for(f"Huế\r\n{PROMPT}")
        terminal.type(UP)
        terminal.wait_for("get city")
        terminal.type("\r")
        terminal.wait_for(f"Huế\r\n{PROMPT}")
        assert "moved" not in terminal.seen
        terminal.type(CTRL_D)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.seen


def test_ctrl_c_cancels_a_long_scan_and_not_the_shell(cluster: FakeCluster, tmp_path: Path) -> None:
    """Its calls are let go of, and the shell ends at once afterwards."""
    cluster.store |= {f"k{number:05}": "x" * 100 for number in range(20_000)}
    with in_terminal(
        "shell",
        "--node",
        cluster.addresses[0],
        XDG_STATE_HOME=str(tmp_path),
    ) as terminal:
        terminal.wait_for("no other is asked, because of --node")
        terminal.wait_for(PROMPT)
        terminal.type("scan\r")
        terminal.wait_for("k00100")
        cluster.hang("Scan")
        terminal.wait_for("k0[1-9]999.*x\r\n")
        terminal.press_ctrl_c()
        terminal.wait_for(f"Cancelled.\r\n{PROMPT}")
        terminal.type("get k00007\r")
        terminal.wait_for(f"xxx\r\n{PROMPT}")
        terminal.type(CTRL_D)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.seen


def test_ctrl_z_after_the_dashboard_is_that_of_the_shell(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    """Brought back with fg, the shell would find itself on the dashboard's screen."""
    with in_terminal(
        "shell",
        "--cluster",
        cluster.members,
        XDG_STATE_HOME=str(tmp_path),
    ) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("top\r")
        terminal.wait_for("Events")
        terminal.type("q")
        terminal.wait_for(f"{LEFT_SCREEN}{PROMPT}")
        terminal.process.send_signal(signal.SIGCONT)
        terminal.type("scan --count\r")
        terminal.wait_for(f"0\r\n{PROMPT}")
        assert OTHER_SCREEN not in terminal.seen
        terminal.type(CTRL_D)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.seen

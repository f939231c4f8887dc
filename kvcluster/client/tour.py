"""The tour: `make demo`, or `python -m kvcluster.client.tour`.

Three servers in a temporary folder, on free ports: the demo, the health check, the files on disk;
then a node is stopped, the others go on, it returns and catches up. Every command that is shown is
really run, as a process of its own (the servers with longer options than are shown).

Each stop of the tour is checked, not just shown. Exit code 0 only if all of it held, and nothing is
left behind: no process, no folder, also after Ctrl+C.
"""

from __future__ import annotations

import itertools
import shlex
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from kvcluster.client import interrupts
from kvcluster.client.local_cluster import ROOT, ClusterFailed, LocalCluster, free_ports
from kvcluster.client.screen import (
    Checklist,
    Exit,
    complain,
    counted,
    run_calmly,
    say,
)

_FILE_PATIENCE_S = 10.0
"""A file on disk follows a write by about a second."""
_POLL_INTERVAL_S = 0.1

_PAIRS = {
    "thủ đô": "Hà Nội",
    "capital": "Tōkyō 東京",
    "tree": "🌳",
    "greeting": 'She said "hello"',
}
_MISSED = ("news", "while one was away")


def main() -> int:
    """Run the tour; return the exit code."""
    interrupts.treat_all_alike()
    return run_calmly(_run)


def _run() -> int:
    checklist = Checklist()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="kvcluster-demo-") as folder,
            LocalCluster(Path(folder), free_ports(3)) as cluster,
        ):
            Tour(cluster, checklist).run()
    except ClusterFailed as error:
        complain(f"\nThe tour ends here: {error}")
        return Exit.NOT_SO
    say(f"\n{checklist.summary}. The servers are stopped and their folder is removed.")
    return Exit.DONE if checklist.all_held else Exit.NOT_SO


class Tour:
    """Its stops, in order. The last node of the cluster is the one that goes and returns."""

    def __init__(self, cluster: LocalCluster, checklist: Checklist) -> None:
        self._cluster = cluster
        self._checklist = checklist
        self._headings = itertools.count(1)
        self._pairs = dict(_PAIRS)
        self._numbers = range(len(cluster.nodes))
        self._away = self._numbers[-1]

    def run(self) -> None:
        """All stops. Raises ClusterFailed when a server does not come up."""
        self._start()
        self._heading("The demo: every node takes reads and writes")
        self._check_run("the demo", self._client("--cluster", self._cluster.members), Exit.DONE)
        self._heading("Health: every node serves")
        self._check_run("the health check", self._health_check(), Exit.DONE)
        self._heading("Some data, and the files it is in")
        self._store_some_data()
        self._compare_files()
        self._stop_a_node()
        self._go_on_without_it()
        self._bring_it_back()
        self._compare_files()

    def _start(self) -> None:
        cluster = self._cluster
        self._heading("Three nodes, their data in a temporary folder")
        for number in self._numbers:
            self._start_node(number)
        cluster.wait_until_ready()
        say(f"All three serve; their data is in {cluster.folder}")

    def _start_node(self, number: int) -> None:
        say(f"$ python server.py {self._cluster.ports[number]} --cluster ... --data-dir ...")
        self._cluster.start(number)

    def _store_some_data(self) -> None:
        for (key, value), node in zip(
            self._pairs.items(), itertools.cycle(self._cluster.nodes), strict=False
        ):
            self._one_shot("put", key, value, node=node, expected="stored, 3 of 3 replicas")

    def _stop_a_node(self) -> None:
        node = self._cluster.nodes[self._away]
        self._heading(f"{node} is stopped, as by Ctrl+C")
        code = self._cluster.stop(self._away)
        self._checklist.check(node, expected="exit code 0", got=f"exit code {code}")
        self._check_run("the health check", self._health_check(), Exit.NOT_SO)

    def _go_on_without_it(self) -> None:
        here, there, _ = self._cluster.nodes
        key, value = _MISSED
        self._heading("The other two go on")
        self._one_shot("put", key, value, node=here, expected="stored, 2 of 3 replicas")
        self._one_shot("get", key, node=there, expected=value)
        self._one_shot("delete", "tree", node=there, expected="deleted, 2 of 3 replicas")
        self._pairs[key] = value
        del self._pairs["tree"]

    def _bring_it_back(self) -> None:
        node = self._cluster.nodes[self._away]
        key, value = _MISSED
        self._heading(f"{node} returns and has caught up")
        self._start_node(self._away)
        self._cluster.wait_until_ready()
        self._one_shot("get", key, node=node, expected=value)
        self._one_shot("get", "tree", node=node, expected="", code=Exit.NOT_SO)
        self._check_run("the health check", self._health_check(), Exit.DONE)

    def _compare_files(self) -> None:
        """Show the JSON files, once they have followed; they must hold what was written."""
        self._wait_for_files()
        files = [self._cluster.data_file(number).name for number in self._numbers]
        contents = [self._cluster.data(number) for number in self._numbers]
        say(f"\nWhat {files[0]} says now:")
        say(textwrap.indent(self._cluster.text(0), "    "))
        for file, data in zip(files, contents, strict=True):
            self._checklist.check(file, expected=self._held(self._pairs), got=self._held(data))
        equal = "equal" if all(data == contents[0] for data in contents) else "different"
        self._checklist.check("the three files", expected="equal", got=equal)

    def _held(self, data: dict[str, str] | None) -> str:
        if data is None:
            return "no JSON"
        which = "that were written" if data == self._pairs else "and not what was written"
        return f"the {counted(len(data), 'key')} {which}"

    def _wait_for_files(self) -> None:
        deadline = time.monotonic() + _FILE_PATIENCE_S
        while any(self._cluster.data(number) != self._pairs for number in self._numbers):
            if time.monotonic() >= deadline:
                return
            time.sleep(_POLL_INTERVAL_S)

    def _one_shot(
        self, command: str, *arguments: str, node: str, expected: str, code: int = Exit.DONE
    ) -> None:
        """Run a command against one node; it must print what is expected."""
        done = self._run(self._client(command, *arguments, "--node", node), capture=True)
        self._checklist.check(
            "it prints",
            expected=_printed(expected, code),
            got=_printed(done.stdout.strip(), done.returncode),
        )

    def _check_run(self, name: str, command: list[str], code: int) -> None:
        """Run a command that shows its own output; its exit code must be as expected."""
        done = self._run(command, capture=False)
        self._checklist.check(
            name, expected=f"exit code {int(code)}", got=f"exit code {done.returncode}"
        )

    def _run(self, command: list[str], *, capture: bool) -> subprocess.CompletedProcess[str]:
        say(f"$ python {shlex.join(command)}")
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            encoding="utf-8",
            check=False,
        )

    def _client(self, *arguments: str) -> list[str]:
        return ["client.py", *arguments]

    def _health_check(self) -> list[str]:
        return ["health_check_client.py", *self._cluster.nodes]

    def _heading(self, text: str) -> None:
        line = f"{next(self._headings)}. {text}"
        say(f"\n{line}\n{'-' * len(line)}")


def _printed(text: str, code: int) -> str:
    return f"{text or 'nothing'}{f', exit code {int(code)}' if code else ''}"


if __name__ == "__main__":
    raise SystemExit(main())

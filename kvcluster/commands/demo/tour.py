"""The tour: `make demo`, or `python -m kvcluster.commands.demo.tour`.

Two acts, each with three servers in a temporary folder, on free ports. In the first every node
holds every key: the demo, the health check, the files on disk; then a node is stopped, the others
say so and go on, it returns and catches up. In the second, with `--replicas 2`, one node of the
three holds nothing of a key. It takes requests for it all the same, and forwards them to one that
does; the client says to whom.

Each stop of the tour is checked, not just shown. Exit code 0 only if all of it held, and nothing is
left behind: no process, no folder, also after Ctrl+C.
"""

from __future__ import annotations

import itertools
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from kvcluster.client.failure import CallFailed
from kvcluster.client.link import Link
from kvcluster.commands.demo.local_cluster import ClusterFailed, LocalCluster, free_ports
from kvcluster.commands.demo.stage import Checklist, Stage
from kvcluster.console import program
from kvcluster.console.program import run_calmly
from kvcluster.console.screen import Exit, complain, counted, say

_PAIRS = {
    "thủ đô": "Hà Nội",
    "capital": "Tōkyō 東京",
    "tree": "🌳",
    "greeting": 'She said "hello"',
}
_MISSED = ("news", "while one was away")
_KEY, _VALUE = "capital", "Hà Nội"
_TIMEOUT_S = 5.0


def main() -> int:
    """Run the tour; return the exit code."""
    program.treat_all_alike()
    return run_calmly(_run)


def _run() -> int:
    checklist = Checklist()
    try:
        with tempfile.TemporaryDirectory(prefix="kvcluster-demo-") as folder:
            with LocalCluster(Path(folder, "whole"), free_ports(3)) as cluster:
                stage = Stage(cluster, checklist)
                Tour(stage).run()
            parts = LocalCluster(Path(folder, "parts"), free_ports(3), options=["--replicas", "2"])
            with parts:
                TourOfParts(Stage(parts, checklist, stage.headings)).run()
    except ClusterFailed as error:
        complain(f"\nThe tour ends here: {error}")
        return Exit.NOT_SO
    say(f"\n{checklist.summary}. The servers are stopped and their folder is removed.")
    return Exit.DONE if checklist.all_held else Exit.NOT_SO


class Tour:
    """The first act, in order. The last node of the cluster is the one that goes and returns."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._cluster = stage.cluster
        self._pairs = dict(_PAIRS)
        self._numbers = range(len(self._cluster.nodes))
        self._away = self._numbers[-1]

    def run(self) -> None:
        """All stops. Raises ClusterFailed when a server does not come up."""
        self._start()
        self._stage.heading("The demo: every node takes reads and writes")
        self._stage.ask("demo", "--cluster", self._cluster.members)
        self._stage.heading("How the nodes are: each by itself, and all of them together")
        self._check_health(Exit.DONE)
        self._stage.ask_status()
        self._stage.heading("Some data, where it lives, and the files it is in")
        self._store_some_data()
        self._stage.ask("locate", "capital", "--node", self._cluster.nodes[0])
        self._compare_files()
        self._stop_a_node()
        self._go_on_without_it()
        self._bring_it_back()
        self._compare_files()

    def _start(self) -> None:
        self._stage.heading("Three nodes, their data in a temporary folder")
        for number in self._numbers:
            self._stage.start(number)
        self._cluster.wait_until_ready()
        say(f"All three serve; their data is in {self._cluster.folder}")

    def _check_health(self, code: int) -> None:
        program = "health_check_client.py"
        self._stage.show("the health check", program, *self._cluster.nodes, code=code)

    def _store_some_data(self) -> None:
        nodes = itertools.cycle(self._cluster.nodes)
        for (key, value), node in zip(self._pairs.items(), nodes, strict=False):
            self._stage.check("put", key, value, node=node, prints="stored, 3 of 3 replicas")

    def _stop_a_node(self) -> None:
        node = self._cluster.nodes[self._away]
        self._stage.heading(f"{node} is stopped, as by Ctrl+C, and the others know")
        code = self._cluster.stop(self._away)
        self._stage.checklist.check(node, expected="exit code 0", got=f"exit code {code}")
        self._check_health(Exit.NOT_SO)
        self._stage.ask_status(code=Exit.NOT_SO)

    def _go_on_without_it(self) -> None:
        here, there, _ = self._cluster.nodes
        key, value = _MISSED
        self._stage.heading("The other two go on")
        self._stage.check("put", key, value, node=here, prints="stored, 2 of 3 replicas")
        self._stage.check("get", key, node=there, prints=value)
        self._stage.check("delete", "tree", node=there, prints="deleted, 2 of 3 replicas")
        say("They know what it missed:")
        self._stage.ask_status(code=Exit.NOT_SO)
        self._pairs[key] = value
        del self._pairs["tree"]

    def _bring_it_back(self) -> None:
        node = self._cluster.nodes[self._away]
        key, value = _MISSED
        self._stage.heading(f"{node} returns and catches up")
        self._stage.start(self._away)
        self._cluster.wait_until_ready()
        say("Its log says how:")
        lines = self._cluster.log_lines(self._away, "SYNC")
        say(textwrap.indent("\n".join(lines), "    "))
        got = "tells of it" if lines else "tells nothing"
        self._stage.checklist.check("its log", expected="tells of it", got=got)
        self._stage.check("get", key, node=node, prints=value)
        self._stage.check("get", "tree", node=node, prints="", code=Exit.NOT_SO)
        self._stage.ask_status()

    def _compare_files(self) -> None:
        """Show the JSON files, once they have followed; they must hold what was written."""
        self._stage.wait_for_files([self._pairs for _ in self._numbers])
        files = [self._cluster.data_file(number).name for number in self._numbers]
        contents = [self._cluster.data(number) for number in self._numbers]
        say(f"\nWhat {files[0]} says now:")
        say(textwrap.indent(self._cluster.text(0), "    "))
        check = self._stage.checklist.check
        for file, data in zip(files, contents, strict=True):
            check(file, expected=self._held(self._pairs), got=self._held(data))
        equal = "equal" if all(data == contents[0] for data in contents) else "different"
        check("the three files", expected="equal", got=equal)

    def _held(self, data: dict[str, str] | None) -> str:
        if data is None:
            return "no JSON"
        which = "that were written" if data == self._pairs else "and not what was written"
        return f"the {counted(len(data), 'key')} {which}"


class TourOfParts:
    """The second act, in order: a cluster in which each node holds only its part of the keys."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._nodes = stage.cluster.nodes

    def run(self) -> None:
        """All stops. Raises ClusterFailed when a server does not come up."""
        self._stage.heading("A second cluster: two replicas of each key, on three nodes")
        for number in range(len(self._nodes)):
            self._stage.start(number)
        self._stage.cluster.wait_until_ready()
        self._stage.ask("locate", _KEY, "--node", self._nodes[0])
        homes = self._homes()
        self._forward(homes)
        self._look_into_files(homes)
        self._stage.ask_status()

    def _homes(self) -> Sequence[str]:
        try:
            with Link(self._nodes[0], timeout_s=_TIMEOUT_S) as link:
                homes = [replica.node for replica in link.locate(_KEY).replicas]
        except CallFailed as failure:
            raise ClusterFailed(f"{self._nodes[0]}: {failure}") from None
        self._stage.checklist.check("its replicas", expected="2", got=str(len(homes)))
        return homes

    def _forward(self, homes: Sequence[str]) -> None:
        elsewhere = next(node for node in self._nodes if node not in homes)
        forwarded = [f"forwarded to {home}" for home in homes]
        self._stage.heading(f"{elsewhere} holds nothing of it, and takes requests all the same")
        self._stage.check(
            "put", _KEY, _VALUE, node=elsewhere, prints=f"stored, 2 of 2 replicas, {forwarded[0]}"
        )
        self._stage.check(
            "get",
            _KEY,
            "--verbose",
            node=elsewhere,
            prints=_VALUE,
            # The primary, unless it was still catching up when it was heard last.
            says=tuple(f"asked {elsewhere}, {where}" for where in forwarded),
        )

    def _look_into_files(self, homes: Sequence[str]) -> None:
        self._stage.heading("It is in the files of its two replicas, and every node gives it")
        contents = [{_KEY: _VALUE} if node in homes else {} for node in self._nodes]
        self._stage.wait_for_files(contents)
        for number, node in enumerate(self._nodes):
            self._stage.checklist.check(
                self._stage.cluster.data_file(number).name,
                expected=_holding(contents[number]),
                got=_holding(self._stage.cluster.data(number) or {}),
            )
            self._stage.check("get", _KEY, node=node, prints=_VALUE)


def _holding(data: Mapping[str, str]) -> str:
    return "holds it" if _KEY in data else "does not hold it"


if __name__ == "__main__":
    raise SystemExit(main())

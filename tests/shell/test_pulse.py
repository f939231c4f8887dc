"""The pulse: what is seen while nobody types."""

from __future__ import annotations

import threading

from kvcluster.shell.pulse import Look, Pulse
from tests.client.fake_node import FakeCluster

_DEADLINE_S = 20.0


def test_the_pulse_beats_while_the_prompt_stands(cluster: FakeCluster) -> None:
    """At once when it comes: what was seen before a command is old."""
    looks: list[Look] = []
    seen = threading.Event()

    def see(look: Look) -> None:
        looks.append(look)
        seen.set()

    pulse = Pulse(lambda: cluster.addresses, see)
    for _ in range(3):
        with pulse.beating():
            assert seen.wait(_DEADLINE_S)
        seen.clear()
    pulse.end()
    assert [answer.address for answer in looks[0]] == list(cluster.addresses)

"""The stage of the tour: what is shown is what is run, and what does not hold is a cross."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import LocalCluster
from kvcluster.commands.demo.stage import Checklist, Stage
from tests.client.fake_node import FakeCluster


@pytest.fixture
def stage(tmp_path: Path, cluster: FakeCluster) -> Stage:
    """A stage on the fake cluster; its servers cannot be started from here."""
    ports = [int(address.rpartition(":")[2]) for address in cluster.addresses]
    return Stage(LocalCluster(tmp_path, ports), Checklist())


def test_a_command_is_shown_as_a_person_would_type_it(
    stage: Stage, cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quotes where a shell needs them, and what it printed as a check."""
    node = cluster.addresses[0]
    stage.check("put", "a", "two words", node=node, prints="stored, 3 of 3 replicas")
    assert cluster.store == {"a": "two words"}
    assert capsys.readouterr().out.splitlines() == [
        f"$ python client.py put a 'two words' --node {node}",
        "  ✓ it prints  as expected: stored, 3 of 3 replicas",
    ]


def test_what_is_said_on_standard_error_is_checked_where_it_matters(
    stage: Stage, cluster: FakeCluster
) -> None:
    """The value and the remark, each for itself."""
    cluster.store["a"] = "1"
    node = cluster.addresses[0]
    stage.check("get", "a", "-v", node=node, prints="1", says=("something else", f"asked {node}"))
    assert stage.checklist.all_held
    stage.check("get", "a", "-v", node=node, prints="1", says=("nothing of the kind",))
    assert (stage.checklist.held, stage.checklist.total) == (3, 4)


def test_another_exit_code_is_a_cross(stage: Stage) -> None:
    """The whole cluster is asked, and all of it serves."""
    stage.ask_status()
    assert stage.checklist.all_held
    stage.ask_status(code=1)
    assert not stage.checklist.all_held


def test_headings_count_on_into_the_next_act(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """One tour, two clusters."""
    stage.heading("First")
    Stage(stage.cluster, stage.checklist, stage.headings).heading("Second")
    assert "1. First\n--------\n\n2. Second\n" in capsys.readouterr().out


def test_files_that_hold_what_they_should_are_not_waited_for(stage: Stage) -> None:
    """A node that holds nothing may have no file yet."""
    stage.cluster.data_file(0).write_text('{"a": "1"}')
    stage.wait_for_files([{"a": "1"}, {}, {}])

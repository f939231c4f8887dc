"""The names: those on the page, those in docs/metrics.md and those that a test moves are the same.

And they are as the convention wants them: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics_core import Metric

from tests.cluster.memory import MemoryCluster
from tests.engines.twin import Twin
from tests.gateway.rig import gateway_to
from tests.server.metrics import (
    test_moving_calls,
    test_moving_engine,
    test_moving_peers,
    test_moving_upkeep,
    test_moving_writes,
)
from tests.server.metrics.scene import PROVOKED, Scene, name_of
from tests.storage.virtual_loop import run

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
PROVOKERS = (
    test_moving_calls,
    test_moving_engine,
    test_moving_peers,
    test_moving_upkeep,
    test_moving_writes,
)
"""Imported so that PROVOKED is full."""

_BASE_UNITS = ("seconds", "bytes")
_OTHER_UNITS = ("milliseconds", "ms", "s", "minutes", "kb", "kib", "mb", "percent", "ratio_percent")
_ROW = re.compile(
    r"^\| `(?P<name>kvcluster_\w+)(\{(?P<labels>[\w,]*)\})?` \| (?P<kind>\w+) \|", re.M
)


def families() -> list[Metric]:
    """What the page of a node has, and that of a gateway besides."""
    found: list[Metric] = []

    async def body() -> None:
        scene = Scene(MemoryCluster())
        await scene.cluster.start()
        await scene.cluster.until_serving()
        found.extend(scene.watched().collect())
        gateway = gateway_to(Twin())
        await gateway.start()
        names = {family.name for family in found}
        page = test_moving_engine.Watched(gateway).collect()
        found.extend(family for family in page if family.name not in names)
        for node in scene.cluster.network.nodes.values():
            await node.kill()

    run(body())
    return found


def documented() -> dict[str, tuple[str, str]]:
    """Kind and labels of each metric in the tables of the document."""
    rows = _ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))
    return {row["name"]: (row["kind"], row["labels"] or "") for row in rows}


def test_every_metric_is_documented_and_no_other() -> None:
    """With its kind and its labels: what an alert is written from must be true."""
    page = {name_of(family): family for family in families()}
    rows = documented()
    assert set(rows) == set(page)
    for name, (kind, labels) in rows.items():
        family = page[name]
        assert kind == {"info": "gauge"}.get(family.type, family.type), name
        for sample in family.samples:
            assert sorted(labels.split(",") if labels else []) == sorted({*sample.labels} - {"le"})


def test_every_metric_is_moved_by_a_test() -> None:
    """A metric that nothing moves in a test may never move at all."""
    assert len(PROVOKERS) == 5
    assert set(documented()) == PROVOKED


def test_names_are_as_the_convention_wants_them() -> None:
    """Others' dashboards and rules go by the ends of names."""
    for family in families():
        name = family.name
        assert re.fullmatch("kvcluster(_[a-z]+)+", name), name
        assert name.split("_")[-1] not in _OTHER_UNITS, name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_created")), name
        unit = next((unit for unit in _BASE_UNITS if name.endswith(f"_{unit}")), "")
        assert family.unit == unit, name
        assert family.type != "histogram" or unit == "seconds", name
        assert family.type == "counter" or not name_of(family).endswith("_total"), name


def test_every_metric_says_what_it_is() -> None:
    """A sentence without its dot, as everywhere on the page."""
    abouts = [family.documentation for family in families()]
    for about in abouts:
        assert re.fullmatch(r"[A-Z1].{9,99}[^.]", about), about
    assert len(set(abouts)) == len(abouts)

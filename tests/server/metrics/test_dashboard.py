"""The dashboard and the alerts: every metric that they ask for is one that a node gives.

A query for a metric that was renamed shows an empty panel, and an alert on it never fires.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.server.metrics.test_names import DOCUMENT, documented

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana.json"

_OF_OTHERS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
_OF_OTHERS |= {"process_open_fds", "process_max_fds"}
"""Those of Prometheus and of prometheus_client."""
_UNITS = {"none", "short", "s", "ops", "reqps", "bytes", "Bps", "percentunit", "bool"}
"""Grafana's words for them."""
_NOT_NAMES = re.compile(r'"[^"]*"|\{\{[^}]*\}\}|\$\w+|\[[^]]*\]')
_GROUPINGS = re.compile(r"\b(by|without) \([^)]*\)")
_CALLED = re.compile(r"\b\w+ ?\(")
_NAME = re.compile(r"\b[a-z]\w+\b")
_WORDS = {"sum", "max", "min", "count", "by", "or", "and", "vector", "time"}


def metrics_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression names, and those of its labels' names that look so."""
    bare = _GROUPINGS.sub(" ", _NOT_NAMES.sub(" ", expression))
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    return set(_NAME.findall(_CALLED.sub(" (", bare))) - _WORDS


def labels_in(expression: str) -> dict[str, set[str]]:
    """The labels that an expression asks of each metric."""
    asked: dict[str, set[str]] = {}
    for name, inside in re.findall(r"(\w+)\{([^}]*)\}", expression):
        asked.setdefault(name, set()).update(re.findall(r"(\w+) ?[=!]", inside))
    return asked


def known() -> dict[str, set[str]]:
    """Every name that a query may use, the parts of histograms too, with its labels."""
    names: dict[str, set[str]] = {}
    for name, (kind, labels) in documented().items():
        own = set(labels.split(",")) if labels else set()
        ends = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
        names |= {f"{name}{end}": own | ({"le"} if end == "_bucket" else set()) for end in ends}
    return names | {name: set() for name in _OF_OTHERS}


def panels() -> list[dict[str, Any]]:
    """Every panel but the rows."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def alerts() -> list[str]:
    """The expressions of the alerts in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.findall(r"^ +expr: (?:>-\n((?: {10}.+\n)+)|(.+)\n)", text, re.M)
    return [" ".join((folded or plain).split()) for folded, plain in found]


def expressions() -> list[str]:
    """Every query of the dashboard and of the alerts."""
    return [target["expr"] for panel in panels() for target in panel["targets"]] + alerts()


def test_the_dashboard_can_be_imported() -> None:
    """What an import stumbles over: no data source, two panels in one place, an id twice."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert dashboard["id"] is None
    assert dashboard["schemaVersion"] >= 39
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    """In which unit, and what to make of it; nobody looks things up at night."""
    assert panel["title"]
    assert re.fullmatch(r"[A-Z0-9].{15,}\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"] in _UNITS
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert 'instance=~"$instance"' in target["expr"]
        assert target["legendFormat"]


@pytest.mark.parametrize("expression", expressions())
def test_every_query_asks_for_what_is_there(expression: str) -> None:
    """Metrics and their labels, by name; and a counter's value is never shown as such."""
    names = known()
    asked = metrics_in(expression)
    assert asked
    assert asked <= names.keys()
    for name, labels in labels_in(expression).items():
        assert labels <= names[name] | {"job", "instance"}, name
    for name in asked:
        if name.endswith(("_total", "_bucket")):
            assert re.search(rf"(rate|increase)\({name}\b", expression), name


def test_every_metric_is_on_the_dashboard() -> None:
    """What is measured and never shown is found by nobody."""
    shown = set().union(*(metrics_in(expression) for expression in expressions()))
    shown |= {re.sub("_bucket$", "", name) for name in shown}
    assert set(documented()) <= shown


def test_there_are_alerts_for_what_cannot_wait() -> None:
    """A document whose block is indented otherwise would leave this file with nothing to test."""
    asked = set().union(*(metrics_in(alert) for alert in alerts()))
    assert len(alerts()) == 15
    assert {"up", "kvcluster_disk_full", "kvcluster_peer_lag_seconds"} <= asked

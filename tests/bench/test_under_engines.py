"""Engines under a gateway: who is measured beside whom, and that each of them can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.cases import BY_NAME
from bench.contest import Contest
from bench.report import page, results
from bench.report.summary import lines
from bench.scale import QUICK
from bench.stages import under_engines
from bench.systems.gateway import GATEWAYS, OnEngine
from bench.systems.postgresql import Postgresql
from bench.systems.processes import Place
from kvcluster.engines.address import parse_engine
from tests.bench.made_up import made_up

_ROWS = {
    "ours on etcd": [20.0, 30.0],
    "etcd": [10.0, 10.0],
    "ours on PostgreSQL": [5.0, 5.0],
    "PostgreSQL": [10.0, 10.0],
}
every_gateway = pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda each: each.engine.kind)


def test_an_engine_is_compared_with_ours_upon_it() -> None:
    """A ratio to ours upon another engine would say nothing of either."""
    found = lines(made_up("engine-puts-64", **_ROWS), BY_NAME["engine-puts-64"])
    assert [line.row for line in found] == list(_ROWS)
    assert [line.ratio and line.ratio.median for line in found] == [None, 2.5, None, 0.5]


def test_ours_upon_an_engine_stands_out_on_the_page() -> None:
    """As ours does in every other table."""
    measured = made_up("engine-puts-64", **_ROWS)
    text = page.filled("<!-- begin engines -->\n<!-- end engines -->\n", measured)
    assert "| **ours on PostgreSQL** | 5 |" in text
    assert "| PostgreSQL | 10 |" in text


def test_an_engine_that_is_not_here_is_left_out_with_its_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that was started without its engine would wait for it until the run gave up."""
    monkeypatch.setattr(Postgresql, "missing", lambda: "postgres missing: apt install postgresql")
    contest = Contest(tmp_path, QUICK, cases=under_engines.CASES, kinds=["ours", "postgresql"])
    assert list(contest.under_gateways()) == []
    assert [each.row for each in contest.skipped] == ["PostgreSQL"]


def test_an_engine_that_nobody_asked_for_is_not_measured(tmp_path: Path) -> None:
    """Nor told as missing: whoever measures our own nodes need not have it."""
    contest = Contest(tmp_path, QUICK, cases=under_engines.CASES, kinds=["ours"])
    assert list(contest.under_gateways()) == []
    assert contest.skipped == []


@every_gateway
def test_the_server_takes_the_address_of_each_engine(
    tmp_path: Path, gateway: type[OnEngine]
) -> None:
    """Or a run would tell of it only when the gateway's turn comes."""
    made = gateway(Place(tmp_path / "gateway").made())
    option, address = made.where
    assert option == "--engine"
    assert len(parse_engine(address, {}).hosts) == len(gateway.engine(Place(tmp_path)).addresses)


@pytest.mark.processes
@every_gateway
def test_each_engine_is_measured_and_so_is_ours_upon_it(
    tmp_path: Path, gateway: type[OnEngine]
) -> None:
    """Servers, gateway, driver, one round of every case, none of whose calls fails."""
    if why := gateway.engine.missing():
        pytest.skip(why)
    kept = tmp_path / "results.json"
    short = ["--quick", "--rounds", "1", "--seconds", "0.2", "--results", str(kept)]
    only = ["--only", ",".join(under_engines.CASES), "--systems", f"ours,{gateway.engine.kind}"]
    assert main([*short, *only]) == 0
    for case in under_engines.CASES:
        found = results.samples_of(results.read(kept), case)
        assert [sample.row for sample in found] == [gateway.name, gateway.engine.name], case
        assert not any(sample.figures["errors"] for sample in found), case

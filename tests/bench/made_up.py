"""Results that nobody has measured, with ratios that can be seen at once."""

from __future__ import annotations

from bench.report.results import Document, Sample, document

FACTS: Document = {
    "commit": "abc1234",
    "form": "full form",
    "rounds": 3,
    "many keys": 1_000_000,
    "machine": {"processor": "slow"},
    "busy": 0.1,
    "packages": {"Python": "3.11"},
    "versions": {"ours": "abc1234", "etcd": "3.5"},
    "promises": {"ours": "fsynced", "etcd": "fsynced"},
    "skipped": [["Redis", "redis-server missing"]],
}


def made_up(case: str, **rows: list[float]) -> Document:
    """A run that measured one case. An underscore in a row stands for "@"."""
    samples = [
        Sample(case, row.replace("_", "@"), number, value, {"system_us": 5.0, "client_us": 1.0})
        for row, values in rows.items()
        for number, value in enumerate(values)
    ]
    return document("2026-11-30 12:00 UTC", FACTS, samples)

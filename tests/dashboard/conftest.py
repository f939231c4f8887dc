"""What tests of the dashboard share."""

from __future__ import annotations

import pytest


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is called silence after a blink, so that nobody has to wait for it."""
    for module in ("hearing", "watching"):
        monkeypatch.setattr(f"kvcluster.dashboard.{module}.PATIENCE_S", 0.05)

"""Settings as they stand on a command line: what is refused, and in which words."""

from __future__ import annotations

import pytest

from kvcluster.config import CEILINGS, Settings
from kvcluster.errors import BadSetting
from kvcluster.server.overrides import with_overrides


@pytest.mark.parametrize(("name", "most"), CEILINGS.items())
def test_limit_over_what_peers_take_is_refused(name: str, most: int) -> None:
    """A node that allowed its clients more would acknowledge what no other node would keep."""
    with pytest.raises(BadSetting, match=f"{name} may be at most {most}, got '{most + 1}'"):
        with_overrides(Settings(), [f"{name}={most + 1}"])


@pytest.mark.parametrize("name", ["key_limit_bytes", "value_limit_bytes"])
def test_limit_that_peers_just_take_is_taken(name: str) -> None:
    """Whatever got in somewhere can be read where the limits are this high."""
    assert getattr(with_overrides(Settings(), [f"{name}={CEILINGS[name]}"]), name) == CEILINGS[name]

"""Settings as they stand on a command line: what is refused, and in which words."""

from __future__ import annotations

import pytest

from kvcluster.config import KEY_CEILING_BYTES, VALUE_CEILING_BYTES, Settings
from kvcluster.errors import BadSetting
from kvcluster.server.overrides import with_overrides


@pytest.mark.parametrize(
    ("name", "most"),
    [("key_limit_bytes", KEY_CEILING_BYTES), ("value_limit_bytes", VALUE_CEILING_BYTES)],
)
def test_limit_over_what_peers_take_is_refused(name: str, most: int) -> None:
    """A node that allowed its clients more would acknowledge what no other node would keep."""
    assert getattr(with_overrides(Settings(), [f"{name}={most}"]), name) == most
    with pytest.raises(BadSetting, match=f"{name} may be at most {most}, got '{most + 1}'"):
        with_overrides(Settings(), [f"{name}={most + 1}"])

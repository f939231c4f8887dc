"""What the tests of programs share."""

from __future__ import annotations

from tests.client.conftest import cluster, frozen, nobody, web_server

__all__ = ["cluster", "frozen", "nobody", "web_server"]

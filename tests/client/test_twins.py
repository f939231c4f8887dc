"""The methods of Client are those of AsyncClient, and Python tells the same of both."""

from __future__ import annotations

import inspect
import pydoc
import re
from typing import Any

import pytest

from kvcluster import AsyncClient, Client


def _methods(client: type) -> dict[str, Any]:
    """What programs call."""
    found = inspect.getmembers(client, inspect.isfunction)
    return {name: it for name, it in found if not name.startswith("_")}


def test_both_clients_have_the_same_methods_but_for_the_mapping() -> None:
    """One is not to be learned after the other."""
    assert {*_methods(Client)} == {*_methods(AsyncClient), "mapping"}


@pytest.mark.parametrize("client", [AsyncClient, Client])
def test_every_method_says_what_it_does(client: type) -> None:
    """To whoever asks Python, though most of Client's methods are made from AsyncClient's."""
    assert "`timeout_s`: how long" in str(inspect.getdoc(client.__init__))  # type: ignore[misc]
    for name, method in _methods(client).items():
        assert inspect.getdoc(method), name
        # From 3.13 on a long signature is folded.
        shown = re.sub(r"\(\n +", "(", pydoc.plain(pydoc.render_doc(method)))
        assert f"{name}(self" in shown, "under its name, with its arguments"
        assert "Pages[" not in shown, name
        assert method.__qualname__.split(".")[0] in {it.__name__ for it in client.__mro__}


def test_nothing_is_said_of_waiting_to_programs_without_asyncio() -> None:
    """They would look for an event loop that they need not have."""
    for name, method in _methods(Client).items():
        told = pydoc.render_doc(method).lower()
        assert "await" not in told, name
        assert "async" not in told, name
        assert not inspect.iscoroutinefunction(method), name


def test_what_both_clients_take_is_the_same() -> None:
    """Names, order and defaults of the arguments, whatever gives a source its items."""
    for name, method in _methods(AsyncClient).items():
        asked, waited = inspect.signature(method), inspect.signature(getattr(Client, name))
        assert [(it.name, it.kind, it.default) for it in asked.parameters.values()] == [
            (it.name, it.kind, it.default) for it in waited.parameters.values()
        ], name

"""Bugs planted into who may speak: each lets the stranger of half of the histories in."""

from __future__ import annotations

import contextlib
from typing import Any

from kvcluster.security.callers import Rules, Shown
from kvcluster.security.proof import Secrets, Verifier
from tests.sim.planting import planted, replace


@planted(
    found_by=3,
    pinned_by="security/test_needs.py::test_what_peers_ask_is_for_the_node_that_it_names",
)
def take_whoever_names_a_peer_for_it(stack: contextlib.ExitStack) -> None:
    """What a request says of its sender is believed without a proof."""
    replace(stack, Rules, "check_peer", lambda self, shown, sender, method: None)


@planted(
    found_by=1,
    pinned_by="security/test_proof.py::test_what_was_made_for_anything_else_is_none",
)
def believe_a_proof_by_another_secret(stack: contextlib.ExitStack) -> None:
    """That there is a proof is looked at, and not what it proves."""
    replace(stack, Secrets, "maker", lambda self, mac, text, method, message: b"any")


@planted(
    found_by=1,
    pinned_by="security/test_proof.py::test_what_was_made_for_anything_else_is_none",
)
def leave_the_message_out_of_the_proof(stack: contextlib.ExitStack) -> None:
    """So a proof that was heard is good for any other message."""
    maker, prove = Secrets.maker, Secrets.prove

    def any_message(self: Any, mac: str, text: str, method: str, message: Any) -> bytes | None:
        return maker(self, mac, text, method, b"")

    def of_no_message(self: Any, what: Any, method: str, message: Any) -> str:
        return prove(self, what, method, b"")

    replace(stack, Secrets, "maker", any_message)
    replace(stack, Secrets, "prove", of_no_message)


@planted(pinned_by="security/test_proof.py::test_a_proof_is_good_once")
def forget_nonces_at_once(stack: contextlib.ExitStack) -> None:
    """What was heard may be said again."""
    replace(stack, Verifier, "_note", lambda self, claim, now: None)


@planted(pinned_by="security/test_needs.py::test_who_has_shown_no_name_hears_so")
def pass_over_a_token_that_is_none(stack: contextlib.ExitStack) -> None:
    """Whoever sends a wrong one is looked at as if he had sent none."""
    client = Rules.client

    def by_certificate(self: Any, shown: Shown, now_s: float) -> Any:
        known = self.tokens is not None and self.tokens.with_token(shown.token)
        if shown.token and not known:
            shown = Shown(shown.address, "", shown.certificate, shown.sender)
        return client(self, shown, now_s)

    replace(stack, Rules, "client", by_certificate)

"""Proofs: one that was made for a call is good for that call, once, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kvcluster.errors import KvError, PermissionDenied, Unauthenticated
from kvcluster.security.proof import Claim, Secrets, Verifier

SECRET = "a secret of the cluster"
NOW = 1_800_000_000_000 << 16
MINUTE = 60_000 << 16
METHOD, MESSAGE = "/demo.Peer/Pull", b"message"


def line(
    *,
    sender: str = "a:1",
    recipient: str = "b:2",
    clock: int = NOW,
    nonce: str = "n",
    secret: str = SECRET,
    method: str = METHOD,
    message: bytes | None = MESSAGE,
) -> str:
    """A proof."""
    return Secrets.of(secret).prove(Claim(sender, recipient, clock, nonce), method, message)


def believed(
    text: str,
    verifier: Verifier | None = None,
    *,
    secrets: Secrets | None = None,
    may_be_old: bool = False,
) -> str:
    """Who made it, as b:2 sees it."""
    verifier = verifier or Verifier("b:2")
    secrets = secrets or Secrets.of(SECRET)
    return verifier.look(secrets, text, METHOD, MESSAGE, NOW, may_be_old=may_be_old).sender


def test_a_proof_names_its_sender() -> None:
    """Or no peer could talk to another."""
    assert believed(line()) == "a:1"


FORGERIES: dict[str, tuple[Callable[[], str], type[KvError]]] = {
    "another secret": (lambda: line(secret="another one, as long"), Unauthenticated),
    "another method": (lambda: line(method="/demo.Peer/Drop"), Unauthenticated),
    "another message": (lambda: line(message=b"messages"), Unauthenticated),
    "that of a stream": (lambda: line(message=None), Unauthenticated),
    "another sender": (lambda: line().replace("a:1", "c:3"), Unauthenticated),
    "another node": (lambda: line(recipient="c:3"), PermissionDenied),
    "another clock": (lambda: line().replace(f"{NOW:x}", f"{NOW + 1:x}"), Unauthenticated),
    "another nonce": (lambda: line().replace(" n ", " m "), Unauthenticated),
    "no mac": (lambda: line().rpartition(" ")[0] + " ", Unauthenticated),
    "a cut mac": (lambda: line()[:-1], Unauthenticated),
    "no ASCII": (lambda: line() + "é", Unauthenticated),
    "nothing": (lambda: "", Unauthenticated),
    "words": (lambda: "1 2 3 4 5 6 7", Unauthenticated),
    "a clock that is none": (lambda: "1 a:1 b:2 xyz n 00", Unauthenticated),
    "an endless clock": (lambda: f"1 a:1 b:2 {'f' * 10_000} n 00", Unauthenticated),
    "another version": (lambda: "2" + line()[1:], Unauthenticated),
    "two minutes old": (lambda: line(clock=NOW - 2 * MINUTE), PermissionDenied),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_what_was_made_for_anything_else_is_none(kind: str) -> None:
    """Whoever listens could use it otherwise."""
    make, error = FORGERIES[kind]
    with pytest.raises(error) as caught:
        believed(make())
    assert SECRET not in str(caught.value)


def test_a_proof_is_good_once() -> None:
    """A copy of what a peer said is nothing that a peer says."""
    verifier = Verifier("b:2")
    believed(line(), verifier)
    with pytest.raises(PermissionDenied, match="came before"):
        believed(line(), verifier)
    assert believed(line(nonce="m"), verifier) == "a:1"
    assert believed(line(sender="c:3"), verifier) == "c:3"


def test_a_heartbeat_may_be_old_and_is_remembered_all_the_same() -> None:
    """By it a node whose clock is behind learns the time; a clock ahead is judged elsewhere."""
    verifier = Verifier("b:2")
    believed(line(clock=NOW - 2 * MINUTE), verifier, may_be_old=True)
    believed(line(clock=NOW + 60 * MINUTE), verifier)
    with pytest.raises(PermissionDenied):
        believed(line(clock=NOW + 60 * MINUTE), verifier)


def test_nonces_take_bounded_memory() -> None:
    """A peer that asks without end fills nothing."""
    verifier = Verifier("b:2")
    for number in range(60_000):
        believed(line(nonce=f"{number:x}"), verifier)
    assert len(verifier._seen) <= 50_000


def test_each_secret_of_the_file_is_believed_and_none_is_shown() -> None:
    """So they are swapped without a moment in which two nodes refuse each other."""
    both = Secrets.of(f"\n{SECRET}\n  the next secret of it  \n")
    for secret in (SECRET, "the next secret of it"):
        assert believed(line(secret=secret), secrets=both) == "a:1"
    assert SECRET not in repr(both)
    assert both.prove(Claim("a:1", "b:2", NOW, "n"), METHOD, MESSAGE) == line()
    for text in ("", "\n", "short", f"{SECRET}\nshort"):
        with pytest.raises(ValueError, match=r"empty|fewer than 16"):
            Secrets.of(text)


def test_no_stream_is_opened_by_a_proof_from_before_the_start() -> None:
    """A node that was started anew has forgotten what it saw, and on a stream anything goes."""
    early, late = line(clock=NOW - 1, message=None), line(message=None, nonce="m")
    for began, text, good in ((NOW, early, False), (NOW, late, True), (NOW - 1, early, True)):
        verifier = Verifier("b:2", began)
        if good:
            assert verifier.look(Secrets.of(SECRET), text, METHOD, None, NOW).sender == "a:1"
        else:
            with pytest.raises(PermissionDenied, match="from before this node was started"):
                verifier.look(Secrets.of(SECRET), text, METHOD, None, NOW)
    verifier = Verifier("b:2", NOW)
    assert verifier.look(Secrets.of(SECRET), line(clock=NOW - 1), METHOD, MESSAGE, NOW)


def test_an_answer_proves_the_secret_to_who_asked_this_question() -> None:
    """Else whoever listens at the address of a node that is down answers in its place."""
    asked, other = line(), line(nonce="m")
    ours = Secrets.of(SECRET)
    answer = Verifier("b:2").look(ours, asked, METHOD, MESSAGE, NOW).answer
    assert ours.answered(asked, answer)
    guess = Secrets.of("a guess, as long as it")
    guessed = Verifier("b:2").look(
        guess, line(secret="a guess, as long as it"), METHOD, MESSAGE, NOW
    )
    mac = asked.rpartition(" ")[2]
    for wrong in ("", mac, answer[:-1], f"{answer}é", guessed.answer):
        assert not ours.answered(asked, wrong), wrong
    assert not ours.answered(other, answer)


def test_an_answer_is_made_with_the_secret_of_the_question() -> None:
    """While secrets are swapped the one who asks may not have the other yet."""
    both = Secrets.of(f"the next secret of it\n{SECRET}")
    answer = Verifier("b:2").look(both, line(), METHOD, MESSAGE, NOW).answer
    assert Secrets.of(SECRET).answered(line(), answer)

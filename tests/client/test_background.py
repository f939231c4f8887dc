"""The event loop in the background: what threads hand over to it, and how they wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from kvcluster import BadRequest
from kvcluster.client.background import Background, Receipt


@pytest.fixture
def held() -> Iterator[tuple[Background, threading.Event]]:
    """One whose loop does nothing until the event is set."""
    made, release = Background(), threading.Event()
    made.call(partial(release.wait, 30))  # type: ignore[arg-type]
    yield made, release
    release.set()
    made.call(made._loop.stop)
    made._thread.join(10)
    made._loop.close()


def _wait_until_done(made: Background) -> None:
    done = threading.Event()
    made.call(done.set)
    assert done.wait(10)


def test_what_is_handed_over_at_once_wakes_the_loop_once(
    held: tuple[Background, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wake is a system call, and each of 64 threads would make one."""
    made, release = held
    wakes: list[object] = []
    wake = made._loop.call_soon_threadsafe

    def counted(work: Any) -> Any:
        wakes.append(work)
        return wake(work)

    monkeypatch.setattr(made._loop, "call_soon_threadsafe", counted)
    done: list[int] = []
    for number in range(100):
        made.call(partial(done.append, number))
    assert len(wakes) <= 1
    release.set()
    _wait_until_done(made)
    assert done == list(range(100))


def test_a_work_that_raises_keeps_none_from_being_done(
    held: tuple[Background, threading.Event],
) -> None:
    """It is a bug, which the loop reports; the threads behind it shall not wait for ever."""
    made, release = held
    told: list[Any] = []
    made._loop.set_exception_handler(lambda _, what: told.append(what["exception"]))
    made.call(partial(int, "no number"))  # type: ignore[arg-type]
    done: list[int] = []
    for number in range(3):
        made.call(partial(done.append, number))
    release.set()
    _wait_until_done(made)
    assert done == [0, 1, 2]
    assert [type(it) for it in told] == [ValueError]


def test_a_receipt_waits_for_its_outcome() -> None:
    """And no longer than it was told to."""
    receipt = Receipt()
    assert not receipt.comes_within(0.01)
    threading.Timer(0.05, receipt.tell, [BadRequest("no")]).start()
    assert receipt.comes_within(10)
    with pytest.raises(BadRequest, match="no"):
        receipt.answer()

"""Ctrl+C as a wish, and what it is before there is anything to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kvcluster.console.stopping import wishes
from tests.console.odd_streams import ROOT


@pytest.fixture(autouse=True)
def _asyncio_is_heard() -> Iterator[None]:
    """Afterwards as before."""
    yield
    logging.getLogger("asyncio").setLevel(logging.NOTSET)


async def test_the_first_signal_is_a_wish_and_the_second_the_end() -> None:
    """The wish is known at once, before the event loop has come to anything."""

    async def work() -> None:
        with wishes() as wish:
            signal.raise_signal(signal.SIGTERM)
            assert wish.is_set()
            await wish.wait()
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        await work()


async def test_signals_mean_afterwards_what_they_meant_before() -> None:
    """A question behind it would not hear Ctrl+C."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with wishes():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_what_was_broken_off_complains_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Its traceback was on the terminal, between the sentences about the interrupted import."""
    with wishes() as wish:
        signal.raise_signal(signal.SIGINT)
        await wish.wait()
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0)
    assert not caplog.records


_LOADING = """
import signal, sys, weakref, {program}

class Thing:
    pass

class Finder:
    def find_spec(self, name, *_):
        if name == "kvcluster.{module}":
            weakly = weakref.ref(thing := Thing(), lambda _: signal.raise_signal(signal.SIGINT))
            del thing

sys.meta_path.insert(0, Finder())
sys.argv = ["{program}.py", "get", "a"]
sys.exit({program}.main())
"""


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("client", "commands.keys"),
        ("client", "command_line"),
        ("health_check_client", "commands.health_check"),
    ],
)
def test_ctrl_c_while_a_program_is_loaded_is_not_lost(program: str, module: str) -> None:
    """Python 3.14 has callbacks in its imports: it printed a traceback there, and went on."""
    code = _LOADING.format(program=program, module=module)
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=30
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")

"""The dashboard as a person uses it: Textual's pilot presses the keys and reads the screen.

The nodes are fakes and a look comes only when it is asked for, so no test waits for time to pass.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from kvcluster.dashboard.app import Dashboard
from kvcluster.errors import ConditionFailed, OutcomeUnknown
from tests.dashboard.fake_source import FakeSource
from tests.dashboard.looks import WELL
from tests.dashboard.person import watched
from tests.view.views import DEAD, A, B, C, says, silent, view

from demo_pb2 import GetResponse

AWAY = (view(A, says(C, DEAD)), view(B, says(C, DEAD)), silent(C))


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (200, 60)])
async def test_a_node_dies_and_returns(size: tuple[int, int]) -> None:
    """A person could not tell what is wrong, or that it is over, on a terminal of this size."""
    async with watched(FakeSource(*WELL), size) as person:
        await person.sees("● 3 of 3 nodes serve", A, B, C)
        person.source.say(*AWAY)
        await person.presses("r")
        await person.sees(f"✗ 2 of 3 nodes serve; {C} DEAD 12 s", "✗ DEAD 12 s", "refused")
        person.source.say(*WELL)
        await person.presses("r")
        await person.sees("● 3 of 3 nodes serve", "all 3 nodes serve")


async def test_nobody_answers() -> None:
    """The dashboard would wait in front of an empty screen."""
    async with watched(FakeSource(), nodes=(A, B)) as person:
        await person.sees("✗ no node answers", "✗ UNREACHABLE", "connection refused")


@pytest.mark.usefixtures("hasty")
async def test_a_frozen_node_is_seen() -> None:
    """The whole screen would stand still with it."""
    source = FakeSource(*WELL)
    source.frozen = {C}
    async with watched(source, nodes=(A, B, C)) as person:
        await person.sees("✗ 2 of 3 nodes serve", "TIMED OUT", "no answer for")


async def test_put_get_and_delete() -> None:
    """The keys would do nothing, or a delete happen by a slip of the finger."""
    async with watched(FakeSource(*WELL)) as person:
        await person.presses("p")
        await person.types("city")
        await person.types("Hà Nội")
        await person.sees('put "city": "Hà Nội" (9 bytes) stored, on 3 of 3 replicas')
        assert person.source.store == {"city": "Hà Nội"}
        await person.presses("g")
        await person.sees("Get")
        await person.types("city")
        await person.sees('get "city": "Hà Nội" (9 bytes)')
        for answer, left in (("n", 1), ("y", 0)):
            await person.presses("d")
            await person.types("city")
            await person.sees('Delete "city"?')
            await person.presses(answer)
            await person.no_longer_sees('Delete "')
            assert len(person.source.store) == left
        await person.sees('delete "city": deleted, on 2 of 3 replicas')


async def test_a_put_may_have_a_condition_and_a_time() -> None:
    """By the words of the command line, in a field that Enter passes by."""
    async with watched(FakeSource(*WELL)) as person:
        await person.presses("p")
        await person.types("city")
        await person.presses("H", "tab")
        await person.types("--if-value 'Hà Nội' --ttl soon")
        await person.sees("'soon' is no time to live")
        await person.types("--if-value 'Hà Nội' --ttl 30m")
        await person.sees('put "city": "H" (1 byte) stored')
        options = person.source.options
        assert (options["if_value"], options["ttl_s"]) == ("Hà Nội", 1800.0)
        assert options["if_absent"] is options["keep_ttl"] is False
        person.source.error = ConditionFailed("no", found=True, value="Huế")
        await person.presses("p")
        await person.types("city")
        await person.types("Vinh")
        await person.sees('the condition does not hold: it is "Huế" (5 bytes)')
        assert person.source.options["ttl_s"] is None
        person.source.error = ConditionFailed("no")
        await person.presses("p")
        await person.types("city")
        await person.types("Vinh")
        await person.sees("the condition does not hold: there is no such key")


async def test_who_types_faster_than_the_box_opens_loses_nothing() -> None:
    """A letter of a key would be taken for an order, or a value end up in the key."""
    async with watched(FakeSource(*WELL)) as person:
        person.presses_at_once("p", "d", "q", "enter", "s", "t", "enter")
        await person.sees('put "dq": "st" (2 bytes) stored')


async def test_what_is_typed_behind_a_q_is_no_order() -> None:
    """A box would be opened on a screen that is gone, and the dashboard end in a traceback."""
    async with watched(FakeSource(*WELL)) as person:
        person.presses_at_once("q", "p", "f", "r", "plus")
        await person.sees_it_end()


@pytest.mark.parametrize("seed", range(3))
async def test_keys_pressed_at_random_end_in_no_traceback(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faster than boxes open and close, and some behind the q that ends it."""
    monkeypatch.chdir(tmp_path)  # where pictures of the screen go
    choose = random.Random(seed).choice
    orders = [*"pgdfserkyntS?", "space", "plus", "minus", "enter", "escape", "tab"]
    async with watched(FakeSource(*WELL)) as person:
        for _ in range(25):
            person.presses_at_once(choose(orders))
            if choose((True, False)):
                await person.pilot.pause()
        await person.presses("escape", "escape", "escape")
        person.presses_at_once("q", *(choose(orders) for _ in range(4)))
        await person.sees_it_end()


async def test_nothing_is_drawn_when_the_screen_is_gone() -> None:
    """A put that ends while somebody quits would end in a traceback."""
    async with watched(FakeSource(*WELL)) as person:
        dashboard = person.pilot.app
        dashboard.exit()
    assert isinstance(dashboard, Dashboard)
    dashboard.action_interval(1)


async def test_what_cannot_be_sent_is_refused_where_it_is_typed() -> None:
    """An empty key would be sent, or what was typed be lost."""
    async with watched(FakeSource(*WELL)) as person:
        await person.presses("g")
        await person.types("")
        await person.sees("the key is empty; a key has at least one character")
        await person.presses("escape")
        await person.no_longer_sees("the key is empty")


async def test_a_failure_is_a_sentence() -> None:
    """A traceback would take the screen away in the middle of an incident."""
    source = FakeSource(*WELL)
    source.error = OutcomeUnknown("no answer within 5 s; the write may have happened, or not")
    async with watched(source) as person:
        await person.presses("p")
        await person.types("k")
        await person.types("v")
        await person.sees('✗ put "k": no answer within 5 s', "may have happened, or not")


async def test_markup_and_escapes_are_shown_as_they_are() -> None:
    """A value could colour the screen, clear it, or end the dashboard."""
    source = FakeSource(*WELL)
    source.store["[red]x[/]"] = "[/]\x1b[2J"
    async with watched(source, (120, 30)) as person:
        for key in ("g", "f"):
            await person.presses(key)
            await person.types("[red]x[/]")
            await person.sees('"[red]x[/]"', r'"[/]\x1b[2J"')
        assert "\x1b" not in person.screen


async def test_a_key_is_followed_until_it_is_let_go() -> None:
    """A replica that differs would not be seen while one watches."""
    source = FakeSource(*WELL)
    source.store["city"] = "x"
    async with watched(source, (120, 30)) as person:
        await person.presses("f")
        await person.types("city")
        await person.sees('Key "city" in slot 2,100', "all 3 replicas are equal")
        other = GetResponse(found=True, value="y", version=bytes([9] * 12), served_by=C)
        source.at[C] = other
        await person.presses("r")
        await person.sees(f"they differ: {C} has the newest")
        await person.presses("f")
        await person.types("")
        await person.no_longer_sees('Key "city"')


async def test_the_parts_change_their_size() -> None:
    """The keys s and e would do nothing."""
    async with watched(FakeSource(*WELL)) as person:
        await person.sees("Slots by primary, a cell for 16")
        await person.presses("s")
        await person.sees("a cell for 8")
        await person.presses("s")
        await person.no_longer_sees("Slots by primary")
        await person.presses("s", "e")
        await person.no_longer_sees("Slots by primary")
        await person.presses("e")
        await person.sees("Slots by primary")


async def test_the_parts_and_the_page_look_as_their_style_sheets_say() -> None:
    """Textual passes over a sheet for a class that is not there: long lines broke twice, nothing
    told which part has the arrow keys, and the help had no frame.
    """
    async with watched(FakeSource(*WELL)) as person:
        for views in (AWAY, WELL) * 4:
            person.source.say(*views)
            asked = person.source.asked[A]
            await person.presses("r")
            while person.source.asked[A] == asked:
                await person.pilot.pause()
        await person.sees("refused, nothing listens \n           there")
        await person.presses("tab")
        title = person.pilot.app.screen.query_one("#events > .title")
        assert title.styles.text_style.reverse
        await person.presses("question_mark")
        await person.sees("╭───", "│ Keys  ", "───╯")


async def test_a_pause_asks_nobody() -> None:
    """The screen would change under the eyes of who wants to read it."""
    source = FakeSource(*WELL)
    async with watched(source) as person:
        await person.presses("space")
        await person.sees("paused")
        asked = source.asked.total()
        await person.presses("r")
        await person.pilot.pause()
        assert source.asked.total() == asked
        await person.presses("space")
        await person.no_longer_sees("paused")
        source.say(*AWAY)
        await person.presses("r")
        await person.sees("2 of 3 nodes serve")


async def test_the_interval_changes_within_its_limits() -> None:
    """A dashboard could be made to ask without a pause."""
    async with watched(FakeSource(*WELL)) as person:
        await person.presses("minus")
        await person.sees("every 3600 s")
        await person.presses("plus")
        await person.sees("every 60 s")
        await person.presses(*["plus"] * 8)
        await person.sees("every 0.5 s")
        await person.presses("minus")
        await person.sees("every 1 s")


async def test_it_reads_on_a_light_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Light text on a light ground."""
    monkeypatch.setenv("COLORFGBG", "0;15")
    async with watched(FakeSource(*WELL)) as person:
        app = person.pilot.app
        assert app.theme == "ansi-light"
        assert app.native_ansi_color
        await person.presses("t")
        assert app.theme == "textual-light"
        background = app.screen.styles.background
        assert background.brightness > 0.8
        await person.presses("t", "t")
        assert app.theme == "ansi-light"


async def test_it_reads_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Black on black, or a colour that somebody has asked not to have."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with watched(FakeSource(*AWAY)) as person:
        await person.sees("✗ DEAD")
        for strip in person.pilot.app.screen._compositor.render_strips():
            for segment in strip:
                colours = (segment.style.color, segment.style.bgcolor) if segment.style else ()
                assert all(colour is None or colour.is_default for colour in colours), segment


async def test_help_opens_and_closes() -> None:
    """Nobody would know what the signs mean, or the key that closes the page would end it all."""
    async with watched(FakeSource(*WELL)) as person:
        for key in ("escape", "q", "question_mark"):
            await person.presses("question_mark")
            await person.sees("save a picture of the screen")
            await person.presses(key)
            await person.no_longer_sees("save a picture")
        assert person.pilot.app.is_running


async def test_a_box_takes_no_orders() -> None:
    """Whoever is asked whether a delete is meant would end the dashboard, or open another box."""
    async with watched(FakeSource(*WELL)) as person:
        await person.presses("d")
        await person.types("city")
        await person.sees('Delete "city"?')
        await person.presses("q", "p", "space")
        await person.sees('Delete "city"?')
        assert len(person.pilot.app.screen_stack) == 2


async def test_the_log_scrolls() -> None:
    """What happened an hour ago could not be read any more."""
    async with watched(FakeSource(*WELL), (60, 15)) as person:
        for views in (AWAY, WELL) * 2:
            person.source.say(*views)
            asked = person.source.asked[A]
            await person.presses("r")
            while person.source.asked[A] == asked:
                await person.pilot.pause()
        await person.sees("serves again")
        await person.no_longer_sees("at the first look")
        await person.presses("tab", "home")
        await person.sees("at the first look")


async def test_the_screen_is_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The picture for a report, or for the documentation, could not be made."""
    monkeypatch.chdir(tmp_path)
    async with watched(FakeSource(*WELL)) as person:
        await person.presses("S")
        await person.sees("the screen is in kvcluster-")
    pictures = await asyncio.to_thread(lambda: [it.read_text("utf-8") for it in tmp_path.iterdir()])
    assert len(pictures) == 1
    assert "localhost:50053" in pictures[0]
    assert "url(" not in pictures[0].replace("url(#", "")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_it_ends(key: str) -> None:
    """A person could not get out, or a question to a frozen node would hold them."""
    source = FakeSource(*WELL)
    async with watched(source, nodes=(A, B, C)) as person:
        source.frozen = {C}
        await person.presses("r", key)
        await person.pilot.pause()
        assert not person.pilot.app.is_running

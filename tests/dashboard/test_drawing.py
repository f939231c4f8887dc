"""The screen as values: what each state of a cluster says, in every size."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import FailureKind
from kvcluster.dashboard.drawing import PARTS, Drawing, Scene, draw
from kvcluster.dashboard.following import Followed
from kvcluster.dashboard.layout import Size
from kvcluster.view.health import View
from tests.dashboard.looks import START_S, WELL, looks, traffic
from tests.view.views import DEAD, NAMES, UNKNOWN, A, B, C, says, silent, view

from demo_pb2 import DRAINING, STARTING, SYNCING, Configuration, GetResponse, Progress, Waiting

AWAY = (view(A, says(C, DEAD)), view(B, says(C, DEAD)), silent(C))


def drawn(*moments: tuple[View, ...], width: int = 120, height: int = 40) -> Drawing:
    """The screen after these moments."""
    return draw(Scene(NAMES, looks(*moments)[-1]), width, height)


def text(drawing: Drawing, part: str) -> str:
    """A part as a person reads it."""
    section = drawing.sections[part]
    return "\n".join(line.plain for line in [section.title, *section.lines])


def row(drawing: Drawing, node: str) -> str:
    """The row of a node."""
    return next(line for line in text(drawing, "nodes").splitlines() if node in line)


def test_the_headline_says_that_all_is_well() -> None:
    """A person would have to read the whole screen to know."""
    assert drawn(WELL).head[0].plain.startswith("● 3 of 3 nodes serve  ")


def test_the_headline_names_who_is_away() -> None:
    """A dead node would have to be searched for."""
    assert drawn(WELL, AWAY).head[0].plain.startswith(f"✗ 2 of 3 nodes serve; {C} DEAD 12 s  ")
    assert drawn(WELL, AWAY, WELL).head[0].plain.startswith("● 3 of 3 nodes serve  ")


def test_the_headline_names_whose_disk_is_full() -> None:
    """It serves, and a glance at the sign would say that all is well."""
    head = drawn((view(A, disk_full=True), view(B), view(C))).head[0].plain
    assert head.startswith(f"✗ 3 of 3 nodes serve; {A} has a full disk  ")


def test_the_headline_counts_many_who_are_away() -> None:
    """Twenty names would push everything else out of the line."""
    gone = (view(A), silent(B), silent(C), silent("localhost:50054"))
    assert "and 1 other" in drawn(gone).head[0].plain


def test_the_headline_says_that_keys_cannot_be_reached() -> None:
    """Two of three nodes down sounds harmless, and with a single replica it is not."""
    lone = view(A, says(B, DEAD), says(C, DEAD))
    assert lone.said is not None
    lone.said.configuration.replicas = 1
    head, more = drawn((lone, silent(B), silent(C)), width=80).head
    assert head.plain.startswith("✗ 1 of 3 nodes serves; no replica serves 2,741 of 4,096 slots;")
    assert more.plain.startswith(f"  DEAD 12 s, {C} DEAD 12 s  ")


def test_the_headline_says_that_nobody_answers() -> None:
    """The last numbers would stand there as if they were still so."""
    gone = (silent(A), silent(B), silent(C))
    assert drawn(WELL, gone, gone).head[0].plain.startswith("✗ no node answers; one served 4 s ago")
    assert drawn(gone).head[0].plain.startswith("✗ no node answers  ")


def test_the_headline_says_that_they_disagree() -> None:
    """Every node serves, and yet the network is cut between two of them."""
    split = (view(A, says(C, DEAD)), view(B), view(C))
    assert drawn(split).head[0].plain.startswith("▲ 3 of 3 nodes serve; they disagree")
    assert f"{A} calls {C} DEAD" in text(drawn(split), "matters")


def test_who_is_cut_off_is_told_from_whom_it_cannot_hear() -> None:
    """A node without a network calls all others dead, and each of them would be suspected."""
    opinions = [says(name, DEAD) for name in (A, B)]
    drawing = drawn((view(A, says(C, DEAD)), view(B, says(C, DEAD)), view(C, *opinions)))
    assert drawing.head[0].plain.startswith(f"✗ 3 of 3 nodes serve; {C} is cut off from the others")
    assert "● SERVING " in row(drawing, A)
    assert "✗ SERVING, cut off" in row(drawing, C)
    shown = text(drawing, "matters")
    assert f"{A} and {B} call {C} DEAD (for 12 s), but it answers us" in shown
    assert f"{C} calls" not in shown


def test_of_two_nodes_none_is_the_one_that_is_cut_off() -> None:
    """The blame would fall on whoever is listed last."""
    names = (A, B)
    drawing = drawn((view(A, says(B, DEAD), names=names), view(B, says(A, DEAD), names=names)))
    assert "they disagree" in drawing.head[0].plain
    assert "cut off" not in drawing.head[0].plain


def test_who_runs_with_another_configuration_is_not_called_cut_off() -> None:
    """A person would look for a cable, and it is an option."""
    other = Configuration(members=NAMES, replicas=2, slots=4096)
    refused = says(C, DEAD, refusal="their configurations differ")
    misfit = view(C, says(A, DEAD), says(B, DEAD), configuration=other)
    drawing = drawn((view(A, refused), view(B, refused), misfit))
    assert drawing.head[0].plain.startswith(
        f"✗ 3 of 3 nodes serve; {C} runs with another configuration  "
    )
    assert "✗ SERVING, refused" in row(drawing, C)
    lines = text(drawing, "matters").splitlines()[1:]
    assert lines[0] == f"✗ {A} and {B} run with 3 replicas, {C} runs with 2 replicas"


def test_who_has_another_secret_is_not_called_cut_off_nor_dead() -> None:
    """A person would look for a cable, or start it again, and it is a file."""
    why = "the proof that came as 'c' was not made for this call with the secret of this cluster"
    refused = says(C, DEAD, refusal=why)
    drawing = drawn((view(A, refused), view(B, refused), view(C, says(A, DEAD), says(B, DEAD))))
    assert f"{C} is refused by the others" in drawing.head[0].plain
    assert "cut off" not in drawing.head[0].plain
    assert "✗ SERVING, refused" in row(drawing, C)
    told = " ".join(text(drawing, "matters").split())
    assert f"{A} and {C} refuse each other: the proof that came as 'c' was not made" in told


def test_of_two_halves_both_run_with_another_configuration() -> None:
    """The blame would fall on whoever is listed last."""
    other = Configuration(members=NAMES[:2], replicas=1, slots=4096)
    one = view(A, says(B, DEAD), names=NAMES[:2])
    drawing = drawn((one, view(B, says(A, DEAD), names=NAMES[:2], configuration=other)))
    assert "they run with different configurations" in drawing.head[0].plain


def test_an_alarm_reaches_the_headline() -> None:
    """Silent damage would be one line among others."""
    assert "ALARM" in drawn((view(A, conflicts=1), view(B), view(C))).head[0].plain


def test_before_the_first_answer_it_says_whom_it_asks() -> None:
    """An empty screen looks like a program that hangs."""
    drawing = draw(Scene(NAMES), 120, 40)
    assert drawing.head[0].plain.startswith(f"· asking {A}, {B} and {C}")


@pytest.mark.parametrize(
    ("member", "word", "sign"),
    [
        (view(C), "SERVING", "●"),
        (view(C, status=STARTING, reason="waiting to hear from A"), "STARTING", "▲"),
        (view(C, status=SYNCING, reason="catching up"), "SYNCING", "▲"),
        (view(C, status=DRAINING, reason="this node is stopping"), "DRAINING", "▲"),
        (view(C, status=2, reason="its disk failed"), "NOT_SERVING", "✗"),
        (silent(C), "UNREACHABLE", "✗"),
        (silent(C, FailureKind.TIMED_OUT, "no answer for 3 s"), "TIMED OUT", "✗"),
        (silent(C, FailureKind.WRONG_SERVICE, "no gRPC server"), "WRONG SERVICE", "✗"),
    ],
)
def test_each_state_has_a_word_and_a_sign(member: View, word: str, sign: str) -> None:
    """Without colours, a state could not be told from another."""
    assert f"{sign} {word} " in row(drawn((view(A), view(B), member)), C)


def test_a_node_that_serves_and_lags_says_both() -> None:
    """It answers, so it would look well, while it gets no writes."""
    lagging = (view(A, says(C, lagging=True)), view(B), view(C))
    assert "▲ SERVING, lags" in row(drawn(lagging), C)


def test_what_is_not_known_is_not_zero() -> None:
    """A node of an older version would look idle and in step."""
    line = row(drawn(WELL, WELL, width=200), A)
    assert line.split()[4:10] == ["–"] * 6
    assert "do not say how it stands" in text(drawn(WELL), "matters")


def test_rates_and_latencies_stand_in_the_row() -> None:
    """The busiest node could not be found."""
    before = (view(A, traffic=traffic(0)), view(B), view(C))
    calls = traffic(300, (150, 150, 0, 0))
    after = (view(A, traffic=calls, uptime_s=202.0), view(B), view(C))
    line = row(drawn(before, after, width=200), A)
    assert line.split()[4:9] == ["150", "0", "0", "1.00", "ms"]


def test_rates_stay_until_there_are_new_ones() -> None:
    """The rates of a node would blink whenever an answer is late."""
    before = (view(A, traffic=traffic(0)), view(B), view(C))
    after = (view(A, traffic=traffic(300), uptime_s=202.0), view(B), view(C))
    assert " 150 " in row(drawn(before, after, after), A)


def test_how_far_a_node_is_behind_is_what_the_others_see() -> None:
    """The node itself does not know what it has missed."""
    late = says(C, behind_s=7.0, writes_in_flight=4)
    drawing = drawn((view(A, late, traffic=traffic()), view(B, traffic=traffic()), view(C)))
    assert " 7 s " in row(drawing, C)
    assert "4 writes in flight, 0 waiting; a replica is up to 7 s behind" in text(
        drawing, "matters"
    )
    whole = view(C, status=SYNCING)
    fetching = drawn((view(A, traffic=traffic()), view(B, traffic=traffic()), whole))
    assert " 0 " not in row(fetching, C)
    unheard = says(C, UNKNOWN)
    blind = drawn((view(A, unheard, traffic=traffic()), view(B, unheard), silent(C)))
    assert " 0 " not in row(blind, C)


def test_catching_up_has_a_bar() -> None:
    """How long it will take would have to be worked out from two numbers."""
    sync = Progress(source=A, entries=25_000, about=100_000)
    fetching = (view(A), view(B), view(C, status=SYNCING, sync=sync))
    shown = text(drawn(fetching, fetching), "matters")
    assert "████░░░░░░░░░░░░ catching up from" in shown
    assert "25 %, for 2 s" in shown
    past = Progress(source=A, entries=120_000, about=100_000)
    assert "█" not in text(drawn((view(C, sync=past),)), "matters")


def test_what_is_wrong_comes_first() -> None:
    """On a small screen it would be below the edge."""
    waiting = [Waiting(node=C, count=2)]
    disk, entry = view(B, disk_full=True), view(C, conflicts=1)
    bad = (view(A, says(C, DEAD), tombstones_waiting=waiting), disk, entry)
    lines = text(drawn(bad), "matters").splitlines()[1:]
    assert lines[0].startswith(f"✗ {B}: its disk is full")
    assert "ALARM" in lines[1]
    assert "calls" in lines[2]
    assert lines[-1].startswith("· replication")


def test_whatever_is_wrong_comes_before_whatever_is_on_its_way() -> None:
    """A dead node stood below ten lines about nodes that catch up and warn."""
    late = view(A, says(C, DEAD, lagging=True), fsync=False)
    bad = (late, view(B, status=SYNCING, sync=Progress(source=A, entries=1)), silent(C))
    signs = [line[0] for line in text(drawn(bad), "matters").splitlines()[1:]]
    assert {"✗", "▲"} < {*signs}
    assert signs == sorted(signs, key="✗▲·".index)


def test_what_several_nodes_have_in_common_is_one_line() -> None:
    """Each of nine nodes waited for the tenth, and said so on a line of its own."""
    waiting = [Waiting(node=C, count=2)]
    two = [view(name, says(C, DEAD), tombstones_waiting=waiting) for name in (A, B)]
    shown = text(drawn((*two, silent(C)), width=120), "matters")
    assert f"▲ {A} and {B}: cannot forget 2 deletes before {C} has confirmed them\n" in shown
    assert shown.count("cannot forget") == 1
    nobody = text(drawn((silent(A), silent(B), silent(C)), width=120), "matters")
    assert nobody.splitlines()[1].startswith(f"✗ {A}, {B} and {C}: ")


def test_a_line_that_is_too_long_goes_on_below() -> None:
    """On eighty columns the end of a sentence, and its sense, would be cut off."""
    split = (view(A, says(C, DEAD)), view(B), view(C))
    shown = text(drawn(split, width=60), "matters")
    assert " ".join(shown.split()).endswith("how it stands")
    assert "and it answers us" in " ".join(shown.split())


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [5, 15, 24, 60])
@pytest.mark.parametrize("views", [WELL, AWAY, ()])
def test_it_fits_every_screen(width: int, height: int, views: tuple[View, ...]) -> None:
    """A part that is too high pushes the others out; a small terminal would end the dashboard."""
    key = Followed.of("city", None)
    for slots in Size:
        scene = Scene(NAMES, looks(WELL, views)[-1], followed=key, slots=slots)
        drawing = draw(scene, width, height)
        assert tuple(drawing.sections) == PARTS
        used = len(drawing.head) + sum(part.height for part in drawing.sections.values())
        assert used <= max(height - 1, len(drawing.head))


def test_eighty_columns_show_what_matters() -> None:
    """The roles of the nodes, their rates or how far they are behind would be left out."""
    shown = text(drawn(WELL, AWAY, width=80, height=24), "nodes")
    for column in ("node", "state", "ops/s", "p50/p99 ms", "behind", "keys", "primary/held"):
        assert column in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_every_part_is_there_on_80x24() -> None:
    """The slots or the events would vanish on the terminal that most people have."""
    heights = {
        name: part.height for name, part in drawn(AWAY, width=80, height=24).sections.items()
    }
    assert heights["nodes"] == 4
    assert heights["slots"] == 5
    assert heights["events"] >= 4


def test_followed_replicas_are_compared() -> None:
    """A replica with an old value would have to be found by eye."""
    look = looks(WELL)[-1]
    key = Followed.of("city", look.configuration)
    old, new = bytes([1] * 12), bytes([2] * 12)
    first, *rest = key.replicas

    def judged(**values: tuple[str, bytes]) -> str:
        key.seen.clear()
        for name, (value, version) in values.items():
            answer = GetResponse(found=True, value=value, version=version, served_by=name)
            key.seen[name] = answer
        return text(draw(Scene(NAMES, look, followed=key), 120, 40), "followed")

    equal = judged(**dict.fromkeys(key.replicas, ("x", new)))
    assert "● all 3 replicas are equal" in equal
    assert f"primary {first}" in equal
    assert "2 of 3 replicas seen, equal" in judged(**dict.fromkeys(rest, ("x", new)))
    differ = judged(**{first: ("y", new)}, **dict.fromkeys(rest, ("x", old)))
    assert f"they differ: {first} has the newest" in differ
    broken = judged(**{first: ("y", new)}, **dict.fromkeys(rest, ("x", new)))
    assert "one version with two contents" in broken


def test_an_answer_of_another_node_is_not_compared() -> None:
    """A replica that forwards reads would seem to hold what another holds."""
    look = looks(WELL)[-1]
    key = Followed.of("city", look.configuration)
    first, second, _ = key.replicas
    for name in (first, second):
        answer = GetResponse(found=True, value="x", version=bytes(12), served_by=second)
        key.seen[name] = answer
    shown = text(draw(Scene(NAMES, look, followed=key), 120, 40), "followed")
    assert "1 of 3 replicas seen" in shown
    assert f"does not answer reads itself; {second} says" in shown


def test_nothing_that_a_node_or_a_key_says_steers_the_terminal() -> None:
    """An escape sequence in a value or a reason would clear the screen, or colour it."""
    evil = "\x1b[2J[red]x[/]\n\x9b"
    look = looks(
        (view(A, status=STARTING, reason=evil), view(B), silent(C, FailureKind.BROKEN, evil))
    )[-1]
    key = Followed.of(evil, look.configuration)
    for name in key.replicas:
        answer = GetResponse(found=True, value=evil, version=bytes(12), served_by=name)
        key.seen[name] = answer
    drawing = draw(Scene(NAMES, look, followed=key), 200, 40)
    shown = "\n".join(text(drawing, part) for part in PARTS)
    assert not {"\x1b", "\x9b"} & set(shown)
    assert shown.count("\\x1b[2J[red]x[/]\\n\\x9b") >= 5


def test_the_time_of_the_look_and_a_pause_stand_in_the_head() -> None:
    """A screen that has stopped would be taken for a cluster that is quiet."""
    look = looks(WELL)[-1]
    assert draw(Scene(NAMES, look), 80, 24).head[0].plain.endswith("every 2 s")
    paused = draw(Scene(NAMES, look, paused=True), 80, 24).head[0].plain
    assert paused.endswith("paused")
    assert ":" in paused[-20:]
    assert look.now_s == START_S

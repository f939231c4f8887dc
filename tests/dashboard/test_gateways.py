"""The screen above gateways, which hold nothing themselves."""

from __future__ import annotations

from kvcluster.dashboard.drawing import Drawing, Scene, draw
from kvcluster.dashboard.following import Followed
from kvcluster.view.health import View
from tests.dashboard.looks import looks
from tests.view.views import A, B, view

from demo_pb2 import Configuration, EngineMember, EngineStatus

NODES = (A, B)


def gateway(node: str) -> View:
    """One to an etcd of two members, one of which is away."""
    members = [
        EngineMember(name="h:1", role="leader", reachable=True),
        EngineMember(name="h:2", role="follower"),
    ]
    engine = EngineStatus(kind="etcd", version="3.5.1", members=members)
    return view(node, names=NODES, engine=engine, configuration=Configuration(members=NODES))


def drawn() -> Drawing:
    """The screen of two of them, with a key that is followed."""
    look = looks((gateway(A), gateway(B)))[-1]
    key = Followed.of("city", look.configuration)
    return draw(Scene(NODES, look, followed=key), 160, 40)


def text(part: str) -> str:
    """A part as a person reads it."""
    section = drawn().sections[part]
    return "\n".join(line.plain for line in [section.title, *section.lines])


def test_the_headline_names_the_engine_and_who_of_it_is_away() -> None:
    """Two gateways that serve say nothing of what is beneath them."""
    head = drawn().head[0].plain
    assert head.startswith(
        "● 2 of 2 nodes serve; etcd 3.5.1: h:1 leader; h:2 follower, unreachable"
    )


def test_no_gateway_seems_to_hold_anything() -> None:
    """Sizes and slots of nothing would be read as a loss."""
    row = next(line for line in text("nodes").splitlines() if A in line)
    assert "12,000" in row, "the keys of the engine"
    assert "MB" not in row
    assert "/" not in row.replace(A, "")


def test_nothing_is_said_of_replication_between_gateways() -> None:
    """There is none, and it would be told as slow."""
    assert "replicat" not in text("matters")


def test_a_followed_key_is_the_engines() -> None:
    """A person would wait for a node to say where it lives."""
    assert "gateways hold no keys; `locate` says where the engine has it" in text("followed")

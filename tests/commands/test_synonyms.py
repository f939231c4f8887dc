"""What other stores have taught people's fingers: understood, or answered by what to do instead."""

from __future__ import annotations

import pytest

from kvcluster.commands import parser
from kvcluster.commands.lacking import COMMANDS as LACKS
from kvcluster.commands.lacking import ELSEWHERE, OPTIONS
from kvcluster.commands.synonyms import MEANS, NoSuch, in_our_words
from kvcluster.console import program
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import THE_THREE, Program

_COMMANDS = [*parser.commands_of(parser.build(program.client(THE_THREE))), "--version"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("set city Huế", "put city Huế"),
        ("SET city Huế", "put city Huế"),
        ("Get city", "get city"),
        ("del a b", "delete a b"),
        ("rm a", "delete a"),
        ("keys user:*", "scan --keys-only user:"),
        ("KEYS *", "scan --keys-only "),
        ("keys u*r*", "scan --keys-only u*r*"),
        ("ls", "scan --keys-only"),
        ("list user/", "scan user/"),
        ("--node 50052 ls", "--node 50052 scan --keys-only"),
        ("-o json info", "-o json status"),
        ("ping", "health"),
        ("member list", "status"),
        ("endpoint health", "health"),
        ("snapshot save all.jsonl", "export all.jsonl"),
        ("restore all.jsonl", "import all.jsonl"),
        ("flushall ASYNC", "delete --prefix "),
        ("?", "help"),
        ("help set", "help put"),
        ("? del", "help delete"),
        ("INSERT a 1", "put a 1"),
        ("setnx lock me", "put --if-absent lock me"),
        ("SET lock me NX EX 30", "put lock me --if-absent --ttl 30s"),
        ("set lock me px 1500", "put lock me --ttl 1.5s"),
        ("set k v KEEPTTL", "put k v --keep-ttl"),
        ("set k v w", "put k v w"),
        ("set k v ex soon", "put k v ex soon"),
        ("setex s 60 v", "put --ttl 60s -- s v"),
        ("psetex s 60 v", "put --ttl 0.06s -- s v"),
        ("setex s v", "put s v"),
        ("expire s 60", "touch s --ttl 60s"),
        ("expire s", "touch s"),
        ("pexpire s 60000", "touch s --ttl 60s"),
        ("pttl s", "ttl s"),
        ("cas n 7 8", "put --if-value=7 -- n 8"),
        ("incrby n 5", "incr n 5"),
        ("decr n", "incr n -- -1"),
        ("DECRBY n 5", "incr n -- -5"),
        ("decrby n -5", "incr n -5"),
        ("info replication", "status"),
        ("cluster keyslot a", "locate a"),
        ("get; a", "get a"),
        ("-- get a", "get a"),
        ("--node=50052 get a", "--node=50052 get a"),
        ("-ojson get a", "-ojson get a"),
        ("-h localhost -p 1 get a", "-h localhost -p 1 get a"),
        (".dump all.json", "export all.json"),
        ("version", "--version"),
        ("get set", "get set"),
        ("put del keys", "put del keys"),
        ("--version", "--version"),
        ("", ""),
    ],
)
def test_a_word_of_another_store_is_understood(typed: str, meant: str) -> None:
    """Only where a command stands; a key may be called what it likes."""
    assert " ".join(in_our_words(typed.split(), _COMMANDS)) == meant


@pytest.mark.parametrize("word", sorted(LACKS))
def test_what_the_store_does_not_have_is_told_with_what_to_do(client: Program, word: str) -> None:
    """A guess at the spelling would send people to something else: incr is near to info."""
    ended = client(*word.split(), "a")
    assert (ended.code, ended.out) == (2, "")
    assert f'There is no "{word}": {LACKS[word]}.' in ended.err


def test_no_word_is_both_understood_and_lacking() -> None:
    """Nor is it a command, which would never be reached."""
    ours = {word for word in MEANS if " " not in word}
    assert not ours & set(LACKS)
    assert not (ours | set(LACKS)) & set(_COMMANDS)
    known = {*_COMMANDS, "exit", "clear", "help"}
    assert {meant[0] for meant in MEANS.values()} <= known


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("stauts", 'There is no command "stauts"; did you mean "status"?'),
        ("delet a", 'There is no command "delet"; did you mean "delete"?'),
        ("xyzzy", 'There is no command "xyzzy"; help shows all commands.'),
        ("quit", f'There is no "quit" here: {ELSEWHERE["quit"]}.'),
        ("q", f'There is no "q" here: {ELSEWHERE["exit"]}.'),
        ("clear", f'There is no "clear" here: {ELSEWHERE["clear"]}.'),
        ("teg a", 'There is no command "teg"; did you mean "get"?'),
        ("dlete a", 'There is no command "dlete"; did you mean "delete"?'),
        ("cli", 'There is no command "cli"; help shows all commands.'),
        ("echo a", 'There is no command "echo"; help shows all commands.'),
        ("grep a", 'There is no command "grep"; help shows all commands.'),
        (
            "-p 50051 get a",
            'There is no option "-p"; --node names one node, --cluster all of them.',
        ),
        ("--frob get", 'There is no option "--frob"; what begins with a dash comes behind "--".'),
        ("help scna", 'There is no command "scna"; did you mean "scan"?'),
        ("\x1b[2J", 'There is no command "\\x1b[2J"; help shows all commands.'),
    ],
)
def test_an_unknown_word_is_told_in_a_sentence(typed: str, sentence: str) -> None:
    """Not by a list of all that there is."""
    with pytest.raises(NoSuch) as raised:
        in_our_words(typed.split(" "), _COMMANDS)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    "typed", ["up", "start", "server 1", "completion bash", "shell", "version"]
)
def test_the_shell_says_where_a_command_is_that_it_lacks(typed: str) -> None:
    """It guessed at `start` that `up` was meant, and at `up` that `export` was."""
    commands = [it for it in _COMMANDS if it not in {*ELSEWHERE, "up", "--version"}]
    with pytest.raises(NoSuch, match="here: "):
        in_our_words(typed.split(), commands)


def test_what_is_elsewhere_is_somewhere() -> None:
    """A command that was renamed would be looked for in vain."""
    assert set(ELSEWHERE) <= {*_COMMANDS, "exit", "quit", "clear", "server"}


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_an_option_of_another_store_is_answered(client: Program, option: str) -> None:
    """Whoever is told to put it behind "--" stores it, or asks for a key of that name."""
    ended = client("locate", "a", option, "5")
    assert (ended.code, ended.out) == (2, "")
    assert f'there is no option "{option}"; {OPTIONS[option]}\n' in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ["get", "a", "-v", "b"],
        ["get", "a", "--timeout", "2", "b", "-v"],
        ["get", "-v", "a", "--", "b"],
        ["get", "--timeout=2", "a", "-v", "--", "b"],
    ],
)
def test_an_option_may_stand_between_arguments(
    cluster: FakeCluster, client: Program, words: list[str]
) -> None:
    """What stood behind it was one word too many."""
    cluster.store.update({"a": "1", "b": "2"})
    ended = client(*words, "--cluster", cluster.members) if "--" not in words else None
    if ended is None:
        ended = client("--cluster", cluster.members, *words)
    assert (ended.code, ended.out) == (0, "a\t1\nb\t2\n")


def test_a_value_between_options_is_what_was_typed(cluster: FakeCluster, client: Program) -> None:
    """A number with a sign is no option, and a dash is not taken for one."""
    for value in ("-7", "-", "--", "- 1"):
        words = ["put", "k", "--timeout", "2", *([value] if value == "-7" else ["--", value])]
        if value != "-":
            assert client("--cluster", cluster.members, *words).code == 0
            assert cluster.store["k"] == value


def test_addresses_may_be_shortened(cluster: FakeCluster, client: Program) -> None:
    """A port is one of this machine; a host has the port that all have."""
    port = cluster.addresses[0].rpartition(":")[2]
    assert client("put", "a", "1", "--node", port).code == 0
    assert client("get", "a", "--cluster", f"{port}, 99999").code == 2
    ended = client("get", "a", "--node", "no-such-host.invalid", "--timeout", "1")
    assert ended.err.startswith("no-such-host.invalid:50051: ")


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["delete", "user/", "--prefix", "--yes"], {"tree"}),
        (["delete", "--prefix", "user/", "--yes"], {"tree"}),
        (["delete", "user/", "tree"], {"user/1", "user/2"}),
    ],
)
def test_prefix_is_an_option_or_what_stands_before_it(
    cluster: FakeCluster, client: Program, words: list[str], left: set[str]
) -> None:
    """etcdctl has taught `del user/ --prefix`."""
    cluster.store.update({"user/1": "a", "user/2": "b", "tree": "c"})
    assert client(*words, "--cluster", cluster.members).code == 0
    assert set(cluster.store) == left


@pytest.mark.parametrize(
    "words", [["user/"], ["--prefix", "user/"], ["user/", "--prefix"], ["--prefix=user/"]]
)
def test_scan_takes_a_prefix_either_way(
    cluster: FakeCluster, client: Program, words: list[str]
) -> None:
    """The word alone, the option, and the word that the option is about."""
    cluster.store.update({"user/1": "a", "tree": "c"})
    assert client("scan", *words, "--cluster", cluster.members).out == "user/1\ta\n"
    assert client("export", "-", *words, "--cluster", cluster.members).out == (
        '{"key":"user/1","value":"a"}\n'
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scan", "u*"], 'No key begins with "u*". There are no patterns'),
        (["scan", "u*"], "by how they begin: scan u\n"),
        (["scan", "us?r"], "by how they begin: scan us\n"),
        (["keys", "*s*"], "by how they begin: scan ''\n"),
        (["get", "us*"], 'There is no key "us*". There are no patterns'),
        (["delete", "u*"], "by how they begin: delete --prefix u\n"),
        (["delete", "*"], "by how they begin: delete --prefix ''\n"),
        (["delete", "my *"], "by how they begin: delete --prefix 'my '\n"),
        (["delete", "--prefix", "u*", "--yes"], "by how they begin: delete --prefix u\n"),
    ],
)
def test_a_pattern_that_matches_nothing_is_explained(
    cluster: FakeCluster, client: Program, words: list[str], told: str
) -> None:
    """`KEYS u*` is what one knows; here it found nothing, and said nothing."""
    cluster.store["user"] = "a"
    assert told in client(*words, "--cluster", cluster.members).err
    assert set(cluster.store) == {"user"}

"""The words of the shell: those of client.py, one sentence for each mistake, help that fits."""

from __future__ import annotations

import re

import pytest

from kvcluster.commands import identity, parser
from kvcluster.console import program
from kvcluster.shell.grammar import Grammar, Mistake
from tests.commands.conftest import THE_THREE

ONLY_THERE = {"shell", "up", "certs", "lock", "completion"}
ONLY_HERE = {"exit", "quit", "clear"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ge", "a"], 'There is no command "ge"; did you mean "get"?'),
        (["stauts"], 'There is no command "stauts"; did you mean "status"?'),
        (["xyzzy"], 'There is no command "xyzzy"; help shows all commands.'),
        (["\x1b[2J"], 'There is no command "\\x1b[2J"; help shows all commands.'),
        (["help", "scna"], 'There is no command "scna"; did you mean "scan"?'),
        (["get"], "get: the following arguments are required: KEY (help get tells more)"),
        (
            ["put", "a", "b", "c"],
            'put: "c" is one word too many; a text with spaces stands in quotes'
            " (help put tells more)",
        ),
        (
            ["get", "a", "--nod", "b"],
            'get: there is no option "--nod"; what begins with a dash comes behind "--"'
            " (help get tells more)",
        ),
        (
            ["--version"],
            "A line has a command, and this one has none; help shows all commands.",
        ),
        (
            ["--timeout", "x", "get", "a"],
            "argument --timeout: 'x' is no number of seconds above 0, at most a day"
            " (help tells more)",
        ),
    ],
)
def test_each_mistake_is_one_sentence(grammar: Grammar, words: list[str], sentence: str) -> None:
    """Without a usage, without the name of a program, and without an end of the shell."""
    with pytest.raises(Mistake) as raised:
        grammar.understand(words)
    assert str(raised.value) == sentence


def test_the_shell_has_the_commands_of_client_py(grammar: Grammar) -> None:
    """With the same options, but for who asks; a command that is added there is here."""
    main = parser.build(program.client(THE_THREE))
    (subparsers,) = [it for it in main._actions if it.dest == "command"]
    assert subparsers.choices is not None
    assert set(grammar.commands) - ONLY_HERE == set(subparsers.choices) - ONLY_THERE
    for name in set(grammar.commands) - ONLY_HERE:
        here = grammar.commands[name]._actions
        there = parser.commands_of(main)[name]._actions
        there = [it for it in there if not set(it.option_strings) & set(identity.OPTIONS)]
        assert [(it.dest, it.nargs) for it in here] == [(it.dest, it.nargs) for it in there]


def test_options_of_the_shell_hold_for_each_line(grammar: Grammar) -> None:
    """Unless the line says otherwise, before or behind the command."""
    given = Grammar(THE_THREE, {"timeout": 7.0, "output": "json"})
    assert given.understand(["get", "a"]).timeout == 7.0
    assert given.understand(["get", "a"]).output == "json"
    assert given.understand(["get", "a", "-o", "text"]).output == "text"
    assert given.understand(["--timeout", "1", "get", "a"]).timeout == 1.0
    assert grammar.understand(["get", "a"]).timeout is None


def test_the_page_by_hand_leaves_out_no_command_and_no_common_option(grammar: Grammar) -> None:
    """Nobody made it from the parser, so it could fall behind."""
    page = grammar.format_help()
    assert max(map(len, page.splitlines())) <= 80
    for name in grammar.commands:
        assert re.search(rf"^  (exit, )?{name}\b", page, re.M), name
    for action in grammar._actions:
        for option in action.option_strings:
            assert option in page, option


def test_the_help_of_a_command_is_what_can_be_typed_here(
    grammar: Grammar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No client.py in front, and no example with a pipe, which the shell does not have."""
    monkeypatch.setenv("COLUMNS", "80")
    for name, command in grammar.commands.items():
        text = command.format_help()
        assert "client.py" not in text, name
        assert not re.search(r"^  .* [<>|] ", text, re.M), name
        examples = text.partition("examples:\n")[2].partition("\n\n")[0]
        assert re.search(rf"^  {name}\b", examples, re.M), name
        assert max(map(len, text.splitlines())) <= 80, name

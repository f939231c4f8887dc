"""The foot of the screen: how the command at the cursor is used, or how the cluster is.

While a command is typed, its usage; while an option is typed, what that option means. While the
line is empty, the node and the others: so a node that dies is seen before it is missed, and seen
again when it is back. One line, cut to the width of the screen.
"""

from __future__ import annotations

import argparse

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.console.escaping import as_line
from kvcluster.console.screen import listed
from kvcluster.shell.expecting import expected
from kvcluster.shell.grammar import Grammar
from kvcluster.shell.line import at_cursor
from kvcluster.shell.whereabouts import Look, Whereabouts, briefly
from kvcluster.view.census import serving_clause
from kvcluster.view.health import Health
from kvcluster.view.wording import status_word

_COMMON = ("--help", "--cluster", "--node", "--timeout", "--output")
"""Options of all commands: usage leaves them out."""


def foot(grammar: Grammar, text: str, place: Whereabouts, answers: Look, width: int) -> str:
    """The line, for the text before the cursor and the answers of the last look."""
    return _cut(hint(grammar, text) if text.strip() else health(place, answers), width)


def hint(grammar: Grammar, text: str) -> str:
    """What helps whoever types here."""
    before, typed = at_cursor(text)
    here = expected(grammar, before, typed.text)
    if here.argument is not None and here.argument.option_strings:
        return f"{_spelled(here.argument)}   {_help_of(here.argument)}"
    if here.command is not None:
        return _usage(here.command)
    if before:
        return ""
    if parser := grammar.commands.get(typed.text):
        return f"{_usage(parser)}   {parser.description}"
    return "Tab shows the commands, help explains them"


def _usage(command: argparse.ArgumentParser) -> str:
    """A command with its arguments and those options that are its own."""
    actions = [it for it in command._actions if not set(it.option_strings) & set(_COMMON)]
    arguments = [_argument(it) for it in actions if not it.option_strings]
    options = [f"[{_spelled(it)}]" for it in actions if it.option_strings]
    return " ".join([command.prog, *arguments, *options])


def health(place: Whereabouts, answers: Look) -> str:
    """How the nodes are, the current one first."""
    if not answers:
        return place.current
    count = serving_clause(answers)
    away = {answer.address: answer for answer in answers if not answer.serving}
    if place.pinned:
        how = _predicament(away[place.current]) if away else "serves"
        return f"{place.current} {how}; no other is asked, because of --node"
    if not away:
        return f"{place.current}   {count}"
    if 1 < len(away) < len(answers):
        return f"{count}; {listed(list(away), 'and')} do not"
    told = away.get(place.current, next(iter(away.values())))
    how_many = count if len(away) < len(answers) else "no node serves"
    return f"{told.address} {_predicament(told)}; {how_many}"


def _predicament(answer: Health) -> str:
    """What is wrong with a node that does not serve, as words behind its name."""
    if answer.said is not None:
        return f"is {status_word(answer.said.status)}"
    assert isinstance(answer.outcome, CallFailed)
    why = str(answer.outcome)
    if answer.outcome.kind is FailureKind.TIMED_OUT:
        why = "frozen or cut off"
    elif answer.outcome.kind is FailureKind.UNREACHABLE:
        why = briefly(why)
    return f"does not answer ({why})"


def _argument(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return {"?": f"[{name}]", "*": f"[{name}...]", "+": f"{name}..."}.get(str(action.nargs), name)


def _spelled(option: argparse.Action) -> str:
    """An option by its first name, with its value: "--limit N"."""
    name = option.option_strings[0]
    if option.nargs == 0:
        return name
    choices = "|".join(map(str, option.choices)) if option.choices else ""
    return f"{name} {option.metavar or choices}"


def _help_of(option: argparse.Action) -> str:
    return (option.help or "") if option.help != argparse.SUPPRESS else ""


def _cut(text: str, width: int) -> str:
    line = as_line(text)
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"

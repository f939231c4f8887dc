"""The options of server.py in the environment: `--data-dir` is KVCLUSTER_DATA_DIR, and so for each.

A container, a unit file and a list of nodes that all differ in one word are told things so. There
is no second list of options: what can be said on the command line can be said here, because it is
read from the same parser, by the same kinds of arguments.

- What the command line says wins, and then the variable is not even looked at. `--set` is said by
  both: those of the command line come later.
- A variable that is empty is not set: compose files and shells make such ones.
- A wrong value is refused by the name of its variable. What is found wrong only later, when it is
  seen beside others, is told with the names of all that were used.
- A variable that begins like ours and is none of ours is a slip, or somebody else's (Kubernetes
  makes KVCLUSTER_SERVICE_HOST of a service of this name): it is told, and no reason not to start.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "KVCLUSTER_"
_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_BETWEEN = re.compile(r"[\s,]+")

Actions = Sequence[argparse.Action]


@dataclass(frozen=True)
class _Told:
    """What the environment says, until it is known whether the command line says otherwise."""

    variable: str
    text: str


def variable_of(action: argparse.Action) -> str:
    """What an option is called in the environment."""
    return PREFIX + action.dest.upper()


def parse(
    parser: argparse.ArgumentParser,
    actions: Actions,
    arguments: Sequence[str] | None,
    environment: Mapping[str, str],
) -> argparse.Namespace:
    """Read the command line, and what it does not say from the environment.

    `actions`: the options that have a variable. Exits with code 2 if anything is wrong. The
    namespace has besides: `variables`, the names of those that were used.
    """
    options = argparse.Namespace()
    several = []
    for action in actions:
        if not (text := environment.get(variable_of(action), "")):
            continue
        if isinstance(action.default, list):
            setattr(options, action.dest, [word for word in _BETWEEN.split(text) if word])
            several.append(variable_of(action))
            continue
        said = _Told(variable_of(action), text)
        setattr(options, action.dest, said)
        if not action.option_strings:  # it need not stand on the command line any more
            action.nargs, action.required, action.default = argparse.OPTIONAL, False, said
    parser.parse_args(arguments, options)
    options.variables = [*_take(parser, actions, options), *several]
    return options


def _take(
    parser: argparse.ArgumentParser, actions: Actions, options: argparse.Namespace
) -> Iterator[str]:
    """Put values in the place of what is still told by a variable; the names of these."""
    for action in actions:
        if isinstance(told := getattr(options, action.dest), _Told):
            try:
                setattr(options, action.dest, _value(action, told.text))
            except argparse.ArgumentTypeError as error:
                parser.error(f"{told.variable}: {error}")
            yield told.variable


def _value(action: argparse.Action, text: str) -> Any:
    if action.nargs == 0:
        if text.lower() not in _SWITCH:
            raise argparse.ArgumentTypeError(f"{text!r} is neither 1 nor 0")
        return _SWITCH[text.lower()]
    kind: Any = action.type or str
    value = kind(text)
    if action.choices and value not in action.choices:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(action.choices)}")
    return value


def told(actions: Actions) -> str:
    """A paragraph for --help, with the name of each variable."""
    names = ", ".join(map(variable_of, actions))
    several = [variable_of(action) for action in actions if isinstance(action.default, list)]
    switches = [variable_of(action) for action in actions if action.nargs == 0]
    return (
        f"What is not said here is taken from the environment: {names}."
        f" {', '.join(switches)} is 1 or 0; {', '.join(several)} may have several, separated by"
        " spaces or commas."
    )


def slips(
    actions: Actions, environment: Mapping[str, str], besides: Sequence[str] = ()
) -> list[str]:
    """A sentence for each variable that begins like ours, and is none of ours. `besides`: those
    that no option stands for.
    """
    known = [*map(variable_of, actions), *besides]
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return [f"{name} means nothing here{_suggestion(name, known)}" for name in unknown]


def _suggestion(name: str, known: list[str]) -> str:
    names = [it.removeprefix(PREFIX) for it in known]
    close = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=1)
    return f"; did you mean {PREFIX}{close[0]}?" if close else ""

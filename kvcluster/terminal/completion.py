"""`client.py completion`: the script by which bash or zsh completes its words.

shtab makes it from the parser, so it knows every command and option that the parser knows, and
costs a shell nothing but a function: the program is not started to complete a word.

Rejected: argcomplete, which starts the program at each press of the key: a sixth of a second, and
it must be told to every shell. Keys are not completed, since that would be a request.
"""

from __future__ import annotations

import argparse

from kvcluster.terminal.screen import Exit, complain, say


def run(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print the script; return the exit code."""
    try:
        import shtab
    except ModuleNotFoundError:
        complain(
            "The completion is made by shtab, which is not installed: pip install shtab,"
            " or make setup."
        )
        return Exit.BAD_USAGE
    say(shtab.complete(parser, shell))
    return Exit.DONE

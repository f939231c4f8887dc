"""What `help` says in the shell: one page, and the help of each command without client.py.

The page is grouped by wishes, as that of client.py is (commands/manual.py), and fits 80 columns.
Examples that need another shell, with its pipes and files, are left out here.
"""

from __future__ import annotations

import re

from kvcluster.commands.command import CLUSTER, FEW_KEYS, MANY_KEYS
from kvcluster.commands.manual import told

_PAGE = """\
{commands}
this shell:
  help [COMMAND]        this page, or all about a command
  clear                 clear the screen
  exit, quit            end it; so does Ctrl+D

options, before or after the command:
  --cluster H:P,...     ask these nodes, this time
  --node H:P            ask this node, this time
  --timeout S           seconds to wait for an answer
  -o, --output FORMAT   text or json
  -h, --help            after a command: all about that command

keys:
  Tab                   complete a command, an option, a file or a key
  Up, Down, Ctrl+R      go through what was typed before
  Right                 take the suggestion that stands behind the cursor
  Ctrl+C                cancel the command that runs, or clear the line

words:
  put city "Hà Nội"     quotes keep spaces together, as in other shells
  put degrees -- -7     a value that begins with a dash
   put pin 1234         a line that begins with a space is not remembered

The prompt names the node that is asked. When it does not answer, the next
command moves to another, and says so. Pipes and redirections there are none.
"""

_OF_ANOTHER_SHELL = re.compile(r"  .*client\.py.* [<>|] |  .*\| client\.py|  client\.py$")
"""Examples that cannot be typed here; the last is client.py alone."""


def page() -> str:
    """The page of the shell."""
    commands = told((FEW_KEYS, MANY_KEYS, CLUSTER), in_shell=True)
    return _PAGE.replace("{commands}", commands)


def without_program(text: str) -> str:
    """The help of a command, as it is read where commands have no client.py in front."""
    lines = [line for line in text.split("\n") if not _OF_ANOTHER_SHELL.match(line)]
    return "\n".join(lines).replace("client.py ", "")

"""What `help` says in the shell: one page by hand, and the help of each command without client.py.

The page is grouped by wishes, as that of client.py is, and fits 80 columns. Examples that need
another shell, with its pipes and files, are left out here.
"""

from __future__ import annotations

import re

PAGE = """\
one key or a few:
  put KEY VALUE         store a value; put KEY --file FILE: what is in a file
  get KEY...            print the value
  delete KEY...         remove keys; --prefix P removes all that begin with P
  locate KEY            show which nodes hold a key

many keys:
  scan [PREFIX]         print pairs in the order of their keys
  import FILE           store the pairs of a file: .jsonl, .json, .csv, each
  export FILE           also .gz; write pairs to such a file

the cluster:
  health [H:P...]       ask nodes how they are, a line each
  status                show all nodes, and what they say of each other
  top                   watch the cluster in the terminal, live
  demo                  put, get and delete on every node, each step checked
  bench                 measure how fast your cluster is

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


def without_program(text: str) -> str:
    """The help of a command, as it is read where commands have no client.py in front."""
    lines = [line for line in text.split("\n") if not _OF_ANOTHER_SHELL.match(line)]
    return "\n".join(lines).replace("client.py ", "")

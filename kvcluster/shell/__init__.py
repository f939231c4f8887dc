"""`client.py shell`: the commands of client.py at a prompt, and a node that may die under it.

    interpreter.py    one line after the other, from a script or from the conversation
    conversation.py   the prompt in a terminal: welcome, Ctrl+C, Ctrl+D
    line.py           a line as words, and the word at the cursor
    grammar.py        the parser of client.py for a line: its help, a sentence for each mistake
    whereabouts.py    which node the shell talks to, and how all of them are while nobody types
    expecting.py      what may stand at the cursor
    completer.py      what of it Tab offers
    foot.py           what is told at the foot of the screen
    history.py        the lines that are kept

A command is done by the very function that client.py calls, in the main thread, while the prompt is
not there. So it prints, fails and is interrupted as it does from any other shell, and the code of
all commands is there once.

prompt_toolkit is imported by those three that stand in front of a person (conversation, completer,
history), and only in a terminal.
"""

from __future__ import annotations

from functools import partial

from kvcluster.commands.command import Call, Command, Work


def _prepare(call: Call) -> Work:
    from kvcluster.shell import interpreter

    return partial(interpreter.run, call)


COMMAND = Command(
    text="type these commands at a prompt, with history and Tab",
    epilog="""\
The commands are those of client.py, without it in front. Up, Down and Ctrl+R
go through what was typed before, Tab completes commands, options, files and
keys. Ctrl+C cancels a command, Ctrl+D ends the shell. It stays with one node;
when that one does not answer, it moves to another and says so in a line. With
--node it asks that one only.

Without a terminal it runs the commands of its standard input, a line each;
empty lines and lines that begin with # are skipped, and an error does not end
it.

Lines are kept in ~/.local/state/kvcluster/history, or below $XDG_STATE_HOME;
one that begins with a space is not.

examples:
  client.py shell
  client.py shell --cluster localhost:50051,localhost:50052
  client.py shell < commands.txt

exit codes:
  0  it was ended; without a terminal: no line failed
  2  bad usage; without a terminal, the code of the last line that failed
""",
    in_shell=False,
    prepare=_prepare,
)

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

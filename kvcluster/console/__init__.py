"""What every program at a terminal needs.

program.py       which program somebody types, and how it ends in good order
arguments.py     the kinds of arguments, each refused with a sentence
screen.py        what is printed, for people and for programs
streams.py       what is printed and typed, whole, whatever the streams are like
key_remarks.py   patterns, and keys that look the same and are not
stopping.py      Ctrl+C as a wish, for work that ends in good order
"""

"""What every program at a terminal needs.

program.py       which program somebody types, and its --version
arguments.py     the kinds of arguments, each refused with a sentence
screen.py        text for people, and the calm end of a program
streams.py       what is printed and typed, whole, whatever the streams are like
output.py        results for programs: --output json
escaping.py      results for people: a pair on a line
key_remarks.py   patterns, and keys that look the same and are not
stopping.py      Ctrl+C as a wish, for work that ends in good order
interrupts.py    Ctrl+C for a program that has to clean up
"""

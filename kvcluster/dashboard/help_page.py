"""What the key ? shows: the keys, and what the parts of the screen mean."""

from __future__ import annotations

PAGE = """\
Keys                                    Escape closes this page
  p  put a key       g  get a key       d  delete a key
  f  follow a key: what each replica holds; an empty key ends it
  s  the slots: usual, big, off         e  more room for the events
  Space  pause       r  look now        + -  look more often, or less
  Tab, arrows        to the next part, and scroll in it
  t  colours: the terminal's, light, dark
  S  save a picture of the screen       q, Ctrl+C  quit

Signs
  ●  well            ▲  on its way, or worth a look
  ✗  wrong           ·  for your information
  –  not known; it never means 0

Nodes   By their own account; if they do not answer, by that of others.
  ops/s, p50, p99    of the calls of clients since the last look
  behind             age of the oldest write that it may not have yet
  primary/held       how many slots it is the primary of, and holds
  JSON age           how old its JSON file is

Now     What is wrong or goes on at this moment, in the words of
        `client.py status`; docs/operate.md says what to do.

Slots   Each key lives in one of 4,096 slots; a cell is some of them.
  a  the primary, which serves
  ▒  the primary does not serve, another replica does
  ×  no replica serves: keys here can be neither read nor written

Events  What began, what changed, what is over; the newest last.
"""

"""Linearizability of one key: the judge of everything that is decided by a majority.

    tried.py      an operation that somebody tried, and how it ended; a recorder of many
    register.py   what one key is: a value and its version, and what each operation does to it
    checker.py    whether there is an order in which all of it can have happened
    slow_twin.py  the same by trying every order; for small histories, to hold the checker against
    drawing.py    small histories by chance, right and wrong ones

    rules.py      the rules of the protocol, each of which can be left out
    town.py       replicas of one key in a small world: messages, disks, crashes, clocks
    deciding.py   what a coordinator does there
    plain_puts.py plain puts on the same key
    upkeep.py     healing, forgetting of tombstones, becoming whole after a lost disk
    play.py       many histories of it, judged

The checker serves the simulator, real processes under chaos, and the small model of the protocol,
so it knows nothing of any of them.
"""

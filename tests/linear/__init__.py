"""Linearizability of one key: the judge of everything that is decided by a majority.

    tried.py      an operation that somebody tried, and how it ended; a recorder of many
    register.py   what one key is: a value and its version, and what each operation does to it
    checker.py    whether there is an order in which all of it can have happened
    slow_twin.py  the same by trying every order; for small histories, to hold the checker against
    drawing.py    small histories by chance, right and wrong ones

The checker serves the simulator, real processes under chaos, and a small model of the protocol, so
it knows nothing of any of them.
"""

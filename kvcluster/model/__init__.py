"""What decides: pure rules over values. No clock, socket, disk, randomness or event loop here.

What a key holds:

    entry.py          a value or a tombstone, with its version
    operation.py      what somebody wants done with a key
    condition.py      what must be so for it to be done
    ballots.py        majorities: what is chosen, and what may be
    decision.py       what operations on one key make of it, in one step
    sightings.py      of which keys somebody may have seen what a majority holds
    batch_writes.py   what the operations of one batch make of each key
    clock.py          versions: the hybrid logical clock
    tombstones.py     what each delete still needs before it may be forgotten
    digest.py         what a slot holds, in 64 bits
    merge.py          sorted pages of several sources, as one stream

Who is there, and where a key lives:

    members.py        the members, and how many hold each key
    slots.py          the slots, and their replicas
    agreement.py      which settings of two nodes must fit together
    relations.py      which settings of one node must
    detector.py       is a member alive?
    pauses.py         was this process away?
    readiness.py      may this node take writes, may it answer reads?

Who gets what, and when:

    fanout.py         which peer gets which writes of a round, and who misses what
    hints.py          what others missed
    exchange.py       what was sent to a peer, and how it answers
    timings.py        how long things took
"""

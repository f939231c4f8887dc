"""What stands outside the cluster and asks it: the commands, the demo, the health check.

    failure.py        what went wrong with a call, and whether anything may have been written
    link.py           one node seen from outside
    health.py         many nodes asked at once how they are
    health_check.py   the same, printed: health_check_client.py
    commands.py       put, get, delete and locate: which node is asked, and which is asked next
    status.py         client.py status, in a table; what is said there is decided by
    census.py           what all nodes said, put together by whom it is about
    notes.py            what is unusual about each of them
    disagreements.py    where they contradict each other
    demo.py           the scripted demo: looks around, and plays
    rounds.py           the rounds: put, get and delete on every node
    watch.py            the live/dead list, and a look at it while it changes
    command_line.py   the arguments that lead to them: client.py
    wording.py        how states, times and amounts are put into words
    screen.py         text for people, and the calm end of a program
    interrupts.py     Ctrl+C for a program that has to clean up
    local_cluster.py  three servers on this machine, in a temporary folder
    stage.py          commands that are shown, really run, and checked
    tour.py           `make demo`, first act: the demo and a node that goes and returns
    tour_of_parts.py    second act: a cluster where each node holds a part of the keys

Nothing here knows how a node works inside: all knowledge comes over the wire, so whatever these
programs show is what any client would see.

A client's one hard duty is to be honest about writes. An answer is *done*, *certainly not done*,
or *unknown*. `failure.py` decides which, and nothing is sent a second time after *unknown*: the
first one may have been delivered, and the second could then overwrite what came in between.
"""

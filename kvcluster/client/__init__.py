"""What stands outside the cluster and asks it: the commands, the demo, the health check.

    failure.py        what went wrong with a call, and whether anything may have been written
    link.py           one node seen from outside
    health.py         many nodes asked at once how they are
    health_check.py   the same, printed: health_check_client.py
    commands.py       put, get and delete: which node is asked, and which is asked next
    demo.py           the scripted demo
    command_line.py   the arguments that lead to them: client.py
    screen.py         text for people, and the calm end of a program
    interrupts.py     Ctrl+C for a program that has to clean up
    local_cluster.py  three servers on this machine, in a temporary folder
    tour.py           `make demo`: the demo and a node that goes and returns, on such servers

Nothing here knows how a node works inside: all knowledge comes over the wire, so whatever these
programs show is what any client would see.

A client's one hard duty is to be honest about writes. An answer is *done*, *certainly not done*,
or *unknown*. `failure.py` decides which, and nothing is sent a second time after *unknown*: the
first one may have been delivered, and the second could then overwrite what came in between.
"""

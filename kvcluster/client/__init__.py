"""The library that programs use: `from kvcluster import Client, AsyncClient`.

    aio.py, aio_many.py   AsyncClient: the methods about one key, and about many
    aio_changing.py       those that look first, and then write if nothing came between
    sync.py, twins.py     Client; how its methods are made from those of AsyncClient
    face.py               what both are given
    raw.py                a client for programs that show what a node said
    session.py            one client's whole machinery, in one event loop
    dispatcher.py         operations in, batches out, an end for every operation
    pending.py              its parts: what somebody wants done,
    departures.py           who waits, who leaves next, and whose time is over,
    waiting_line.py         what waits, and who leaves together,
    crate.py                many that travel as one, without an object for each,
    parcel.py               what travels together, and what a node said to it,
    judging.py              what follows from it,
    retrying.py             how often, and when, to try again
    nodes.py              the connections, and the search for a node that can be asked
    roster.py               which node that is
    credentials.py          by what a program shows who it is: certificates, a token
    connection.py           the way to one node; all that is known of gRPC's channels and calls
    link.py               one node and one call at a time, for programs that look at single nodes
    asking.py             one question, from node to node: where a key lives, or a page of
    paging.py             a scan
    scan_course.py          what is left of it, and what was missing
    survey.py             how every node is, asked at once
    many.py               any number of writes or reads, of which a few are on their way
    mapping.py            the keys with one prefix, as a dictionary
    background.py         the event loop that all synchronous clients share
    engine.py             what a process must be like for gRPC to work in it
    given.py              what programs give, and why it cannot be taken
    ahead.py              what a key will hold when the updates on their way are done
    conditions.py         what must be so for a write, and how long a key lives
    values.py             text and bytes, as they are stored
    answers.py            what comes back: Stored, Deleted, Version, NodeStatus and the like
    failure.py            what went wrong with a call, and whether anything may have been written

Nothing here knows how a node works inside: all knowledge comes over the wire.

A client's one hard duty is to be honest about writes. An answer is *done*, *certainly not done*,
or *unknown*. `failure.py` decides which, and nothing is sent a second time after *unknown*, unless
the caller allows it: the first one may have been delivered, and the second could then overwrite
what came in between. A write with a condition is never sent a second time.
"""

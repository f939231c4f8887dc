"""A node among others: each wing is built on those above it, and wires itself.

    peers/      who is there, and how to ask them
    writing/    a write, to this disk and to the other replicas
    repair/     catching up, and finding what nobody knew of
    deciding/   what needs a majority
    requests/   what clients ask for, and peers that ask for one

Only `cluster/peers/channels.py` knows gRPC. The rest speaks through the `Transport` protocol, and
what it takes from its machine it takes from `Surroundings`. So whole clusters run in one process
and in virtual time.
"""

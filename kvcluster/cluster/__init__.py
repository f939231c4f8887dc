"""Talking to peers: who is there, copying writes to them, catching up with them.

Only `cluster/peers/channels.py` knows gRPC. The rest speaks through the `Transport` protocol and
takes its clocks from outside, so whole clusters can run in one process and in virtual time.
"""

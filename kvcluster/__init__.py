"""A replicated key-value store without a leader: the library behind server.py and client.py.

Read it in the order in which it decides: `model` (pure rules), `storage` (the durable dict),
`cluster` (talking to peers), `node` (how the parts fit). Imports point only that way.
"""

import os

# gRPC's own log lines are for its developers; what a person must know, we say ourselves. It reads
# this once, when it is first imported, so it stands here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

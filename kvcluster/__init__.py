"""A replicated key-value store without a leader: the library behind server.py and client.py.

Read it in the order in which it decides: `model` (pure rules), `storage` (the durable dict),
`cluster` (talking to peers), `node` (how the parts fit). Imports point only that way.
"""

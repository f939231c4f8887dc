"""The gateway: an engine behind this store's API.

gateway.py        an engine as a Service
carrier.py        operations, carried out wave by wave
waves.py          a batch, cut so that each key comes once at a time
replies.py        what came of an operation, as clients are answered
presence.py       whether the engine is there
engine_report.py  how a gateway is, and what its engine says of itself
"""

"""Engines: stores that others built, under the same API.

contract.py   what an engine must do
address.py    what stands behind --engine
catalogue.py  which there are, each loaded when it is wanted
waves.py      a batch, cut so that each key comes once at a time
gateway.py    an engine as a Service
presence.py   whether the engine is there
replies.py    what came of an operation, as clients are answered
etcd/         a consensus store, by a small proto of our own
postgres/     a database on disk, by asyncpg
redis/        Redis and Valkey Cluster, by redis-py's connections
"""

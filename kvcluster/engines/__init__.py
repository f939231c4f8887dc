"""Engines: stores that others built, which a gateway puts under this store's API.

contract.py   what an engine must do
address.py    what stands behind --engine
catalogue.py  which there are, each loaded when it is wanted
etcd/         a consensus store, by a small proto of our own
postgres/     a database on disk, by asyncpg
redis/        Redis and Valkey Cluster, by redis-py's connections
"""

"""Redis and Valkey Cluster as an engine, by redis-py's plain connections.

redis_engine.py     the contract, fulfilled: writes, reads, count, sweep
redis_writes.py     operations, cut into calls of the script, and what each came to
redis_pages.py      pages in the order of keys, merged from all buckets
redis_setting.py    what the address says, checked: prefix, copies, and how to connect
redis_door.py       connections of the driver, made as we need them: no retries, plain errors
redis_node.py       one node: a few connections, and what comes of commands sent to it
redis_router.py     errands, each to the primary of its slot, again only where that is harmless
redis_map.py        who is primary of which slots: kept, and renewed
redis_view.py       what one node says of the cluster
redis_failures.py   what an error of Redis means: nothing written, or not known
redis_layout.py     how keys are laid out: 64 buckets, and what a stored value looks like
redis_scripts.py    the scripts that run in Redis: write and sweep
"""

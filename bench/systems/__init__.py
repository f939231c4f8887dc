"""What is measured: ours and the rivals, each with its processes and its client.

processes.py   processes that end whatever happens
system.py      what every system can do: start, stop, say where it is and what it promises
ours.py        this store, of any checkout and with any settings
gateway.py     ours upon an engine that others built: its system, and our server before it
probed.py      one of our servers that also watches how long its event loop stands still
grpc_echo.py   bare gRPC: a unary call to a dictionary, and that is all
grpc_chain.py  bare gRPC over the hops and syncs of a put, with no store: the floor
etcd.py        etcd, with the messages of the engine's etcd_rpc.proto
redis.py       Redis with replicas and WAIT
redis_cluster.py  Redis Cluster, three primaries
postgresql.py  PostgreSQL, one primary
pysyncobj.py   PySyncObj, the Raft library of Python
sqlite.py      sqlite, in the process of its caller: no replicas
diskcache.py   diskcache, likewise
"""

"""etcd: a consensus store, by a small proto of our own.

etcd_engine.py    reads and pages; what the gateway asks
etcd_writes.py    writes, in transactions
etcd_values.py    values as they stand there, and versions
etcd_members.py   who leads, whom to ask, our token
etcd_member.py    a channel to one of them
etcd_failures.py  what an error of etcd means for a write
etcd_rpc.proto    as much of etcd's interface as is called
etcd_rpc_pb2.py, etcd_rpc_pb2.pyi   made from it
"""

"""The durable dict: a table in memory, a journal of writes, a JSON file that people can read.

Start with `store.py`, which is the three as one thing.
"""

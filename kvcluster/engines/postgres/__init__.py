"""PostgreSQL: an engine for data past memory, by asyncpg.

postgres_engine.py      the contract, and what is told of members
postgres_writing.py     operations as arguments, rows as outcomes
postgres_reading.py     keys, pages, the count, the sweep
postgres_rows.py        a row as the rest of this project sees it
postgres_statements.py  all SQL that writes and reads
postgres_table.py       the table, and the rights on it
postgres_calls.py       one statement at the primary, within a deadline, and when it is tried again
postgres_failures.py    what errors mean
postgres_copies.py      how many copies a commit has
postgres_hosts.py       who is the primary
postgres_pool.py        the connections to one host
postgres_link.py        one connection, which nobody interrupts
postgres_door.py        how one is made
"""

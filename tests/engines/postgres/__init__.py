"""PostgreSQL: its servers, and what is true of it beside the contract.

server.py   one server process, which tests may kill, freeze and start again
servers.py  those of the suite
pair.py     a primary and its synchronous standby
"""

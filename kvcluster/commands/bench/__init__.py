"""Bench: how fast a cluster is, seen from here.

bench.py   what is measured, in a table and in bars
load.py    the load itself
"""

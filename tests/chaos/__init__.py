"""Chaos on real processes: every fault there is, under load, and a report of what became of it."""

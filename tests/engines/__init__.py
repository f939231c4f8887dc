"""Engines: the contract on each of them, and what a gateway makes of it."""

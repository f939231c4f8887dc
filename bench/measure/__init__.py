"""What a measurement is made of.

statistics.py   medians, spreads, ratios of pairs
processor.py    processor time and memory of processes
machine.py      what machine this is, and which versions run on it
"""

"""Redis Cluster as an engine: its failures on fakes, and faults of real servers under load."""

"""The process round a node."""

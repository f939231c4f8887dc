"""The benchmark itself: its arithmetic, its tables, and a run that is far too short to believe."""

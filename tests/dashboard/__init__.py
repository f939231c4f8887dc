"""Tests of the dashboard: what it says, by values, and the whole of it by a pilot."""

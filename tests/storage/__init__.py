"""Tests of the durable dict, on a disk that does everything a disk may do."""

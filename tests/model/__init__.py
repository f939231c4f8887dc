"""Tests of what decides: values only."""

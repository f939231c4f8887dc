"""Tests of the library: alone, and against nodes that do as they are told."""

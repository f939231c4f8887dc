"""Tests of the commands, the demo and the health check, against nodes that do as they are told."""

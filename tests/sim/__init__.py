"""The simulator: whole clusters of the real code in virtual time, each history from one seed."""

"""What a cluster looks like from outside."""

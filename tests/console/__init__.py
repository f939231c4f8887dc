"""What every program at a terminal needs."""

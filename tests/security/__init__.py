"""Security: the pure rules of who may do what."""

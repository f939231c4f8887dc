"""The shell: its lines, what it offers and hints at, and the node that dies under it."""

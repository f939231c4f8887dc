"""The border, both sides."""

"""The edges: what nobody sends who means well, at real servers on real sockets."""

"""Real servers, real sockets, real signals."""

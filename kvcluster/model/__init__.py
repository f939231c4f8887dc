"""What decides: pure rules over values. No clock, socket, disk, randomness or event loop here."""

"""Ahead: what a key will hold when the updates of this client that are on their way are done.

Many tasks or threads of one program count on one key. If each based its update on what is stored,
one of them would come through in a round between the nodes, and all others were too late. So an
update is based on what the one before it is about to put, on the condition that this is the value
then. Updates of one key keep their order and travel together, so a node finds each condition
fulfilled by the write before it, and decides all of them in one round.

It is a guess, and harmless: each update still carries the condition under which it is right. If the
first of a row comes too late, so do those behind it, and begin again with what is there.

Only values that never expire are guessed at: a condition on a value says nothing of when it
expires. (Known weak spot: if somebody else puts just the value that was guessed, with a time to
live, and that between two updates of a row, the second makes it permanent.)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False, frozen=True, slots=True)
class Guess:
    """What an update is about to put. It looks as what is under a key does (`There`)."""

    value: str
    found: bool = True
    version: bytes = b""
    """Nobody knows it yet."""
    expires_ms: int = 0


class Ahead:
    """The guesses of one client, by key. Threads may share it: what gets lost is only a guess."""

    def __init__(self) -> None:
        self._on_their_way: dict[str, list[Guess]] = {}

    def last(self, key: str) -> Guess | None:
        """What the last update that is on its way is about to put; None: none is."""
        guesses = self._on_their_way.get(key)
        return guesses[-1] if guesses else None

    def begin(self, key: str, text: str) -> Guess:
        """An update that puts this sets out."""
        guess = Guess(text)
        self._on_their_way.setdefault(key, []).append(guess)
        return guess

    def end(self, key: str, guess: Guess) -> None:
        """It has ended, well or not."""
        guesses = self._on_their_way.get(key, [])
        if guess in guesses:
            guesses.remove(guess)
        if not guesses:
            self._on_their_way.pop(key, None)

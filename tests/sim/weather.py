"""The weather of a network: how long messages take, and what becomes of some."""

from __future__ import annotations

from dataclasses import dataclass

_SLOW_S = 0.1


@dataclass
class Weather:
    """What the network does to messages: chances, and delays in seconds."""

    delay_s: tuple[float, float] = (0.0005, 0.003)
    """Between nodes."""
    near_s: tuple[float, float] = (0.0005, 0.003)
    """Between a client and a node."""
    straggle: float = 0.0
    straggle_s: float = 0.2
    lose: float = 0.0
    repeat: float = 0.0
    capture: float = 0.0
    capture_s: tuple[float, float] = (0.5, 40.0)

    @property
    def is_slow(self) -> bool:
        """Whether a way between nodes takes a good part of what makes one of them silent."""
        return self.delay_s[1] > _SLOW_S

    def calm(self) -> Weather:
        """The same without anything bad, slow ways included."""
        return Weather(self.near_s, self.near_s)

"""The weather of a network: how long messages take, and what becomes of some."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Weather:
    """What the network does to messages: chances, and delays in seconds."""

    delay_s: tuple[float, float] = (0.0005, 0.003)
    straggle: float = 0.0
    straggle_s: float = 0.2
    lose: float = 0.0
    repeat: float = 0.0
    capture: float = 0.0
    capture_s: tuple[float, float] = (0.5, 40.0)

    def calm(self) -> Weather:
        """The same without anything bad."""
        return Weather(self.delay_s)

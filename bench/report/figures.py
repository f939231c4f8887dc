"""How numbers are written: as many digits as a noisy machine deserves."""

from __future__ import annotations

from bench.cases import OF_64, RATE, Unit
from bench.measure.statistics import Spread

_WHOLE_FROM, _TENTHS_FROM, _MORE_DIGITS_BELOW = 100, 10, 0.1


def number(value: float) -> str:
    """Three digits or so, and no power of ten."""
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    if abs(value) >= _TENTHS_FROM:
        return f"{value:.1f}"
    small = 0 < abs(value) < _MORE_DIGITS_BELOW
    return f"{value:.4f}".rstrip("0") if small else f"{value:.2f}"


def figure(value: float, unit: Unit) -> str:
    """A figure in its unit, which stands elsewhere."""
    return f"{value:,.0f}" if unit in (RATE, OF_64) else number(value)


def between(spread: Spread, unit: Unit) -> str:
    """The ends of a spread; empty for a single figure."""
    if spread.count < 2:
        return ""
    return f"{figure(spread.low, unit)} to {figure(spread.high, unit)}"


def ratio(spread: Spread) -> str:
    """A ratio with its ends."""
    ends = f" ({number(spread.low)} to {number(spread.high)})" if spread.count > 1 else ""
    return number(spread.median) + ends

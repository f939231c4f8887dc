"""Redis words: arguments that stand elsewhere in redis-cli, as our options.

    SETEX session/7 30 An         put session/7 An --ttl 30s
    SET lock me NX EX 30          put lock me --if-absent --ttl 30s
    EXPIRE session/7 30           touch session/7 --ttl 30s
    DECRBY stock 5                incr stock -- -5
    CAS n 7 8                     put n 8 --if-value 7    (no command of Redis; what many call it)

What does not have the shape of such a command is left as it was typed: our own parser says what is
wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_UNITS = {"ex": 1000, "px": 1}


def _span(milliseconds: int) -> str:
    """A time to live as an option takes it."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{milliseconds / 1000:g}s" if rest else f"{seconds}s"


def _expire(words: Sequence[str], unit_ms: int) -> list[str]:
    if len(words) != 2 or not words[1].isdecimal():
        return list(words)
    return [words[0], "--ttl", _span(int(words[1]) * unit_ms)]


def _setex(words: Sequence[str], unit_ms: int) -> list[str]:
    if len(words) != 3 or not words[1].isdecimal():
        return list(words)
    return ["--ttl", _span(int(words[1]) * unit_ms), "--", words[0], words[2]]


def _decr(words: Sequence[str]) -> list[str]:
    number = words[1] if len(words) == 2 else "1"
    if len(words) not in (1, 2) or not number.isdecimal():
        return list(words)
    return [words[0], "--", f"-{number}"]


def _cas(words: Sequence[str]) -> list[str]:
    if len(words) != 3:
        return list(words)
    return [f"--if-value={words[1]}", "--", words[0], words[2]]


def _set(words: Sequence[str]) -> list[str]:
    """SET has its options behind, without dashes; a value of two words is no such thing."""
    options: list[str] = []
    left = iter(words[2:])
    for word in left:
        name = word.lower()
        if name == "nx":
            options.append("--if-absent")
        elif name == "keepttl":
            options.append("--keep-ttl")
        elif name in _UNITS and (number := next(left, "")).isdecimal():
            options += ["--ttl", _span(int(number) * _UNITS[name])]
        else:
            return list(words)
    return [*words[:2], *options]


_SORTED: dict[str, Callable[[Sequence[str]], list[str]]] = {
    "set": _set,
    "setex": lambda words: _setex(words, 1000),
    "psetex": lambda words: _setex(words, 1),
    "expire": lambda words: _expire(words, 1000),
    "pexpire": lambda words: _expire(words, 1),
    "decr": _decr,
    "decrby": _decr,
    "decrement": _decr,
    "cas": _cas,
}


def ours(asked: str, words: Sequence[str]) -> list[str]:
    """The arguments behind a word, as ours."""
    return _SORTED[asked](words) if asked in _SORTED else list(words)

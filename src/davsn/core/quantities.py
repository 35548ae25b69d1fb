"""Times and sizes as people write them: ``10m``, ``320x160``."""

import re

_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_SIZE = re.compile(r"(\d+)(?:\s*[x×]\s*(\d+))?")


def seconds(text: str | float) -> float:
    """Read a time in seconds: ``600``, ``90s``, ``10m``, ``1h``.

    Raises:
        ValueError: the text is no time, or the time is 0.
    """
    found = _TIME.fullmatch(str(text).strip().lower())
    value = float(found[1]) * _SECONDS[found[2] or ""] if found else 0.0
    if not value:
        raise ValueError(f"should be a time such as 10m, 90s, 1h or 600 (seconds), but got {text!r}")
    return value


def size(text: str | int) -> int | tuple[int, int]:
    """Read a size in pixels: a height, such as ``160``, or a width and a height, such as ``320x160``.

    Raises:
        ValueError: the text is no size.
    """
    found = _SIZE.fullmatch(str(text).strip().lower())
    if not found:
        raise ValueError(f"should be a height such as 160, or WIDTHxHEIGHT such as 320x160, but got {text!r}")
    return int(found[1]) if found[2] is None else (int(found[1]), int(found[2]))


def spoken(time: float) -> str:
    """Write a time in seconds for people: ``90 s``, ``10 min``, ``1 h 5 min``."""
    if time < 120:
        return f"{time:.0f} s"
    minutes = round(time / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

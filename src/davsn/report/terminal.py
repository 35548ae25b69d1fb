"""A run in the terminal: how far it is, its losses as curves of characters, and its last scores."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from davsn.core.quantities import spoken

_LEVELS = "▁▂▃▄▅▆▇█"
_LABEL, _VALUE = 24, 9


def curve(values: Sequence[float], width: int) -> str:
    """Draw values as one line of characters, from the smallest to the largest.

    Each character is the mean of an equal share of the values. Values that are not finite are left out.

    Args:
        values: the values in order.
        width: the largest number of characters.
    """
    finite = [value for value in values if abs(value) < float("inf")]
    count = min(width, len(finite))
    edges = [round(index * len(finite) / count) for index in range(count + 1)] if count else []
    means = [sum(finite[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    if not means:
        return ""
    low, span = min(means), max(means) - min(means)
    return "".join(_LEVELS[round((value - low) / span * (len(_LEVELS) - 1)) if span else 0] for value in means)


def screen(
    name: str,
    steps: int,
    log: Sequence[Mapping[str, Any]],
    left: float | None,
    scores: Mapping[str, str],
    width: int = 80,
) -> str:
    """What ``davsn watch`` shows.

    Args:
        name: the run.
        steps: the number of steps that it will have.
        log: the lines of its log, one a step.
        left: seconds until its end; None if that is unknown.
        scores: validation set → its last scores in words.
        width: columns of the terminal.
    """
    done = int(log[-1]["step"]) + 1 if log else 0
    rest = "finished" if done >= steps else "time left: unknown" if left is None else f"{spoken(left)} left"
    lines = [f"{name}  step {done} of {steps}  {rest}"]
    terms = dict.fromkeys(key for line in log for key in line if key.startswith("loss/"))
    for term in terms:
        values = [float(line[term]) for line in log if term in line]
        drawn = curve(values, max(width - _LABEL - _VALUE - 2, 1))
        lines.append(f"{term.removeprefix('loss/')[:_LABEL]:{_LABEL}} {values[-1]:{_VALUE}.4g} {drawn}")
    lines += [f"{key}  {told}" for key, told in scores.items()]
    return "\n".join(line[:width] for line in lines)

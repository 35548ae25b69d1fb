"""The table of paired differences between networks that were scored on the same clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from davsn.core.errors import DataError
from davsn.report.content import Network
from davsn.report.tables import Cell
from davsn.scoring.comparing import compared
from davsn.scoring.metric_scores import MetricScores
from davsn.scoring.uncertainty import Difference, Interval


@dataclass(frozen=True)
class Differences:
    """The differences of every network from the first one on a set.

    Attributes:
        titles: the metrics, by name.
        rows: the cells of each network, by its position on the page.
    """

    titles: Mapping[str, str]
    rows: Mapping[int, Sequence[Cell]]


def differences(networks: Sequence[Network], name: str) -> Differences | None:
    """Compare every network with the first one, by the most important value of every metric.

    Networks of several seeds are left out: their deviation over seeds is in the table of results. So are scores without
    the counts of clips, such as those of older files, and scores on other clips.

    Args:
        networks: the networks.
        name: the set.

    Returns:
        the table; None if nothing can be compared.
    """
    first, *others = [network.scores.get(name, ()) for network in networks]
    found: dict[int, dict[str, Difference]] = {}
    if len(first) == 1:
        for number, other in enumerate(others, 1):
            if len(other) == 1:
                try:
                    several = compared(first[0].scores, other[0].scores)
                except DataError:  # other clips or settings, or no counts of clips
                    continue
                found[number] = {one.metric: one for one in reversed(several)}  # the first value of each metric
    metrics = first[0].scores.metrics if found else {}
    shown = {key: _title(one) for key, one in metrics.items() if any(key in each for each in found.values())}
    rows = {number: [_cell(each.get(key)) for key in shown] for number, each in found.items()}
    return Differences(shown, rows) if rows else None


def _title(one: MetricScores) -> str:
    """The title of a metric's most important value."""
    return f"{one.title}: {next(iter(one.values))}" if len(one.values) > 1 else one.title


def _cell(one: Difference | None) -> Cell:
    return Cell("–") if one is None else Cell(_signed(one.difference), _between(one.interval))


def _between(interval: Interval) -> str:
    return "" if interval is None else f"{_signed(interval[0])} to {_signed(interval[1])}"


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "−")

"""Compares two networks that were scored on the same clips."""

from collections.abc import Sequence

from rich.table import Table

from davsn.core.errors import DataError
from davsn.core.plugins import available, find
from davsn.core.settings import validate
from davsn.scoring.measures import key_of
from davsn.scoring.metric import Metric
from davsn.scoring.scores import Scores
from davsn.scoring.uncertainty import Difference, differences

_REMEDY = "Score both networks on the same data, with the same protocol and metrics"


def compared(one: Scores, other: Scores, own: Sequence[str] = ()) -> list[Difference]:
    """The difference of every value that both have, with a paired bootstrap interval over clips.

    Args:
        one: the scores of the first network.
        other: the scores of the second network.
        own: paths of a user's own metrics. Other metrics than these and davsn's are left out, since a scores file must
            not decide which code runs.

    Raises:
        DataError: the scores cannot be compared: their classes, protocols, clips or settings of metrics differ, or no
            metric has the counts of clips in both.
    """
    if (one.names, one.unscored, one.protocol) != (other.names, other.unscored, other.protocol):
        raise DataError("the scores have other classes or another protocol", remedy=_REMEDY)
    kinds = available(Metric) | {key_of(path): find(Metric, path) for path in own}
    found: list[Difference] = []
    for name, mine in one.metrics.items():
        its = other.metrics.get(name)
        if name not in kinds or its is None or not mine.clips or not its.clips:
            continue
        if mine.clips.keys() != its.clips.keys():
            raise DataError(f"the scores have other clips, for the metric {name}", remedy=_REMEDY)
        if mine.settings != its.settings:
            raise DataError(f"the scores have other settings of the metric {name}", remedy=_REMEDY)
        metric = kinds[name](validate(kinds[name].Config, mine.settings, name), one.taxonomy)
        found += differences(name, metric, mine.counts(), its.counts())
    if not found:
        raise DataError("the scores hold no counts of clips, so they cannot be compared", remedy=_REMEDY)
    return found


def difference_table(found: Sequence[Difference], other: str) -> Table:
    """A table of paired differences for the terminal.

    Args:
        found: the differences.
        other: the name of the first network, which the second one is compared with.
    """
    table = Table("metric", "value", title=f"Difference to {other}, in percentage points")
    for column in ("other", "this", "difference", "95 % interval"):
        table.add_column(column, justify="right")
    for one in found:
        numbers = [f"{value:.2f}" for value in (one.one, one.other)]
        interval = "–" if one.interval is None else f"{one.interval[0]:+.2f} … {one.interval[1]:+.2f}"
        table.add_row(one.metric, one.value, *numbers, f"{one.difference:+.2f}", interval)
    table.caption = "intervals: paired bootstrap over clips; one without 0 shows a difference"
    return table

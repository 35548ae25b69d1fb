"""What an evaluation measures: the chosen metrics and the protocol."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from davsn.core.errors import ConfigError
from davsn.core.plugins import Choice, available, choose, find
from davsn.data.labels.taxonomy import Taxonomy
from davsn.scoring.metric import Metric, Need
from davsn.scoring.protocols import DAVSN, Protocol

ALWAYS = ("miou", "consistency")
"""The metrics that every evaluation counts."""


@dataclass(frozen=True)
class Measures:
    """What an evaluation measures.

    Attributes:
        metrics: the metrics beside those of :data:`ALWAYS`.
        full: whether every metric of davsn joins them whose needs the network and the data meet.
        protocol: which pixels count.
    """

    metrics: Sequence[Choice] = ()
    full: bool = False
    protocol: Protocol = DAVSN

    def chosen(self, met: Iterable[Need]) -> dict[str, Choice]:
        """All metrics to count, by the name that scores give them; the one that was chosen last wins.

        Args:
            met: the needs that the network and the data meet, for ``full``.
        """
        needs = set(met)
        fitting = [name for name, metric in available(Metric).items() if metric.needs <= needs] if self.full else []
        return {key_of(one.name): one for one in (*map(chosen_metric, (*ALWAYS, *fitting)), *self.metrics)}

    @property
    def in_time(self) -> bool:
        """Whether a metric was asked for that compares a frame with frames before it."""
        return self.full or any("neighbours" in find(Metric, choice.name).needs for choice in self.metrics)


DEFAULT = Measures()
"""The metrics of :data:`ALWAYS` by the published protocol."""


def chosen_metrics(values: Iterable[Any]) -> tuple[Choice, ...]:
    """Choose metrics; see :func:`chosen_metric`.

    Raises:
        ConfigError: with the mistakes in all of them.
    """
    found: list[Choice] = []
    mistakes: list[str] = []
    for value in values:
        try:
            found.append(chosen_metric(value))
        except ConfigError as error:
            mistakes.extend(error.mistakes)
        except ValueError as error:
            mistakes.append(f"{value}  {error}")
    if mistakes:
        raise ConfigError("--metrics", mistakes)
    return tuple(found)


def chosen_metric(value: Any) -> Choice:
    """Choose a metric.

    Args:
        value: its name; the path of a user's own ``.py`` file; or ``{name: …, its own settings}``, also as text.

    Raises:
        ConfigError: no such metric, or mistakes in its settings.
        ValueError: neither a name, nor settings with a name.
    """
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError("should read {name: NAME, key: value}") from None
    return choose(Metric, value)


def build_metric(choice: Choice, taxonomy: Taxonomy) -> Metric:
    """Build a metric for a class table."""
    return find(Metric, choice.name)(choice.settings, taxonomy)


def key_of(name: str) -> str:
    """The name of a metric in scores: that of its file, without folder and ending."""
    return name.removesuffix(".py").rpartition("/")[2]

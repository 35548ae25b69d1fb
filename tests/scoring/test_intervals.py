"""Bootstrap intervals, alone and paired; comparison of two networks; the deviation over seeds."""

import math
from dataclasses import replace

import numpy as np
import pytest

from davsn.core.errors import DataError
from davsn.data.labels.taxonomy import Taxonomy
from davsn.scoring.comparing import compared
from davsn.scoring.measures import build_metric, chosen_metric
from davsn.scoring.metric_scores import MetricScores
from davsn.scoring.scores import Scores
from davsn.scoring.uncertainty import FEWEST_CLIPS, intervals, spread

TAXONOMY = Taxonomy(("road", "car"), ((0, 0, 0),) * 2)
RECALL = build_metric(chosen_metric("confusion"), TAXONOMY)


def clips(hits):
    """Clips of 100 pixels of road, of which so many are found; all pixels of car are found."""
    return {f"c{n:02}": {"matrix": np.array([[one, 100 - one], [0, 100]])} for n, one in enumerate(hits)}


def scores_of(hits, **changes):
    own = clips(hits)
    found = MetricScores.of(RECALL, own)
    fields = {"names": TAXONOMY.names, "unscored": frozenset(), "counts": ((1, 0), (0, 1)), "frames": 1, "seconds": 1.0}
    return Scores(**fields | {"metrics": {"confusion": found}} | changes)


def test_clips_that_are_alike_have_an_interval_of_no_width():
    assert intervals(RECALL, clips([80] * 6))["mean recall"] == pytest.approx((90.0, 90.0))


def test_the_interval_is_that_of_the_standard_error_for_many_clips():
    hits = np.random.default_rng(1).normal(70, 10, 200).clip(0, 100)
    low, high = intervals(RECALL, clips(hits))["mean recall"]
    middle, error = (hits.mean() + 100) / 2, hits.std() / 2 / math.sqrt(200)
    assert low < middle < high
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_intervals_are_the_same_every_time_and_in_any_order_of_clips():
    own = clips([10, 50, 60, 70, 90])
    assert intervals(RECALL, own) == intervals(RECALL, dict(reversed(own.items())))


def test_few_clips_have_no_interval():
    assert intervals(RECALL, clips([10, 50, 60][: FEWEST_CLIPS - 1]))["mean recall"] is None
    assert intervals(RECALL, clips([10, 50, 60, 70]))["mean recall"] is not None
    assert intervals(RECALL, {}) == {}


def test_a_constant_gain_on_clips_that_differ_has_a_narrow_paired_interval():
    hits = np.array([10, 20, 40, 55, 70, 85])
    one, other = scores_of(hits), scores_of(hits + 10)
    recall, _ = compared(one, other)
    assert (recall.metric, recall.value) == ("confusion", "mean recall")
    assert recall.difference == pytest.approx(5.0)
    assert recall.interval == pytest.approx((5.0, 5.0))
    low, high = one.metrics["confusion"].intervals["mean recall"]
    assert high - low > 10  # the clips themselves differ much more


def test_the_sign_of_a_difference_is_second_minus_first():
    recall, _ = compared(scores_of([50] * 5), scores_of([40] * 5))
    assert recall.difference == pytest.approx(-5.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "unified"}, "other classes or another protocol"),
        ({"names": ("road", "bus")}, "other classes or another protocol"),
        ({"metrics": {}}, "hold no counts of clips"),
        ({"metrics": scores_of([50] * 4).metrics}, "other clips, for the metric confusion"),
    ],
)
def test_scores_that_cannot_be_compared(changes, message):
    with pytest.raises(DataError, match=f"{message}.*Score both networks on the same data"):
        compared(scores_of([50] * 5), scores_of([50] * 5, **changes))


def test_other_settings_and_unknown_metrics_are_not_compared():
    one = scores_of([50] * 5)
    found = one.metrics["confusion"]
    with pytest.raises(DataError, match="other settings of the metric confusion"):
        compared(one, replace(one, metrics={"confusion": replace(found, settings={"a": 1})}))
    strange = replace(one, metrics={"mine": found, **one.metrics})
    assert {each.metric for each in compared(strange, strange)} == {"confusion"}


def test_mean_and_deviation_over_seeds():
    assert spread([50.0, 54.0]) == pytest.approx((52.0, math.sqrt(8)))
    assert spread([50.0, None, math.nan]) == (50.0, None)
    assert math.isnan(spread([])[0])

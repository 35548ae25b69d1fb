"""Charts: values stand where they were logged, and names do not cover each other."""

import numpy as np

from davsn.report.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, loss_charts, reliability_chart, score_chart


def records(*names, steps=40):
    return [
        {"step": step, "rate/backbone": 1.0} | {f"loss/{name}": 1 / (step + 1) for name in names}
        for step in range(steps)
    ]


def points(text):
    return np.array([[float(value) for value in point.split(",")] for point in text.split()])


def test_both_classifiers_share_a_chart_and_only_losses_are_drawn():
    charts = loss_charts({0: records("seg/main", "seg/aux"), 1: records("seg/main", "fool")})
    assert [chart.title for chart in charts] == ["seg", "fool"]
    assert [(line.number, line.aux, bool(line.faint)) for line in charts[0].lines] == [
        (0, False, True),
        (0, True, False),
        (1, False, True),
    ]


def test_values_stand_where_they_were_logged():
    (chart,) = loss_charts({0: [{"step": 0, "loss/a": 0.0}, {"step": 100, "loss/a": 10.0}]})
    np.testing.assert_allclose(points(chart.lines[0].faint), [[LEFT, HEIGHT - BOTTOM], [WIDTH - RIGHT, TOP]])
    assert chart.rows[0] == (HEIGHT - BOTTOM, "0")
    assert chart.rows[-1] == (TOP, "10")
    assert chart.columns[-1] == (WIDTH - RIGHT, "100")


def test_the_thick_line_is_the_mean_over_a_twentieth():
    lines = [{"step": step, "loss/a": float(step % 2)} for step in range(40)]
    (chart,) = loss_charts({0: lines})
    drawn = points(chart.lines[0].points)
    assert len(drawn) == 39  # the mean of steps 0 and 1 stands at step 1
    assert set(drawn[:, 1]) == {(TOP + HEIGHT - BOTTOM) / 2}


def test_a_long_run_is_thinned_and_keeps_its_last_step():
    (chart,) = loss_charts({0: records("a", steps=5000)})
    drawn = points(chart.lines[0].faint)
    assert len(drawn) < 260
    whole = loss_charts({0: records("a", steps=2), 1: records("a", steps=5000)})[0]
    assert points(whole.lines[1].faint)[-1][0] == drawn[-1][0]


def test_a_loss_that_begins_late_is_drawn_and_what_is_no_number_is_not():
    last = {"step": 40, "loss/a": float("nan"), "loss/late": 1.0, "loss/never": float("inf")}
    charts = loss_charts({0: [*records("a"), last]})
    assert [chart.title for chart in charts] == ["a", "late"]


def test_names_at_the_ends_of_lines_do_not_cover_each_other():
    chart = score_chart({number: [(0, 10.0), (10, 50.0 + number / 100)] for number in range(4)}, "camera")
    heights = sorted(line.end[1] for line in chart.lines)
    assert min(np.diff(heights)) >= 10.9


def test_there_is_no_chart_of_nothing():
    assert loss_charts({}) == []
    assert loss_charts({0: [{"step": 0, "rate/backbone": 1.0}]}) == []
    assert score_chart({0: [(5, 30.0)]}, "camera") is None
    assert reliability_chart({0: [(50.0, 40.0)]}) is None


def test_percentages_have_the_same_axes_everywhere():
    chart = reliability_chart({0: [(40.0, 30.0), (90.0, 80.0)]})
    assert chart.diagonal
    assert chart.rows[0][1] == chart.columns[0][1] == "0"
    assert chart.rows[-1][1] == chart.columns[-1][1] == "100"

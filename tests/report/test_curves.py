import xml.etree.ElementTree as ElementTree

import numpy as np

from davsn.report.curves import loss_curves


def records(*names, steps=40):
    return [
        {"step": step, "rate/backbone": 1.0} | {f"loss/{name}": 1 / (step + 1) for name in names}
        for step in range(steps)
    ]


def panels(svg):
    root = ElementTree.fromstring(svg)
    return [e for e in root.iter("{http://www.w3.org/2000/svg}g") if e.get("id", "").startswith("axes_")]


def test_both_classifiers_share_a_plot_and_only_losses_are_drawn():
    svg = loss_curves(
        {"a": records("segmentation/main", "segmentation/aux"), "b": records("segmentation/main", "fool")}
    )
    assert len(panels(svg)) == 2


def test_values_are_drawn_as_logged(monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.axes.Axes.plot", lambda axes, *data, **style: drawn.append((data, style)) or [None])
    monkeypatch.setattr("davsn.report.curves._legend", lambda *arguments: None)
    loss_curves({"a": records("fool")})
    (steps, values), _ = drawn[0]
    assert steps == list(range(40))
    np.testing.assert_allclose(values, [1 / (step + 1) for step in range(40)])
    (steps, means), _ = drawn[1]
    assert steps[0] == 1  # the mean of steps 0 and 1 stands at step 1
    np.testing.assert_allclose(means[:2], [(1 + 1 / 2) / 2, (1 / 2 + 1 / 3) / 2])


def test_a_loss_that_begins_late_or_once_is_drawn():
    lines = [*records("segmentation"), {"step": 40, "loss/segmentation": 0.1, "loss/late": 1.0}]
    assert len(panels(loss_curves({"a": lines}))) == 2


def test_the_same_log_gives_the_same_drawing():
    assert loss_curves({"a": records("fool")}) == loss_curves({"a": records("fool")})


def test_no_loss_no_drawing():
    assert loss_curves({}) == ""
    assert loss_curves({"a": [{"step": 0, "rate/backbone": 1.0}]}) == ""

"""``davsn demo``: every part of the whole way, at the size that CI can afford."""

import json

import pytest

ROWS = ["source only", "strong recipe", "trained on target labels"]


@pytest.mark.slow
def test_the_demo_draws_trains_scores_and_shows_and_does_nothing_twice(davsn, world, tmp_path):
    words = ("demo", "--quick", "-o", "here", "--video", world / "drive.mp4", "training.device=cpu")
    code, out, err = davsn(tmp_path, *words)
    assert code == 0, err
    assert "A few seconds of your video: here/overlay.mp4" in out
    assert (tmp_path / "here" / "overlay.mp4").stat().st_size
    assert all(row in out for row in [*ROWS, "mIoU %", "motorcycle"])
    rows = json.loads((tmp_path / "here" / "results.json").read_text())
    assert [row["method"] for row in rows] == ROWS
    assert all(0 < row["miou"] < 100 and row["seconds"] > 0 for row in rows)

    page = (tmp_path / "here" / "report.html").read_text()
    assert all(row in page for row in ROWS)
    assert page.count('class="player"') == 2  # one for each unseen clip
    assert page.count("<polyline") >= len(ROWS)
    assert "a bound, not an adaptation" in page
    assert "overlay.mp4, beside this page" in page

    labelled = (tmp_path / "here" / "strong_recipe" / "settings.yaml").read_text()
    assert "labels: null" in labelled  # the target's labels are not even looked for

    weights = {path: path.stat().st_mtime_ns for path in (tmp_path / "here").rglob("*.pt")}
    assert len(weights) >= len(ROWS)
    code, out, _ = davsn(tmp_path, "demo", "--quick", "-o", "here", "training.device=cpu")
    assert code == 0
    assert "rendering" not in out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "here").rglob("*.pt")} == weights
    again = json.loads((tmp_path / "here" / "results.json").read_text())
    assert [row["miou"] for row in again] == [row["miou"] for row in rows]


@pytest.mark.slow
def test_all_networks_of_the_demo_start_from_the_same_weights(tmp_path):
    import torch

    from davsn.api.demo import QUICK, RUNS, draw, experiment_of
    from davsn.experiment.run import Run

    draw(tmp_path / "world", QUICK, 3)
    starts = [Run(experiment_of(name, tmp_path, QUICK, 3, []), tmp_path / name).trainer.segmenter for name in RUNS]
    first = starts[0].state_dict()
    for other in starts[1:]:
        assert all(torch.equal(value, first[key]) for key, value in other.state_dict().items())


def test_a_video_that_is_not_there_is_told_before_anything_is_drawn(davsn, tmp_path):
    code, _, err = davsn(tmp_path, "demo", "--quick", "-o", "here", "--video", "drive.mp4")
    assert code == 2
    assert "'drive.mp4' does not exist" in err
    assert not (tmp_path / "here").exists()


def test_a_mistake_in_the_demos_settings_is_told_before_anything_is_drawn(davsn, tmp_path):
    code, _, err = davsn(tmp_path, "demo", "--quick", "-o", "here", "training.stepz=3")
    assert code == 2
    assert "Did you mean 'steps'?" in err
    assert not (tmp_path / "here").exists()

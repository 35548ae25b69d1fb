"""``davsn watch``: a run in the terminal."""

import json

import pytest

import davsn
from davsn.core.errors import ConfigError
from davsn.report.terminal import curve, screen

LOG = [{"step": step, "loss/segmentation/main": 8.0 - step, "rate/a": 1.0} for step in range(8)]


def test_a_curve_falls_and_fits():
    assert curve([8, 7, 6, 5, 4, 3, 2, 1], 80) == "█▇▆▅▄▃▂▁"
    assert curve([4, 4, 0, 0], 2) == "█▁"
    assert curve([3, float("nan"), 3], 9) == "▁▁"
    assert curve([], 9) == ""


@pytest.mark.parametrize(("width", "drawn"), [(40, "█▆▅▃▁"), (80, "█▇▆▅▄▃▂▁")])
def test_the_screen(width, drawn):
    first, second, third = screen("mine", 16, LOG, 90, {"camera": "mIoU 31.20 at step 8"}, width).splitlines()
    assert first == "mine  step 8 of 16  90 s left"
    assert second.split() == ["segmentation/main", "1", drawn]
    assert third == "camera  mIoU 31.20 at step 8"
    assert screen("mine", 8, LOG, None, {}).startswith("mine  step 8 of 8  finished")
    assert screen("mine", 8, [], None, {}) == "mine  step 0 of 8  time left: unknown"


def test_a_run_is_shown_once_with_its_scores(tmp_path, capsys):
    with pytest.raises(ConfigError, match="holds no run"):
        davsn.watch(tmp_path)
    (tmp_path / "settings.yaml").write_text("training: {steps: 16}")
    lines = [json.dumps(line) for line in LOG]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + '\n{"step": 8, "lo')  # a line that is being written
    entries = {"a": {"step": 8, "scores": {"miou": 31.2}}, "b": {"step": 4, "scores": {"miou": 40.0}}}
    (tmp_path / "snapshots.json").write_text(json.dumps({"sets": {"camera": {"checkpoints": entries}}}))
    davsn.watch(tmp_path, once=True)
    out = capsys.readouterr().out
    assert "step 8 of 16  time left: unknown" in out
    assert "camera  mIoU 31.20 at step 8" in out

"""Windows from the API and the command line: prediction, scores, and the scores of a run's checkpoints."""

import json

import numpy as np
import pytest

import davsn
from davsn.cli import main
from davsn.core.errors import ConfigError


def masks(model, frames):
    return np.stack([result.mask for result in model.segment(frames)])


def test_a_loaded_network_sees_windows(run, frames):
    whole, one = davsn.load(run.folder), davsn.load(run.folder, window=(64, 32))
    several = davsn.load(run.folder, window=(32, 32), overlap=0.25)
    np.testing.assert_array_equal(masks(whole, frames), masks(one, frames))
    seen = []
    several.trained.segmenter.image.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2:]))
    assert masks(several, frames).shape == masks(whole, frames).shape
    windows = [size for size in seen if size != (96, 96)]  # on noise of 96×96 prediction compares the folded network
    assert windows == [(32, 32)] * 3 * len(frames)


def test_scores_come_from_windows(run, world, tmp_path, monkeypatch):
    monkeypatch.chdir(world)
    one = davsn.evaluate(davsn.load(run.folder, window=(64, 32)), world / "camera", quiet=True)
    assert one.counts == run.scores["camera"].counts

    def scored(*options):
        assert main(["eval", str(run.folder), "--window", "32", "32", *options, "-o", str(tmp_path / "scores")]) == 0
        return json.loads((tmp_path / "scores").read_text())

    counts = scored()["counts"]
    assert [tuple(row) for row in counts] != list(one.counts)
    (tmp_path / "scores").unlink()
    of_checkpoints = scored("--every")["sets"]["camera"]
    assert counts in [item["scores"]["counts"] for item in of_checkpoints["checkpoints"].values()]
    assert of_checkpoints["settings"]["window"] == {"width": 32, "height": 32, "overlap": 0.5}


def test_windows_that_cannot_be_are_refused_in_words(run, world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(world)
    predict = ["predict", str(run.folder), "drive.mp4", "-o", str(tmp_path / "masks")]
    with pytest.raises(ConfigError, match="--overlap  needs windows"):
        davsn.load(run.folder, overlap=0.5)
    for command in (predict, ["eval", str(run.folder)], ["eval", str(run.folder), "--every"]):
        assert main([*command, "--window", "16", "32"]) == 2
        assert "--window  16×32 is too small: take at least 32 pixels a side" in capsys.readouterr().err

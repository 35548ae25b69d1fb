"""The scores of single frames, and their table on disk."""

import gc
import math
import tracemalloc

import numpy as np
import pytest
from test_evaluation import A, B, batch

from colour_network import TAXONOMY, colour_segmenter
from davsn.core.errors import DataError
from davsn.scoring.evaluation import evaluate
from davsn.scoring.frames import frame_table, read_frames
from davsn.scoring.measures import Measures, chosen_metrics


def test_each_frame_has_the_scores_of_its_own_pixels(tmp_path):
    frames = [batch(A, A, "x/0", labels=A), batch(B, A, "x/1"), batch(B, B, "x/2", labels=A)]
    with frame_table(tmp_path / "frames.csv") as table:
        evaluate(colour_segmenter(), frames, TAXONOMY, measures=Measures(chosen_metrics(["flicker"])), scored=table)
    found = read_frames(tmp_path / "frames.csv")
    assert list(found) == ["x/0", "x/1", "x/2"]
    assert list(found["x/0"]) == ["pixel_accuracy", "miou", "consistency", "flicker"]
    assert (found["x/0"]["pixel_accuracy"], found["x/0"]["miou"]) == (100.0, 100.0)
    assert all(math.isnan(found["x/0"][name]) for name in ("consistency", "flicker"))  # no frame before
    assert math.isnan(found["x/1"]["pixel_accuracy"])  # no label map
    assert math.isnan(found["x/1"]["miou"])
    # from A to B, two of six pixels change; B against A: red is 2 of 4, green 1 of 3, blue 1 of 1
    assert found["x/2"]["pixel_accuracy"] == pytest.approx(400 / 6, abs=1e-4)
    assert found["x/2"]["miou"] == pytest.approx((2 / 4 + 1 / 3 + 1) / 3 * 100, abs=1e-4)


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """What Python and NumPy hold after 15 frames and after 30 differs by less than half a map for each of them."""
    side, held, names = 64, [], ["flicker", "confusion", "regions", "calibration"]
    ids = np.random.default_rng(0).integers(0, 3, (2, side, side))
    frames = (batch(ids[n % 2], ids[(n + 1) % 2], f"x/{n}", labels=ids[0]) for n in range(30))

    def look(one, prediction):
        if one.names[0] in ("x/14", "x/29"):
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])

    measures = Measures(chosen_metrics(names))
    tracemalloc.start()
    try:
        with frame_table(tmp_path / "frames.csv") as table:
            evaluate(colour_segmenter(), frames, TAXONOMY, predicted=look, measures=measures, scored=table)
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 15 * side * side / 2
    assert len(read_frames(tmp_path / "frames.csv")) == 30


def test_a_table_is_whole_or_absent(tmp_path):
    def stop():
        with frame_table(tmp_path / "frames.csv") as table:
            table("x/0", {"miou": 1.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["frame,miou\nx/0,a\n", "clip,miou\nx,1\n", "frame,miou\nx/0,1,2\n", '"'])
def test_other_tables_are_refused(tmp_path, text):
    (tmp_path / "frames.csv").write_text(text)
    with pytest.raises(DataError, match="is not a table of the scores of frames"):
        read_frames(tmp_path / "frames.csv")


def test_names_of_frames_come_back_as_they_are(tmp_path):
    name = 'a "clip", with\nall/<b>0</b>'
    with frame_table(tmp_path / "frames.csv") as table:
        table(name, {"miou": 12.34567})
    assert read_frames(tmp_path / "frames.csv") == {name: {"miou": 12.3457}}

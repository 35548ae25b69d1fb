"""A live source and a consumer that is too slow: events decide the order, and no clock."""

from threading import Event

import cv2
import numpy as np
import pytest

from colour_network import TAXONOMY, colour_segmenter
from davsn.core.settings import Settings
from davsn.data.video.live import Latest, is_address
from davsn.flow.estimators.zero import Zero
from davsn.scoring.inference import Predictor

LONG = 30.0
"""Seconds after which a test that waits in vain fails."""


class Source:
    """Numbers from 0: the first at once, the others when the first was taken."""

    def __init__(self, count, error=None):
        self.count, self.error = count, error
        self.taken, self.ended, self.closed = Event(), Event(), Event()

    def items(self):
        try:
            yield 0
            self.taken.wait(LONG)
            yield from range(1, self.count)
            self.ended.set()
            if self.error:
                raise self.error
        finally:
            self.closed.set()


def test_a_slow_consumer_gets_the_newest_and_the_dropped_are_counted():
    source = Source(10)
    latest = Latest(source.items())
    found = iter(latest)
    assert next(found) == 0
    source.taken.set()
    assert source.ended.wait(LONG)
    assert list(found) == [9]
    assert latest.dropped == 8
    assert source.closed.wait(LONG)


def test_an_error_of_the_source_comes_after_the_last_item():
    source = Source(3, ValueError("unplugged"))
    found = iter(Latest(source.items()))
    assert next(found) == 0
    source.taken.set()
    assert source.ended.wait(LONG)
    assert next(found) == 2
    with pytest.raises(ValueError, match="unplugged"):
        next(found)


def test_a_consumer_that_stops_closes_the_source():
    source = Source(3)
    found = iter(Latest(source.items()))
    assert next(found) == 0
    source.taken.set()
    found.close()
    assert source.closed.wait(LONG)


@pytest.mark.parametrize(
    ("source", "live"), [("rtsp://a/b", True), ("RTSP://a", True), ("udp://@:1", True), ("a.mp4", False), (0, False)]
)
def test_an_address_is_told_from_a_file(source, live):
    assert is_address(source) is live


class Camera:
    """OpenCV's camera with ten frames: the first at once, the others when ``go`` is set."""

    def __init__(self, address):
        self.number = -1

    def isOpened(self):
        return True

    def read(self):
        self.number += 1
        if self.number == 1:
            self.go.wait(LONG)
        if self.number == 10:
            self.ended.set()
        return self.number < 10, np.full((16, 16, 3), (255, 0, 0), np.uint8)

    def release(self):
        self.released.set()


def test_prediction_of_a_live_stream_tells_what_was_dropped(tmp_path, monkeypatch):
    Camera.go, Camera.ended, Camera.released = Event(), Event(), Event()
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    seen = []

    def slow(progress):
        seen.append((progress.done, progress.dropped))
        Camera.go.set()
        assert Camera.ended.wait(LONG)

    predictor = Predictor(colour_segmenter(), TAXONOMY, Zero(Settings()))
    summary = predictor.predict("rtsp://camera/stream", tmp_path / "masks", slow)
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["000000.png", "000009.png"]
    assert (summary.frames, summary.dropped) == (2, 8)
    assert seen == [(1, 0), (2, 8)]
    assert Camera.released.is_set()


def test_a_failure_while_live_frames_come_releases_the_camera(tmp_path, monkeypatch, capsys):
    Camera.go, Camera.ended, Camera.released = Event(), Event(), Event()
    monkeypatch.setattr(cv2, "VideoCapture", Camera)

    def stop(progress):
        Camera.go.set()
        Camera.ended.wait(LONG)
        raise KeyboardInterrupt

    predictor = Predictor(colour_segmenter(), TAXONOMY, Zero(Settings()))
    with pytest.raises(KeyboardInterrupt):
        predictor.predict("rtsp://camera/stream", tmp_path / "a.mp4", stop)
    assert Camera.released.is_set()
    printed = " ".join(capsys.readouterr().out.split())
    assert "8 frames came too fast and were dropped" in printed
    assert (tmp_path / "a.partial.mp4").is_file()

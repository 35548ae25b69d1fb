"""Sliding windows: what a frame's logits become, in any shape, in video, and when one window is enough."""

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import toy
from davsn.core.clip import Levels
from davsn.core.errors import ConfigError
from davsn.networks.video import VideoSegmenter
from davsn.networks.windows import Window, cells_of, part_of, placed, slid, window_of
from davsn.ops.resize import upsample

SIZE = (61, 83)
"""Height and width that no stride divides."""


def tiny(propagation="none"):
    torch.manual_seed(0)
    segmenter = VideoSegmenter(toy.Tiny(), propagation)
    if segmenter.fusion is not None:
        nn.init.normal_(segmenter.fusion.weight)
    return segmenter.eval()


def frames(count=2, size=SIZE):
    return [torch.rand(1, 3, *size) for _ in range(count)]


@given(st.integers(32, 90), st.integers(32, 90), st.tuples(st.integers(1, 200), st.integers(1, 200)), st.floats(0, 0.9))
@settings(max_examples=60, deadline=None)
def test_windows_of_one_size_cover_every_pixel_and_overlap_enough(width, height, size, overlap):
    boxes = Window(width, height, overlap).boxes(size)
    assert {box[2:] for box in boxes} == {(min(height, size[0]), min(width, size[1]))}
    for axis, length in enumerate(size):
        starts, extent = sorted({box[axis] for box in boxes}), boxes[0][2 + axis]
        assert starts[0] == 0
        assert starts[-1] + extent == length
        assert all(after - before <= max(1, extent * (1 - overlap)) for before, after in itertools.pairwise(starts))


@pytest.mark.parametrize("propagation", ["none", "warp", "splat"])
@pytest.mark.parametrize("window", [Window(83, 61), Window(512, 256, 0.0)])
def test_one_window_that_covers_the_frame_predicts_what_the_frame_does(propagation, window):
    current, previous = frames()
    flow = 3 * torch.randn(1, 2, *SIZE)
    segmenter = tiny(propagation)
    with torch.no_grad():
        whole = segmenter(current, previous, flow)
        labels = segmenter.predict(current, previous, flow, (90, 120))
        segmenter.window = window
        windowed = segmenter(current, previous, flow)
        assert torch.equal(segmenter.predict(current, previous, flow, (90, 120)), labels)
    assert torch.equal(windowed.fused.main, whole.fused.main)
    assert torch.equal(windowed.current.main, whole.current.main)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
def test_a_point_gets_the_mean_of_its_windows_stretched_over_them(overlap):
    (images,) = frames(1)
    network, window = tiny().image, Window(40, 36, overlap)
    with torch.no_grad():
        found = slid(network, images, window)
        total, count = torch.zeros(1, toy.CLASSES, *SIZE), torch.zeros(SIZE)
        for top, left, height, width in window.boxes(SIZE):
            part = (..., slice(top, top + height), slice(left, left + width))
            total[part] += upsample(network(images[part]).main, (height, width))
            count[part] += 1
    assert count.min() >= 1
    torch.testing.assert_close(found.main, total / count, atol=1e-5, rtol=0)


def test_a_network_that_sees_only_pixels_predicts_from_windows_what_it_predicts_from_the_frame():
    images = torch.rand(2, 3, *SIZE)
    for size in (None, SIZE):
        found = slid(lambda part: Levels(part, 1 - part), images, Window(32, 40, 0.3), size)
        torch.testing.assert_close(found.main, images, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.aux, 1 - images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("overlap", [0.0, 0.4])
@pytest.mark.parametrize("size", [(2, 40), (13, 25), (16, 3), (32, 50), (64, 100), (90, 101)])
def test_on_a_map_of_any_resolution_every_point_is_in_a_window(size, overlap):
    """A plane stays a plane: each point of the map gets the value at its own place."""
    frame = (64, 100)
    plane = (torch.linspace(0, 1, frame[0])[:, None] + torch.linspace(0, 3, frame[1]))[None, None]
    found = slid(Levels, plane, Window(32, 48, overlap), size).main
    expected = upsample(plane, size)
    torch.testing.assert_close(found, expected, atol=0.025, rtol=0)  # half a pixel beyond a window's edge is flat
    whole = (0, 0, *frame)
    assert cells_of(whole, frame, size) == (slice(0, size[0]), slice(0, size[1]))
    torch.testing.assert_close(placed(plane, whole, frame, size), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("propagation", ["warp", "splat"])
def test_the_logits_of_whole_frames_are_moved_and_fused(propagation):
    """A stream that keeps the previous logits gets what a pair of frames gets, and motion crosses windows."""
    current, previous = frames()
    flow = torch.zeros(1, 2, *SIZE)
    flow[:, 0] = 30.0  # almost a window
    segmenter = tiny(propagation)
    segmenter.window = Window(40, 32, 0.25)
    with torch.no_grad():
        pair = segmenter(current, previous, flow)
        before = segmenter(previous, previous, torch.zeros_like(flow))
        streamed = segmenter(current, None, flow, before.current)
        alone = slid(segmenter.image, previous, segmenter.window).main
    assert pair.fused.main.shape == (1, toy.CLASSES, *SIZE)
    assert torch.equal(pair.previous.main, before.current.main)
    assert torch.equal(pair.fused.main, streamed.fused.main)
    moved = segmenter.propagate(alone, flow)[0]
    torch.testing.assert_close(pair.fused.main, segmenter.fusion(torch.cat([pair.current.main, moved], 1)))


def test_the_network_never_sees_more_than_a_window():
    segmenter, seen = tiny("warp"), []
    segmenter.image.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    segmenter.window = Window(40, 32)
    current, previous = frames(size=(97, 130))
    with torch.no_grad():
        segmenter(current, previous, torch.zeros(1, 2, 97, 130))
    assert set(seen) == {(1, 3, 32, 40)}
    assert len(seen) == 2 * len(segmenter.window.boxes((97, 130)))


def test_bf16_is_averaged_in_fp32():
    segmenter = tiny()
    segmenter.window = Window(40, 32)
    (current,) = frames(1)
    with torch.no_grad():
        exact = segmenter(current).fused.main
        with torch.autocast("cpu", torch.bfloat16):
            rounded = segmenter(current).fused.main
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().mean() < 0.05 * exact.std()


def test_windows_are_no_part_of_the_weights():
    segmenter = tiny("warp")
    names = segmenter.state_dict().keys()
    segmenter.window = Window(64, 64)
    assert segmenter.state_dict().keys() == names
    assert copy.deepcopy(segmenter).window == Window(64, 64)


def test_a_part_is_cut_at_its_box():
    image = torch.arange(48.0).view(1, 1, 6, 8)
    assert part_of(image, (1, 2, 2, 3)).flatten().tolist() == [10, 11, 12, 18, 19, 20]


@pytest.mark.parametrize(
    ("size", "overlap", "words"),
    [
        ((16, 64), None, r"--window  16×64 is too small: take at least 32 pixels a side"),
        ((64, 64), 1.0, r"--overlap  should be a share of the window from 0 to 0\.9, but got 1\.0"),
        ((64, 0), -0.1, r"(?s)64×0 is too small.*--overlap"),
        (None, 0.5, r"--overlap  needs windows: give their size with --window WIDTH HEIGHT"),
    ],
)
def test_windows_that_cannot_be_are_refused_in_words(size, overlap, words):
    with pytest.raises(ConfigError, match=words):
        window_of(size, overlap)


def test_what_is_not_asked_for_has_its_default():
    assert window_of(None, None) is None
    assert window_of((64, 32), None) == Window(64, 32, 0.5)
    assert window_of((64, 32), 0.25) == Window(64, 32, 0.25)

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from davsn.core.clip import Clip
from davsn.core.errors import DataError
from davsn.data import transforms
from davsn.data.transforms import colour, crop, fitted, flow_to_size, mirror, rescale, resize_frame, resize_label
from davsn.ops.warp import warp
from tiny_data import frame_of, label_of, texture

PAIR = (0, -1)


def a_clip(seed=0, flow_size=(24, 40), flow_type=np.float32):
    generator = np.random.default_rng(seed)
    return Clip(
        frames={0: frame_of(seed, 1), -1: frame_of(seed, 0)},
        flows={PAIR: generator.uniform(-3, 3, (*flow_size, 2)).astype(flow_type)},
        valid={PAIR: generator.random(flow_size) < 0.8},
        labels=label_of(seed, 1),
        name="a/1",
    )


def same(one, two):
    return (
        all(np.array_equal(one.frames[offset], two.frames[offset]) for offset in one.frames)
        and np.allclose(one.flows[PAIR], two.flows[PAIR])
        and np.array_equal(one.valid[PAIR], two.valid[PAIR])
        and np.array_equal(one.labels, two.labels)
    )


def warped(clip):
    """The previous frame brought onto the current grid, as (H, W, 3)."""
    previous = torch.from_numpy(clip.frames[-1].copy()).permute(2, 0, 1)[None].double()
    flow = torch.from_numpy(clip.flows[PAIR].copy()).permute(2, 0, 1)[None].double()
    return warp(previous, flow)[0][0].permute(1, 2, 0).numpy()


@given(seed=st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_mirroring_twice_changes_nothing(seed):
    clip = a_clip(seed)
    assert same(mirror(mirror(clip)), clip)
    assert not same(mirror(clip), clip)


def test_mirroring_negates_x_and_moves_everything_alike():
    clip, mirrored = a_clip(), mirror(a_clip())
    assert np.array_equal(mirrored.frames[-1], clip.frames[-1][:, ::-1])
    assert np.array_equal(mirrored.labels, clip.labels[:, ::-1])
    assert np.array_equal(mirrored.valid[PAIR], clip.valid[PAIR][:, ::-1])
    assert np.array_equal(mirrored.flows[PAIR], clip.flows[PAIR][:, ::-1] * [-1, 1])


@given(seed=st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_a_mirrored_clip_warps_to_the_mirrored_warp(seed):
    clip = a_clip(seed)
    assert np.abs(warped(mirror(clip)) - warped(clip)[:, ::-1]).max() < 0.01


@pytest.mark.parametrize("size", [(20, 12), (64, 30), (40, 25)])
def test_resizing_is_pillows_bicubic_and_nearest(size):
    frame, label = frame_of(0, 0), label_of(0, 0)
    expected = Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)
    assert np.array_equal(resize_frame(frame, size), np.array(expected))
    expected = Image.fromarray(label).resize(size, Image.Resampling.NEAREST)
    assert np.array_equal(resize_label(label, size), np.array(expected))


@given(
    st.integers(8, 40), st.integers(0, 60), st.integers(0, 2**32 - 1), st.sampled_from(["noise", "extremes", "flat"])
)
def test_half_the_size_is_pillows_bit_for_bit(height, more, seed, kind):
    frame = np.random.default_rng(seed).integers(0, 256, (2 * height, 2 * (height + more), 3), np.uint8)
    frame = {"noise": frame, "extremes": frame // 128 * 255, "flat": frame // 32 + 200}[kind]
    size = (height + more, height)
    expected = np.array(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))
    frame.setflags(write=False)
    assert np.array_equal(transforms._halved(frame), expected)
    assert np.array_equal(resize_frame(frame, size), expected)


def test_half_the_size_is_pillows_where_frames_are_high_or_small():
    for width, height in ((16, 64), (14, 14), (30, 10)):
        frame = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
        expected = Image.fromarray(frame).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
        assert np.array_equal(resize_frame(frame, (width // 2, height // 2)), np.array(expected))


@pytest.mark.parametrize("change", ["another kernel", "another processor"])
def test_pillow_halves_where_pytorch_gives_something_else(monkeypatch, change):
    transforms._torch_halves.cache_clear()
    if change == "another kernel":
        monkeypatch.setattr(transforms, "interpolate", lambda frames, *_, **__: frames[..., ::2, ::2] ^ 1)
    else:
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "NO AVX"[:2])
    try:
        frame = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
        expected = Image.fromarray(frame).resize((32, 16), Image.Resampling.BICUBIC)
        assert np.array_equal(resize_frame(frame, (32, 16)), np.array(expected))
        assert not transforms._torch_halves()
    finally:
        transforms._torch_halves.cache_clear()


def test_resizing_to_the_same_size_is_free():
    frame, label = frame_of(0, 0), label_of(0, 0)
    assert resize_frame(frame, (40, 24)) is frame
    assert resize_label(label, (40, 24)) is label


@pytest.mark.parametrize("flow_type", [np.float32, np.float64])
def test_resized_flow_points_at_the_same_content(flow_type):
    flow = np.full((12, 10, 2), (3.0, -2.0), flow_type)
    resized = flow_to_size(Clip({0: frame_of(0, 0)}, {PAIR: flow}), (40, 24)).flows[PAIR]
    assert resized.shape == (24, 40, 2)
    assert resized.dtype == flow_type
    assert np.allclose(resized, (12.0, -4.0))  # x by 40 / 10, y by 24 / 12


def test_a_resized_flow_comes_back_to_its_values():
    flow = np.random.default_rng(0).uniform(-3, 3, (2, 2, 2))  # bilinear with corners kept loses nothing of 2 × 2
    clip = Clip({0: frame_of(0, 0)}, {PAIR: flow})
    assert np.allclose(flow_to_size(flow_to_size(clip, (9, 5)), (2, 2)).flows[PAIR], flow)


def test_a_resized_mask_is_valid_only_where_all_sources_were():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    clip = Clip({0: frame_of(0, 0)}, {PAIR: np.zeros((5, 5, 2))}, {PAIR: mask})
    resized = flow_to_size(clip, (9, 9)).valid[PAIR]
    expected = np.ones((9, 9), bool)
    expected[3:6, 3:6] = False
    assert np.array_equal(resized, expected)


@given(seed=st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_crop_takes_one_window_of_everything(seed):
    clip = a_clip(seed)
    ramp = np.stack(np.meshgrid(np.arange(40), np.arange(24)), -1).astype(np.float32)
    marked = Clip({0: clip.frames[0], -1: clip.frames[0]}, {PAIR: ramp}, {}, clip.frames[0][..., 0])
    window = crop(marked, (16, 8), np.random.default_rng(seed))
    left, top = window.flows[PAIR][0, 0].astype(int)
    assert np.array_equal(window.flows[PAIR], ramp[top : top + 8, left : left + 16])
    for offset in (0, -1):
        assert np.array_equal(window.frames[offset], clip.frames[0][top : top + 8, left : left + 16])
    assert np.array_equal(window.labels, clip.frames[0][top : top + 8, left : left + 16, 0])


def test_crop_reaches_every_window():
    frame = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, 2)
    generator = np.random.default_rng(0)
    corners = {int(crop(Clip({0: frame}), (2, 1), generator).frames[0][0, 0, 0]) for _ in range(60)}
    assert corners == {0, 1, 3, 4}


def test_crop_brings_flow_of_another_size_to_the_frame_first():
    clip = Clip({0: frame_of(0, 0)}, {PAIR: np.full((12, 10, 2), (3.0, -2.0))}, {PAIR: np.ones((12, 10), bool)})
    window = crop(clip, (16, 8), np.random.default_rng(0))
    assert window.flows[PAIR].shape == (8, 16, 2)
    assert window.valid[PAIR].shape == (8, 16)
    assert np.allclose(window.flows[PAIR], (12.0, -4.0))


def test_a_crop_that_does_not_fit_says_so():
    with pytest.raises(DataError, match=r"a/1: a crop of 41x8 does not fit a frame of 40x24\. Make 'crop' smaller or"):
        crop(a_clip(), (41, 8), np.random.default_rng(0))


def rescaled(clip, factor):
    """A clip resized by a factor, with its flow at the new size."""
    clip = rescale(clip, (factor, factor), (1, 1), np.random.default_rng(0))
    return flow_to_size(clip, clip.frames[0].shape[1::-1])


@pytest.mark.parametrize("factor", [0.5, 2.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_mirrored_clip_rescaled_is_the_rescaled_clip_mirrored(seed, factor):
    one, two = rescaled(mirror(a_clip(seed)), factor), mirror(rescaled(a_clip(seed), factor))
    for offset in (0, -1):
        assert np.abs(one.frames[offset].astype(int) - two.frames[offset]).max() <= 1  # rounding
    assert np.allclose(one.flows[PAIR], two.flows[PAIR], atol=1e-4)
    assert np.array_equal(one.valid[PAIR], two.valid[PAIR])
    if factor > 1:  # at half the size, four pixels are equally near, and always the last one is taken
        assert np.array_equal(one.labels, two.labels)


@pytest.mark.parametrize("factor", [0.5, 1.5, 3.0])
def test_the_flow_of_a_rescaled_clip_finds_the_same_content(factor):
    flow = np.full((24, 40, 2), (-2.0, 0.0), np.float32)  # the content moves one pixel to the right a frame
    clip = Clip({0: frame_of(0, 2), -1: frame_of(0, 0)}, {PAIR: flow})
    scaled = rescaled(clip, factor)
    height, width = scaled.frames[0].shape[:2]
    assert (height, width) == (24 * factor, 40 * factor)
    assert np.allclose(scaled.flows[PAIR], (-2 * factor, 0))
    inside = np.s_[:, int(4 * factor) : -int(4 * factor)]
    still = np.abs(scaled.frames[-1].astype(float) - scaled.frames[0])[inside].mean()
    assert np.abs(warped(scaled) - scaled.frames[0])[inside].mean() < 0.2 * still


def test_factors_are_uniform_between_the_limits_and_never_too_small_for_the_crop():
    clip = Clip({0: frame_of(0, 0, (100, 60))})
    generator = np.random.default_rng(0)

    def widths(low, window):
        return [rescale(clip, (low, 2.0), window, generator).frames[0].shape[1] / 100 for _ in range(200)]

    found = widths(0.5, (20, 12))
    assert 0.5 <= min(found) < 0.55
    assert 1.95 < max(found) <= 2
    assert abs(np.mean(found) - 1.25) < 0.1
    found = widths(0.5, (100, 12))  # fits from 1 on
    assert min(found) >= 1
    assert abs(np.mean(found) - 1.5) < 0.1


def test_one_factor_holds_for_everything():
    clip = rescale(a_clip(), (0.5, 2.0), (8, 8), np.random.default_rng(1))
    assert clip.frames[0].shape == clip.frames[-1].shape == (*clip.labels.shape, 3)
    assert clip.frames[0].shape != (24, 40, 3)


def test_a_limited_crop_avoids_windows_of_one_class():
    label = np.zeros((20, 80), np.uint8)
    label[:, 60:] = np.arange(20) % 2 + 1  # the rest has one class only
    clip = Clip({0: np.zeros((20, 80, 3), np.uint8)}, labels=label)

    def largest(limit):
        generator = np.random.default_rng(0)
        labels = [crop(clip, (20, 20), generator, limit).labels for _ in range(60)]
        return np.array([np.bincount(window.ravel()).max() / window.size for window in labels])

    assert (largest(None) > 0.75).mean() > 0.6
    assert (largest(0.75) > 0.75).mean() < 0.1


def test_a_limit_counts_labelled_pixels_and_gives_up_after_ten_windows():
    frame = np.arange(30, dtype=np.uint8).reshape(1, 30, 1).repeat(3, 2)
    for value in (0, 255):
        clip = Clip({0: frame}, labels=np.full((1, 30), value, np.uint8))
        generator, other = np.random.default_rng(0), np.random.default_rng(0)
        taken = crop(clip, (4, 1), generator, 0.75)
        windows = [crop(clip, (4, 1), other) for _ in range(10)]
        assert np.array_equal(taken.frames[0], windows[-1].frames[0])
        assert generator.random() == other.random()
    mixed = Clip({0: frame}, labels=np.tile(np.array([0, 255, 1], np.uint8), 10)[None])
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    assert np.array_equal(crop(mixed, (3, 1), one, 0.5).frames[0], crop(mixed, (3, 1), other).frames[0])


def test_a_limit_has_no_effect_without_labels():
    clip = Clip({0: frame_of(0, 0)})
    one, two = (crop(clip, (8, 8), np.random.default_rng(3), limit).frames[0] for limit in (None, 0.5))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("native", "size", "expected"),
    [
        ((2048, 1024), 512, (1024, 512)),
        ((960, 720), 180, (240, 180)),
        ((1242, 375), 256, (848, 256)),
        ((10, 400), 100, (8, 100)),
        ((40, 24), (20, 20), (20, 20)),
        ((41, 23), None, (41, 23)),
    ],
)
def test_a_height_alone_keeps_the_aspect(native, size, expected):
    assert fitted(native, size) == expected
    if size is not None:
        frame = np.zeros((native[1], native[0], 3), np.uint8)
        assert resize_frame(frame, size).shape == (expected[1], expected[0], 3)


def test_colour_is_one_draw_for_all_frames():
    clip = Clip({0: texture(), -1: texture()})
    changed = colour(clip, 0.5, np.random.default_rng(3))
    assert np.array_equal(changed.frames[0], changed.frames[-1])
    assert np.abs(changed.frames[0].astype(int) - texture()).mean() > 5


def test_colour_leaves_labels_and_flow_alone():
    changed = colour(a_clip(), 1.0, np.random.default_rng(0))
    assert changed.labels is not None
    assert np.array_equal(changed.labels, a_clip().labels)
    assert np.array_equal(changed.flows[PAIR], a_clip().flows[PAIR])


def test_no_strength_is_no_change():
    assert np.array_equal(colour(a_clip(), 0.0, np.random.default_rng(0)).frames[0], a_clip().frames[0])


@pytest.mark.parametrize("seed", range(5))
def test_colour_keeps_grey_grey(seed):
    grey = np.arange(120, dtype=np.uint8).reshape(10, 12, 1).repeat(3, 2)
    changed = colour(Clip({0: grey}), 0.5, np.random.default_rng(seed)).frames[0].astype(int)
    assert np.ptp(changed, axis=2).max() <= 1  # rounding
    assert not np.array_equal(changed, grey)


@pytest.mark.parametrize(("strength", "least", "most"), [(0.1, 1, 20), (1.0, 20, 128)])
def test_more_strength_changes_more(strength, least, most):
    clip = Clip({0: texture()})
    changes = [
        np.abs(colour(clip, strength, np.random.default_rng(seed)).frames[0].astype(int) - texture()).mean()
        for seed in range(20)
    ]
    assert least < np.mean(changes) < most

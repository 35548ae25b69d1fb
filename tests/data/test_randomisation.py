"""Source randomisation: one draw a clip, labels and flow untouched, the share left clean, and the styles' statistics."""

import cv2
import numpy as np
import pytest

from davsn.core.clip import Clip
from davsn.data.randomisation import Photometric, Style, photometric, styled


def picture(seed, mean=110, size=(24, 32)):
    """A smooth random picture with some structure."""
    noise = np.random.default_rng(seed).normal(mean, 50, (6, 8, 3)).astype(np.float32)
    return np.clip(cv2.resize(noise, size[::-1]), 0, 255).astype(np.uint8)


@pytest.fixture(name="clip")
def _clip():
    frame = picture(1)
    return Clip(
        frames={0: frame, -1: frame.copy()},
        flows={(0, -1): np.ones((24, 32, 2), np.float32)},
        labels=np.zeros((24, 32), np.uint8),
        name="clip/0",
    )


def rng(seed=0):
    return np.random.default_rng(seed)


STILL = Photometric(share=1, strength=1, blurred=1, grey=0, compressed=1)


def test_one_draw_changes_all_frames_alike_and_nothing_else(clip):
    changed = photometric(clip, Photometric(share=1, strength=0, blurred=1, compressed=1, grey=0), rng())
    assert np.array_equal(changed.frames[0], changed.frames[-1])  # without noise, equal frames stay equal
    assert not np.array_equal(changed.frames[0], clip.frames[0])
    assert changed.labels is clip.labels
    assert changed.flows is clip.flows


def test_noise_differs_from_frame_to_frame(clip):
    noisy = photometric(clip, Photometric(share=1, strength=1, blurred=0, grey=0), rng(3))
    difference = noisy.frames[0].astype(int) - noisy.frames[-1]
    assert 0 < np.abs(difference).mean() < 30
    assert abs(difference.mean()) < 2


def test_a_share_of_clips_stays_clean(clip):
    changed = [photometric(clip, Photometric(share=0.5), rng(seed)) is not clip for seed in range(400)]
    assert 0.4 < np.mean(changed) < 0.6
    assert photometric(clip, Photometric(share=0), rng()) is clip


def test_the_same_generator_gives_the_same_clip(clip):
    one, two = (photometric(clip, STILL, rng(5)) for _ in range(2))
    assert all(np.array_equal(one.frames[offset], two.frames[offset]) for offset in one.frames)


def test_grey_has_no_colour(clip):
    grey = photometric(clip, Photometric(share=1, strength=0, blurred=0, grey=1), rng()).frames[0].astype(int)
    assert np.ptp(grey, axis=-1).max() == 0


def test_gamma_and_jitter_grow_with_the_strength(clip):
    def change(strength):
        settings = Photometric(share=1, strength=strength, blurred=0, grey=0)
        found = [photometric(clip, settings, rng(seed)).frames[0].astype(int) for seed in range(30)]
        return np.mean([np.abs(frame - clip.frames[0]).mean() for frame in found])

    assert change(0) < 1
    assert change(0.2) < change(0.5) < change(1)


def test_lab_style_has_the_targets_mean_and_deviation(clip):
    like = picture(9, mean=170)
    changed = styled(clip, Style(share=1, kind="lab"), lambda generator: like, rng()).frames[0]
    ours, theirs = (cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for frame in (changed, like))
    assert np.allclose(ours.mean((0, 1)), theirs.mean((0, 1)), atol=4)  # colours out of gamut are clipped
    before = cv2.cvtColor(clip.frames[0].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    assert abs(before[..., 0].mean() - theirs[..., 0].mean()) > 10


def test_histogram_style_has_the_targets_histogram(clip):
    like = picture(9, mean=170, size=(40, 20))  # of another size
    changed = styled(clip, Style(share=1, kind="histogram"), lambda generator: like, rng()).frames[0]
    for channel in range(3):
        quantiles = [np.quantile(frame[..., channel], np.linspace(0.1, 0.9, 9)) for frame in (changed, like)]
        assert np.allclose(*quantiles, atol=12)


def test_fourier_style_takes_the_mean_and_keeps_the_edges(clip):
    like = picture(9, mean=150)
    changed = styled(clip, Style(share=1, kind="fourier", band=0.05), lambda generator: like, rng()).frames[0]
    assert abs(changed.mean() - like.mean()) < 12
    edges = [np.diff(frame.astype(float).mean(-1), axis=1).ravel() for frame in (changed, clip.frames[0])]
    assert np.corrcoef(*edges)[0, 1] > 0.5


def test_a_style_is_drawn_once_a_clip(clip):
    drawn = []

    def draw(generator):
        drawn.append(int(generator.integers(1000)))
        return picture(drawn[-1])

    settings = Style(share=0.5)
    for seed in range(40):
        styled(clip, settings, draw, rng(seed))
    assert 10 < len(drawn) < 30
    assert len(set(drawn)) > 5


@pytest.mark.parametrize("kind", ["lab", "histogram", "fourier"])
def test_a_picture_in_its_own_style_stays_as_it_is(clip, kind):
    changed = styled(clip, Style(share=1, kind=kind), lambda generator: clip.frames[0], rng()).frames[0]
    assert np.abs(changed.astype(int) - clip.frames[0]).max() <= 2

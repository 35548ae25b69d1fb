"""Images of a page: exact where they must be, and within a budget of bytes."""

import base64
import io

import numpy as np
from PIL import Image
from report_content import LABEL, PHOTO, TAXONOMY, still

from davsn.report.content import Footage
from davsn.report.encoding import error_url, frame_url, mask_url, players


def decoded(url):
    kind, text = url.split(",")
    assert kind == "data:image/webp;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA"))


def test_masks_are_exact_and_transparent_where_nothing_is_known():
    mask = LABEL.copy()
    mask[:5] = 255
    image = decoded(mask_url(mask, TAXONOMY))
    np.testing.assert_array_equal(image[5:, :, :3], TAXONOMY.palette[mask[5:]])
    np.testing.assert_array_equal(image[..., 3], np.where(mask == 255, 0, 255))


def test_errors_are_where_prediction_and_label_differ_and_never_where_the_label_is_ignored():
    label, mask = LABEL.copy(), LABEL.copy()
    mask[3:6] = (mask[3:6] + 1) % 3
    label[4] = 255
    shown = decoded(error_url(mask, label, 3))[..., 3] > 0
    assert shown[[3, 5]].all()
    assert shown.sum() == 2 * shown.shape[1]


def test_frames_are_nearly_the_same():
    image = decoded(frame_url(PHOTO))[..., :3]
    assert image.shape == PHOTO.shape
    assert np.abs(image.astype(int) - PHOTO).mean() < 6


def footage(clips, steps, size):
    return [Footage(f"clip {number}", [still(step, size=size) for step in range(steps)]) for number in range(clips)]


def test_small_footage_is_kept_as_it_is():
    (player,) = players(footage(1, 3, (48, 64)), "AB", TAXONOMY)
    assert player.size == (64, 48)
    assert len(player.steps) == 3
    assert [pane.title for pane in player.panes] == [
        "frame",
        "label",
        "A: prediction",
        "A: error",
        "B: prediction",
        "B: error",
    ]


def test_large_footage_is_made_narrower_first():
    whole = sum(player.bytes for player in players(footage(2, 2, (96, 192)), "AB", TAXONOMY))
    made = players(footage(2, 2, (96, 192)), "AB", TAXONOMY, budget=round(whole * 0.7))
    assert sum(player.bytes for player in made) <= whole * 0.7
    assert {player.size for player in made} == {(154, 77)}
    assert all(len(player.steps) == 2 for player in made)


def test_then_clips_are_made_shorter_but_never_empty():
    clips = footage(1, 5, (60, 120))
    whole = sum(player.bytes for player in players(clips, "AB", TAXONOMY))
    (player,) = players(clips, "AB", TAXONOMY, budget=round(whole * 0.5))
    assert player.bytes <= whole * 0.5
    assert player.size == (120, 60)
    assert len(player.steps) == 2
    assert [len(player.steps) for player in players(clips, "AB", TAXONOMY, budget=1)] == [1]

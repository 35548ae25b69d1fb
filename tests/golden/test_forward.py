"""The video network around DeepLab-v2 against recordings (b_forward_*.npz): outputs and batch statistics."""

import numpy as np
import pytest
import torch
from vectors import batch, checksum, files, fill_module, label, load, meta

from davsn.networks.image.deeplab import DeepLab, DeepLabSettings
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import published_state

PROPAGATION = {"davsn": "splat", "tps": "warp"}


def segmenter_of(settings):
    """The recorded network with the recorded weights."""
    image = DeepLab(DeepLabSettings(layers=tuple(settings["layers"])), settings["num_classes"])
    segmenter = VideoSegmenter(image, PROPAGATION[settings["repo"]], "height")
    fill_module(published_state(segmenter), settings["seed"])
    return segmenter


def outputs(prediction):
    """Our logits under the recording's names."""
    fused, current, previous = prediction.fused, prediction.current, prediction.previous
    return {
        "pred": fused.main,
        "pred_aux": fused.aux,
        "cf_main": current.main,
        "cf_aux": current.aux,
        "kf_main": previous.main,
        "kf_aux": previous.aux,
    }


def assert_close(found, expected, name):
    """Within 1e-5 of the tensor's largest value: sums differ by about 1e-6 of it with the number of threads."""
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("path", files("b_forward_*.npz"), ids=label)
def test_outputs_and_batch_statistics_repeat_the_recording(path):
    vectors = load(path)
    segmenter = segmenter_of(meta(vectors))
    state = published_state(segmenter)
    for name, sums in zip(vectors["ck_names"], vectors["ck"], strict=True):
        np.testing.assert_allclose(checksum(str(name), state[str(name)].numpy()), sums, rtol=1e-9, atol=1e-9)

    sample = batch(vectors)
    for mode in ("eval", "train"):
        segmenter.train(mode == "train")
        with torch.no_grad():
            found = outputs(segmenter(sample.current, sample.previous, sample.flow))
        for name, logits in found.items():
            assert_close(logits, vectors[f"{mode}_{name}"], f"{mode} {name}")

    for key in (key for key in vectors if key.startswith("after_") and key != "after_num_batches_tracked"):
        assert_close(state[key.removeprefix("after_")], vectors[key], key)
    assert segmenter.image.bn1.num_batches_tracked == int(vectors["after_num_batches_tracked"])

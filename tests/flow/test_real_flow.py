"""Against the exact flow in the shared folder, where there is one."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from davsn.data.images import read_picture
from davsn.flow.estimators.dis import Dis
from davsn.flow.files.io import read_flow

SHARED = Path(os.environ.get("DAVSN_SHARED", Path(__file__).parents[2].parent / "shared"))
GROUND_TRUTH = SHARED / "data" / "flow_gt"

pytestmark = pytest.mark.skipif(not GROUND_TRUTH.is_dir(), reason="no shared/data/flow_gt beside the project")


def estimated(a, b):
    pair = [torch.from_numpy(read_picture(path)).permute(2, 0, 1)[None] / 255 for path in (a, b)]
    return Dis(Dis.Config()).estimate(*pair)[0].permute(1, 2, 0).numpy()


def test_dis_on_sintel_is_as_good_as_it_is_known_to_be():
    folder = GROUND_TRUTH / "sintel_medium"
    exact, valid = read_flow(folder / "frame_0002.flo")
    error = np.linalg.norm(estimated(folder / "frame_0002.png", folder / "frame_0003.png") - exact, axis=-1)
    assert exact.shape == (436, 1024, 2)
    assert valid is None
    assert error.mean() < 1.8  # 1.65 in the folder's README


def test_kitti_files_of_the_rendered_streets_agree_with_dis():
    folder = GROUND_TRUTH / "procity" / "seq100"
    exact, valid = read_flow(folder / "flow" / "000001.png")
    flow = estimated(folder / "rgb" / "000001.jpg", folder / "rgb" / "000002.jpg")
    error = np.linalg.norm(flow - exact, axis=-1)
    assert np.median(error if valid is None else error[valid]) < 0.8  # 0.3 to 0.7 in the folder's README

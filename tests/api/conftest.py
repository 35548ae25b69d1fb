"""A folder of two small worlds and a tiny trained run, made through the API."""

import numpy as np
import pytest
import yaml

import davsn
from tiny_data import write_video
from tiny_recipe import RECIPE


@pytest.fixture(scope="session", name="world")
def _world(tmp_path_factory):
    """``game`` and ``camera`` as labelled folders, ``drive.mp4`` of ten frames at 25 a second, and ``tiny.yaml``."""
    place = tmp_path_factory.mktemp("place")
    for domain in ("game", "camera"):
        settings = {"size": [64, 32], "clips": 2, "length": 4, "domain": domain}
        davsn.write_streets(place / domain, settings, quiet=True)
    write_video(place / "drive.mp4", 10)
    values = yaml.safe_load(yaml.safe_dump(RECIPE))
    for part in (values["source"], values["target"], values["validation"]["camera"]):
        part["root"] = str(place / part["root"])
    (place / "tiny.yaml").write_text(yaml.safe_dump(values))
    return place


@pytest.fixture(scope="session", name="run")
def _run(world):
    """The finished run of ``tiny.yaml``."""
    return davsn.train(world / "tiny.yaml", out=world / "run", quiet=True)


@pytest.fixture(name="frames")
def _frames():
    """Five random frames (H, W, 3)."""
    return np.random.default_rng(0).integers(0, 256, (5, 32, 64, 3), np.uint8)

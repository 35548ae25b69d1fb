"""What every test starts from: one thread, so that timings and sums do not depend on the machine, and fixed seeds."""

import gc
import os
import random
import sys

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings

from davsn.doctor import examination
from davsn.doctor.rehearsal import Rehearsal

torch.set_num_threads(1)
torch.backends.cudnn.allow_tf32 = False  # a GPU would keep 10 bits of a convolution's input, and tests compare
cv2.setNumThreads(1)
# CI tries the same examples every time, so that a change is judged by what it changed; elsewhere they are drawn anew.
# No example has a deadline: how long one takes is up to the machine.
settings.register_profile("davsn", derandomize=bool(os.environ.get("CI")), deadline=None)
settings.load_profile("davsn")


def pytest_runtest_setup(item):
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


def pytest_collection_finish():
    """What is imported stays to the end: garbage is not looked for in it, which took half a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fixed_seeds():
    random.seed(1234)
    np.random.seed(1234)  # noqa: NPY002 - for the libraries that draw from it
    torch.manual_seed(1234)


@pytest.fixture(scope="session", name="_cache_folder")
def _make_cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _no_test_writes_to_the_users_cache(monkeypatch, _cache_folder):
    monkeypatch.setenv("DAVSN_CACHE", str(_cache_folder))


@pytest.fixture(name="unrehearsed")
def _unrehearsed(monkeypatch):
    """A rehearsal of a run's first step takes seconds; tests that are about something else take its result as given."""
    monkeypatch.setattr(examination, "rehearse", lambda *_: Rehearsal(memory=2 * 10**6, checkpoint=10**6))


@pytest.fixture(autouse=True)
def _own_files_of_this_test_alone(monkeypatch):
    """A user's own parts are imported by name; two tests may both have a mine.py."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and "pytest-of-" in file:
            del sys.modules[name]

"""The first steps of the recordings on a GPU: their losses, learning rates and gradient norms."""

import numpy as np
import pytest
from steps import first_step, recorded, recordings, run
from vectors import load

from devices import on_devices

RELATIVE = {"loss": 1e-4, "rate": 1e-12, "norm": 2e-3}
"""Ten times what test_steps.py allows a processor: a GPU adds in other orders. One ReLU moves a norm by 9e-4."""
PLAIN = [path for path in recordings() if "strong" not in path.stem]
"""Without the recordings in which rounding decides some numbers."""


@pytest.mark.parametrize(("path", "device"), on_devices(*sorted(PLAIN, key=lambda path: "minent" not in path.stem)))
def test_a_first_step_repeats_the_recording(path, device):
    vectors = first_step(load(path))
    found, wanted = run(vectors, device=device), recorded(vectors)
    assert wanted.keys() & RELATIVE.keys() >= {"loss", "rate"}
    for name in wanted.keys() & RELATIVE.keys():
        np.testing.assert_allclose(found[name], wanted[name], rtol=RELATIVE[name], err_msg=name)

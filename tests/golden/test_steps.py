"""Whole training steps against the public code's recordings: losses, rates, gradient norms and weights.

Files are found by pattern (``c_davsn_*.npz``, ``d_*step.npz``), so that other recordings of the same form run
through the same tests.
"""

import numpy as np
import pytest
from steps import Numbers, Vectors, recorded, recordings, run
from vectors import label, load, meta

LOSS = 1e-5
"""Relative. A loss is a mean over at least a hundred pixels; 1e-6 was seen between kernels, and 7e-6 with TPS, whose
changed pictures enter the network as numbers in [0, 1] that a mean of 122 has just been taken off."""
RATE = 1e-12
"""Relative. Rates are computed in float64."""
NORM = 1e-4
"""Relative. PyTorch's norm adds squares in float32, in as many lanes as the processor has: of the 2.8 million of a
discriminator's gradient, four lanes lose up to 7.9e-5 of the norm, eight 3.5e-5, sixteen 1.4e-5. The recorded norms
lack what eight lanes lose. Beside that, one ReLU that rounding switches moved the segmenter's norm by 2.9e-5."""
L2 = 1e-5
"""Relative, of each tensor; twice the noise that is recorded beside it, where that is more. Adam makes whole steps of
gradients that are rounding alone: how far two runs of the public code came apart is recorded."""
ELEMENT = 1e-4
"""Of a tensor's elements, relative to their own value plus the largest; of its product with fixed noise, relative to
its l2 norm. Adam divides a gradient by its own size, so that the error of a small gradient is one of its step."""
RUNS, REACH = 4, 2.0
"""Runs that are moved by a rounding, and how many times the farthest of them a recording may be away. The recording is
one more run on another processor, so it may well be farther out than four others: 1.0 sufficed for every pair of nine
kinds of kernels (see ``steps.ROUNDING``)."""


def tolerances(vectors: Vectors) -> Numbers:
    """How far each number may be off before rounding is looked into."""
    wanted = recorded(vectors)
    noise = meta(vectors).get("noise", {}).get("l2_rel", 0.0)
    relative = {"loss": LOSS, "rate": RATE, "norm": NORM, "l2": max(L2, 2 * noise), "batches": 0}
    allowed = {name: relative[name] * np.abs(array) for name, array in wanted.items() if name in relative}
    if "l2" in wanted:
        allowed["dot"] = ELEMENT * wanted["l2"]
    for name in wanted.keys() - allowed.keys():
        size = np.abs(wanted[name])
        allowed[name] = ELEMENT * (size + size.max())
    return allowed


def rounding(vectors: Vectors, found: Numbers) -> Numbers:
    """How far each number goes when pictures and weights move by no more than float32 leaves open.

    Most go 1e-7 of their size. Some go a thousand times as far, at places that no formula foretells:

    - The gradient jumps where the input of a ReLU or a leaky ReLU passes zero. One such unit moved a discriminator's
      norm by 9e-4 (c_davsn_synthia_3step), and a channel of weights after it (c_davsn_viper_strong_3step).
    - A gradient can be the small difference of large sums. Half of a discriminator's outputs pull its last bias up and
      half pull it down; and the weight discrepancy pulls that one-element bias by a rounding alone, since the cosine
      of two numbers is 1 or -1 whatever they are. Adam divides by the gradient's size, so the error is one of a whole
      step, and has nothing to do with the size of the bias.
    - A comparison is decided by rounding where both sides are equal: of two classes for a pseudo-label, or of two
      entropies for DA-VSN's consistency. Each pixel that flips moves the loss, and the weights after it.

    So it is measured, for each number at the scale at which it is computed.
    """
    spread = {name: np.zeros_like(array, np.float64) for name, array in found.items()}
    for seed in range(RUNS):
        for name, moved in run(vectors, seed).items():
            spread[name] = np.maximum(spread[name], np.abs(moved - found[name]))
    return spread


def off(found: Numbers, wanted: Numbers, allowed: Numbers) -> list[str]:
    """What is farther off than it may be: its name, the place of the worst, and both numbers there."""
    messages = []
    for name, expected in wanted.items():
        assert found[name].shape == expected.shape, name
        excess = np.abs(found[name] - expected) - allowed[name]
        if not (excess <= 0).all():  # a number that is none compares to nothing
            worst = np.unravel_index(np.argmax(np.nan_to_num(excess, nan=np.inf)), excess.shape)
            place = ", ".join(map(str, worst))
            messages.append(f"{name}[{place}] is {found[name][worst]}, not {expected[worst]} ± {allowed[name][worst]}")
    return messages


def widened(allowed: Numbers, spread: Numbers) -> Numbers:
    """Tolerances that rounding has been added to."""
    return {name: array + REACH * spread[name] for name, array in allowed.items()}


SLOW = {"c_davsn_viper_strong_3step"}
"""Recordings that take half a minute: rounding decides some of their numbers, so five runs are compared."""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [], id=label(path))
        for path in recordings()
    ],
)
def test_faithful_steps_repeat_the_recording(path):
    vectors = load(path)
    found, wanted, allowed = run(vectors), recorded(vectors), tolerances(vectors)
    if off(found, wanted, allowed):  # seldom: four more runs tell whether that is rounding
        allowed = widened(allowed, rounding(vectors, found))
    assert not off(found, wanted, allowed)

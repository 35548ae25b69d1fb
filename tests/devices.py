"""The devices that a test runs on. The CPU shows that the test itself works, for the cases that are quick there."""

import pytest


def on_devices(*cases, cpu=1):
    """Pairs of a case and a device: every case on CUDA, marked so, and the first ``cpu`` of them on the CPU too.

    Args:
        cases: what to pair with a device.
        cpu: how many.
    """
    gpu = [pytest.param(case, "cuda", marks=pytest.mark.cuda, id=f"{named(case)}-cuda") for case in cases]
    return [*(pytest.param(case, "cpu", id=f"{named(case)}-cpu") for case in cases[:cpu]), *gpu]


def named(case):
    """What pytest calls a case."""
    return getattr(case, "stem", None) or getattr(case, "__name__", None) or str(case)

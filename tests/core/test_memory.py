"""Memory that runs out, in the words of every library, becomes an error that the user can correct."""

import cv2
import numpy as np
import pytest
import torch

from davsn.cli import main
from davsn.core.errors import DataError
from davsn.core.memory import MemoryShortError, enough_memory, ran_out_of_memory


def too_much_for_torch():
    torch.empty(1 << 60, dtype=torch.uint8)


def too_much_for_numpy():
    np.empty(1 << 60, np.uint8)


def cuda():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of ...")


def opencv():
    raise cv2.error("OpenCV(4.10) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 6 bytes")


def cublas():
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def system():
    raise OSError(12, "Cannot allocate memory")


@pytest.mark.parametrize("fails", [too_much_for_torch, too_much_for_numpy, cuda, opencv, cublas, system])
def test_every_librarys_error_is_known(fails):
    with pytest.raises(MemoryShortError, match=r"^training ran out of memory \(.+\)\. Set training.batch_size=1$"):
        with enough_memory("training", "Set training.batch_size=1"):
            fails()


def test_a_cause_counts_and_other_errors_pass():
    error = ValueError("no batch")
    error.__cause__ = MemoryError()
    assert ran_out_of_memory(error)
    for other in (ValueError("no batch"), DataError("out of memory is not what a user's own error means")):
        with pytest.raises(type(other), match=str(other)), enough_memory("training", "nothing"):
            raise other


def test_the_command_line_tells_it_and_ends_with_2(monkeypatch, capsys):
    monkeypatch.setattr("davsn.load", lambda *arguments, **options: cuda())
    assert main(["predict", "run", "video.mp4", "-o", "masks"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("davsn ran out of memory (CUDA out of memory). Make the frames smaller ('size', or --size")
    assert "Traceback" not in error

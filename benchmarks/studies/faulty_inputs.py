"""Damaged inputs for :mod:`benchmarks.studies.faults`: an example of each kind of file, its reader, random damage."""

import os
import random
import resource
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import av
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DavsnError
from davsn.core.files.tensors import read_state
from davsn.core.settings import read_yaml
from davsn.data.images import picture_size, read_first_channel, read_ids, read_picture
from davsn.data.labels.taxonomy import read_classes
from davsn.data.sets.video import Video
from davsn.flow.files.forms import FORMS
from davsn.flow.files.io import read_flow, write_flow
from davsn.training import checkpoint

Reader = tuple[str, Callable[[Path], object]]
"""The suffix of a kind of file, and what reads it."""

SPARE = 64 << 20
"""Bytes that a reader may take beyond what the file declares."""
SECONDS = 20
"""Seconds after which a reader counts as hanging."""
CHUNK = 250
"""Inputs that one process reads."""


def _read_video(path: Path) -> None:
    video = Video(Video.Config(paths=(path,), bad_files="skip"))
    video.read_frame(0, 0)
    video.read_frame(0, len(video.clips[0].frames) - 1)


READERS: dict[str, Reader] = {
    "picture, PNG": (".png", read_picture),
    "picture, JPEG": (".jpg", read_picture),
    "label map": (".png", read_ids),
    "label map, 16 bits": (".png", read_first_channel),
    "video": (".mp4", _read_video),
    "checkpoint": (".pt", checkpoint.load),
    "weights, pth": (".pth", read_state),
    "weights, safetensors": (".safetensors", read_state),
    "YAML": (".yaml", read_yaml),
    "class table": (".yaml", read_classes),
    **{f"flow, {name}": (form.suffix, lambda path, name=name: read_flow(path, name)) for name, form in FORMS.items()},
}


def examples(folder: Path) -> dict[str, bytes]:
    """Write a whole file of each kind; returns their contents."""
    folder.mkdir(exist_ok=True)
    found = {}
    for name, (suffix, _) in READERS.items():
        path = folder / f"{name.replace(', ', '_').replace(' ', '_')}{suffix}"
        _write(path, name)
        found[name] = path.read_bytes()
    return found


_NOISE = np.random.default_rng(0)
_FRAME = _NOISE.integers(0, 256, (48, 64, 3), np.uint8)
_FLOW = _NOISE.uniform(-5, 5, (48, 64, 2)).astype(np.float32)
_STATE = {"conv.weight": torch.ones(16, 3, 3, 3), "conv.bias": torch.ones(16)}
_TABLE = "classes:\n" + "".join(f"  - {{name: c{number}, color: [{number}, 2, 3]}}\n" for number in range(9))


def _write(path: Path, name: str) -> None:
    kind = name.partition(",")[0]
    if kind == "picture":
        Image.fromarray(_FRAME).save(path)
    elif name == "label map":
        Image.fromarray(_FRAME[..., 0] % 3).save(path)
    elif kind == "video":
        _write_video(path, _FRAME)
    elif path.suffix == ".safetensors":
        safetensors.torch.save_file(_STATE, path)
    elif path.suffix in (".pt", ".pth"):
        whole = {"format": checkpoint.FORMAT, "step": 1, "parts": _STATE}
        torch.save(whole if kind == "checkpoint" else _STATE, path)
    elif path.suffix == ".yaml":
        path.write_text(_TABLE)
    else:  # a flow file; KITTI's is a PNG of 16 bits, as SYNTHIA's label maps are
        write_flow(path, _FLOW, form=name.removeprefix("flow, ") if kind == "flow" else "kitti")


def _write_video(path: Path, frame: NDArray[np.uint8]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = frame.shape[1], frame.shape[0], "yuv420p"
        for shift in range(6):
            moved = av.VideoFrame.from_ndarray(np.roll(frame, shift, 1), format="rgb24")
            container.mux(stream.encode(moved))
        container.mux(stream.encode(None))


def damage(content: bytes, draw: random.Random) -> bytes:
    """Flip a few bits, cut the file short, overwrite a stretch with random bytes, or replace all of it."""
    changed, kind = bytearray(content), draw.randrange(4)
    if kind == 0:
        for _ in range(draw.randint(1, 8)):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del changed[draw.randrange(len(changed)) :]
    elif kind == 2:
        start = draw.randrange(len(changed))
        length = min(draw.randint(1, 64), len(changed) - start)
        changed[start : start + length] = draw.randbytes(length)
    else:
        changed = bytearray(draw.randbytes(draw.randint(0, 2000)))
    return bytes(changed)


def damaged(folder: Path, reader: Reader, content: bytes, number: int, seed: int) -> tuple[int, list[str]]:
    """Read randomly damaged files in processes of their own.

    Returns:
        how many were read, and what was not held: an error that is none of davsn's, a crash, a hang, or memory beyond
        what the file declares and :data:`SPARE`.
    """
    broken, done = [], 0
    for start in range(0, number, CHUNK):
        count = min(CHUNK, number - start)
        report = folder / "report"
        report.write_text("")
        process = os.fork()
        if not process:
            _read_all(folder, reader, content, range(seed + start, seed + start + count), report)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        broken += report.read_text().splitlines()
        if code:
            broken.append(f"a process that read seeds {seed + start} and later crashed with {code}")
        done += count
    return done, broken


def _read_all(folder: Path, reader: Reader, content: bytes, seeds: range, report: Path) -> None:
    """Read files in this process, write what was not held to the report, and end the process."""
    suffix, read = reader
    path = folder / f"damaged{suffix}"
    signal.signal(signal.SIGALRM, _hangs)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)  # FFmpeg writes of damage by itself
    try:
        for seed in seeds:
            path.unlink(missing_ok=True)  # writing over a file would wait for the disk
            path.write_bytes(damage(content, random.Random(seed)))
            problem = _problem(read, path)
            if problem:
                with report.open("a") as file:
                    file.write(f"seed {seed}: {problem}\n")
    except BaseException:
        report.write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


def _problem(read: Callable[[Path], object], path: Path) -> str | None:
    before = _peak()
    signal.alarm(SECONDS)
    try:
        read(path)
    except DavsnError:
        pass
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]!r}"
    finally:
        signal.alarm(0)
    more = _peak() - before
    return f"took {more >> 20} MiB" if more > SPARE + _declared(path) else None


def _peak() -> int:
    """The most memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _declared(path: Path) -> int:
    """Bytes of the pixels that an image declares, as 16-bit channels, decoded and copied once; else the file's size."""
    try:
        width, height = picture_size(path)
    except DavsnError:
        return path.stat().st_size
    return 2 * 8 * width * height


def _hangs(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no end after {SECONDS} seconds")

"""How small estimated and exact flow can be stored, and what each coding costs beside estimating the flow.

Run: python -m benchmarks.costs.flow_cache [--pairs 4] [--save]
ProcCity is read from ../shared, or from $DAVSN_SHARED; without it the streets alone are measured. Share: bytes over
those of the public code's int16 .npy files (four a pixel). Times are the least processor time of several passes, per
pair, on one thread, over all flows of a kind. "DIS" is the estimate of the same pairs (medium preset).
The coding in use is `plane`, 1/64 px, deflate 4. `left` predicts a value from its left neighbour, `plane` from three
neighbours as a plane would. `median` is the predictor of lossless JPEG, which NumPy cannot undo in whole arrays.
"""

import argparse
import bz2
import lzma
import os
import sys
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.records import PROJECT, commit, write
from davsn.data.images import read_picture
from davsn.data.samples import as_arrays
from davsn.data.sets.streets import Streets
from davsn.flow.estimators.dis import Dis
from davsn.flow.files.coding import decode, encode
from davsn.flow.files.io import read_flow
from davsn.ops.arrays import pictures

LARGEST_SHARE = 0.35
Array = NDArray[Any]
PROCITY = Path(os.environ.get("DAVSN_SHARED", PROJECT.parent / "shared")) / "data" / "flow_gt" / "procity"


def least(call: Callable[[], Any], times: int = 5) -> float:
    """Processor milliseconds of the fastest call."""
    taken = []
    for _ in range(times):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return 1e3 * min(taken)


def streets(pairs: int) -> list[tuple[Array, Array, Array]]:
    """Frames a and b of `streets`, and the exact flow between them."""
    found = []
    for number in range(pairs):
        world = Streets(Streets.Config.model_validate({"domain": ("game", "camera")[number % 2], "clips": pairs}))
        exact = world.read_flow(number, 9, 8)[0]
        found.append((world.read_frame(number, 9), world.read_frame(number, 8), exact))
    return found


def procity(pairs: int) -> list[tuple[Array, Array, Array]]:
    """The same of ProcCity; none where it is not there."""
    found = []
    for clip in sorted(PROCITY.iterdir())[:pairs] if PROCITY.is_dir() else []:
        a, b = (read_picture(path) for path in sorted((clip / "rgb").iterdir())[:2])
        found.append((a, b, read_flow(sorted((clip / "flow").iterdir())[0])[0]))
    return found


def residual(steps: Array, predictor: str) -> bytes:
    """What is left of (2, H, W) 16-bit values after prediction, folded, high bytes before low ones."""
    values = np.pad(steps, ((0, 0), (1, 0), (1, 0))).astype(np.int32)
    left, up, corner = values[:, 1:, :-1], values[:, :-1, 1:], values[:, :-1, :-1]
    middle = np.median(np.stack([left, up, left + up - corner]), 0).astype(np.int32)
    guess = {"left": left, "plane": left + up - corner, "median": middle}[predictor]
    rest = (values[:, 1:, 1:] - guess).astype(np.int16)
    folded = ((rest << 1) ^ (rest >> 15)).view(np.uint16)
    return (folded >> 8).astype(np.uint8).tobytes() + (folded & 255).astype(np.uint8).tobytes()


def codings() -> dict[str, tuple[Callable[[Array], Any], Callable[[Any, Array], Any] | None]]:
    """Writers by name, with readers where reading is more than undoing the compression."""

    def steps(flow: Array, unit: int = 64) -> Array:
        return np.rint(flow * unit).astype(np.int16).transpose(2, 0, 1)

    def packed(predictor: str, compress: Callable[[bytes], bytes], unit: int = 64) -> Callable[[Array], bytes]:
        return lambda flow: compress(residual(steps(flow, unit), predictor))

    def picture(flow: Array) -> bytes:
        values = (steps(flow).astype(np.int32) + 32768).astype(np.uint16)
        return bytes(cv2.imencode(".png", values.reshape(-1, values.shape[2]))[1])

    return {
        "in use: plane, 1/64 px, deflate 4": (lambda f: encode(f, None), lambda c, f: decode(c, f.shape[:2])),
        "no prediction, deflate 6": (lambda f: zlib.compress(steps(f).tobytes(), 6), lambda c, f: zlib.decompress(c)),
        "left, deflate 6": (packed("left", lambda b: zlib.compress(b, 6)), None),
        "plane, deflate 6": (packed("plane", lambda b: zlib.compress(b, 6)), None),
        "plane, 1/16 px, deflate 6": (packed("plane", lambda b: zlib.compress(b, 6), 16), None),
        "median, deflate 6": (packed("median", lambda b: zlib.compress(b, 6)), None),
        "plane, bzip2": (packed("plane", bz2.compress), None),
        "plane, LZMA": (packed("plane", lzma.compress), None),
        "16-bit PNG": (picture, lambda c, f: cv2.imdecode(np.frombuffer(c, np.uint8), cv2.IMREAD_UNCHANGED)),
    }


def rows_of(flows: dict[str, list[Array]]) -> list[dict[str, Any]]:
    """A row a coding: share by kind of flow, and times on the estimated flow, which is the harder one."""
    rows = []
    for name, (write_, read) in codings().items():
        row: dict[str, Any] = {"coding": name}
        for kind, each in flows.items():
            row[f"share_{kind}"] = round(sum(len(write_(f)) for f in each) / sum(2 * f.size for f in each), 3)
        some = next(each for kind, each in flows.items() if kind.endswith("dis"))
        row["encode_ms"] = round(sum(least(partial(write_, f), 3) for f in some) / len(some), 2)
        if read is not None:
            kept = [(write_(f), f) for f in some]
            row["decode_ms"] = round(sum(least(partial(read, c, f)) for c, f in kept) / len(kept), 2)
        rows.append(row)
        print(row, flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/flow_cache.json")
    options, code = parser.parse_args(), commit()
    torch.set_num_threads(1)
    dis, flows, estimate = Dis(Dis.Config()), dict[str, list[Array]](), dict[str, float]()
    for name, found in (("procity", procity(options.pairs)), ("streets", streets(options.pairs))):
        if not found:
            print(f"{PROCITY} is not there: left out")
            continue
        flows[f"{name}_exact"] = [exact for _, _, exact in found]
        batches = [(pictures([a]), pictures([b])) for a, b, _ in found]
        flows[f"{name}_dis"] = [as_arrays(dis.estimate(*pair), None)[0][0] for pair in batches]
        estimate[name] = round(sum(least(partial(dis.estimate, *p), 3) for p in batches) / len(batches), 2)
    rows = rows_of(flows)
    used = {kind: share for kind, share in rows[0].items() if kind.startswith("share")}
    print("pass" if max(used.values()) <= LARGEST_SHARE else "FAIL", f"(at most {LARGEST_SHARE})", "DIS ms:", estimate)
    if options.save:
        settings = {"pairs": options.pairs}
        sizes = {kind: "x".join(map(str, each[0].shape[1::-1])) for kind, each in flows.items()}
        results = {"dis_ms": estimate, "sizes": sizes, "times_on": next(k for k in flows if k.endswith("dis"))}
        write("flow_cache", "How small flow is kept", settings, code, rows=rows, results=results)
    return 0


if __name__ == "__main__":
    sys.exit(main())

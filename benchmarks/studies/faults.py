"""Faults on purpose: kills at random moments, damaged inputs, full disks, read-only folders, two processes at once.

Run: python -m benchmarks.studies.faults [--kills N] [--inputs N] [--seed N] [--only PART ...]       (Linux)
Every process is a fork of this one, so that libraries are loaded once. A run adds its counts to the record, so a
long campaign can be done in parts, each with its own seed; delete the record to begin anew. The exit code is 1 if
anything was not held.
"""

import argparse
import contextlib
import ctypes
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import torch
import torch._dynamo  # optimisers import it, which takes longer than a run does here
import yaml

from benchmarks.records import commit, recorded, write
from benchmarks.studies.faulty_inputs import READERS, Reader, damaged, examples
from benchmarks.studies.whole_files import content, incomplete
from davsn.cli import main as davsn
from davsn.data.export.writing import write as write_world
from davsn.data.sets.streets import Streets

TINY = {
    "name": "tiny",
    "source": {"name": "folder", "root": "game", "mirror": True},
    "target": {"name": "folder", "root": "camera", "labels": None, "flow": "zero"},
    "validation": {"camera": {"name": "folder", "root": "camera", "missing": "repeat", "flow": "zero"}},
    "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
    "method": "source_only",
    "training": {"steps": 6, "batch_size": 1, "save_every": 2, "log_every": 1, "workers": 0, "device": "cpu"},
}
SMALL = [
    "network={name: light, encoder: test_efficientnet, width: 8, weights: null}",
    "training={steps: 4, batch_size: 1, save_every: 2, log_every: 1, workers: 0, device: cpu}",
]
COMMANDS: dict[str, list[str]] = {
    "train": ["train", "tiny.yaml", "-o", "out"],
    "adapt": ["adapt", *SMALL, "--source", "game", "--target", "frames", "--method", "source_only", "-o", "out"],
    "sweep": ["sweep", "tiny.yaml", "training.steps=2", "--methods", "source_only", "--seeds", "1", "-o", "out"],
    "flow": ["flow", "frames", "--estimator", "dis", "-o", "out"],
    "cache": ["train", "tiny.yaml", "source.cached=true", "source.cache_folder=out/cache", "-o", "out/run"],
    "predict": ["predict", "done", "frames/a", "-o", "out"],
    "eval --watch": ["eval", "done", "--watch", "-o", "out/scores.json"],
}
"""Commands that write to the folder ``out``."""
LIMITS = (1 << 12, 1 << 18)
"""Bytes that a file may have in a process whose disk is full; the first has room for what is printed."""


@dataclass
class Part:
    """What was tried of one kind of fault, and what was not held."""

    runs: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def count(self, what: str, problem: str | None) -> None:
        """Count one try, and the problem if there is one."""
        self.runs[what] += 1
        if problem:
            self.broken.append(f"{what}: {problem}")


def world(place: Path) -> None:
    """Two labelled folders, a folder of frames, a recipe, and a finished run ``done``."""
    for domain in ("game", "camera"):
        write_world(Streets(Streets.Config(size=(64, 32), clips=1, length=5, domain=domain)), place / domain)
    (clip,) = (place / "camera" / "frames").iterdir()
    shutil.copytree(clip, place / "frames" / "a")
    (place / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    code, output = finished(begun(place, ["train", "tiny.yaml", "-o", "done"]), place)
    assert code == 0, output


def begun(place: Path, arguments: list[str], before: Callable[[], None] = lambda: None) -> int:
    """Start a command in a fork of this process; returns its process id. ``before`` is called there first."""
    (place / "printed").mkdir(exist_ok=True)
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.chdir(place)
        printed = os.open(f"printed/{os.getpid()}", os.O_CREAT | os.O_WRONLY)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        before()
        code = davsn(arguments)
        sys.stdout.flush()
    except BaseException:
        with contextlib.suppress(OSError):  # the disk may be full
            traceback.print_exc()
    finally:
        os._exit(code)


def finished(process: int, place: Path, within: float = 300) -> tuple[int, str]:
    """Wait for a process: its exit code, negative for a signal, and what it printed."""
    end = time.monotonic() + within
    while (done := os.waitpid(process, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return -99, "it hangs"
        time.sleep(0.005)
    file = place / "printed" / str(process)
    return os.waitstatus_to_exitcode(done[1]), file.read_text(errors="replace") if file.is_file() else ""


def told(code: int, output: str, allowed: tuple[int, ...] = (0, 2)) -> str | None:
    """What is wrong with how a command ended; None if it ended well or with a message."""
    if "Traceback" in output or code not in allowed:
        return f"ended with {code}: {' '.join(output.split()[-40:])}"
    return None


def kills(place: Path, number: int, moments: random.Random, only: tuple[str, ...] = tuple(COMMANDS)) -> Part:
    """Kill each command at random moments, again and again; then let it finish, and compare with one never killed."""
    part, left = Part(), Counter({name: -(-number // len(only)) for name in only})
    for name in only:
        arguments, out = COMMANDS[name], place / "out"
        shutil.rmtree(out, ignore_errors=True)
        start = time.monotonic()
        code, output = finished(begun(place, arguments), place)
        seconds, whole = time.monotonic() - start, content(out)
        part.count(f"{name}, whole", told(code, output, (0,)))
        while left[name] > 0:
            shutil.rmtree(out, ignore_errors=True)
            for _ in range(min(3, left[name])):
                process = begun(place, arguments)
                time.sleep(moments.uniform(0, seconds))
                os.kill(process, signal.SIGKILL)
                code, output = finished(process, place)
                part.count(name, told(code, output, (0, -9)) or incomplete(out))
                left[name] -= 1
            code, output = finished(begun(place, arguments), place)
            same = content(out) == whole
            part.count(f"{name}, resumed", told(code, output, (0,)) or (None if same else "the result differs"))
    return part


def _full_disk(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def full_disks(place: Path, limits: tuple[int, ...] = LIMITS, only: tuple[str, ...] = tuple(COMMANDS)) -> Part:
    """Give each command a disk on which no file may grow beyond a limit. It ends in words; no file is half there."""
    part = Part()
    for name in only:
        arguments = COMMANDS[name]
        for limit in limits:
            shutil.rmtree(place / "out", ignore_errors=True)
            code, output = finished(begun(place, arguments, partial(_full_disk, limit)), place)
            part.count(name, told(code, output, (0, 2)) or incomplete(place / "out"))
    return part


def read_only(place: Path, only: tuple[str, ...] = tuple(COMMANDS)) -> Part:
    """Start each command in a folder that belongs to another user."""
    part, owner = Part(), place.stat()
    for name in only:
        arguments = COMMANDS[name]
        shutil.rmtree(place / "out", ignore_errors=True)
        (place / "printed").mkdir(exist_ok=True)
        os.chown(place, 65534, 65534)
        place.chmod(0o755)
        code, output = finished(begun(place, arguments, _as_any_user), place)
        os.chown(place, owner.st_uid, owner.st_gid)
        part.count(name, told(code, output, (2,)))
    return part


def _as_any_user() -> None:
    """Take from root what lets it write to any folder. Its files stay readable: Python's own may be among them."""
    libc, version = ctypes.CDLL(None, use_errno=True), 0x20080522
    header, held = (ctypes.c_uint32 * 2)(version, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, held)
    for kind in range(3):  # effective, permitted, inheritable; the first 32 capabilities
        held[kind] &= ~0b1111  # CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER
    if libc.capset(header, held):
        raise OSError(ctypes.get_errno(), "capset")


def stopped(place: Path, moments: random.Random, only: tuple[str, ...] = ("train", "adapt")) -> Part:
    """Stop runs by SIGTERM; the same command resumes them."""
    part = Part()
    for name in only:
        shutil.rmtree(place / "out", ignore_errors=True)
        process = begun(place, COMMANDS[name])
        time.sleep(moments.uniform(0.2, 1.5))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        code, output = finished(process, place)
        part.count(name, told(code, output, (0, 130, -signal.SIGTERM)) or incomplete(place / "out"))
        part.count(f"{name}, resumed", told(*finished(begun(place, COMMANDS[name]), place), (0,)))
    return part


def two_at_once(place: Path, only: tuple[str, ...] = ("train", "flow", "cache", "predict")) -> Part:
    """Start a command twice at the same moment, on one folder and one cache."""
    part = Part()
    for name in only:
        shutil.rmtree(place / "out", ignore_errors=True)
        both = [finished(process, place) for process in [begun(place, COMMANDS[name]) for _ in range(2)]]
        problems = [problem for ended in both if (problem := told(*ended))]
        if all(code for code, _ in both):
            problems.append("neither finished")
        part.count(name, next(iter(problems), None) or incomplete(place / "out"))
    return part


def workers(place: Path, number: int, moments: random.Random) -> Part:
    """Kill the process that loads data for a training. The training ends in words, and the same command resumes it."""
    part, arguments = Part(), [*COMMANDS["train"], "training.workers=1"]
    for _ in range(number):
        shutil.rmtree(place / "out", ignore_errors=True)
        process = begun(place, arguments)
        killed = _kill_worker(process, moments)
        code, output = finished(process, place)
        problem = told(code, output, (0, 2) if killed else (0,))
        part.count("train", problem or incomplete(place / "out"))
        part.count("train, resumed", told(*finished(begun(place, arguments), place), (0,)))
    return part


def _kill_worker(process: int, moments: random.Random) -> bool:
    """Kill a worker of a process within a second after it is there. Returns whether there was one to kill."""

    def children(parent: int) -> list[int]:
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    while not os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        with contextlib.suppress(OSError):  # a process that ends takes these files with it
            for server in children(process):
                for worker in children(server):  # Python starts workers from a server of its own
                    time.sleep(moments.uniform(0, 1))
                    os.kill(worker, signal.SIGKILL)
                    return True
        time.sleep(0.005)
    return False


def inputs(place: Path, number: int, seed: int, readers: dict[str, Reader] = READERS) -> Part:
    """Damage inputs at random, and read them in forks of this process, a few hundred in each."""
    part, originals = Part(), examples(place / "inputs")
    each = -(-number // len(readers))
    for name, reader in readers.items():
        runs, broken = damaged(place / "inputs", reader, originals[name], each, seed)
        part.runs[name] += runs
        part.broken += [f"{name}: {problem}" for problem in broken]
    return part


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--inputs", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="kills, inputs, workers, full_disks, read_only, stopped, two_at_once")
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), help="try these commands alone")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)  # a fork has none of the threads of this process
    code, moments, only = commit(), random.Random(given.seed), tuple(given.commands)
    held = True
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if given.only != ["inputs"]:
            world(place)
        parts: dict[str, Callable[[], Part]] = {
            "inputs": lambda: inputs(place, given.inputs, given.seed),
            "kills": lambda: kills(place, given.kills, moments, only),
            "workers": lambda: workers(place, -(-given.kills // 10), moments),
            "full_disks": lambda: full_disks(place, only=only),
            "read_only": lambda: read_only(place, only),
            "stopped": lambda: stopped(place, moments, tuple(name for name in only if name in ("train", "adapt"))),
            "two_at_once": lambda: two_at_once(place, tuple(name for name in only if name != "sweep")),
        }
        for name in given.only or parts:
            part = parts[name]()
            rows = {row["part"]: row for row in recorded("faults")}  # now: another part may run at the same time
            earlier = rows.get(name, {"what": {}, "not_held": 0})
            runs, broken = Counter(earlier["what"]) + part.runs, earlier["not_held"] + len(part.broken)
            rows[name] = {"part": name, "runs": sum(runs.values()), "not_held": broken, "what": dict(runs)}
            write("faults", "Faults on purpose", {"seed": given.seed}, code, rows=list(rows.values()))
            held = held and not part.broken
            print(name, sum(part.runs.values()), *part.broken[:20], sep="\n  ", flush=True)
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())

"""Runs that are killed or stopped at any moment, as the operating system would, end as if they had not been."""

import random
import signal
import time

import pytest
import yaml

from davsn.data.export.writing import write
from davsn.data.sets.streets import Streets
from davsn.training import checkpoint
from processes import Command
from toy import leaves, same

pytestmark = pytest.mark.slow

RECIPE = {
    "name": "tiny",
    "source": {"name": "folder", "root": "game", "mirror": True, "colour": 0.5},
    "target": {"name": "folder", "root": "camera", "labels": None},
    "network": {"name": "light", "encoder": "mobilenetv3_small_050", "width": 8, "weights": None},
    "optimiser": {"name": "adamw"},
    "training": {"batch_size": 2, "workers": 0, "device": "cpu"},
}
SETTINGS = {
    # A checkpoint of da_vsn takes as long to write as several of its steps, so that many kills hit one being written.
    "da_vsn": ["method=da_vsn", "training.steps=12", "training.save_every=2", "training.log_every=1"],
    "source_only": ["method=source_only", "training.steps=60", "training.save_every=7", "training.log_every=2"],
}


@pytest.fixture(scope="module", name="place")
def _place(tmp_path_factory):
    """Two worlds on disk and the recipe; commands run here."""
    place = tmp_path_factory.mktemp("place")
    for domain in ("game", "camera"):
        write(Streets(Streets.Config(size=(64, 32), clips=2, length=6, domain=domain)), place / domain)
    (place / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    return place


def start(place, out, method, *changes):
    return Command(place, "train", "tiny.yaml", *SETTINGS[method], *changes, "-o", out)


def begun(process, folder):
    """Wait until a run does steps: it has written its log anew and adds lines to it, or it ends."""
    log = folder / "log.jsonl"
    wait(process, log, lambda before, now: now is not None and (before is None or now.st_ino != before.st_ino))
    wait(
        process, log, lambda before, now: now is not None and now.st_size > 0 and now.st_mtime_ns != before.st_mtime_ns
    )


def wait(process, log, changed):
    """Wait until ``changed`` holds of the log's state before and now, or the process ends."""
    before = log.stat() if log.is_file() else None
    deadline = time.monotonic() + 120
    while process.poll() is None and not changed(before, log.stat() if log.is_file() else None):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def finish(process):
    code, printed = process.finish()
    assert code == 0, printed
    return printed


def stop(process, folder, number, after):
    """Send a signal some seconds after the run began; returns its exit code and what it printed."""
    begun(process, folder)
    time.sleep(after)
    if process.poll() is None:
        process.send_signal(number)
    ended = process.finish()
    assert "Traceback" not in ended.printed
    return ended


def outcome(folder):
    """The log and every tensor of the last and of the best checkpoint, by name."""
    saved = folder / "checkpoints"
    files = [checkpoint.latest(saved), *saved.glob("best.pt")]
    tensors = {}
    for file in files:
        state = checkpoint.load(file)
        kept = {key: state[key] for key in ("parts", "optimisation", "random", "step", "best", "criteria")}
        tensors |= leaves(kept, file.name)
    return (folder / "log.jsonl").read_bytes(), tensors


def assert_same(folder, other):
    (log, found), (expected_log, expected) = outcome(folder), outcome(other)
    assert log == expected_log
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert same(found[name], value), name


def test_da_vsn_killed_at_random_moments_ends_bit_for_bit_as_if_not(place):
    whole = start(place, "whole", "da_vsn")
    seed = int(time.time())
    moments = random.Random(seed)
    print("moments of seed", seed)
    killed = 0
    for _ in range(4):
        code, _ = stop(start(place, "killed", "da_vsn"), place / "killed", signal.SIGKILL, moments.uniform(0, 1.5))
        killed += code == -signal.SIGKILL
    finish(start(place, "killed", "da_vsn"))
    assert killed >= 2
    finish(whole)
    assert_same(place / "killed", place / "whole")
    assert not list((place / "killed").rglob("*.writing*"))


def test_source_only_stopped_and_killed_with_a_worker_ends_as_if_not(place):
    whole = start(place, "whole_source", "source_only")
    worker = "training.workers=1"
    folder = place / "stopped"
    code, output = stop(start(place, "stopped", "source_only", worker), folder, signal.SIGTERM, 0.2)
    assert code == 130, output
    assert "Stopped; everything is saved in stopped. The same command resumes it." in output
    steps = checkpoint.steps_of(checkpoint.latest(folder / "checkpoints"))
    assert 0 < steps < 60
    assert len((folder / "log.jsonl").read_text().splitlines()) == steps  # nothing done is lost
    code, _ = stop(start(place, "stopped", "source_only", worker), folder, signal.SIGKILL, 0.3)
    assert code == -signal.SIGKILL
    assert "Done: stopped" in finish(start(place, "stopped", "source_only", worker))
    finish(whole)
    assert_same(folder, place / "whole_source")

"""The campaign of faults on purpose, in a short form."""

import random
import sys

import pytest

from benchmarks.studies.faulty_inputs import READERS, damage, damaged, examples
from benchmarks.studies.whole_files import incomplete
from processes import Script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks processes, and measures them as Linux does")

SHORT = """
import random, sys, tempfile
from pathlib import Path
import cv2
from benchmarks.studies import faults
cv2.setNumThreads(1)
with tempfile.TemporaryDirectory() as folder:
    place = Path(folder)
    faults.world(place)
    seed = 11  # a fixed one, so that a checkout passes or fails whoever tests it; the study draws others
    parts = {
        "kills": faults.kills(place, 2, random.Random(seed), ("train", "predict")),
        "full_disks": faults.full_disks(place, (1 << 14,), ("train", "predict", "flow")),
        "two_at_once": faults.two_at_once(place, ("cache",)),
    }
for name, part in parts.items():
    print(seed, name, dict(part.runs), *part.broken, sep="\\n")
sys.exit(any(part.broken for part in parts.values()))
"""


@pytest.mark.slow
def test_kills_full_disks_and_two_processes_at_once(tmp_path):
    """In a process of its own: it forks, and the tests' own process has threads."""
    done = Script(tmp_path, SHORT).finish(within=400)
    assert done.code == 0, done.printed


@pytest.mark.slow
def test_damaged_inputs_of_every_kind(tmp_path):
    seed = 11  # a fixed one, so that a checkout passes or fails whoever tests it; the study draws others
    for name, content in examples(tmp_path).items():
        assert damaged(tmp_path, READERS[name], content, 40, seed) == (40, []), (name, seed)


def test_a_reader_that_is_not_robust_is_found(tmp_path):
    def fails(path):
        if path.read_bytes()[:2] != b"da":
            raise ValueError("no message of davsn")

    runs, broken = damaged(tmp_path, (".txt", fails), b"data of a file", 40, 0)
    assert runs == 40
    assert 0 < len(broken) < 40
    assert all("ValueError: 'no message of davsn'" in problem for problem in broken)


def test_damage_is_known_by_its_seed_and_changes_the_file():
    content = bytes(range(256)) * 8
    changed = [damage(content, random.Random(seed)) for seed in range(50)]
    assert changed == [damage(content, random.Random(seed)) for seed in range(50)]
    assert all(one != content for one in changed)


def test_a_file_that_is_half_written_is_found(tmp_path):
    assert incomplete(tmp_path) is None
    (tmp_path / ".scores.writing.json").write_text("{")  # not its final name
    assert incomplete(tmp_path) is None
    (tmp_path / "scores.json").write_text("{")
    assert "scores.json is not whole" in incomplete(tmp_path)

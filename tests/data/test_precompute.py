"""Flow ahead of its use: each pair once, also after a kill and in parts; into the cache or into files."""

import signal
import time

import numpy as np
import pytest
from PIL import Image

from davsn.core.cache import Store
from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError, DataError, FlowError
from davsn.core.settings import validate
from davsn.data.precompute import Cached, Files, Filled, count_pairs, fill, shard
from davsn.data.samples import Samples
from davsn.data.sets.folder import Folder
from davsn.flow.files.io import read_flow
from processes import Script
from tiny_data import cut, frame_of, write_labelled

BEFORE = ClipSpec((0, -1), ((0, -1),))
AROUND = ClipSpec((0, -1, -2), ((0, -1), (0, -2), (-1, 0), (-2, 0)))
COUNTING = """
import os
import time
from pathlib import Path

from davsn.flow.estimators.dis import Dis


class Counting(Dis):
    def estimate(self, frames_a, frames_b):
        with Path(os.environ["COUNT"]).open("a") as file:
            file.write("x" * len(frames_a))
        time.sleep(0.05)
        return super().estimate(frames_a, frames_b)
"""
FILL = """
import sys
from pathlib import Path

from davsn.core.clip import ClipSpec
from davsn.data.sets.folder import Folder
from davsn.data.precompute import Cached, Files, fill
from davsn.data.samples import Samples
from davsn.core.settings import validate

root, out, way = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
config = validate(Folder.Config, {"root": root, "flow": sys.argv[4], "cache_folder": out}, "the test")
samples = Samples(Folder(config), ClipSpec((0, -1), ((0, -1),)))
print(fill(samples, Cached(samples) if way == "cache" else Files(samples, out)))
"""


@pytest.fixture(name="root")
def _root(tmp_path):
    return write_labelled(tmp_path / "set", {"a": 9, "b": 4})


def samples_of(root, folder, spec=BEFORE, **settings):
    values = {"root": root, "flow": "dis", "cache_folder": folder, **settings}
    return Samples(Folder(validate(Folder.Config, values, "the test")), spec)


def test_every_pair_is_estimated_once_whatever_needs_it(root, tmp_path):
    samples = samples_of(root, tmp_path / "kept", ClipSpec((0, -1, -2), ((0, -1), (0, -2), (-1, -2))))
    pairs = 2 * (7 + 2) + 2  # the pair (1, 0) of each clip belongs to no current frame of its own
    assert count_pairs(samples) == pairs
    assert fill(samples, Cached(samples)) == Filled(estimated=pairs)
    assert fill(samples, Cached(samples)) == Filled(present=pairs)
    assert fill(samples_of(root, tmp_path / "kept"), Cached(samples)) == Filled(present=8 + 3)


def test_what_was_filled_is_what_the_loader_reads(root, tmp_path):
    ahead, alone = (
        samples_of(root, tmp_path / "one", AROUND),
        samples_of(root, tmp_path / "two", AROUND, flow="dis, cached"),
    )
    fill(ahead, Cached(ahead), batch_size=3)
    (tmp_path / "one").rename(tmp_path / "three")
    read = samples_of(root, tmp_path / "three", AROUND, flow="dis, cached")
    for one, two in zip(read, alone, strict=True):
        assert all(np.array_equal(one.flows[pair], two.flows[pair]) for pair in AROUND.flows)


def test_parts_cover_all_once_and_are_in_order(root, tmp_path):
    samples = samples_of(root, tmp_path)
    for count in (1, 2, 3, 20):
        parts = [shard(samples, index, count).places for index in range(count)]
        assert [place for part in parts for place in part] == samples.places
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_progress_goes_from_nothing_to_all(root, tmp_path):
    said = []
    samples = samples_of(root, tmp_path)
    fill(samples, Cached(samples), report=lambda done, note="": said.append((done, note)))
    assert [done for done, _ in said] == list(range(12))
    assert said[-1] == (11, "11 estimated")


def test_frames_of_several_sizes_do_not_share_a_batch(tmp_path):
    root = write_labelled(tmp_path / "set", {"a": 3, "b": 3})
    for path in (root / "frames" / "b").iterdir():
        Image.fromarray(frame_of(1, 0, (48, 32))).save(path)
    samples = samples_of(root, tmp_path / "kept", labels=None)
    assert fill(samples, Cached(samples), batch_size=4) == Filled(estimated=4)


def test_a_damaged_frame_is_an_error_or_is_passed_over(root, tmp_path):
    cut(root / "frames" / "a" / "f_10.png", 0.5)
    samples = samples_of(root, tmp_path / "kept")
    with pytest.raises(DataError, match=r"f_10\.png"):
        fill(samples, Cached(samples))
    samples = samples_of(root, tmp_path / "kept", bad_files="skip")
    assert fill(samples, Cached(samples)) == Filled(estimated=11 - 2 - 1, present=1)


def test_a_full_cache_stops_with_what_to_do(root, tmp_path):
    samples = samples_of(root, tmp_path / "kept", cache_limit=4e-6)
    with pytest.raises(
        FlowError, match=r"the cache has no room for more flow\. Raise cache_limit, or set cache_folder"
    ):
        fill(samples, Cached(samples))
    assert Store(tmp_path / "kept", 1).used() > 0  # what is there is kept
    samples = samples_of(root, tmp_path / "kept")
    assert fill(samples, Cached(samples)).present > 0


class TestFiles:
    def test_they_are_what_stored_reads(self, root, tmp_path):
        samples = samples_of(root, tmp_path / "cache", stride=2)
        assert fill(samples, Files(samples, tmp_path / "flow")) == Filled(estimated=7 + 2)
        stored = samples_of(root, tmp_path / "cache", stride=2, flow="stored", flow_root=tmp_path / "flow")
        for one, two in zip(samples, stored, strict=True):
            assert np.abs(one.flows[0, -1] - two.flows[0, -1]).max() <= 0.0501
        assert fill(samples, Files(samples, tmp_path / "flow")) == Filled(present=9)

    def test_what_a_cached_estimator_has_kept_is_copied_and_only_the_rest_estimated(self, root, tmp_path):
        samples = samples_of(root, tmp_path / "cache", flow="dis, cached")
        samples[0]  # one pair is kept by being read
        assert fill(samples, Files(samples, tmp_path / "flow")) == Filled(estimated=10, copied=1)
        assert fill(samples, Files(samples, tmp_path / "flow")) == Filled(present=11)
        alone = samples_of(root, tmp_path / "other")
        fill(alone, Files(alone, tmp_path / "straight"))
        for path in sorted((tmp_path / "straight").rglob("*.npy")):
            copied = tmp_path / "flow" / path.relative_to(tmp_path / "straight")
            one, two = read_flow(copied)[0], read_flow(path)[0]
            assert np.abs(one - two).max() <= 0.1001  # the cache rounds to 1/64 pixel, files to tenths

    def test_a_file_that_is_there_is_not_touched_and_its_frames_are_not_read(self, root, tmp_path):
        samples = samples_of(root, tmp_path / "cache")
        fill(samples, Files(samples, tmp_path / "flow"))
        (tmp_path / "flow" / "a" / "f_12.npy").unlink()
        for frame in ("f_8", "f_9", "f_14"):
            cut(root / "frames" / "a" / f"{frame}.png", 0.5)
        assert fill(samples, Files(samples, tmp_path / "flow")) == Filled(estimated=1, present=10)
        assert read_flow(tmp_path / "flow" / "a" / "f_12.npy")[0].shape == (24, 40, 2)

    def test_flow_without_a_name_or_place_is_refused_in_advance(self, root, tmp_path):
        samples = samples_of(root, tmp_path, AROUND, flow="dis, checked")
        with pytest.raises(ConfigError) as caught:
            Files(samples, tmp_path / "flow")
        assert caught.value.mistakes == (
            "this data set has no separate file names for the flows 0→-1, 0→-2, -1→0, -2→0. Leave out "
            "--out to store them in the cache",
            "files in tenths of a pixel cannot hold a valid mask. Leave out --out, or 'checked'",
        )


@pytest.mark.slow
@pytest.mark.parametrize("way", ["cache", "files"])
def test_after_a_kill_nothing_is_estimated_again(root, tmp_path, way):
    own = tmp_path / "counting.py"
    own.write_text(COUNTING)
    count = tmp_path / "count"
    count.touch()

    def start():
        return Script(tmp_path, FILL, root, tmp_path / "out", way, own, COUNT=str(count))

    killed = start()
    while len(count.read_text()) < 4 and killed.poll() is None:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.finish().code == -signal.SIGKILL
    before = len(count.read_text())
    assert 4 <= before < 11
    done = start().finish()
    assert done.code == 0, done.printed
    after = len(count.read_text())
    assert after in (11, 12)  # the one that was on its way when the kill came was lost
    assert done.printed.strip() == f"Filled(estimated={after - before}, present={11 - (after - before)}, copied=0)"
    assert start().finish().code == 0
    assert len(count.read_text()) == after

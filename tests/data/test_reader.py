"""Frames from the cache are those of the data set, whatever happens to files, settings, code and the cache itself."""

import os
import shutil
from dataclasses import replace
from itertools import islice
from multiprocessing import forkserver

import av
import numpy as np
import pytest
import torch
from PIL import Image

import published
from davsn.core.clip import ClipSpec
from davsn.core.errors import DataError
from davsn.core.plugins import find
from davsn.data import origin
from davsn.data.dataset import VideoDataset
from davsn.data.loading import Samples, evaluation_batches, target_training, training_batches
from davsn.data.reader import Reader
from davsn.data.sets.folder import Folder
from davsn.data.sets.synthia import Synthia
from davsn.data.sets.video import Video
from davsn.doctor.data import check
from tiny_data import frame_of, write_labelled, write_video

PAIR = ClipSpec((0, -1), ((0, -1),), labels=True)


@pytest.fixture(name="root")
def _root(tmp_path):
    return write_labelled(tmp_path / "set", {"a": 4})


@pytest.fixture(name="cached")
def _cached(tmp_path):
    return {"cached": True, "cache_folder": tmp_path / "cache", "flow": "zero"}


@pytest.fixture(name="reads")
def _reads(monkeypatch):
    """Counts what is decoded from folders, by kind."""
    counts = {"read_frame": 0, "read_label": 0}

    def count(name, original):
        def counted(dataset, clip, position):
            counts[name] += 1
            return original(dataset, clip, position)

        monkeypatch.setattr(Folder, name, counted)

    for name in counts:
        count(name, getattr(Folder, name))
    return counts


def folder(root, cached, **settings):
    return Folder(Folder.Config(root=root, **{"size": (20, 12), **cached, **settings}))


def entries(cached):
    return sorted(path for path in cached["cache_folder"].rglob("*") if path.is_file())


def test_every_frame_and_label_is_read_once(root, cached, reads):
    for _ in range(3):
        assert len(list(islice(training_batches(Samples(folder(root, cached), PAIR), 1, seed=0), 3))) == 3
    assert reads == {"read_frame": 4, "read_label": 3}
    assert len(entries(cached)) == 7


def test_nothing_is_kept_unless_told(root, cached, reads):
    dataset = folder(root, {**cached, "cached": False})
    for _ in range(2):
        Reader(dataset).frame(0, 0)
    assert reads["read_frame"] == 2
    assert not cached["cache_folder"].exists()


def test_a_target_shares_what_its_source_view_keeps(root, cached, reads):
    dataset = folder(root, cached)
    Reader(dataset).frame(0, 1)
    assert np.array_equal(Reader(target_training(dataset)).frame(0, 1), Reader(folder(root, {})).frame(0, 1))
    assert reads["read_frame"] == 2


def test_evaluation_reads_frames_from_it_and_labels_at_their_own_size(root, cached, reads):
    samples = Samples(folder(root, cached), PAIR)
    for _ in range(2):
        batches = list(evaluation_batches(samples))
        assert all(batch.size == (12, 20) and batch.labels.shape == (1, 24, 40) for batch in batches)
    assert reads == {"read_frame": 4, "read_label": 6}


def test_sizes_are_kept_apart(root, cached):
    for size in (None, (20, 12), (10, 6), None, (20, 12)):
        dataset = folder(root, cached, size=size)
        width, height = size or (40, 24)
        assert Reader(dataset).frame(0, 0).shape == (height, width, 3)
        assert Reader(dataset).label(0, 0, (width, height)).shape == (height, width)


def test_a_changed_picture_is_read_anew_even_at_the_same_size_and_time(root, cached):
    path = root / "frames" / "a" / "f_8.png"
    pixels = {number: np.full((24, 40, 3), number, np.uint8) for number in (1, 2)}
    Image.fromarray(pixels[1]).save(path)
    before = path.stat()
    assert (Reader(folder(root, cached)).frame(0, 0) == 1).all()
    Image.fromarray(pixels[2]).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert (Reader(folder(root, cached)).frame(0, 0) == 2).all()


def test_a_picture_that_is_gone_is_an_error_though_it_was_kept(root, cached):
    dataset = folder(root, cached)
    Reader(dataset).frame(0, 0)
    (root / "frames" / "a" / "f_8.png").unlink()
    with pytest.raises(DataError, match="no such file"):
        Reader(dataset).frame(0, 0)


def test_labels_follow_their_file_their_frame_and_the_class_table(root, cached):
    assert set(np.unique(Reader(folder(root, cached)).label(0, 0, (40, 24)))) == {0, 1, 2, 255}
    table = (root / "classes.yaml").read_text()
    (root / "classes.yaml").write_text("\n".join(table.splitlines()[:-1]))
    with pytest.raises(DataError, match="ids outside the class table of 2 classes"):
        Reader(folder(root, cached)).label(0, 0, (40, 24))
    (root / "classes.yaml").write_text(table)
    Image.fromarray(frame_of(0, 0, (20, 20))).save(root / "frames" / "a" / "f_8.png")
    with pytest.raises(DataError, match="is 40x24 pixels, which is another shape than the 20x20 of its image"):
        Reader(folder(root, cached)).label(0, 0, (40, 24))


def test_settings_that_change_pixels_are_kept_apart(tmp_path, cached):
    values = {**published.synthia(tmp_path / "synthia", [0, 1]), **cached, "flow": "zero"}
    first = Synthia(Synthia.Config(**values))
    other = Synthia(Synthia.Config(**{**values, "full": (40, 20), "cut": 4}))
    for dataset in (first, other, first, other):
        assert np.array_equal(Reader(dataset).frame(0, 1), dataset.read_frame(0, 1))
        size = dataset.read_frame(0, 1).shape[1::-1]
        assert np.array_equal(Reader(dataset).label(0, 1, size), dataset.resized_label(0, 1, size))


def test_a_video_that_is_replaced_is_read_anew(tmp_path, cached):
    path = write_video(tmp_path / "a.mp4", 6)
    before = Reader(Video(Video.Config(paths=(path,), **cached))).frame(0, 3)
    write_video(path, 8, crf="40")
    dataset = Video(Video.Config(paths=(path,), **cached))
    assert not np.array_equal(dataset.read_frame(0, 3), before)
    assert np.array_equal(Reader(dataset).frame(0, 3), dataset.read_frame(0, 3))


@pytest.mark.parametrize("harm", ["cut", "bits", "another shape", "gone"])
def test_a_damaged_entry_is_made_anew(root, cached, reads, harm):
    dataset = folder(root, cached)
    wanted = Reader(dataset).frame(0, 0).copy()
    (entry,) = entries(cached)
    content = entry.read_bytes()
    if harm == "gone":
        entry.unlink()
    elif harm == "another shape":  # right by its checksum, such as an entry of another version of ours
        key = entry.parent.name + entry.name
        Reader(dataset)._store.put(key, (7).to_bytes(4, "little") + content[8:])
    else:
        entry.write_bytes(content[:-5] if harm == "cut" else content[:-5] + bytes(5))
    assert np.array_equal(Reader(dataset).frame(0, 0), wanted)
    assert np.array_equal(Reader(dataset).frame(0, 0), wanted)
    assert reads["read_frame"] == 2


def test_the_cache_may_be_deleted_while_it_is_used(root, cached):
    wanted = training_batches(Samples(folder(root, {}, flow="zero"), PAIR), 2, seed=0)
    for number, batch in enumerate(islice(training_batches(Samples(folder(root, cached), PAIR), 2, seed=0), 9)):
        assert torch.equal(batch.current, next(wanted).current)
        if number % 3 == 0:
            shutil.rmtree(cached["cache_folder"])


def test_a_full_cache_serves_what_it_has(root, cached, caplog):
    dataset = folder(root, cached, cache_limit=1600 / 1e9)  # two frames of 20×12×3 bytes
    wanted = Reader(folder(root, {}))
    for _ in range(2):
        for position in range(4):
            assert np.array_equal(Reader(dataset).frame(0, position), wanted.frame(0, position))
    assert len(entries(cached)) == 2
    assert "the cache is full" in caplog.text


@pytest.mark.slow
def test_workers_and_runs_share_it_and_one_of_them_warns(root, cached, capfd):
    forkserver._forkserver._stop()  # one that an earlier test started writes to that test's stderr
    wanted = list(islice(training_batches(Samples(folder(root, {}, flow="zero"), PAIR), 2, seed=3), 6))
    for limit in (50.0, 1e-6):
        samples = Samples(folder(root, {**cached, "cache_folder": root / str(limit)}, cache_limit=limit), PAIR)
        both = zip(*(training_batches(samples, 2, seed=3, workers=2) for _ in range(2)), strict=True)
        for batches, one in zip(both, wanted, strict=False):
            for batch in batches:
                assert torch.equal(batch.current, one.current)
                assert torch.equal(batch.labels, one.labels)
    assert capfd.readouterr().err.count("the cache is full") == 2  # a loader each


MINE = """
import numpy as np
from pathlib import Path
from davsn.data.dataset import ClipInfo, DatasetSettings, VideoDataset
from davsn.data.origin import origin

class Mine(VideoDataset):
    Config = DatasetSettings
    def __init__(self, config):
        self.config, self.taxonomy, self.clips = config, None, [ClipInfo("a", ("0", "1"))]
    def read_frame(self, clip, position):
        return np.full((8, 8, 3), VALUE + position, np.uint8)
"""
SAYS = """
    def frame_origin(self, clip, position):
        return origin(self, clip, position)
"""


def mine(path, code, **settings):
    path.write_text(code)
    origin._code.cache_clear()
    part = find(VideoDataset, str(path))
    return part(part.Config(**settings))


def test_a_data_set_of_ones_own_that_does_not_say_is_not_cached(tmp_path, cached):
    dataset = mine(tmp_path / "silent.py", MINE.replace("VALUE", "1"), **cached)
    message = (
        r"Mine has no method frame_origin, so its frames cannot be cached\. "
        r"Add the method \(docs/data\.md\), or set cached: false"
    )
    spec = replace(PAIR, labels=False)
    with pytest.raises(DataError, match=message):
        Samples(dataset, spec)
    assert [problem.severity for problem in check(dataset, spec)] == ["fatal"]


def test_a_change_of_ones_own_code_is_seen(tmp_path, cached):
    code = MINE.replace("VALUE", "1") + SAYS
    dataset = mine(tmp_path / "own.py", code, **cached)
    assert Reader(dataset).frame(0, 1)[0, 0, 0] == 2
    before = dataset.frame_origin(0, 1)
    assert mine(tmp_path / "own.py", code, **cached).frame_origin(0, 1) == before
    assert mine(tmp_path / "own.py", code.replace("1 +", "5 +"), **cached).frame_origin(0, 1) != before


def test_a_class_of_ones_own_is_another_data_set(root):
    class Mirrored(Folder):
        def read_frame(self, clip, position):
            return super().read_frame(clip, position)[:, ::-1]

    config = Folder.Config(root=root)
    assert Mirrored(config).frame_origin(0, 0) != Folder(config).frame_origin(0, 0)


def test_other_versions_of_what_decodes_are_seen(root, monkeypatch):
    dataset = folder(root, {})
    before = dataset.frame_origin(0, 0)
    origin._code.cache_clear()
    assert dataset.frame_origin(0, 0) == before
    monkeypatch.setattr(av, "__version__", "0")
    origin._code.cache_clear()
    assert dataset.frame_origin(0, 0) != before
    origin._code.cache_clear()

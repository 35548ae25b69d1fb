import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from davsn.core.clip import Clip, ClipSpec
from davsn.core.errors import ConfigError, DataError, WorkerError
from davsn.core.settings import validate
from davsn.data.loading import (
    Samples,
    _load,
    _warn_once,
    collate,
    evaluation_batches,
    target_training,
    training_batches,
)
from davsn.data.sets.folder import Folder
from davsn.data.sets.streets import Streets
from davsn.flow.files.io import write_flow
from davsn.learning.method import Method
from tiny_data import cut, frame_of, label_of, write_labelled

TWO = ClipSpec((0, -1), ((0, -1),), labels=True)
THREE = ClipSpec((0, -1, -2), ((0, -1), (0, -2), (-1, -2)))
RANDOM = {"size": (32, 20), "crop": (24, 16), "mirror": True, "colour": 0.5}


@pytest.fixture(name="root")
def _root(tmp_path):
    return write_labelled(tmp_path / "set", {"a": 5, "b": 4})


def samples_of(root, spec=TWO, **settings):
    return Samples(Folder(Folder.Config(root=root, **{"flow": "zero", **settings})), spec)


def same(one, two):
    tensors = ("frames", "flows", "valid")
    return (
        one.names == two.names
        and all(
            torch.equal(getattr(one, name)[key], getattr(two, name)[key])
            for name in tensors
            for key in getattr(one, name)
        )
        and (one.labels is None or torch.equal(one.labels, two.labels))
    )


def alive(process):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return state.strip()[:1] not in ("", "Z")  # a dead one may wait for someone to ask how it died


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


class DiesAtStart:
    """It kills the worker that reads it, before the worker has read all that it was sent."""

    def __call__(self, index):
        raise AssertionError("never called")

    def __reduce__(self):
        return die, (), None, iter([bytes(1 << 20)])


class TestNeighbours:
    def test_skip_leaves_out_frames_without_one(self, root):
        samples = samples_of(root)
        assert samples.places == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3)]
        assert samples.left_out == 2

    def test_neighbours_never_cross_clips(self, root):
        for sample in samples_of(root):
            clip, frame = sample.name.split("/")
            number = int(frame[2:]) - 8
            assert np.array_equal(sample.frames[-1], frame_of("ab".index(clip), number - 1))

    @pytest.mark.parametrize(("stride", "places"), [(2, 3 + 2), (4, 1)])
    def test_stride(self, root, stride, places):
        samples = samples_of(root, stride=stride)
        assert len(samples) == places
        assert np.array_equal(samples[0].frames[0], frame_of(0, stride))
        assert np.array_equal(samples[0].frames[-1], frame_of(0, 0))

    def test_repeat_pairs_a_frame_with_itself_and_no_flow(self, root):
        samples = samples_of(root, missing="repeat", flow="dis")
        assert len(samples) == 9
        assert np.array_equal(samples[0].frames[-1], samples[0].frames[0])
        assert not samples[0].flows[0, -1].any()
        assert samples[1].flows[0, -1].any()

    def test_repeat_takes_the_nearest_frame_there_is(self, root):
        sample = samples_of(root, THREE, missing="repeat", flow="dis")[1]
        assert np.array_equal(sample.frames[-2], sample.frames[-1])
        assert np.array_equal(sample.frames[-1], frame_of(0, 0))
        assert not sample.flows[-1, -2].any()
        assert np.array_equal(sample.flows[0, -2], sample.flows[0, -1])

    def test_error_names_the_first_frame_and_the_way_out(self, root):
        message = (
            r"a/f_8: 2 of 9 frames have no neighbour at -1\. Set missing: skip to leave them out, or missing: repeat"
        )
        with pytest.raises(DataError, match=message):
            samples_of(root, missing="error")

    def test_a_later_frame_may_be_wanted(self, root):
        samples = samples_of(root, ClipSpec((0, 1)))
        assert samples.places[-1] == (1, 2)
        assert np.array_equal(samples[0].frames[1], frame_of(0, 1))


class TestSamples:
    def test_only_labelled_frames_where_labels_are_wanted(self, tmp_path):
        root = write_labelled(tmp_path, {"a": 6}, labels_from=3)
        assert [position for _, position in samples_of(root).places] == [3, 4, 5]
        assert len(samples_of(root, replace(TWO, labels=False))) == 5

    def test_every_frame_brings_the_unlabelled_ones_without_a_label(self, tmp_path):
        root = write_labelled(tmp_path, {"a": 6}, labels_from=3)
        dataset = Folder(Folder.Config(root=root, flow="zero"))
        batches = list(evaluation_batches(Samples(dataset, TWO, every_frame=True)))
        assert [batch.labels is not None for batch in batches] == [False, False, True, True, True]

    def test_evaluation_keeps_the_labels_size_and_training_follows_the_frames(self, root):
        samples = samples_of(root, size=(20, 12))
        assert samples[0].frames[0].shape == (12, 20, 3)
        assert np.array_equal(samples[0].labels, label_of(0, 1))
        assert samples.load(0, np.random.default_rng(0)).labels.shape == (12, 20)

    def test_flow_is_estimated_on_resized_frames(self, root):
        sample = samples_of(root, size=(80, 48), flow="dis")[0]
        assert sample.flows[0, -1].shape == (48, 80, 2)
        # the content moves one pixel to the right at 40 wide: the past is two to the left at 80 wide
        assert abs(np.median(sample.flows[0, -1][10:-10, 10:-10, 0]) + 2) < 0.3

    def test_flow_of_a_users_own_file(self, root, tmp_path):
        own = tmp_path / "mine.py"
        own.write_text(
            "import torch\nfrom davsn.flow.estimator import FlowEstimator\nfrom davsn.core.settings import Settings\n"
            "class Mine(FlowEstimator):\n    class Config(Settings):\n        pass\n"
            "    def __init__(self, config):\n        pass\n"
            "    def estimate(self, a, b):\n        return torch.full_like(a[:, :2], 7.0)\n"
        )
        assert (samples_of(root, flow=str(own))[0].flows[0, -1] == 7).all()

    def test_an_unknown_estimator_is_named_at_once(self, root):
        with pytest.raises(ConfigError, match=r"flow  there is no FlowEstimator 'diss'\. Did you mean 'dis'"):
            validate(Folder.Config, {"root": root, "flow": "diss"}, "the recipe")

    @pytest.mark.parametrize("flow", ["exact", "stored"])
    def test_own_flow_that_is_not_there(self, root, flow):
        with pytest.raises(DataError, match=r"a/f_9: the data set has no flow of its own\. Set flow: dis"):
            samples_of(root, flow=flow)[0]

    def test_labels_wanted_of_a_set_without(self, root):
        with pytest.raises(DataError, match="labels are required, but the data set has none"):
            samples_of(root, labels=None)

    def test_frames_of_different_sizes_in_a_pair(self, root):
        Image.fromarray(frame_of(0, 0, (20, 12))).save(root / "frames" / "a" / "f_8.png")
        with pytest.raises(
            DataError, match=r"a/f_9: the frame and its neighbours differ in size: 20x12, 40x24\. Set 'siz"
        ):
            samples_of(root)[0]
        assert samples_of(root, size=(20, 12))[0].frames[-1].shape == (12, 20, 3)

    def test_spread_takes_some_of_all(self, root):
        samples = samples_of(root)
        assert samples.spread(3).places == [samples.places[0], samples.places[3], samples.places[6]]
        assert samples.spread(99).places == samples.places
        assert len(samples) == 7

    def test_they_travel_to_workers(self, root):
        samples = samples_of(root, flow="dis")
        clip = samples[2]
        again = pickle.loads(pickle.dumps(samples))[2]
        assert np.array_equal(clip.flows[0, -1], again.flows[0, -1])


class TestCollate:
    def test_ranges_and_types(self, root):
        batch = collate([samples_of(root)[0], samples_of(root)[5]])
        assert batch.current.dtype == torch.float32
        assert batch.labels.dtype == torch.int64
        assert batch.flow.dtype == torch.float32
        assert batch.current.is_contiguous()
        assert torch.equal((batch.current[1] * 255).round().byte().permute(1, 2, 0), torch.from_numpy(frame_of(1, 2)))
        assert torch.equal(batch.labels[1], torch.from_numpy(label_of(1, 2)).long())
        assert batch.names == ("a/f_9", "b/f_10")
        assert batch.valid == {}

    def test_stored_tenths_stay_float64(self, root, tmp_path):
        stored = np.round(np.random.default_rng(0).uniform(-9, 9, (6, 10, 2)), 1)
        for name, stem in (("a", "f_9"), ("a", "f_10")):
            write_flow(tmp_path / "flow" / name / f"{stem}.npy", stored)
        samples = samples_of(root, flow="stored", flow_root=tmp_path / "flow", missing="repeat")
        batch = collate([samples[1], samples[2]])
        assert batch.flow.dtype == torch.float64
        assert np.array_equal(batch.flow[0].permute(1, 2, 0).numpy(), stored)
        mixed = collate([samples[0], samples[1]])  # one is its own neighbour: zero flow at the frame's size
        assert mixed.flow.dtype == torch.float64
        assert mixed.flow.shape == (2, 2, 24, 40)
        assert not mixed.flow[0].any()

    def test_masks_are_filled_in_where_some_have_one(self):
        plain = Clip({0: frame_of(0, 0)}, {(0, 0): np.zeros((24, 40, 2))}, name="a")
        masked = replace(plain, valid={(0, 0): np.zeros((24, 40), bool)})
        valid = collate([plain, masked]).valid[0, 0]
        assert valid[0].all()
        assert not valid[1].any()

    def test_different_sizes_say_what_to_set(self, root):
        small = Clip({0: frame_of(0, 0, (20, 12))}, name="b/1")
        message = r"frames of different sizes cannot share a batch: a/1 40x24, b/1 20x12\. Set 'size', or batch_size: 1"
        with pytest.raises(DataError, match=message):
            collate([Clip({0: frame_of(0, 0)}, name="a/1"), small])


class TestTrainingBatches:
    def test_a_batch_depends_on_seed_and_number_alone(self, root):
        samples = samples_of(root, **RANDOM)
        reference = list(islice(training_batches(samples, 2, seed=5), 12))
        for start in (0, 1, 3, 4, 9):  # 7 samples: batch 3 spans two epochs
            assert same(next(training_batches(samples, 2, seed=5, start=start)), reference[start])
        other = next(training_batches(samples, 2, seed=6))
        assert not same(other, reference[0])

    @pytest.mark.parametrize("workers", [1, 2])
    def test_workers_change_nothing(self, root, workers):
        samples = samples_of(root, **{**RANDOM, "flow": "dis"})
        reference = list(islice(training_batches(samples, 2, seed=5), 6))
        loaded = list(islice(training_batches(samples, 2, seed=5, workers=workers), 6))
        assert all(same(one, two) for one, two in zip(reference, loaded, strict=True))
        assert same(next(training_batches(samples, 2, seed=5, workers=workers, start=4)), reference[4])

    def test_earlier_batches_are_not_read(self, root, monkeypatch):
        samples, read = samples_of(root), []
        load = samples.load
        monkeypatch.setattr(samples, "load", lambda index, generator: read.append(index) or load(index, generator))
        next(training_batches(samples, 2, seed=0, start=1_000_000))
        assert len(read) == 2

    def test_the_global_random_state_is_left_alone(self, root):
        before = torch.get_rng_state()
        next(training_batches(samples_of(root, **RANDOM), 2, seed=0))
        assert torch.equal(before, torch.get_rng_state())

    def test_every_epoch_holds_every_sample_once_in_another_order(self, root):
        samples = samples_of(root)
        names = [batch.names[0] for batch in islice(training_batches(samples, 1, seed=0), 21)]
        epochs = [names[:7], names[7:14], names[14:]]
        assert all(sorted(epoch) == sorted(epochs[0]) and len(set(epoch)) == 7 for epoch in epochs)
        assert epochs[0] != epochs[1] != epochs[2]

    def test_the_same_sample_is_changed_differently_each_time(self, root):
        samples = samples_of(root, **RANDOM).spread(1)
        first, second = islice(training_batches(samples, 1, seed=0), 2)
        assert first.names == second.names
        assert not same(first, second)

    def test_a_batch_may_be_larger_than_the_set(self, root):
        assert len(next(training_batches(samples_of(root).spread(2), 5, seed=0)).names) == 5

    @pytest.mark.slow
    def test_workers_end_when_the_run_is_killed(self, root):
        script = textwrap.dedent(f"""
            import multiprocessing, time
            from davsn.core.clip import ClipSpec
            from davsn.data.sets.folder import Folder
            from davsn.data.loading import Samples, training_batches
            if __name__ == "__main__":
                samples = Samples(Folder(Folder.Config(root={str(root)!r})), ClipSpec())
                batches = training_batches(samples, 1, seed=0, workers=2)
                next(batches)
                print(*[child.pid for child in multiprocessing.active_children()], flush=True)
                time.sleep(60)
        """)
        path = root / "run.py"
        path.write_text(script)
        with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True) as run:
            workers = [int(number) for number in run.stdout.readline().split()]
            assert len(workers) == 2
            assert all(alive(worker) for worker in workers)
            run.kill()
        end = time.monotonic() + 10
        while any(alive(worker) for worker in workers) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(alive(worker) for worker in workers)

    @pytest.mark.parametrize(
        ("load", "told"), [(die, "exited unexpectedly|killed by signal"), (DiesAtStart(), "while it started")]
    )
    def test_a_killed_worker_is_told_in_words(self, load, told):
        with pytest.raises(WorkerError, match=rf"^DataLoader worker .*({told}).*training\.workers=0"):
            list(_load(load, None, iter([[0]]), workers=1))


class TestBadFiles:
    @pytest.mark.parametrize("workers", [0, 1])
    def test_an_error_reaches_the_caller_as_it_was_written(self, root, workers):
        cut(root / "frames" / "a" / "f_10.png", 0.5)
        with pytest.raises(DataError) as caught:
            list(islice(training_batches(samples_of(root), 2, seed=0, workers=workers), 4))
        assert str(caught.value).startswith(
            str(root / "frames" / "a" / "f_10.png") + ": is a truncated or damaged image"
        )
        assert "Traceback" not in str(caught.value)

    def test_skip_takes_the_next_one_and_counts(self, root):
        whole = list(islice(training_batches(samples_of(root), 1, seed=0), 7))
        cut(root / "frames" / "b" / "f_11.png", 0.5)  # the last of its clip: part of one sample only
        samples = samples_of(root, bad_files="skip")
        batches = list(islice(training_batches(samples, 1, seed=0), 7))
        for number, (before, after) in enumerate(zip(whole, batches, strict=True)):
            if before.names == ("b/f_11",):
                assert after.names == whole[(number + 1) % 7].names
                assert len(after.skipped) == 1
                assert "f_11.png: is a truncated or damaged image" in after.skipped[0]
            else:
                assert same(before, after)
                assert after.skipped == ()
        assert sum(len(batch.skipped) for batch in batches) == 1
        assert same(next(training_batches(samples, 1, seed=0, start=3)), batches[3])

    def test_skip_gives_up_where_nothing_can_be_read(self, root):
        for path in root.glob("frames/*/*.png"):
            cut(path, 0.5)
        with pytest.raises(DataError, match=r"7 samples in a row cannot be read; the last: .*truncated"):
            next(training_batches(samples_of(root, bad_files="skip"), 1, seed=0))

    @pytest.mark.parametrize("workers", [0, 1])
    def test_evaluation_leaves_out_and_names_what_it_may_skip(self, root, workers, caplog):
        _warn_once.cache_clear()  # pytest may give another test the same folder
        whole = [batch.names for batch in evaluation_batches(samples_of(root))]
        cut(root / "frames" / "a" / "f_10.png", 0.5)
        left = [batch.names for batch in evaluation_batches(samples_of(root, bad_files="skip"), workers)]
        assert 0 < len(left) < len(whole)
        assert left == [names for names in whole if names in left]
        assert "skipped: " in caplog.text
        assert "f_10.png: is a truncated or damaged image" in caplog.text

    def test_evaluation_without_a_sample_that_can_be_read_is_an_error(self, root):
        for path in root.glob("frames/*/*.png"):
            cut(path, 0.5)
        with pytest.raises(DataError, match=r"none of 7 samples can be read; the last: .*truncated"):
            list(evaluation_batches(samples_of(root, bad_files="skip")))

    def test_an_error_names_the_policy_that_would_skip(self, root):
        cut(root / "frames" / "a" / "f_10.png", 0.5)
        for batches in (evaluation_batches(samples_of(root)), training_batches(samples_of(root), 7, seed=0)):
            with pytest.raises(DataError, match=r"truncated.*again, or set bad_files: skip for this data set to leave"):
                list(islice(batches, 7))


class TestEvaluationBatches:
    @pytest.mark.parametrize("workers", [0, 1])
    def test_everything_once_in_order(self, root, workers):
        samples = samples_of(root, **RANDOM)
        batches = list(evaluation_batches(samples, workers))
        assert [batch.names for batch in batches] == [(samples[index].name,) for index in range(7)]
        assert batches[0].size == (20, 32)  # neither cropped nor mirrored
        assert batches[0].labels.shape == (1, 24, 40)


class TestTargetTraining:
    def test_labels_cannot_be_had(self, root):
        target = target_training(Folder(Folder.Config(root=root, flow="zero")))
        assert target.taxonomy is None
        assert not any(info.labelled for info in target.clips)
        with pytest.raises(
            DataError, match=r"a/f_9: training tried to read a label map of the target domain\. Target labels"
        ):
            target.read_label(0, 1)
        with pytest.raises(DataError, match="labels are required, but the data set has none"):
            Samples(target, TWO)

    def test_no_label_file_is_opened_and_no_batch_holds_one(self, root):
        dataset = Folder(Folder.Config(root=root, flow="zero"))
        for path in root.glob("labels/*/*.png"):
            path.write_text("whoever reads this fails")
        samples = Samples(target_training(dataset), replace(TWO, labels=False))
        assert len(samples) == 7
        batches = list(islice(training_batches(samples, 2, seed=0), 8))
        assert all(batch.labels is None for batch in batches)

    def test_frames_and_flow_are_the_data_sets_own(self, root, tmp_path):
        write_flow(tmp_path / "flow" / "a" / "f_9.npy", np.full((3, 5, 2), 1.5))
        dataset = Folder(Folder.Config(root=root, flow="stored", flow_root=tmp_path / "flow"))
        sample = Samples(target_training(dataset), replace(TWO, labels=False))[0]
        assert np.array_equal(sample.frames[0], frame_of(0, 1))
        assert (sample.flows[0, -1] == 1.5).all()

    def test_it_travels_to_workers(self, root):
        target = pickle.loads(pickle.dumps(target_training(Folder(Folder.Config(root=root)))))
        assert np.array_equal(target.read_frame(1, 1), frame_of(1, 1))


class TestFarFrames:
    """A method may ask for frames far in the past and in the future, each with its flow."""

    FAR = ClipSpec((0, -15, -1, 1), ((0, -15), (0, 1)), labels=True)

    @pytest.fixture(name="places")
    def _places(self, tmp_path):
        """A clip of 20 frames whose pixels say the number of the frame, their column and their row."""
        (tmp_path / "a").mkdir()
        columns, rows = np.meshgrid(np.arange(40), np.arange(24))
        for number in range(20):
            pixels = np.dstack([np.full_like(rows, 10 * number), columns, rows]).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "a" / f"{number}.png")
        return tmp_path

    def test_a_method_gets_the_frames_that_it_asks_for(self):
        class Far(Method):
            target = self.FAR

        assert Far.clips(None)[1] == self.FAR
        world = Streets(Streets.Config(clips=1, length=18, size=(32, 16), flow="exact"))
        samples = Samples(world, Far.clips(None)[1])
        assert samples.places == [(0, 15), (0, 16)]
        assert samples.left_out == 16
        sample = samples[1]
        for offset in self.FAR.frames:
            assert np.array_equal(sample.frames[offset], world.read_frame(0, 16 + offset))
        for pair in self.FAR.flows:
            flow, valid = world.read_flow(0, 16, 16 + pair[1])
            assert np.array_equal(sample.flows[pair], flow)
            assert np.array_equal(sample.valid[pair], valid)
        batch = collate([samples[0], samples[1]])
        assert set(batch.frames) == set(self.FAR.frames)
        assert set(batch.flows) == set(self.FAR.flows)

    def test_every_frame_is_cropped_and_mirrored_alike_and_read_once(self, places, monkeypatch):
        samples = samples_of(places, replace(self.FAR, labels=False), crop=(16, 12), mirror=True, flow="zero")
        read = []
        plain = Folder.read_frame
        monkeypatch.setattr(Folder, "read_frame", lambda *of: read.append(of[1:]) or plain(*of))
        mirrored = set()
        for seed in range(6):
            read.clear()
            sample = samples.load(1, np.random.default_rng(seed))
            assert sorted(read) == [(0, 1), (0, 15), (0, 16), (0, 17)]
            assert {offset: frame[0, 0, 0] // 10 for offset, frame in sample.frames.items()} == {
                0: 16,
                -15: 1,
                -1: 15,
                1: 17,
            }
            for frame in sample.frames.values():
                assert frame.shape == (12, 16, 3)
                assert np.array_equal(frame[..., 1:], sample.frames[0][..., 1:])
            mirrored.add(bool(sample.frames[0][0, 0, 1] > sample.frames[0][0, 1, 1]))
        assert mirrored == {False, True}

    def test_clip_ends_follow_the_policy(self, places):
        spec = replace(self.FAR, labels=False)
        assert [position for _, position in samples_of(places, spec).places] == [15, 16, 17, 18]
        repeated = samples_of(places, spec, missing="repeat", flow="zero")
        assert len(repeated) == 20
        numbers = {offset: frame[0, 0, 0] // 10 for offset, frame in repeated[3].frames.items()}
        assert numbers == {0: 3, -15: 0, -1: 2, 1: 4}
        assert repeated[19].frames[1][0, 0, 0] // 10 == 19
        with pytest.raises(DataError, match=r"16 of 20 frames have no neighbour at -15, -1, \+1"):
            samples_of(places, spec, missing="error")

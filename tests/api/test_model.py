"""A trained network from Python: whatever footage is, each frame has a mask, a name and a time."""

import shutil
from threading import Semaphore
from typing import ClassVar

import cv2
import numpy as np
import pytest
from PIL import Image

import davsn
from davsn.core.errors import CheckpointError, ConfigError, DataError
from davsn.data.video.writers import PaintedVideo
from davsn.networks import predicting


@pytest.fixture(name="model")
def _model(run):
    return run.model()


def test_a_model_knows_its_classes_and_step(model):
    assert model.classes[:2] == ("road", "sidewalk")
    assert model.step == 3
    assert model.experiment.name == "tiny"


def test_a_video_has_a_mask_a_name_and_a_time_for_each_frame(model, world):
    results = list(model.segment(world / "drive.mp4"))
    assert [result.name for result in results] == [f"{number:06d}" for number in range(10)]
    assert [result.time for result in results] == pytest.approx([number / 25 for number in range(10)], abs=1e-6)
    for result in results:
        assert result.mask.shape == result.frame.shape[:2]
        assert result.mask.dtype == np.uint8
        assert result.mask.max() < len(result.classes)
        assert result.overlay().shape == result.frame.shape
    assert not np.array_equal(results[0].overlay(), results[0].frame)


def test_frames_may_come_from_anywhere_and_give_the_same_masks(model, frames, tmp_path):
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    expected = [result.mask for result in model.segment(tmp_path)]
    sources = {
        "text": str(tmp_path),
        "array": frames,
        "list": list(frames),
        "generator": (frame for frame in frames),
    }
    for name, source in sources.items():
        results = list(model.segment(source))
        assert len(results) == 5, name
        assert all(np.array_equal(result.mask, mask) for result, mask in zip(results, expected, strict=True)), name
        assert all(result.time is None for result in results)
    alone = list(model.segment(frames[0]))
    assert len(alone) == 1
    assert np.array_equal(alone[0].mask, expected[0])
    (picture,) = model.segment(tmp_path / "0.png")
    assert picture.name == "0"


def test_results_come_one_by_one_from_a_source_without_end(model, frames):
    def endless():
        while True:
            yield from frames

    results = model.segment(endless())
    assert [next(results).name for _ in range(3)] == ["000000", "000001", "000002"]


class Camera:
    """OpenCV's camera: BGR frames until it is unplugged, each when the test says so."""

    opened: ClassVar[list[int]] = []
    turns = Semaphore(0)
    released = 0

    def __init__(self, index):
        self.opened.append(index)
        self.left = 3 if index == 0 else 0

    def isOpened(self):
        return self.left > 0

    def read(self):
        self.turns.acquire()
        self.left -= 1
        return self.left >= 0, np.full((32, 64, 3), (250, 0, 10), np.uint8)

    def release(self):
        Camera.released += 1


def test_a_camera_is_an_index_and_is_released(model, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    before = Camera.released
    found, results = model.segment(0), []
    for _ in range(3):
        Camera.turns.release()
        results.append(next(found))
    Camera.turns.release()
    assert not list(found)
    assert results[0].frame[0, 0].tolist() == [10, 0, 250]  # RGB
    times = [result.time for result in results]
    assert times == sorted(times)
    assert Camera.released == before + 1
    with pytest.raises(DataError, match=r"camera 7: cannot be opened\. Connect it"):
        next(model.segment(7))
    with pytest.raises(DataError, match=r"rtsp://host/stream: cannot be opened\. Connect it"):
        davsn.predict(model, "rtsp://host/stream", "out.mp4", quiet=True)
    assert Camera.opened[-3:] == [0, 7, "rtsp://host/stream"]


def test_probabilities_are_there_when_asked_for(model, frames):
    first = next(model.segment(frames))
    assert first.probabilities is None
    (result,) = model.segment(frames[0], probabilities=True)
    assert result.probabilities.shape == (len(model.classes), 32, 64)
    assert result.probabilities.dtype == np.float32
    assert np.allclose(result.probabilities.sum(0), 1, atol=1e-5)
    assert np.array_equal(result.probabilities.argmax(0), result.mask)


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((1, 8, 8, 4), np.uint8)]
)
def test_frames_of_another_kind_are_refused_in_words(model, wrong):
    with pytest.raises(DataError, match=r"frame 0: is .* of shape .*\. Give frames \(height, width, 3\) of type uint8"):
        list(model.segment(wrong))


def test_predict_writes_a_video_of_arrays_too(run, model, frames, world, tmp_path, capsys):
    summary = davsn.predict(model, frames, tmp_path / "masks", quiet=True)
    assert summary.frames == 5
    assert len(list((tmp_path / "masks").glob("*.png"))) == 5
    assert capsys.readouterr().out == ""
    davsn.predict(run.folder, str(world / "drive.mp4"), tmp_path / "overlay.mp4")
    assert (tmp_path / "overlay.mp4").is_file()
    assert "segmenting 10/10" in capsys.readouterr().out


def test_predict_of_a_folder_of_videos_and_clips(model, frames, world, tmp_path):
    drives = tmp_path / "drives"
    (drives / "clip").mkdir(parents=True)
    shutil.copy(world / "drive.mp4", drives / "front.mp4")
    (drives / "torn.mp4").write_bytes(b"torn")
    Image.fromarray(frames[0]).save(drives / "clip" / "a.png")
    with pytest.raises(DataError, match=r"torn\.mp4: cannot be opened as a video"):
        davsn.predict(model, drives, tmp_path / "masks", quiet=True)
    summary = davsn.predict(model, drives, tmp_path / "masks", quiet=True, bad_files="skip")
    assert (summary.frames, summary.skipped) == (11, 1)
    found = sorted(path.relative_to(tmp_path / "masks").as_posix() for path in (tmp_path / "masks").rglob("*.png"))
    assert found == ["clip/a.png", *(f"front/{number:06d}.png" for number in range(10))]
    with pytest.raises(DataError, match=r"one\.mp4: is one file, but .*drives holds 3 recordings\. Give a folder"):
        davsn.predict(model, drives, tmp_path / "one.mp4")


def test_a_folder_of_one_recording_may_become_one_file(model, frames, tmp_path):
    (tmp_path / "drives" / "clip").mkdir(parents=True)
    Image.fromarray(frames[0]).save(tmp_path / "drives" / "clip" / "a.png")
    summary = davsn.predict(model, tmp_path / "drives", tmp_path / "one.mp4", quiet=True)
    assert (summary.output, summary.frames) == (tmp_path / "one.mp4", 1)


def test_overlay_videos_of_a_folder_have_the_names_of_its_videos_and_clips(model, frames, world, tmp_path):
    drives = tmp_path / "drives"
    (drives / "clip").mkdir(parents=True)
    Image.fromarray(frames[0]).save(drives / "clip" / "a.png")
    for name in ("front.mov", "rear.ts", "rear.mp4"):
        shutil.copy(world / "drive.mp4", drives / name)
    for _ in range(2):  # what is written below the folder is no input of the second time
        summary = davsn.predict(model, drives, drives / "out", outputs=["overlay"], quiet=True)
        assert summary.frames == 31
        found = sorted(path.name for path in (drives / "out").iterdir())
        assert found == ["clip.mp4", "front.mov", "rear.mp4", "rear.ts.mp4"]


def test_masks_of_videos_that_differ_in_their_endings(model, world, tmp_path):
    for name in ("a.mov", "a.mp4"):
        shutil.copy(world / "drive.mp4", tmp_path / name)
    davsn.predict(model, tmp_path, tmp_path / "out", quiet=True)
    assert [len(list((tmp_path / "out" / name).glob("*.png"))) for name in ("a.mov", "a.mp4")] == [10, 10]


@pytest.mark.parametrize("name", ["drive.mp4", "clip", "street.png"])
def test_an_overlay_in_a_folder_has_the_name_of_its_source(model, frames, world, tmp_path, name):
    (tmp_path / "clip").mkdir()
    Image.fromarray(frames[0]).save(tmp_path / "clip" / "a.png")
    Image.fromarray(frames[0]).save(tmp_path / "street.png")
    shutil.copy(world / "drive.mp4", tmp_path)
    summary = davsn.predict(model, tmp_path / name, tmp_path / "out", outputs=["overlay"], quiet=True)
    assert summary.output.name == {"clip": "clip.mp4", "street.png": "street.jpg"}.get(name, name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [summary.output.name]


def test_an_interruption_says_which_recordings_are_finished(model, world, tmp_path, monkeypatch, capsys):
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(world / "drive.mp4", tmp_path / name)
    write, seen = PaintedVideo.write, []

    def stop(self, shot, labelled):
        seen.append(shot)
        if len(seen) == 14:
            raise KeyboardInterrupt
        write(self, shot, labelled)

    monkeypatch.setattr(PaintedVideo, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        davsn.predict(model, tmp_path, tmp_path / "out", outputs=["overlay"])
    printed = capsys.readouterr().out
    assert f"The 3 frames written so far are in {tmp_path / 'out' / 'b.partial.mp4'}" in printed
    assert f"1 of 2 recordings are finished in {tmp_path / 'out'}" in printed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", "b.partial.mp4"]


def test_a_legend_is_below_overlays_and_refused_for_masks(model, frames, tmp_path):
    Image.fromarray(frames[0]).save(tmp_path / "street.png")
    davsn.predict(model, tmp_path / "street.png", tmp_path / "a.png", outputs=["overlay"], legend=True, quiet=True)
    with Image.open(tmp_path / "a.png") as found:
        assert found.width == 64
        assert found.height > 32
    (result,) = model.segment(frames[0])
    assert result.overlay(legend=True).shape[0] > result.overlay().shape[0] == 32
    with pytest.raises(
        ConfigError,
        match=r"--legend  has no use for palette\. Add one of these with --as: overlay, side-by-side, masks",
    ):
        davsn.predict(model, tmp_path / "street.png", tmp_path / "masks", legend=True, quiet=True)


def probabilities(model, frames):
    return np.stack([result.probabilities for result in model.segment(frames[:2], probabilities=True, flow="zero")])


def test_a_model_is_run_as_the_user_chooses(model, frames, monkeypatch):
    monkeypatch.setattr(predicting, "bf16_slowdown", lambda: 0.5)
    plain = probabilities(model, frames)
    rough = probabilities(model.using(bf16=True), frames)
    assert 0 < np.abs(rough - plain).max() < 0.02
    mirrored = probabilities(model, frames[:, :, ::-1])[..., ::-1]
    logits = (np.log(plain) + np.log(mirrored)) / 2  # up to a constant of each pixel
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities(model.using(flip=True), frames), expected, atol=1e-4)
    smooth = probabilities(model.using(smooth=True), frames)
    np.testing.assert_allclose(smooth[0], plain[0], atol=1e-5)
    assert np.abs(smooth[1] - plain[1]).max() > 1e-3
    same = model.using(others=[model], weights=[1, 2])
    np.testing.assert_allclose(probabilities(same, frames), plain, atol=1e-5)


def test_wrong_choices_are_told_at_once(model):
    with pytest.raises(ConfigError) as caught:
        model.using(scales=[0, 1], others=[model], weights=[1])
    assert "--scales  should be numbers above 0, but got [0]" in str(caught.value)
    assert "--weights  should be 2 numbers above 0, one for each network, but got [1]" in str(caught.value)
    with pytest.raises(ConfigError, match=r"smooth has a mistake:\n  should be in \[0, 1\), but got 1\.5"):
        model.using(smooth=1.5)


def test_several_outputs_of_one_pass(model, world, tmp_path):
    drives = tmp_path / "drives"
    drives.mkdir()
    shutil.copy(world / "drive.mp4", drives / "front.mov")
    summary = davsn.predict(model, drives, tmp_path / "out", outputs=["overlay", "palette", "shares"], quiet=True)
    assert summary.frames == 10
    assert sorted(path.name for path in (tmp_path / "out" / "front").iterdir()) == [
        "overlay.mov",
        "palette",
        "shares.csv",
    ]
    shares = np.genfromtxt(tmp_path / "out" / "front" / "shares.csv", delimiter=",", names=True)
    assert shares.dtype.names == ("frame", "time", *model.classes)
    assert sum(shares[name] for name in model.classes) == pytest.approx(np.ones(10), abs=1e-5)
    with Image.open(tmp_path / "out" / "front" / "palette" / "000000.png") as mask:
        assert shares["road"][0] == pytest.approx((np.array(mask) == 0).mean(), abs=1e-6)
    davsn.predict(model, drives / "front.mov", tmp_path / "one", outputs=["confidence"], quiet=True)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["front.mov"]


def test_mistakes_are_the_errors_of_the_command_line(model, tmp_path, frames):
    with pytest.raises(CheckpointError, match="holds no checkpoint yet"):
        davsn.load(tmp_path)
    with pytest.raises(ConfigError, match="prediction uses every flow once"):
        model.segment(frames, flow="dis, cached")
    with pytest.raises(davsn.DavsnError, match="there is no FlowEstimator 'disx'"):
        model.segment(frames, flow="disx")

import gc
import itertools
import threading
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

import davsn.data.video.footage
from colour_network import TAXONOMY, colour_segmenter
from davsn.core.errors import DataError
from davsn.core.settings import Settings
from davsn.flow.estimators.zero import Zero
from davsn.scoring.inference import Predictor, stream

ZERO = Zero(Settings())
PURE = np.eye(3, dtype=np.uint8) * 255


def frame(ids):
    """(H, W, 3): pure red, green and blue for the ids 0, 1, 2."""
    return PURE[np.asarray(ids)]


def masks_of(*arguments, **others):
    return [labelled.mask for labelled in stream(*arguments, **others)]


def random_ids(count, height=6, width=8):
    return np.random.default_rng(3).integers(0, 3, (count, height, width))


def plain_ids(count, height=17, width=33):
    """Masks of one class each, which survive a lossy codec."""
    return [np.full((height, width), number % 3) for number in range(count)]


def predictor(**changes):
    return Predictor(colour_segmenter(), TAXONOMY, ZERO, **changes)


def write_video(path, pictures, rate=25, codec="libx264"):
    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=rate, options={"crf": "1"})
        track.height, track.width = pictures[0].shape[:2]
        track.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(track.encode(None))
    return path


def read_video(path):
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)], rate


def write_pictures(folder, pictures, form="{:03d}.png"):
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / form.format(number))
    return folder


def test_masks_come_in_order_at_the_size_of_the_frames():
    ids = random_ids(4)
    masks = masks_of(colour_segmenter(), map(frame, ids), ZERO)
    assert all(mask.dtype == np.uint8 for mask in masks)
    np.testing.assert_array_equal(masks, ids)


def test_the_network_sees_its_own_size_and_masks_have_the_frame_s():
    seen = []
    network = colour_segmenter()
    network.image.register_forward_pre_hook(lambda _, arguments: seen.append(tuple(arguments[0].shape)))
    masks = masks_of(network, [frame(np.full((30, 20), 2))] * 2, ZERO, size=(10, 8))
    assert set(seen) == {(1, 3, 8, 10)}
    np.testing.assert_array_equal(masks, np.full((2, 30, 20), 2))


def test_a_height_alone_keeps_the_aspect_of_every_frame():
    network, seen = colour_segmenter(), []
    network.image.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape[-2:])))
    masks = masks_of(network, [frame(np.full((30, 20), 2)), frame(np.full((20, 60), 1))], ZERO, size=16)
    assert set(seen) == {(16, 8), (16, 48)}
    assert [mask.shape for mask in masks] == [(30, 20), (20, 60)]


def test_each_frame_passes_the_network_once_and_nothing_changes_by_it():
    """Equal to the network given both frames, which passes both."""

    class Right(Zero):
        def estimate(self, frames_a, frames_b):
            assert frames_a.shape == frames_b.shape == (1, 3, 6, 8)
            return super().estimate(frames_a, frames_b) + torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)

    frames = [frame(ids) for ids in random_ids(5)]
    network = colour_segmenter().eval()
    torch.nn.init.normal_(network.fusion.weight, generator=torch.Generator().manual_seed(0))
    network.image.calls = 0
    found = list(stream(network, frames, Right(Settings()), probabilities=True))
    assert network.image.calls == 5  # the first frame is its own previous frame

    tensors = [torch.from_numpy(one).permute(2, 0, 1)[None].float() / 255 for one in frames]
    network.image.calls = 0
    expected = [network.scores(tensors[0], tensors[0].clone(), torch.zeros(1, 2, 6, 8), (6, 8))]
    for previous, current in itertools.pairwise(tensors):
        flow = Right(Settings()).estimate(current, previous)
        expected.append(network.scores(current, previous, flow, (6, 8)))
    assert network.image.calls == 10
    np.testing.assert_array_equal([each.mask for each in found], torch.cat(expected).argmax(1).numpy())
    np.testing.assert_allclose([each.probabilities for each in found], torch.cat(expected).softmax(1), atol=1e-5)


def test_a_network_of_single_frames_is_given_each_frame_once_and_no_motion_is_estimated():
    class Never(Zero):
        def estimate(self, frames_a, frames_b):
            raise AssertionError("flow was estimated that nobody looks at")

    ids = random_ids(4)
    network = colour_segmenter(propagation="none")
    np.testing.assert_array_equal((masks_of(network, map(frame, ids), Never(Settings()))), ids)
    assert network.image.calls == 4


def test_a_frame_of_another_size_begins_anew():
    ids = [np.zeros((4, 4), int), np.ones((6, 4), int), np.full((6, 4), 2)]
    masks = masks_of(colour_segmenter(), map(frame, ids), ZERO)
    for mask, expected in zip(masks, ids, strict=True):
        np.testing.assert_array_equal(mask, expected)


def test_between_two_masks_the_caller_s_modes_are_his_own():
    network = colour_segmenter().train()
    for _ in stream(network, map(frame, random_ids(2)), ZERO, precision="bf16"):
        assert network.training
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.slow
def test_frames_are_let_go():
    living, most = weakref.WeakSet(), 0

    class Counted(np.ndarray):
        """An array that can be held in a set."""

        __hash__ = object.__hash__

    def read():
        for ids in random_ids(20):
            one = frame(ids).view(Counted)
            living.add(one)
            yield one

    for _ in stream(colour_segmenter(), read(), ZERO):
        gc.collect()
        most = max(most, len(living))
    assert 0 < most <= 2


@pytest.mark.parametrize("output", ["masks", "video.mp4"])
def test_writing_begins_before_reading_ends(tmp_path, monkeypatch, output):
    events = []
    pictures = write_pictures(tmp_path / "in", map(frame, random_ids(20)))
    read = davsn.data.video.footage.read_picture
    monkeypatch.setattr("davsn.data.video.footage.read_picture", lambda path: (events.append("read"), read(path))[1])
    predictor().predict(pictures, tmp_path / output, lambda _: events.append("written"))
    assert sorted(events) == ["read"] * 20 + ["written"] * 20
    ahead = [events[: position + 1].count("read") - events[:position].count("written") for position in range(40)]
    assert max(ahead) <= 8  # however long the video is


def test_frames_of_unknown_number_are_read_one_at_a_time_since_they_may_be_live(tmp_path):
    events = []

    def camera():
        for ids in random_ids(6):
            events.append("read")
            yield frame(ids)

    predictor().predict(camera(), tmp_path / "masks", lambda _: events.append("written"))
    assert events == ["read", "written"] * 6


def test_the_masks_are_those_of_one_frame_after_another(tmp_path):
    ids = random_ids(12)
    several = predictor(smooth=0.5).predict(write_pictures(tmp_path / "in", map(frame, ids)), tmp_path / "out")
    assert several.frames == 12
    alone = masks_of(colour_segmenter(), [frame(each) for each in ids], ZERO, smooth=0.5)
    for number, mask in enumerate(alone):
        with Image.open(tmp_path / "out" / f"{number:03d}.png") as found:
            np.testing.assert_array_equal(np.array(found), mask)


def test_no_thread_is_left_whether_a_prediction_ends_fails_or_is_interrupted(tmp_path):
    before = threading.active_count()
    source = write_pictures(tmp_path / "in", map(frame, random_ids(9, 40, 40)))
    predictor().predict(source, tmp_path / "whole")

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predictor().predict(source, tmp_path / "stopped", stop)
    (source / "005.png").write_bytes(b"")
    with pytest.raises(DataError, match="The 5 masks written so far"):
        predictor().predict(source, tmp_path / "failed")
    assert threading.active_count() == before


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_overlay_video_has_every_frame_in_order_at_the_input_s_rate(tmp_path, suffix):
    rate = Fraction(30000, 1001)
    ids = plain_ids(12, 18, 34)
    source = write_video(tmp_path / "in.mp4", [frame(one) for one in ids], rate)
    progress = []
    summary = predictor().predict(source, tmp_path / "new" / f"out{suffix}", progress.append)

    frames, found = read_video(tmp_path / "new" / f"out{suffix}")
    assert [int(one.mean((0, 1)).argmax()) for one in frames] == [number % 3 for number in range(12)]
    assert float(found) == pytest.approx(float(rate), rel=1e-3)
    assert frames[0].shape == (18, 34, 3)
    assert (summary.frames, summary.output) == (12, tmp_path / "new" / f"out{suffix}")
    assert summary.rate == pytest.approx(12 / summary.seconds)
    assert [(one.done, one.total) for one in progress] == [(number, 12) for number in range(1, 13)]
    assert progress[-1].left == 0
    assert progress[0].left == pytest.approx(11 * progress[0].seconds)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"out{suffix}"]


def test_odd_sizes_are_made_even_for_the_codec(tmp_path):
    source = write_pictures(tmp_path / "in", [frame(one) for one in plain_ids(3, 17, 33)])
    predictor().predict(source, tmp_path / "out.mp4")
    frames, rate = read_video(tmp_path / "out.mp4")
    assert [one.shape for one in frames] == [(18, 34, 3)] * 3
    assert rate == 10


def test_masks_are_palette_pngs_under_the_frames_names(tmp_path):
    ids = random_ids(3)
    source = write_pictures(tmp_path / "in", map(frame, ids), "shot{}.png")
    summary = predictor().predict(source, tmp_path / "masks")
    assert summary.frames == 3
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["shot0.png", "shot1.png", "shot2.png"]
    for number in range(3):
        with Image.open(tmp_path / "masks" / f"shot{number}.png") as mask:
            assert mask.mode == "P"
            np.testing.assert_array_equal(np.array(mask), ids[number])
            np.testing.assert_array_equal(np.array(mask.convert("RGB")), frame(ids[number]))


def test_a_video_and_a_single_picture_give_masks_too(tmp_path):
    source = write_video(tmp_path / "in.mkv", [frame(one) for one in plain_ids(4, 16, 32)])
    assert predictor().predict(source, tmp_path / "a").frames == 4
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [f"{number:06d}.png" for number in range(4)]
    pictures = write_pictures(tmp_path / "in", map(frame, random_ids(2)))
    assert predictor().predict(pictures / "001.png", tmp_path / "b").frames == 1
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["001.png"]


def test_an_interrupted_video_keeps_what_was_done_under_another_name(tmp_path, capsys):
    source = write_pictures(tmp_path / "in", [frame(one) for one in plain_ids(9)])

    def stop(progress):
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predictor().predict(source, tmp_path / "out.mp4", stop)
    assert not (tmp_path / "out.mp4").exists()
    assert len(read_video(tmp_path / "out.partial.mp4")[0]) == 5
    assert f"The 5 frames written so far are in {tmp_path / 'out.partial.mp4'}" in capsys.readouterr().out


def test_a_video_that_stops_half_way_is_told_and_its_first_part_kept(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 32, 48, 3), dtype=np.uint8)
    source = write_video(tmp_path / "in.mkv", list(noise))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(
        DataError, match=r"in\.mkv: stops after frame \d+.*The \d+ frames written so far are in .*partial"
    ) as caught:
        predictor().predict(source, tmp_path / "out.mp4")
    kept = read_video(tmp_path / "out.partial.mp4")[0]
    assert f"The {len(kept)} frames written so far are in {tmp_path / 'out.partial.mp4'}" in str(caught.value)
    assert 10 < len(kept) < 30
    assert not (tmp_path / "out.mp4").exists()


def test_a_damaged_picture_is_named_and_the_masks_before_it_kept(tmp_path):
    source = write_pictures(tmp_path / "in", map(frame, random_ids(4, 40, 40)))
    (source / "002.png").write_bytes((source / "002.png").read_bytes()[:200])
    with pytest.raises(DataError, match=r"002\.png: .*damaged.*The 2 masks written so far are in .*masks"):
        predictor().predict(source, tmp_path / "masks")
    assert len(list((tmp_path / "masks").iterdir())) == 2


def test_a_failure_at_the_first_frame_leaves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError) as caught:
        predictor().predict(tmp_path / "in", tmp_path / "out.mp4")
    assert "written so far" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_broken_frame_is_passed_over_and_named_if_the_policy_says_so(tmp_path, capsys):
    ids = random_ids(4, 40, 40)
    source = write_pictures(tmp_path / "in", map(frame, ids))
    (source / "002.png").write_bytes((source / "002.png").read_bytes()[:200])
    with pytest.raises(DataError, match=r"002\.png: .*, or set bad_files: skip \(--bad-files skip\) to pass over it"):
        predictor().predict(source, tmp_path / "masks")
    summary = predictor().predict(source, tmp_path / "out", bad_files="skip")
    assert (summary.frames, summary.skipped) == (3, 1)
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == ["000", "001", "003"]
    assert "002.png: is a truncated or damaged image" in capsys.readouterr().out


def test_a_video_that_stops_half_way_is_whole_if_the_policy_says_so(tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (20, 32, 48, 3), dtype=np.uint8)
    source = write_video(tmp_path / "in.mkv", list(noise))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    summary = predictor().predict(source, tmp_path / "out.mp4", bad_files="skip")
    assert len(read_video(tmp_path / "out.mp4")[0]) == summary.frames
    assert "in.mkv: stops after frame" in capsys.readouterr().out


def test_a_single_picture_gives_its_mask_or_its_overlay(tmp_path):
    ids = random_ids(1, 16, 16)
    source = write_pictures(tmp_path / "in", map(frame, ids)) / "000.png"
    predictor().predict(source, tmp_path / "new" / "mask.PNG")
    with Image.open(tmp_path / "new" / "mask.PNG") as mask:
        np.testing.assert_array_equal(np.array(mask), ids[0])
    predictor().predict(source, tmp_path / "overlay.jpg")
    with Image.open(tmp_path / "overlay.jpg") as found:
        assert (found.format, found.size) == ("JPEG", (16, 16))
    for over in (source, source.parent):
        with pytest.raises(DataError, match=r"is the input itself\. Choose another output"):
            predictor().predict(source, over)


def heard(path):
    """The times and the content of a video's audio packets."""
    with av.open(str(path)) as container:
        packets = [one for one in container.demux(audio=0) if one.size and not one.is_discard]
        return [float(one.pts * one.time_base) for one in packets], [bytes(one) for one in packets]


def with_audio(path, times, codec="aac"):
    """A video of plain frames at these times, in 1/25 s, with a tone."""
    with av.open(str(path), "w") as container:
        track = container.add_stream("libx264", rate=25)
        track.width, track.height, track.pix_fmt = 32, 16, "yuv420p"
        audio = container.add_stream(codec, rate=8000, layout="mono")
        for number, time in enumerate(times):
            picture = av.VideoFrame.from_ndarray(frame(np.full((16, 32), number % 3)), format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 25)
            container.mux(track.encode(picture))
        container.mux(track.encode())
        wave = (np.sin(np.arange(times[-1] * 320) / 5) * 9000).astype(np.int16)[None]
        tone = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        tone.sample_rate, tone.pts = 8000, 0
        resampler = av.AudioResampler(audio.codec_context.format, "mono", 8000, 1024)
        for part in (*resampler.resample(tone), *resampler.resample(None)):
            container.mux(audio.encode(part))
        container.mux(audio.encode())
    return path


def seen(path):
    """When the frames of a video are shown, and how long it lasts, in seconds."""
    with av.open(str(path)) as container:
        return [float(one.time) for one in container.decode(video=0)], container.duration / 1e6


VARIED = [0, 1, 2, 3, 10, 11, 30, 50]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_each_frame_has_its_own_time_and_the_audio_is_copied(tmp_path, suffix):
    source = with_audio(tmp_path / f"in{suffix}", VARIED)
    predictor().predict(source, tmp_path / f"out{suffix}")
    (times, lasts), (wanted, whole) = seen(tmp_path / f"out{suffix}"), seen(source)
    assert np.diff(times) == pytest.approx(np.diff(VARIED) / 25, abs=2e-3)
    assert lasts == pytest.approx(whole, abs=0.05)
    (begin, content), (expected, tone) = heard(tmp_path / f"out{suffix}"), heard(source)
    assert content == tone
    assert begin[0] - times[0] == pytest.approx(expected[0] - wanted[0], abs=2e-3)


@pytest.mark.parametrize(("codec", "output"), [("pcm_s16le", "out.mp4"), ("flac", "out.mov"), ("libopus", "out.mov")])
def test_audio_that_the_output_cannot_hold_is_encoded(tmp_path, capsys, codec, output):
    source = with_audio(tmp_path / "in.mkv", VARIED, codec)
    predictor().predict(source, tmp_path / output)
    name = codec.removeprefix("lib")
    assert f"in.mkv: the output's format holds no {name} audio; it is encoded as AAC" in capsys.readouterr().out
    assert heard(tmp_path / output)[0][-1] == pytest.approx(2.0, abs=0.15)


def test_a_colon_in_the_name_of_input_and_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = write_video(tmp_path / "a.mp4", [frame(one) for one in plain_ids(3, 16, 32)]).rename("cam:front.mp4")
    predictor().predict(source, Path("cam:%02d.mkv"))
    assert len(read_video("file:cam:%02d.mkv")[0]) == 3
